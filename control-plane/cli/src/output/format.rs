//! Times, sizes and digests for people.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long ago a time (microseconds since the unix epoch) was: `12 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn age(micros: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = now.as_secs().saturating_sub(micros / 1_000_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A size: `512 B`, `1.5 KiB`, `3.0 MiB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}

/// The first 12 digits of a digest, enough to tell modules apart by eye.
pub(crate) fn short_digest(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.chars().take(12).collect()
}

/// A text, or a dash where there is none.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

/// A text on one line: what would move the cursor or break the line is written as an escape, since
/// names and messages come from other people.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_break_its_line() {
        assert_eq!(
            printable("trap:\n  \u{1b}[2Jmain"),
            r"trap:\n  \u{1b}[2Jmain"
        );
        assert_eq!(printable("größer"), "größer");
    }

    #[test]
    fn sizes_and_digests_are_short() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 20), "3.0 MiB");
        assert_eq!(short_digest("sha256:0123456789abcdef"), "0123456789ab");
    }
}
