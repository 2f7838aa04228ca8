//! The characters that a picture is drawn with.

/// A line, and its halves for where it begins or ends in the middle of a cell.
pub(super) struct Strokes {
    pub(super) both: &'static str,
    pub(super) left: &'static str,
    pub(super) right: &'static str,
}

/// Each is one cell wide.
pub(super) struct Signs {
    pub(super) is_ascii: bool,
    /// Steps.
    pub(super) thick: Strokes,
    /// Spans.
    pub(super) thin: Strokes,
    /// Before the label of a tick.
    pub(super) tick: &'static str,
    pub(super) failed: &'static str,
    pub(super) open: &'static str,
    pub(super) plain: &'static str,
}

pub(super) const UNICODE: Signs = Signs {
    is_ascii: false,
    thick: Strokes {
        both: "━",
        left: "╸",
        right: "╺",
    },
    thin: Strokes {
        both: "─",
        left: "╴",
        right: "╶",
    },
    tick: "╷",
    failed: "✗",
    open: "…",
    plain: "·",
};

pub(super) const ASCII: Signs = Signs {
    is_ascii: true,
    thick: Strokes {
        both: "=",
        left: "=",
        right: "=",
    },
    thin: Strokes {
        both: "-",
        left: "-",
        right: "-",
    },
    tick: "|",
    failed: "x",
    open: ">",
    plain: "-",
};
