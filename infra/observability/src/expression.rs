//! Expressions of PromQL, as far as they name things that must exist.

use crate::table::{Metric, Table};

/// Labels that Prometheus adds, or that come with a histogram or an alert.
const ADDED: &[&str] = &["job", "instance", "le", "alertname", "alertstate"];

/// Words before a list of labels.
const GROUPING: &[&str] = &[
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

/// How the names of our metrics begin.
const OURS: &[&str] = &["insula_", "http_server_", "process_"];

/// What is wrong with an expression, a sentence each: metrics, recorded series, labels and values of
/// labels that there are not. Text around expressions does no harm, so that a whole file of rules can be
/// looked at.
#[must_use]
pub fn faults(expression: &str, table: &Table, recorded: &[String]) -> Vec<String> {
    let words = words(expression);
    let mut faults = Vec::new();
    for (at, word) in words {
        let rest = expression[at + word.len()..].trim_start();
        if GROUPING.contains(&word) {
            faults.extend(unknown_labels(list(rest), table));
        } else if word.contains(':') {
            if !recorded.iter().any(|name| name == word) {
                faults.push(format!("no rule records {word}"));
            }
        } else if OURS.iter().any(|ours| word.starts_with(ours)) {
            match table.of_series(word) {
                Some(metric) => faults.extend(wrong_matchers(word, metric, rest)),
                None => faults.push(format!("there is no series {word}")),
            }
        }
    }
    faults
}

/// Words with where they begin, outside of quotes: what PromQL takes for names.
fn words(text: &str) -> Vec<(usize, &str)> {
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let mut found = Vec::new();
    let mut quoted = false;
    let mut begin = None;
    for (at, char) in text.char_indices().chain([(text.len(), ' ')]) {
        if char == '"' {
            quoted = !quoted;
        }
        let inside = !quoted && is_of_name(char);
        match begin {
            None if inside => begin = Some(at),
            Some(from) if !inside => {
                let word = text[from..at].trim_end_matches(':');
                found.push((from, word));
                begin = None;
            }
            _ => {}
        }
    }
    found
}

/// The names in `(a, b)`, if the text begins so.
fn list(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let names = inside.map_or("", |(names, _)| names).split(',');
    names.map(str::trim).filter(|name| !name.is_empty())
}

fn unknown_labels<'a>(names: impl Iterator<Item = &'a str>, table: &Table) -> Vec<String> {
    let unknown = names.filter(|name| !ADDED.contains(name) && !table.has_label(name));
    unknown
        .map(|name| format!("no metric has the label {name}"))
        .collect()
}

/// The matchers in `{label="value", …}`, if the text begins so, that can match nothing.
fn wrong_matchers(series: &str, metric: &Metric, text: &str) -> Vec<String> {
    let Some((matchers, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let mut parts = matchers.split('"');
    // name, operator, then the value between quotes.
    while let (Some(left), Some(value)) = (parts.next(), parts.next()) {
        let name = left.trim_matches([',', ' ', '\n', '=', '~', '!']);
        let Some(label) = metric.labels.iter().find(|label| label.name == name) else {
            if !ADDED.contains(&name) {
                wrong.push(format!("{series} has no label {name}"));
            }
            continue;
        };
        let listed = |value: &&str| label.values.iter().any(|known| known == value);
        // What is chosen in Grafana is not known here.
        let is_variable = value.starts_with('$');
        if !label.values.is_empty() && !is_variable {
            let unknown = value.split('|').filter(|value| !listed(value));
            wrong.extend(unknown.map(|value| format!("{series} never has {name}=\"{value}\"")));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
| `insula_waits_seconds` | histogram | seconds | `route`; `outcome`: `ok`, `failed` | Time. | |
| `insula_ups_total` | counter | up | `route` | Ups. | |
";

    fn found(expression: &str) -> Vec<String> {
        let recorded = ["route:insula_ups:rate".to_owned()];
        faults(expression, &Table::parse(DOCUMENT), &recorded)
    }

    #[test]
    fn what_exists_is_no_fault() {
        let right = [
            "sum by (route, le) (rate(insula_waits_seconds_bucket{outcome=~\"ok|failed\", route=\"/a\"}[5m]))",
            "route:insula_ups:rate{route=\"$route\"} / on (route) insula_ups_total{job=\"insula\"} > 0",
            "up{job=\"insula\"} == 0",
        ];
        for expression in right {
            assert_eq!(found(expression), Vec::<String>::new(), "{expression}");
        }
    }

    #[test]
    fn what_does_not_exist_is_found() {
        let wrong = [
            (
                "insula_downs_total",
                "there is no series insula_downs_total",
            ),
            (
                "insula_waits_seconds > 1",
                "there is no series insula_waits_seconds",
            ),
            (
                "insula_ups_total{cell=\"a\"}",
                "insula_ups_total has no label cell",
            ),
            (
                "insula_waits_seconds_sum{outcome!=\"good\"}",
                "insula_waits_seconds_sum never has outcome=\"good\"",
            ),
            ("sum by (cell) (x)", "no metric has the label cell"),
            ("a:insula_ups:rate", "no rule records a:insula_ups:rate"),
        ];
        for (expression, fault) in wrong {
            assert_eq!(found(expression), [fault], "{expression}");
        }
    }

    #[test]
    fn text_in_quotes_names_nothing() {
        assert_eq!(
            found("label_replace(x, \"insula_y\", \"a:b:c\")"),
            Vec::<String>::new()
        );
    }
}
