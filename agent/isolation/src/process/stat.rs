//! `/proc/[pid]/stat`, see proc_pid_stat(5).

use std::fs;
use std::io::ErrorKind;

use super::Error;

/// The fields that are needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) state: char,
    pub(super) parent: u32,
    pub(super) session: u32,
    /// Clock ticks from boot to the start of the process.
    pub(super) start_time: u64,
}

impl Stat {
    /// `None` if there is no such process.
    pub(super) fn read(pid: u32) -> Result<Option<Stat>, Error> {
        let path = format!("/proc/{pid}/stat");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            // ESRCH: it ended between opening and reading.
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    || error.raw_os_error() == Some(libc::ESRCH) =>
            {
                return Ok(None);
            }
            Err(source) => return Err(Error::system(format!("read {path}"), source)),
        };
        parse(&text).map(Some).ok_or(Error::Malformed { path })
    }
}

/// The second field is the program's name in parentheses, which may itself contain blanks and parentheses; the rest
/// is counted from the last closing one.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Stat, parse};

    #[test]
    fn a_name_cannot_forge_the_fields_behind_it() {
        let text = "7 (a) S 1 (x) R 3 4 5 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 99 1 1";
        let expected = Stat {
            state: 'R',
            parent: 3,
            session: 5,
            start_time: 99,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("7 (a) R 3"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_is_there_and_pid_zero_is_not() {
        assert!(Stat::read(std::process::id()).unwrap().unwrap().start_time > 0);
        assert_eq!(Stat::read(0).unwrap(), None);
    }
}
