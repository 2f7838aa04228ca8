//! Lengths, names and front pages of source files.

use crate::source::{code_of, is_test_file, words};
use crate::{File, Finding};

/// No source file is longer.
pub const LINES_MAX: usize = 600;

/// No file of tests, benches or examples is longer.
pub const TEST_LINES_MAX: usize = 800;

/// Nine of ten source files are shorter.
pub const LINES_USUAL: usize = 400;

/// The lines of `//!` that open each `lib.rs` at least.
pub const FRONT_PAGE_LINES_MIN: usize = 5;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// No file is longer than [`LINES_MAX`], or [`TEST_LINES_MAX`] when it holds tests.
pub fn no_file_is_long(files: &[File]) -> Vec<Finding> {
    rust(files)
        .filter_map(|file| {
            let lines = file.text.lines().count();
            let max = if is_test_file(&file.path) {
                TEST_LINES_MAX
            } else {
                LINES_MAX
            };
            let message = format!("{lines} lines, at most {max}: split it by entity or by verb");
            (lines > max).then(|| Finding::new(&file.path, message))
        })
        .collect()
}

/// At least nine of ten files are shorter than [`LINES_USUAL`].
pub fn most_files_are_short(files: &[File]) -> Vec<Finding> {
    let all = rust(files).count();
    let mut long: Vec<(usize, &str)> = rust(files)
        .map(|file| (file.text.lines().count(), file.path.as_str()))
        .filter(|(lines, _)| *lines >= LINES_USUAL)
        .collect();
    if long.len() * 10 <= all {
        return Vec::new();
    }
    long.sort_unstable_by(|a, b| b.cmp(a));
    long.into_iter()
        .map(|(lines, path)| {
            Finding::new(
                path,
                format!("{lines} lines, and more than one file in ten has {LINES_USUAL}: split it"),
            )
        })
        .collect()
}

/// Each `lib.rs` opens with an essay and each `main.rs` with a sentence.
pub fn crates_have_a_front_page(files: &[File]) -> Vec<Finding> {
    rust(files)
        .filter_map(|file| {
            let min = match file_name(&file.path) {
                "lib.rs" => FRONT_PAGE_LINES_MIN,
                "main.rs" => 1,
                _ => return None,
            };
            let found = file
                .text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .count();
            let message = format!(
                "{found} lines of //! at the top, at least {min}: say what this promises, what it \
                 refuses, its main types and how a caller drives it"
            );
            (found < min).then(|| Finding::new(&file.path, message))
        })
        .collect()
}

/// A `lib.rs` holds its essay, `mod` lines and re-exports, but no function.
pub fn front_pages_hold_no_logic(files: &[File]) -> Vec<Finding> {
    let front_pages = rust(files).filter(|file| file_name(&file.path) == "lib.rs");
    front_pages
        .flat_map(|file| {
            let code = code_of(&file.text);
            let lines: Vec<usize> = words(&code)
                .filter(|(_, word)| *word == "fn")
                .map(|(line, _)| line)
                .collect();
            lines.into_iter().map(|line| {
                Finding::at(
                    &file.path,
                    line,
                    "a function on the front page: move it into a module",
                )
            })
        })
        .collect()
}

/// No file or folder of source has a name that fits anything.
pub fn names_say_what_is_inside(files: &[File]) -> Vec<Finding> {
    rust(files)
        .filter_map(|file| {
            let stem = file.path.trim_end_matches(".rs");
            let empty = stem.split('/').find(|part| EMPTY_NAMES.contains(part))?;
            Some(Finding::new(
                &file.path,
                format!("`{empty}` fits anything: name it by what it holds"),
            ))
        })
        .collect()
}

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> File {
        File {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        }
    }

    #[test]
    fn a_long_file_is_found_and_tests_may_be_longer() {
        let files = [
            file("a.rs", 601),
            file("b.rs", 600),
            file("tests/c.rs", 800),
            file("tests/d.rs", 801),
        ];
        let places: Vec<_> = no_file_is_long(&files)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(places, ["a.rs", "tests/d.rs"]);
    }

    #[test]
    fn one_file_in_ten_may_be_longer_than_usual() {
        let mut files: Vec<File> = (0..9).map(|n| file(&format!("{n}.rs"), 10)).collect();
        files.push(file("long.rs", 400));
        assert_eq!(most_files_are_short(&files), []);
        files.push(file("longer.rs", 500));
        let places: Vec<_> = most_files_are_short(&files)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(places, ["longer.rs", "long.rs"]);
    }

    #[test]
    fn a_short_front_page_is_found() {
        let page = |lines| File {
            path: "x/src/lib.rs".into(),
            text: "//! A.\n".repeat(lines) + "mod a;\n",
        };
        assert_eq!(crates_have_a_front_page(&[page(4)]).len(), 1);
        assert_eq!(crates_have_a_front_page(&[page(5)]), []);
    }

    #[test]
    fn logic_on_a_front_page_is_found() {
        let page = |text: &str| {
            [File {
                path: "src/lib.rs".into(),
                text: text.into(),
            }]
        };
        assert_eq!(
            front_pages_hold_no_logic(&page("//! fn in words\nfn f() {}"))[0].place,
            "src/lib.rs:2"
        );
        assert_eq!(
            front_pages_hold_no_logic(&page("mod a;\npub use a::A;")),
            []
        );
    }

    #[test]
    fn a_name_that_fits_anything_is_found() {
        let files = [
            file("x/src/utils.rs", 1),
            file("x/src/common/a.rs", 1),
            file("x/src/commonwealth.rs", 1),
        ];
        assert_eq!(names_say_what_is_inside(&files).len(), 2);
    }
}
