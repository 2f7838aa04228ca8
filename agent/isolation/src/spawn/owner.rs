use nix::unistd::{User, geteuid};

use super::Error;

/// As whom the program runs. Supplementary groups are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    /// The user of that name on this machine, with the group that the user database gives. `None` if that is the
    /// caller, who is not root: then there is nothing to become, and no right to drop groups either.
    ///
    /// # Errors
    /// [`Error::NoUser`] if there is none, [`Error::Users`] if the user database cannot be read.
    pub fn named(name: &str) -> Result<Option<Owner>, Error> {
        let user = User::from_name(name)
            .map_err(|errno| Error::Users {
                name: name.to_owned(),
                source: errno.into(),
            })?
            .ok_or_else(|| Error::NoUser {
                name: name.to_owned(),
            })?;
        if user.uid == geteuid() && !user.uid.is_root() {
            return Ok(None);
        }
        Ok(Some(Owner {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Owner;
    use crate::spawn::Error;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(
            Owner::named("root").unwrap(),
            Some(Owner { uid: 0, gid: 0 })
        );
        assert!(
            matches!(Owner::named("no-such-user"), Err(Error::NoUser { name }) if name == "no-such-user")
        );
    }
}
