//! Names of roles.

/// Why a text is no role. The sentences are those of Mesos.
///
/// Source: `roles::validate` in `src/common/roles.cpp` of Mesos 1.11.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The text is empty.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// The path begins at a root, which there is not.
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// The path ends without a name.
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// A name within the path is empty.
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// A name within the path has a meaning of its own.
    #[error("Role '{role}' cannot include '{component}' as a component")]
    Reserved {
        /// The whole path.
        role: String,
        /// `.`, `..` or `*`.
        component: String,
    },
    /// A name within the path looks like a command-line flag.
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    Dash(String),
    /// A name within the path contains a character that would be lost in a list of names.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
}

/// Checks that a text is a role: `*`, or names separated by slashes.
///
/// # Errors
/// The first rule of [`RoleError`] that the text breaks.
pub fn validate(role: &str) -> Result<(), RoleError> {
    if role == "*" {
        return Ok(());
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    if role.starts_with('/') {
        return Err(RoleError::LeadingSlash(role.to_owned()));
    }
    if role.ends_with('/') {
        return Err(RoleError::TrailingSlash(role.to_owned()));
    }
    if role.contains("//") {
        return Err(RoleError::AdjacentSlashes(role.to_owned()));
    }
    role.split('/')
        .try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    if [".", "..", "*"].contains(&component) {
        let (role, component) = (role.to_owned(), component.to_owned());
        return Err(RoleError::Reserved { role, component });
    }
    if component.starts_with('-') {
        return Err(RoleError::Dash(component.to_owned()));
    }
    if component.contains(['\t', '\n', '\x0b', '\x0c', '\r', ' ', '\x7f']) {
        return Err(RoleError::Whitespace(component.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_a_star_or_a_path() {
        for role in ["*", "eng", "eng/dev", "a.b", "ROLE_1", "über"] {
            assert_eq!(validate(role), Ok(()), "{role}");
        }
    }

    #[test]
    fn each_broken_rule_has_its_sentence() {
        for (role, sentence) in [
            ("", "Role names cannot be the empty string"),
            ("/bad", "Role '/bad' cannot start with a slash"),
            ("bad/", "Role 'bad/' cannot end with a slash"),
            ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
            ("a/../b", "Role 'a/../b' cannot include '..' as a component"),
            ("a/*", "Role 'a/*' cannot include '*' as a component"),
            (
                "a/-b",
                "Role component '-b' is invalid because it starts with a dash",
            ),
            (
                "a/b c",
                "Role component 'b c' is invalid because it contains backspace or whitespace",
            ),
        ] {
            assert_eq!(validate(role).unwrap_err().to_string(), sentence);
        }
    }
}
