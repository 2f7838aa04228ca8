//! What the terminal can show, if standard output is one.

use std::io::{self, IsTerminal};

/// Columns where there is no terminal to ask, such as in a pipe.
const COLUMNS: usize = 100;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// How wide it is.
    pub(crate) columns: usize,
    /// Whether it has more characters than ASCII.
    pub(crate) is_unicode: bool,
    /// Whether it has colours, and whoever reads wants them.
    pub(crate) is_coloured: bool,
}

impl Terminal {
    pub(super) fn of_stdout() -> Self {
        let stdout = io::stdout();
        let size = terminal_size::terminal_size_of(&stdout);
        let columns = size.map_or(COLUMNS, |(width, _)| usize::from(width.0));
        // See https://no-color.org.
        let has_colours =
            variable("NO_COLOR").is_none() && variable("TERM").as_deref() != Some("dumb");
        Self {
            columns,
            is_unicode: is_utf8(variable),
            is_coloured: stdout.is_terminal() && has_colours,
        }
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?;
    (!value.is_empty()).then(|| value.to_string_lossy().into_owned())
}

/// Whether the locale's characters are UTF-8: the first of these variables that is set decides (POSIX,
/// "Environment Variables"); without any it is the locale `C`.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.into_iter().find_map(variable).unwrap_or_default();
    let charset = locale.split('.').nth(1).unwrap_or_default();
    let charset = charset.split('@').next().unwrap_or_default();
    ["utf-8", "utf8"].contains(&charset.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        let with = |set: &'static [(&str, &str)]| {
            is_utf8(move |name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[("LANG", "C.UTF-8")]));
        assert!(with(&[("LANG", "C"), ("LC_CTYPE", "de_DE.utf8@euro")]));
        assert!(!with(&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")]));
        assert!(!with(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(!with(&[]));
    }
}
