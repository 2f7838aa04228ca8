//! The text notation of resources: `cpus:4;mem:2048;ports:[31000-32000];rack:{a,b}`.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Millis, Range, Ranges, Resources, SCALAR_MAX};

/// Why a text does not describe resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// An entry is not of the form `name:value`.
    #[error("'{0}' is not of the form name:value, for example cpus:4")]
    Entry(String),
    /// A scalar is not a decimal number from 0 to 2^53 thousandths.
    #[error("'{value}' is not an amount of {name}; give a number such as 4 or 0.5")]
    Scalar {
        /// The resource.
        name: String,
        /// What was given.
        value: String,
    },
    /// A range is not of the form `begin-end`.
    #[error("'{value}' is not a range of {name}; write [31000-32000]")]
    Range {
        /// The resource.
        name: String,
        /// What was given.
        value: String,
    },
    /// A resource was named twice.
    #[error("{0} is given twice")]
    Twice(String),
}

impl FromStr for Resources {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut resources = Self::new();
        let mut seen = BTreeSet::new();
        for entry in text
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let Some((name, value)) = entry.split_once(':') else {
                return Err(ParseError::Entry(entry.to_owned()));
            };
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() || value.is_empty() {
                return Err(ParseError::Entry(entry.to_owned()));
            }
            if !seen.insert(name) {
                return Err(ParseError::Twice(name.to_owned()));
            }
            add_entry(&mut resources, name, value)?;
        }
        Ok(resources)
    }
}

impl TryFrom<String> for Resources {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

fn add_entry(resources: &mut Resources, name: &str, value: &str) -> Result<(), ParseError> {
    if let Some(inner) = inside(value, '[', ']') {
        resources.add_ranges(name, &ranges(name, inner)?);
    } else if let Some(inner) = inside(value, '{', '}') {
        let items = inner
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        resources.add_items(name, items.map(str::to_owned));
    } else {
        let millis = millis(value).ok_or_else(|| ParseError::Scalar {
            name: name.to_owned(),
            value: value.to_owned(),
        })?;
        resources.add_scalar(name, millis);
    }
    Ok(())
}

fn inside(value: &str, open: char, close: char) -> Option<&str> {
    value.strip_prefix(open)?.strip_suffix(close)
}

fn ranges(name: &str, inner: &str) -> Result<Ranges, ParseError> {
    let parse = |part: &str| {
        let (begin, end) = part.split_once('-')?;
        let range = Range {
            begin: begin.trim().parse().ok()?,
            end: end.trim().parse().ok()?,
        };
        (range.begin <= range.end).then_some(range)
    };
    let parts = inner
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let ranges: Result<Vec<Range>, ParseError> = parts
        .map(|part| {
            parse(part).ok_or_else(|| ParseError::Range {
                name: name.to_owned(),
                value: part.to_owned(),
            })
        })
        .collect();
    Ok(Ranges::new(ranges?))
}

/// Reads a decimal number as thousandths; more than three decimals are rounded to the nearest.
fn millis(text: &str) -> Option<Millis> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let whole: Millis = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let padded: String = decimals.chars().chain("0000".chars()).take(4).collect();
    let ten_thousandths: Millis = padded.parse().ok()?;
    let total = whole
        .checked_mul(1000)?
        .checked_add((ten_thousandths + 5) / 10)?;
    (total <= SCALAR_MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_notation_of_the_command_line_is_read() {
        let text = "cpus:4; mem:2048.5 ;ports:[31000-32000, 8080-8080];rack:{b,a};";
        let resources: Resources = text.parse().unwrap();
        assert_eq!(
            resources.to_string(),
            "cpus:4;mem:2048.5;ports:[8080-8080,31000-32000];rack:{a,b}"
        );
    }

    #[test]
    fn bad_notation_says_what_is_wrong() {
        let error = |text: &str| text.parse::<Resources>().unwrap_err().to_string();
        assert_eq!(
            error("cpus"),
            "'cpus' is not of the form name:value, for example cpus:4"
        );
        assert_eq!(
            error("cpus:-1"),
            "'-1' is not an amount of cpus; give a number such as 4 or 0.5"
        );
        assert!(error("cpus:NaN").contains("NaN"));
        assert!(error("mem:99999999999999999").contains("mem"));
        assert_eq!(
            error("ports:[9-1]"),
            "'9-1' is not a range of ports; write [31000-32000]"
        );
        assert_eq!(error("cpus:1;cpus:2"), "cpus is given twice");
    }

    #[test]
    fn a_fourth_decimal_is_rounded() {
        assert_eq!(
            "cpus:0.0005".parse::<Resources>().unwrap().to_string(),
            "cpus:0.001"
        );
        assert!("cpus:0.0004".parse::<Resources>().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = text.parse::<Resources>();
        }

        #[test]
        fn what_is_printed_reads_back(cpus in 0_u64..1_000_000, mem in 0_u64..1_000_000) {
            let resources = Resources::of(cpus, mem);
            prop_assert_eq!(resources.to_string().parse::<Resources>().unwrap(), resources);
        }
    }
}
