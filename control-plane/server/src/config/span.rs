//! Durations as text.

use std::time::Duration;

/// Longest duration that makes sense anywhere here.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Reads `1500ms`, `5s` or `2m`; nothing if it is anything else.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    };
    (duration <= LONGEST).then_some(duration)
}

/// Writes what [`parse`] reads, to the millisecond.
pub(super) fn print(duration: Duration) -> String {
    if duration.subsec_millis() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    format!("{}s", duration.as_secs())
}
