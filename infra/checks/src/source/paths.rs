//! Lists the paths that code names, with `use` groups written out.

/// One path as code names it, for example `std::time::Instant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The segments, joined by `::`, without a leading `::`.
    pub path: String,
    /// The line (counted from 1) on which the path, or its `use` group, begins.
    pub line: usize,
}

impl Named {
    /// Whether this is `prefix` or something inside of it.
    pub fn is_within(&self, prefix: &str) -> bool {
        self.path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

/// Every path with at least two segments in `code` (comments and literals already blanked), and
/// every path of a `use`, also with one.
///
/// `use std::{fs, time::{self, Instant}};` gives `std::fs`, `std::time` and `std::time::Instant`.
pub fn paths(code: &str) -> Vec<Named> {
    let tokens = tokenize(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].text == "use" {
            at += 1;
            let line = tokens.get(at).map_or(0, |token| token.line);
            use_tree(&tokens, &mut at, "", line, &mut found);
        } else if is_segment(&tokens[at]) {
            let line = tokens[at].line;
            let path = read_segments(&tokens, &mut at);
            if path.contains("::") {
                found.push(Named { path, line });
            }
        } else {
            at += 1;
        }
    }
    found
}

#[derive(Debug)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::`, and single characters.
fn tokenize(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token {
                text: &rest[..length],
                line: index + 1,
            });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn is_segment(token: &Token<'_>) -> bool {
    token.text.starts_with(is_word)
}

fn text_at<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// Reads `a::b::c` and stops behind its last segment.
fn read_segments(tokens: &[Token<'_>], at: &mut usize) -> String {
    let mut path = text_at(tokens, *at).to_owned();
    *at += 1;
    while text_at(tokens, *at) == "::" && tokens.get(*at + 1).is_some_and(is_segment) {
        path = join(&path, text_at(tokens, *at + 1));
        *at += 2;
    }
    path
}

fn join(prefix: &str, segment: &str) -> String {
    if prefix.is_empty() {
        segment.to_owned()
    } else {
        format!("{prefix}::{segment}")
    }
}

/// Reads one tree of a `use` item and stops behind it.
fn use_tree(
    tokens: &[Token<'_>],
    at: &mut usize,
    prefix: &str,
    line: usize,
    found: &mut Vec<Named>,
) {
    if text_at(tokens, *at) == "::" {
        *at += 1;
    }
    let mut path = prefix.to_owned();
    if tokens.get(*at).is_some_and(is_segment) {
        let segments = read_segments(tokens, at);
        path = if segments == "self" {
            path
        } else {
            join(prefix, &segments)
        };
    }
    if text_at(tokens, *at) == "::" {
        *at += 1;
    }
    match text_at(tokens, *at) {
        "{" => use_group(tokens, at, &path, line, found),
        "*" => {
            *at += 1;
            found.push(Named {
                path: join(&path, "*"),
                line,
            });
        }
        _ => found.push(Named { path, line }),
    }
    if text_at(tokens, *at) == "as" {
        *at += 2;
    }
}

fn use_group(
    tokens: &[Token<'_>],
    at: &mut usize,
    prefix: &str,
    line: usize,
    found: &mut Vec<Named>,
) {
    *at += 1;
    while !matches!(text_at(tokens, *at), "}" | ";" | "") {
        use_tree(tokens, at, prefix, line, found);
        if text_at(tokens, *at) == "," {
            *at += 1;
        } else if text_at(tokens, *at) != "}" {
            // Not a `use` group that Rust would accept; leave the rest to the compiler.
            return;
        }
    }
    *at += 1;
}

#[cfg(test)]
mod tests {
    use super::{Named, paths};

    fn names(code: &str) -> Vec<String> {
        paths(code).into_iter().map(|named| named.path).collect()
    }

    #[test]
    fn groups_are_written_out() {
        assert_eq!(
            names("use std::{fs, time::{self, Instant as Now}, net::*};"),
            ["std::fs", "std::time", "std::time::Instant", "std::net::*"]
        );
    }

    #[test]
    fn paths_in_code_are_found_with_their_line() {
        assert_eq!(
            paths("fn f() {\n  let t = std::time::Instant::now();\n}"),
            [Named {
                path: "std::time::Instant::now".into(),
                line: 2
            }]
        );
    }

    #[test]
    fn generic_arguments_do_not_hide_a_path() {
        assert_eq!(names("x: Vec<std::fs::File>"), ["std::fs::File"]);
        assert_eq!(names("Vec::<u8>::new()"), Vec::<String>::new());
    }

    #[test]
    fn a_single_name_counts_only_in_a_use() {
        assert_eq!(names("use tokio;"), ["tokio"]);
        assert_eq!(names("tokio + 1"), Vec::<String>::new());
    }

    #[test]
    fn broken_code_ends_and_loses_nothing_after_it() {
        assert_eq!(names("use a::{b c}; use std::fs;"), ["a::b", "std::fs"]);
        assert_eq!(names("use {"), Vec::<String>::new());
    }

    #[test]
    fn within_means_the_whole_segment() {
        let named = Named {
            path: "std::fs::read".into(),
            line: 1,
        };
        assert!(named.is_within("std::fs"));
        assert!(!named.is_within("std::f"));
    }
}
