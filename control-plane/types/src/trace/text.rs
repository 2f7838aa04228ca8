//! The headers as text.

/// Longest `tracestate` that is carried on, in bytes: the limit that the specification asks for.
pub const TRACESTATE_BYTES_MAX: usize = 512;

/// Trace id, span id and flags of a well-formed `traceparent` of version 00.
pub(super) fn traceparent(text: &str) -> Option<(u128, u64, u8)> {
    let mut parts = text.split('-');
    let (version, trace_id, span_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != "00" || parts.next().is_some() {
        return None;
    }
    let trace_id = u128::from_str_radix(hex(trace_id, 32)?, 16).ok()?;
    let span_id = u64::from_str_radix(hex(span_id, 16)?, 16).ok()?;
    let flags = u8::from_str_radix(hex(flags, 2)?, 16).ok()?;
    (trace_id != 0 && span_id != 0).then_some((trace_id, span_id, flags))
}

/// The text, if it is so many lower-case hexadecimal digits and nothing else.
pub(super) fn hex(text: &str, digits: usize) -> Option<&str> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == digits && text.bytes().all(is_hex)).then_some(text)
}

/// Whether the text may be carried on: short enough, and of the characters that a header has.
pub(super) fn is_tracestate(text: &str) -> bool {
    text.len() <= TRACESTATE_BYTES_MAX && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
