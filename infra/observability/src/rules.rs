//! Files of rules, read line by line: what a rule is called stands on a line of its own in ours.

/// The names of the recorded series.
#[must_use]
pub fn recorded(file: &str) -> Vec<String> {
    names(file, "- record: ")
}

/// The names of the alerts.
#[must_use]
pub fn alerts(file: &str) -> Vec<String> {
    names(file, "- alert: ")
}

/// The same rules, but each alert fires as soon as its expression holds.
#[must_use]
pub fn without_patience(file: &str) -> String {
    let lines = file
        .lines()
        .filter(|line| !line.trim_start().starts_with("for: "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The rules without comments.
#[must_use]
pub fn without_comments(file: &str) -> String {
    let lines = file
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn names(file: &str, key: &str) -> Vec<String> {
    let names = file
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(key));
    names.map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# - alert: Former
- record: a:b:c
  expr: x
- alert: Wrong
  expr: y
  for: 5m
";

    #[test]
    fn names_stand_behind_their_keys() {
        assert_eq!(recorded(FILE), ["a:b:c"]);
        assert_eq!(alerts(FILE), ["Wrong"]);
    }

    #[test]
    fn patience_and_comments_are_lines() {
        let short = without_patience(&without_comments(FILE));
        assert_eq!(
            short,
            "- record: a:b:c\n  expr: x\n- alert: Wrong\n  expr: y\n"
        );
    }
}
