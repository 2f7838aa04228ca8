//! Messages, and how an entry of a stream holds them.

use bytes::Bytes;
use insula_proto::insula::broker::v1 as wire;
use insula_types::{CellId, Epoch, FORMAT_VERSION, LinkId, TraceContext};
use prost::Message as _;
use uuid::Uuid;

/// Version of the entries that this build writes, and the newest that it reads.
const ENTRY_VERSION: u32 = 1;

/// A message with what every hop must know of it (rule R31). The payload is opaque here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Version of the payload's format.
    pub version: u32,
    /// Names the message in logs.
    pub id: Uuid,
    /// The cell that it concerns, stamped by the sender (rule R15); nothing if it is about the link.
    pub cell: Option<CellId>,
    /// The epoch of the partition that it is for or from.
    pub epoch: Epoch,
    /// The trace that it belongs to.
    pub trace: TraceContext,
    /// What it says.
    pub payload: Bytes,
}

impl Envelope {
    /// A message of this build's format, with a name of its own. It belongs to some trace: that of the
    /// task that it is about, or of whatever caused it (rule R31).
    #[must_use]
    pub fn new(cell: Option<CellId>, epoch: Epoch, trace: TraceContext, payload: Bytes) -> Self {
        debug_assert!(!trace.is_empty(), "a message belongs to no trace");
        Self {
            version: FORMAT_VERSION,
            id: Uuid::new_v4(),
            cell,
            epoch,
            trace,
            payload,
        }
    }

    /// About how many bytes it has in an entry.
    pub(crate) fn size(&self) -> usize {
        /// Numbers, tags and the name; the fields of variable length are counted.
        const FIXED: usize = 64;
        const TRACEPARENT_BYTES: usize = 55;
        let cell = self.cell.as_ref().map_or(0, |cell| cell.as_str().len());
        FIXED + cell + TRACEPARENT_BYTES + self.trace.tracestate().len() + self.payload.len()
    }
}

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) link: LinkId,
    /// The number of the last message said on the link, this entry's included.
    pub(crate) last: u64,
    /// Messages with their numbers; none in a beat.
    pub(crate) envelopes: Vec<(u64, Envelope)>,
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("an entry of the stream is damaged: {0}")]
    Damaged(prost::DecodeError),
    #[error("an entry of the stream was written by a newer version ({0}) of this program")]
    Newer(u32),
}

impl Entry {
    pub(crate) fn encode(self) -> Bytes {
        let envelopes = self.envelopes.into_iter().map(|(seq, envelope)| {
            let cell = envelope
                .cell
                .map_or_else(String::new, |cell| cell.to_string());
            wire::Envelope {
                version: envelope.version,
                id: Bytes::copy_from_slice(envelope.id.as_bytes()),
                cell,
                seq,
                epoch: envelope.epoch.0,
                traceparent: envelope.trace.traceparent(),
                tracestate: envelope.trace.tracestate().to_owned(),
                payload: envelope.payload,
            }
        });
        let entry = wire::Entry {
            version: ENTRY_VERSION,
            link: self.link.to_string(),
            last: self.last,
            envelopes: envelopes.collect(),
        };
        entry.encode_to_vec().into()
    }

    pub(crate) fn decode(bytes: Bytes) -> Result<Self, EntryError> {
        let entry = wire::Entry::decode(bytes).map_err(EntryError::Damaged)?;
        if entry.version > ENTRY_VERSION {
            return Err(EntryError::Newer(entry.version));
        }
        let envelopes = entry.envelopes.into_iter().map(|envelope| {
            let seq = envelope.seq;
            let envelope = Envelope {
                version: envelope.version,
                id: Uuid::from_slice(&envelope.id).unwrap_or_default(),
                cell: (!envelope.cell.is_empty()).then(|| envelope.cell.into()),
                epoch: Epoch(envelope.epoch),
                trace: TraceContext::parse(&envelope.traceparent, &envelope.tracestate),
                payload: envelope.payload,
            };
            (seq, envelope)
        });
        Ok(Self {
            link: entry.link.into(),
            last: entry.last,
            envelopes: envelopes.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry() -> Entry {
        let trace = TraceContext::parse(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "vendor=1",
        );
        let first = Envelope::new(Some("cell".into()), Epoch(7), trace, Bytes::from("first"));
        let second = Envelope::new(
            None,
            Epoch(7),
            TraceContext::start(3, 4, false),
            Bytes::new(),
        );
        Entry {
            link: "replica.1".into(),
            last: 12,
            envelopes: vec![(11, first), (12, second)],
        }
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let written = entry();
        assert_eq!(Entry::decode(written.clone().encode()).unwrap(), written);
    }

    #[test]
    fn a_damaged_or_newer_entry_is_refused() {
        let bytes = entry().encode();
        for end in 1..bytes.len() {
            // Some truncations are an entry with fewer messages; a panic would be wrong.
            let _ = Entry::decode(bytes.slice(..end));
        }
        assert!(Entry::decode(Bytes::from_static(&[0xff; 64])).is_err());
        let newer = wire::Entry {
            version: ENTRY_VERSION + 1,
            ..wire::Entry::default()
        };
        let read = Entry::decode(newer.encode_to_vec().into());
        assert_eq!(read, Err(EntryError::Newer(2)));
    }
}
