//! The operator's credential: what is kept of it, and whether a request has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use insula_proto::Credential;
use insula_types::CellId;
use sha2::{Digest as _, Sha256};

/// Longest `Authorization` header that is looked at, in bytes; a credential has at most a thousand.
const HEADER_BYTES_MAX: usize = 4 << 10;

/// The operator, known by hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    principal: [u8; 32],
    secret: [u8; 32],
}

/// What a request shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// Something that is not the operator's credential, or that cannot be read.
    Wrong,
    /// The operator's credential, with the cell that stands in it.
    Operator(Option<CellId>),
}

impl Operator {
    /// The operator who has this credential.
    #[must_use]
    pub fn new(credential: &Credential) -> Self {
        Self {
            principal: hash(&credential.principal),
            secret: hash(&credential.secret),
        }
    }

    /// Looks at a request: HTTP Basic with `principal:secret` or `principal@CELL:secret` (RFC 7617),
    /// or the secret as a bearer token (RFC 6750).
    pub(super) fn shown(&self, headers: &HeaderMap) -> Shown {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = all.next() else {
            return Shown::Nothing;
        };
        // Two of them would be read differently by whatever stands in between.
        if all.next().is_some() || value.len() > HEADER_BYTES_MAX {
            return Shown::Wrong;
        }
        let Some((scheme, given)) = value.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return Shown::Wrong;
        };
        let known = if scheme.eq_ignore_ascii_case("bearer") {
            same(&hash(given.trim()), &self.secret).then_some(None)
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.basic(given.trim())
        } else {
            None
        };
        known.map_or(Shown::Wrong, Shown::Operator)
    }

    /// The cell that is named beside the principal, if the rest is right.
    fn basic(&self, given: &str) -> Option<Option<CellId>> {
        let decoded = STANDARD.decode(given).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, secret) = text.split_once(':')?;
        let (principal, cell) = match user.split_once('@') {
            Some((principal, cell)) => (principal, Some(cell)),
            None => (user, None),
        };
        let is_principal = same(&hash(principal), &self.principal);
        let is_secret = same(&hash(secret), &self.secret);
        if !(is_principal & is_secret) {
            return None;
        }
        cell.map(CellId::new).transpose().ok()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares in a time that does not depend on where the two differ. What is compared are hashes, so
/// that even an early end would tell nothing about the secret.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differences = one.iter().zip(other).map(|(one, other)| one ^ other);
    differences.fold(0, |all, each| all | each) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECRET: &str = "correct-horse-battery";

    fn shown(authorization: &[&str]) -> Shown {
        let credential: Credential = format!("operator:{SECRET}").parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Operator::new(&credential).shown(&headers)
    }

    fn basic(user_and_secret: &str) -> String {
        format!("Basic {}", STANDARD.encode(user_and_secret))
    }

    #[test]
    fn the_operator_is_known_by_either_scheme() {
        assert_eq!(shown(&[&format!("Bearer {SECRET}")]), Shown::Operator(None));
        assert_eq!(
            shown(&[&basic(&format!("operator:{SECRET}"))]),
            Shown::Operator(None)
        );
        let with_cell = shown(&[&basic(&format!("operator@east:{SECRET}"))]);
        assert_eq!(with_cell, Shown::Operator(Some(CellId::from("east"))));
    }

    #[test]
    fn nothing_else_is_the_operator() {
        assert_eq!(shown(&[]), Shown::Nothing);
        let right = format!("Bearer {SECRET}");
        for wrong in [
            vec!["Bearer"],
            vec!["Bearer "],
            vec!["Bearer correct-horse-batterz"],
            vec!["Digest correct-horse-battery"],
            vec!["Basic !!!"],
            vec![&right, &right],
        ] {
            assert_eq!(shown(&wrong), Shown::Wrong, "{wrong:?}");
        }
        for user in [
            format!("root:{SECRET}"),
            "operator:wrong".to_owned(),
            "operator".to_owned(),
            format!("operator@:{SECRET}"),
            format!("operator@a/b:{SECRET}"),
        ] {
            assert_eq!(shown(&[&basic(&user)]), Shown::Wrong, "{user}");
        }
    }
}
