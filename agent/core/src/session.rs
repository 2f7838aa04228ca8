//! The connection to the control plane, as far as the core knows it.

use insula_types::{SessionId, Span};

/// See each variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// There is none.
    Closed,
    /// The agent has registered and waits for the answer.
    Registering(SessionId),
    /// The control plane has committed the session: commands are valid.
    Registered {
        session: SessionId,
        /// How long the agent may be silent before its tasks count as unreachable.
        unreachable_after: Span,
    },
}

impl Session {
    pub(crate) const fn id(&self) -> Option<&SessionId> {
        match self {
            Self::Closed => None,
            Self::Registering(session) | Self::Registered { session, .. } => Some(session),
        }
    }

    pub(crate) const fn is_registered(&self) -> bool {
        matches!(self, Self::Registered { .. })
    }
}
