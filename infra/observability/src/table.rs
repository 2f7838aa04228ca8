//! Which metrics there are.

use std::collections::BTreeMap;

/// A label, and the values that it can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// All its values; empty if the documentation does not list them.
    pub values: Vec<String>,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Whether its series are `_bucket`, `_sum` and `_count`.
    pub is_histogram: bool,
    /// Its labels, beside those that Prometheus adds.
    pub labels: Vec<Label>,
}

/// All metrics, by the names that Prometheus has.
#[derive(Debug, Clone, Default)]
pub struct Table {
    metrics: BTreeMap<String, Metric>,
}

impl Table {
    /// Reads the rows of the tables in `metrics.md`: name, kind, unit, labels, and prose.
    #[must_use]
    pub fn parse(document: &str) -> Self {
        let rows = document.lines().filter(|line| line.starts_with("| `"));
        let metrics = rows.filter_map(|row| {
            let mut cells = row.split('|').skip(1).map(str::trim);
            let name = cells.next()?.trim_matches('`').to_owned();
            let is_histogram = cells.next()? == "histogram";
            let labels = cells.nth(1)?;
            let labels = labels.split(';').filter_map(label).collect();
            Some((
                name,
                Metric {
                    is_histogram,
                    labels,
                },
            ))
        });
        Self {
            metrics: metrics.collect(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    /// Whether any metric has a label of this name.
    #[must_use]
    pub fn has_label(&self, name: &str) -> bool {
        let mut labels = self.metrics.values().flat_map(|metric| &metric.labels);
        labels.any(|label| label.name == name)
    }

    /// The metric that a series belongs to.
    #[must_use]
    pub fn of_series(&self, series: &str) -> Option<&Metric> {
        if let Some(metric) = self.metrics.get(series) {
            // A histogram has no series of its own name.
            return Some(metric).filter(|metric| !metric.is_histogram);
        }
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| series.strip_suffix(part))?;
        let metric = self.metrics.get(name)?;
        Some(metric).filter(|metric| metric.is_histogram)
    }
}

/// `` `name`: `value`, `value` `` or `` `name` ``.
fn label(text: &str) -> Option<Label> {
    let mut words = text.split('`').skip(1).step_by(2);
    Some(Label {
        name: words.next()?.to_owned(),
        values: words.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DOCUMENT: &str = "\
| name | kind | unit | labels | meaning | when it is bad |
|---|---|---|---|---|---|
| `wait_seconds` | histogram | seconds | `route`; `outcome`: `ok`, `failed` | Time. | |
| `up_total` | counter | up |  | Ups. | See `wait_seconds`. |
";

    #[test]
    fn a_row_is_a_metric_with_its_labels() {
        let table = Table::parse(DOCUMENT);
        assert_eq!(table.len(), 2);
        let labels = &table.of_series("wait_seconds_count").unwrap().labels;
        assert_eq!(labels[0].name, "route");
        assert!(labels[0].values.is_empty());
        assert_eq!(labels[1].values, ["ok", "failed"]);
        assert!(table.of_series("up_total").unwrap().labels.is_empty());
    }

    #[test]
    fn a_histogram_is_known_by_its_series_and_a_counter_by_its_name() {
        let table = Table::parse(DOCUMENT);
        assert_eq!(table.of_series("wait_seconds"), None);
        assert_eq!(table.of_series("up_total_sum"), None);
        assert_eq!(table.of_series("down_total"), None);
    }
}
