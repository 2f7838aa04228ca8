//! The table for people.

use std::fmt::Write as _;

use super::definition::Definition;
use super::label::{Label, Values};
use super::table::{SECTIONS, Section};

/// The tables of all metrics in Markdown, as `control-plane/docs/metrics.md` has them.
#[must_use]
pub fn markdown() -> String {
    SECTIONS.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(section: &Section) -> String {
    let mut text = format!("## {}\n\n", section.title);
    text.push_str("| name | kind | unit | labels | meaning | when it is bad |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for metric in section.metrics {
        text.push_str(&row(metric));
    }
    for label in bounded(section.metrics) {
        if let Values::Bounded(values) = label.values {
            let name = label.name.replace('.', "_");
            let _ = write!(text, "\n`{name}`: {values}.\n");
        }
    }
    text
}

fn row(metric: &Definition) -> String {
    let labels: Vec<String> = metric.labels.iter().map(label).collect();
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        metric.prometheus_name(),
        metric.kind.as_str(),
        metric.unit.in_words(),
        labels.join("; "),
        metric.meaning,
        metric.when_bad,
    )
}

fn label(label: &Label) -> String {
    let name = label.name.replace('.', "_");
    match label.values {
        Values::Closed(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{name}`: {}", values.join(", "))
        }
        Values::Bounded(_) => format!("`{name}`"),
    }
}

/// The labels that need words, each once.
fn bounded(metrics: &[Definition]) -> Vec<Label> {
    let mut found: Vec<Label> = Vec::new();
    for label in metrics.iter().flat_map(|metric| metric.labels) {
        let is_known = found.iter().any(|known| known.name == label.name);
        if matches!(label.values, Values::Bounded(_)) && !is_known {
            found.push(*label);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::metrics::table;

    #[test]
    fn the_documentation_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let document = std::fs::read_to_string(path).unwrap();
        assert!(
            document.ends_with(&markdown()),
            "docs/metrics.md is not as the table says; put in its place what \
             `cargo run -p insula-telemetry --example metrics_table` prints"
        );
    }

    #[test]
    fn every_row_says_what_it_is_and_names_are_there_once() {
        let mut names = BTreeSet::new();
        for metric in table::all() {
            let name = metric.prometheus_name();
            assert!(metric.meaning.ends_with('.'), "{name}");
            assert!(
                metric.when_bad.is_empty() || metric.when_bad.ends_with('.'),
                "{name}"
            );
            assert!(!metric.meaning.contains('|') && !metric.when_bad.contains('|'));
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}
