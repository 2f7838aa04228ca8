use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

/// Enough for a launch id or an agent id with a prefix; the kernel's own bound is 255.
const NAME_BYTES_MAX: usize = 128;
/// Deeper trees make every page fault and every scheduling decision dearer, and nothing here needs them.
const PATH_SEGMENTS_MAX: usize = 8;
/// Names of files in every v1 group that have no dot.
const KERNEL_FILES: [&str; 3] = ["tasks", "notify_on_release", "release_agent"];

/// The name of one group: 1 to 128 ASCII letters, digits, `-` or `_`.
///
/// There is no dot in it, since the kernel's own files in the same directory are told by theirs (`cpu.max`), and
/// nothing that could leave the directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

impl GroupName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let refused = |reason| {
            Err(Error::Name {
                name: name.chars().take(NAME_BYTES_MAX).collect(),
                reason,
            })
        };
        if name.is_empty() {
            return refused("it is empty");
        }
        if name.len() > NAME_BYTES_MAX {
            return refused("it is longer than 128 bytes");
        }
        if !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return refused("only ASCII letters, digits, '-' and '_' may stand in it");
        }
        if KERNEL_FILES.contains(&name) {
            return refused("the kernel has a file of that name in every group");
        }
        Ok(GroupName(name.to_owned()))
    }
}

impl TryFrom<String> for GroupName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> String {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The way from where this process may create groups down to a parent of tasks, such as `insula/agent-1`:
/// 1 to 8 [`GroupName`]s with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPath(Vec<GroupName>);

impl GroupPath {
    /// The names from the top down; never empty.
    pub fn segments(&self) -> &[GroupName] {
        &self.0
    }
}

impl FromStr for GroupPath {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let names = path
            .split('/')
            .map(str::parse)
            .collect::<Result<Vec<GroupName>, Error>>()?;
        if names.len() > PATH_SEGMENTS_MAX {
            return Err(Error::Name {
                name: path.to_owned(),
                reason: "it is deeper than 8 groups",
            });
        }
        Ok(GroupPath(names))
    }
}

impl fmt::Display for GroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(name.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{GroupName, GroupPath};

    #[test]
    fn names_stay_in_their_directory() {
        for name in ["a", "task-1_B", &"x".repeat(128)] {
            assert_eq!(name.parse::<GroupName>().unwrap().as_str(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\nb",
            "cpu.max",
            "tasks",
            "é",
            "a b",
            "a\0",
            &"x".repeat(129),
        ] {
            assert!(name.parse::<GroupName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn paths_are_names_with_slashes() {
        assert_eq!(
            "insula/a-1".parse::<GroupPath>().unwrap().to_string(),
            "insula/a-1"
        );
        for path in [
            "",
            "/",
            "/insula",
            "insula/",
            "insula/../x",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert!(path.parse::<GroupPath>().is_err(), "{path:?}");
        }
    }
}
