//! Looks at Rust source as words and paths, without comments and literals.

mod blank;
mod paths;

pub use blank::code_of;
pub use paths::{Named, paths};

/// The part of `code` that ships: everything before the first `#[cfg(test)]`.
///
/// By the habit of this repository a file's tests stand at its end.
pub fn shipped(code: &str) -> &str {
    code.find("#[cfg(test)]").map_or(code, |end| &code[..end])
}

/// True for files that only tests, benches or examples compile.
pub fn is_test_file(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "examples" | "tests.rs"))
}

/// The identifiers and keywords of `code`, each with its line (counted from 1).
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(index, line)| {
        line.split(|c: char| !is_word(c))
            .filter(|word| !word.is_empty())
            .map(move |word| (index + 1, word))
    })
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_with_their_lines() {
        let found: Vec<_> = words("let a_1 =\n  b.c;").collect();
        assert_eq!(found, [(1, "let"), (1, "a_1"), (2, "b"), (2, "c")]);
    }

    #[test]
    fn what_ships_ends_where_the_tests_begin() {
        assert_eq!(
            shipped("fn f() {}\n#[cfg(test)]\nmod tests {}"),
            "fn f() {}\n"
        );
        assert_eq!(shipped("fn f() {}"), "fn f() {}");
    }

    #[test]
    fn test_files_are_known_by_their_folder_or_name() {
        assert!(is_test_file("agent/tests/start.rs"));
        assert!(is_test_file("agent/core/src/tests.rs"));
        assert!(!is_test_file("loadtest/src/main.rs"));
    }
}
