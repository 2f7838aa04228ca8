//! The conversation between a gateway and the owner of a partition (rule R14).
//!
//! Both ends number what they write and say once in a while which number was the last. Either end that
//! finds a number missing, or hears nothing for too long, ends the link; nothing is ever sent again.

use std::fmt;

use insula_kernel::{Input, Outcome};
use insula_pipeline::Mark;
use insula_types::message::{Message, Peer};
use insula_types::{CellId, Epoch, LinkId, PartitionId, RequestId, Span, Time};

use crate::replica::ReplicaNo;

/// How often each end says that it lives.
pub(crate) const BEAT_EVERY: Span = Span::from_secs(2);

/// How long an end believes in a link on which it hears nothing.
pub(crate) const SILENCE_MAX: Span = Span::from_secs(8);

/// What is said on a link, in either direction.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// To the owner: the first message of a link.
    Hello(ReplicaNo),
    /// To the owner.
    Input { cell: CellId, input: Box<Input> },
    /// To the gateway: the answer to a hello, with the marks of its earlier links.
    Welcome(Vec<(LinkId, Mark)>),
    /// To the gateway: for a session of it.
    Message {
        cell: CellId,
        peer: Peer,
        message: Box<Message>,
    },
    /// To the gateway: the answer to one of its questions.
    Reply(RequestId, Box<Outcome>),
    /// To the gateway: the cell is loaded again, its sessions are over.
    Reset(CellId),
    /// Outside of all links: a partition has an owner.
    Serving(PartitionId, Epoch, ReplicaNo),
    /// The link is over; to a gateway, `over` says that the owner is, too.
    Bye { over: bool },
    /// Still here.
    Beat,
}

/// What an end has heard and said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) said: u64,
    heard: u64,
    heard_at: Time,
}

/// What an end makes of a message's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Next,
    /// It was there before.
    Again,
    /// One before it is missing.
    Gap,
}

impl Counts {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            said: 0,
            heard: 0,
            heard_at: now,
        }
    }

    pub(crate) fn hear(&mut self, now: Time, seq: u64, payload: &Payload) -> Heard {
        self.heard_at = now;
        if let Payload::Beat = payload {
            return if seq == self.heard {
                Heard::Again
            } else {
                Heard::Gap
            };
        }
        if seq <= self.heard {
            return Heard::Again;
        }
        if seq > self.heard + 1 {
            return Heard::Gap;
        }
        self.heard = seq;
        Heard::Next
    }

    /// The number of the last message that was heard.
    pub(crate) fn heard(&self) -> u64 {
        self.heard
    }

    pub(crate) fn is_silent(&self, now: Time) -> bool {
        now.since(self.heard_at) > SILENCE_MAX
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(replica) => write!(f, "hello of {replica}"),
            Self::Input { cell, .. } => write!(f, "input for {cell}"),
            Self::Welcome(marks) => write!(f, "welcome {marks:?}"),
            Self::Message { cell, peer, .. } => write!(f, "message of {cell} for {peer:?}"),
            Self::Reply(request, outcome) => write!(f, "reply {request:?}: {outcome:?}"),
            Self::Reset(cell) => write!(f, "reset of {cell}"),
            Self::Serving(partition, epoch, replica) => {
                write!(f, "{replica} serves partition {} in {epoch}", partition.0)
            }
            Self::Bye { over } => write!(f, "bye, over: {over}"),
            Self::Beat => f.write_str("beat"),
        }
    }
}
