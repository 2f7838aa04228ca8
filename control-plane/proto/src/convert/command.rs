//! Commands and their environment.

use crate::mesos::v1::environment::Variable;
use crate::mesos::v1::environment::variable::Type;
use crate::mesos::v1::{Environment, Secret, secret};

/// Why an environment is not accepted. The sentences are those of Mesos.
///
/// Source: `validateEnvironment` and `validateSecret` in `src/common/validation.cpp` of Mesos 1.11.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable lacks what its type says it has.
    #[error("Environment variable '{name}' of type '{type}' must have a {part} set")]
    Lacks {
        /// Name of the variable.
        name: String,
        /// `VALUE` or `SECRET`.
        r#type: &'static str,
        /// `value` or `secret`.
        part: &'static str,
    },
    /// A variable has what its type says it has not.
    #[error("Environment variable '{name}' of type '{type}' must not have a {part} set")]
    Excess {
        /// Name of the variable.
        name: String,
        /// `VALUE` or `SECRET`.
        r#type: &'static str,
        /// `value` or `secret`.
        part: &'static str,
    },
    /// A variable is of the type UNKNOWN.
    #[error("Environment variable of type 'UNKNOWN' is not allowed")]
    UnknownType,
    /// The secret of a variable is none.
    #[error("Environment variable '{name}' specifies an invalid secret: {fault}")]
    Secret {
        /// Name of the variable.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The secret of a variable cannot be passed in an environment.
    #[error(
        "Environment variable '{0}' specifies a secret containing null bytes, which is not allowed in the environment"
    )]
    NullBytes(String),
}

/// Checks that every variable has its value in exactly one place.
///
/// # Errors
/// [`EnvironmentError`], for the first variable that is wrong.
pub fn check_environment(environment: &Environment) -> Result<(), EnvironmentError> {
    environment.variables.iter().try_for_each(check_variable)
}

fn check_variable(variable: &Variable) -> Result<(), EnvironmentError> {
    let name = || variable.name.clone();
    match (variable.r#type(), &variable.value, &variable.secret) {
        (Type::Unknown, _, _) => Err(EnvironmentError::UnknownType),
        (Type::Value, None, _) => Err(EnvironmentError::Lacks {
            name: name(),
            r#type: "VALUE",
            part: "value",
        }),
        (Type::Value, Some(_), Some(_)) => Err(EnvironmentError::Excess {
            name: name(),
            r#type: "VALUE",
            part: "secret",
        }),
        (Type::Value, Some(_), None) => Ok(()),
        (Type::Secret, _, None) => Err(EnvironmentError::Lacks {
            name: name(),
            r#type: "SECRET",
            part: "secret",
        }),
        (Type::Secret, Some(_), Some(_)) => Err(EnvironmentError::Excess {
            name: name(),
            r#type: "SECRET",
            part: "value",
        }),
        (Type::Secret, None, Some(secret)) => check_secret(variable, secret),
    }
}

fn check_secret(variable: &Variable, secret: &Secret) -> Result<(), EnvironmentError> {
    let fault = match (secret.r#type(), &secret.reference, &secret.value) {
        (secret::Type::Reference, None, _) => {
            Some("Secret of type REFERENCE must have the 'reference' field set")
        }
        (secret::Type::Reference, Some(_), Some(_)) => {
            Some("Secret of type REFERENCE must not have the 'value' field set")
        }
        (secret::Type::Value, _, None) => {
            Some("Secret of type VALUE must have the 'value' field set")
        }
        (secret::Type::Value, Some(_), Some(_)) => {
            Some("Secret of type VALUE must not have the 'reference' field set")
        }
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(EnvironmentError::Secret {
            name: variable.name.clone(),
            fault,
        });
    }
    match &secret.value {
        Some(value) if value.data.contains(&0) => {
            Err(EnvironmentError::NullBytes(variable.name.clone()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_json;

    fn check(variable: &str) -> Result<(), String> {
        let json = format!(r#"{{"variables":[{{"name":"A",{variable}}}]}}"#);
        check_environment(&decode_json(json.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_has_a_value_or_a_secret() {
        assert_eq!(check(r#""value":"""#), Ok(()));
        assert_eq!(
            check(r#""type":"SECRET","secret":{"type":"REFERENCE","reference":{"name":"s"}}"#),
            Ok(())
        );
        assert_eq!(
            check(r#""type":"SECRET","secret":{"type":"VALUE","value":{"data":"aGk="}}"#),
            Ok(())
        );
    }

    #[test]
    fn each_fault_has_its_sentence() {
        for (variable, sentence) in [
            (
                r#""type":"VALUE""#,
                "Environment variable 'A' of type 'VALUE' must have a value set",
            ),
            (
                r#""value":"v","secret":{}"#,
                "Environment variable 'A' of type 'VALUE' must not have a secret set",
            ),
            (
                r#""type":"SECRET""#,
                "Environment variable 'A' of type 'SECRET' must have a secret set",
            ),
            (
                r#""type":"SECRET","value":"v","secret":{}"#,
                "Environment variable 'A' of type 'SECRET' must not have a value set",
            ),
            (
                r#""type":"UNKNOWN""#,
                "Environment variable of type 'UNKNOWN' is not allowed",
            ),
            (
                r#""type":"SECRET","secret":{"type":"REFERENCE"}"#,
                "Environment variable 'A' specifies an invalid secret: \
                 Secret of type REFERENCE must have the 'reference' field set",
            ),
            (
                r#""type":"SECRET","secret":{"type":"VALUE","value":{"data":"AAE="}}"#,
                "Environment variable 'A' specifies a secret containing null bytes, \
                 which is not allowed in the environment",
            ),
        ] {
            assert_eq!(check(variable), Err(sentence.to_owned()));
        }
    }
}
