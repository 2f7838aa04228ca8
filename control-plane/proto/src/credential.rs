//! What proves that somebody may call: a principal and its secret.
//!
//! A file has it on one line, `principal:secret`, for the control plane that asks for it as for the
//! client that gives it. The secret is in no `Debug` output.

use std::fmt;
use std::str::FromStr;

/// Longest text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;
/// Shortest secret, in bytes: 64 bits even if all of it is hexadecimal digits.
const SECRET_BYTES_MIN: usize = 16;

/// A principal and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Who.
    pub principal: String,
    /// What only they know.
    pub secret: String,
}

/// Why a text is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACredential {
    /// It is not of the form.
    #[error("a credential is one line of the form principal:secret")]
    Form,
    /// The principal would be mistaken for something else.
    #[error("the principal of a credential has letters, digits, '.', '_' and '-' only")]
    Principal,
    /// The secret could be guessed, or cannot be sent.
    #[error("the secret of a credential has at least {SECRET_BYTES_MIN} visible ASCII characters")]
    Secret,
}

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.len() > TEXT_BYTES_MAX {
            return Err(NotACredential::Form);
        }
        let (principal, secret) = text.split_once(':').ok_or(NotACredential::Form)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if principal.is_empty() || !principal.chars().all(is_plain) {
            return Err(NotACredential::Principal);
        }
        if secret.len() < SECRET_BYTES_MIN || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotACredential::Secret);
        }
        Ok(Self {
            principal: principal.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_is_a_principal_and_its_secret() {
        let credential: Credential = "operator:0123456789abcdef\n".parse().unwrap();
        assert_eq!(credential.principal, "operator");
        assert_eq!(credential.secret, "0123456789abcdef");
        let with_colon: Credential = "a:b:c:d:e:f:g:h:i:j".parse().unwrap();
        assert_eq!(with_colon.secret, "b:c:d:e:f:g:h:i:j");
        assert!(!format!("{credential:?}").contains("0123"));
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for (text, why) in [
            ("", NotACredential::Form),
            ("operator", NotACredential::Form),
            (":0123456789abcdef", NotACredential::Principal),
            ("operator@cell:0123456789abcdef", NotACredential::Principal),
            ("operator:short", NotACredential::Secret),
            ("operator:0123456789abcdef\nmore", NotACredential::Secret),
            ("operator:0123456789 abcdef", NotACredential::Secret),
        ] {
            assert_eq!(text.parse::<Credential>(), Err(why), "{text:?}");
        }
    }
}
