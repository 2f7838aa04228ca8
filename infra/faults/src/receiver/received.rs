//! All spans that came, and what must hold of all of them.

use std::collections::BTreeMap;
use std::fmt;

use super::span::{Link, Span};
use super::trace::Trace;

/// Spans of any number of traces, each once: one that its former and its new maker both sent is the
/// same span.
#[derive(Debug, Clone, Default)]
pub struct Received {
    spans: BTreeMap<(u128, u64), Vec<Span>>,
}

/// A span whose parent nobody has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan(pub Span);

impl Received {
    /// What was received, in the order in which it came.
    pub fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut received = Self::default();
        for span in spans {
            let same = received.spans.entry((span.trace, span.id)).or_default();
            same.push(span);
        }
        received
    }

    /// Every span, the first of those with the same id.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.values().filter_map(|same| same.first())
    }

    /// Every span, also those that were made a second time.
    pub fn copies(&self) -> impl Iterator<Item = &Span> {
        self.spans.values().flatten()
    }

    /// How many spans there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// One trace.
    #[must_use]
    pub fn trace(&self, id: u128) -> Trace {
        let of_trace = self.spans.range((id, 0)..=(id, u64::MAX));
        Trace::of(of_trace.flat_map(|(_, same)| same).cloned())
    }

    /// The span that a link points to.
    #[must_use]
    pub fn at(&self, link: &Link) -> Option<&Span> {
        self.spans.get(&(link.trace, link.span))?.first()
    }

    /// The spans that link to one.
    pub fn linking_to(&self, link: Link) -> impl Iterator<Item = &Span> {
        self.spans().filter(move |span| span.links.contains(&link))
    }

    /// Spans whose parent was neither received nor made by the test, which knows its own.
    #[must_use]
    pub fn orphans(&self, is_own: impl Fn(u128, u64) -> bool) -> Vec<Orphan> {
        let orphans = self.spans().filter(|span| {
            let parent = (span.trace, span.parent);
            span.parent != 0 && !self.spans.contains_key(&parent) && !is_own(parent.0, parent.1)
        });
        orphans.cloned().map(Orphan).collect()
    }

    /// Spans that have the same id and are not the same.
    #[must_use]
    pub fn contradictions(&self) -> Vec<(&Span, &Span)> {
        let mut found = Vec::new();
        for same in self.spans.values() {
            let Some((first, others)) = same.split_first() else {
                continue;
            };
            let differs =
                |other: &&Span| (&other.name, other.parent) != (&first.name, first.parent);
            found.extend(others.iter().filter(differs).map(|other| (first, other)));
        }
        found
    }
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span {
            name,
            trace,
            parent,
            attributes,
            ..
        } = &self.0;
        let service = self.0.service();
        write!(
            f,
            "'{name}' of {service} in {trace:032x} has the parent {parent:016x}, which nobody sent: {attributes:?}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::samples::span;
    use super::*;

    #[test]
    fn a_span_whose_parent_is_missing_is_an_orphan_unless_the_test_sent_the_parent() {
        let received = Received::of([span(1, 2, 1), span(1, 3, 2), span(2, 3, 2)]);
        let named = |found: Vec<Orphan>| -> Vec<(u128, u64)> {
            found
                .iter()
                .map(|orphan| (orphan.0.trace, orphan.0.id))
                .collect()
        };
        assert_eq!(named(received.orphans(|_, _| false)), [(1, 2), (2, 3)]);
        assert_eq!(
            named(received.orphans(|trace, id| (trace, id) == (1, 1))),
            [(2, 3)]
        );
    }

    #[test]
    fn what_came_twice_is_one_span_unless_it_contradicts_itself() {
        let mut other = span(1, 2, 0);
        let received = Received::of([span(1, 2, 0), other.clone()]);
        assert_eq!((received.len(), received.copies().count()), (1, 2));
        assert_eq!(received.contradictions(), []);
        other.parent = 7;
        let received = Received::of([span(1, 2, 0), other]);
        assert_eq!(received.contradictions().len(), 1);
    }
}
