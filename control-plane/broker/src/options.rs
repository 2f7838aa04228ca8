//! Durations and bounds.

use std::time::Duration;

/// How a broker behaves; equal in all replicas that share one, or readers and writers disagree about
/// silence and credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the names of all keys begin with, so that several control planes can share a server.
    pub prefix: String,
    /// How often a live writer says which number it sent last.
    pub beat: Duration,
    /// A link that was not heard for so long is broken. Several beats, so that one that is late
    /// breaks nothing.
    pub silence: Duration,
    /// Within which time the server answers a command; later it counts as lost.
    pub reply_within: Duration,
    /// Entries that a stream may hold unread or unapplied before its writers stop. An entry is a
    /// beat or up to 256 KiB of messages; a reader that keeps up holds a handful, so this is several
    /// seconds of a reader that stands still.
    pub entries_max: u32,
    /// Bytes that a stream may hold unread or unapplied before its writers stop; a single entry may
    /// exceed it. Bounds what the server holds for a stream and what its reader ever takes at once.
    pub bytes_max: u64,
    /// How long a stream without any writer is kept: the streams of replicas and owners that died
    /// vanish by themselves. Live ones are written to with every beat.
    pub kept: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "insula".to_owned(),
            beat: Duration::from_secs(1),
            silence: Duration::from_secs(5),
            reply_within: Duration::from_secs(2),
            entries_max: 4_096,
            bytes_max: 32 << 20,
            kept: Duration::from_mins(10),
        }
    }
}
