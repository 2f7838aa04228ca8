//! One trace, and whether it is whole.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::received::Received;
use super::span::Span;

/// The spans of one trace, by the time at which they began.
#[derive(Debug, Clone)]
pub struct Trace {
    spans: Vec<Span>,
    /// Also those that came twice.
    copies: Vec<Span>,
}

impl Trace {
    /// Of what was received of it.
    pub(super) fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let copies: Vec<Span> = spans.into_iter().collect();
        let mut known = BTreeSet::new();
        let mut spans = copies.clone();
        spans.retain(|span| known.insert(span.id));
        spans.sort_by_key(|span| (span.from, span.until));
        Self { spans, copies }
    }

    /// Its spans.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Those with a name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Span> {
        let name = name.to_owned();
        self.spans.iter().filter(move |span| span.name == name)
    }

    /// Processes that it went through, as pairs of service and instance.
    #[must_use]
    pub fn processes(&self) -> BTreeSet<(&str, &str)> {
        let copies = self.copies.iter();
        copies
            .map(|span| (span.service(), span.instance()))
            .collect()
    }

    /// What is wrong with its shape: it has exactly one span that is its first, with the given parent,
    /// and every other hangs from a span of the trace. `caller` is 0 if nobody called.
    #[must_use]
    pub fn flaws(&self, first: &str, caller: u64) -> Vec<String> {
        let mut flaws = Vec::new();
        let firsts: Vec<&Span> = self.named(first).collect();
        match firsts.as_slice() {
            [only] if only.parent == caller => {}
            [only] => flaws.push(format!(
                "'{first}' has the parent {:016x} instead of {caller:016x}",
                only.parent
            )),
            _ => flaws.push(format!("there are {} spans '{first}'", firsts.len())),
        }
        let received = Received::of(self.spans.iter().cloned());
        let orphans = received.orphans(|_, parent| parent == caller);
        flaws.extend(orphans.iter().map(ToString::to_string));
        flaws
    }

    /// Which of the wanted hops, as service and name, it lacks in the order of causes: each is another
    /// span, which does not end before the one that caused it has begun. A cause may begin later than
    /// its effect where a span includes the wait for it. All clocks are one host's.
    #[must_use]
    pub fn lacks<'a>(&self, wanted: &[(&'a str, &'a str)]) -> Vec<&'a str> {
        let mut since = 0;
        let mut left: Vec<&Span> = self.spans.iter().collect();
        let mut lacking = Vec::new();
        for (service, name) in wanted {
            let is_it = |span: &&Span| {
                span.service() == *service && span.name == *name && span.until >= since
            };
            match left.iter().position(is_it) {
                Some(place) => since = left.remove(place).from.max(since),
                None => lacking.push(*name),
            }
        }
        lacking
    }

    /// For a person whose test has failed: its spans, one a line.
    #[must_use]
    pub fn shown(&self) -> String {
        let begin = self.spans.first().map_or(0, |span| span.from);
        let mut text = String::new();
        for span in &self.spans {
            let after = span.from.saturating_sub(begin) / 1_000;
            let length = span.until.saturating_sub(span.from) / 1_000;
            let _ = writeln!(
                text,
                "{after:>9} µs {length:>9} µs  {:016x} <- {:016x}  {:<14} {:<12.12} {} {}",
                span.id,
                span.parent,
                span.service(),
                span.instance(),
                span.name,
                span.attribute("insula.step"),
            );
        }
        text
    }
}

#[cfg(test)]
pub(super) mod samples {
    use std::collections::BTreeMap;

    use super::super::span::SpanKind;
    use super::Span;

    /// A span named `work`, which begins at its id.
    pub(in crate::receiver) fn span(trace: u128, id: u64, parent: u64) -> Span {
        let service = ("service.name".to_owned(), "service".to_owned());
        Span {
            resource: BTreeMap::from([service]),
            schema: String::new(),
            trace,
            id,
            parent,
            state: String::new(),
            name: "work".to_owned(),
            kind: SpanKind::Internal,
            from: id,
            until: id,
            attributes: BTreeMap::new(),
            events: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::span;
    use super::*;

    fn named(id: u64, parent: u64, name: &str) -> Span {
        let name = name.to_owned();
        Span {
            name,
            ..span(1, id, parent)
        }
    }

    #[test]
    fn a_trace_is_whole_with_one_first_span_and_no_loose_end() {
        let whole = Trace::of([named(2, 9, "task"), named(3, 2, "work")]);
        assert_eq!(whole.flaws("task", 9), Vec::<String>::new());
        assert_eq!(whole.flaws("task", 0).len(), 2);
        let twice = Trace::of([named(2, 0, "task"), named(3, 0, "task")]);
        assert_eq!(twice.flaws("task", 0), ["there are 2 spans 'task'"]);
        let again = Trace::of([named(2, 0, "task"), named(2, 0, "task")]);
        assert_eq!(again.flaws("task", 0), Vec::<String>::new());
        let loose = Trace::of([named(2, 0, "task"), named(3, 7, "work")]);
        assert_eq!(loose.flaws("task", 0).len(), 1);
    }

    #[test]
    fn hops_are_found_in_their_order() {
        let trace = Trace::of([named(5, 0, "b"), named(3, 0, "a"), named(4, 0, "b")]);
        let hop = |name| ("service", name);
        assert_eq!(
            trace.lacks(&[hop("a"), hop("b"), hop("b")]),
            Vec::<&str>::new()
        );
        assert_eq!(trace.lacks(&[hop("b"), hop("a")]), ["a"]);
        assert_eq!(trace.lacks(&[("other", "a")]), ["a"]);
        assert_eq!(
            trace.lacks(&[hop("a"), hop("b"), hop("b"), hop("b")]),
            ["b"]
        );
    }
}
