//! Links and words of the documents.

use std::path::Path;

use crate::{File, Finding};

/// Words that mean unfinished work or somebody's own machine, and what to do about each.
///
/// Compared as whole words, without regard to case; those that begin with a slash as they stand.
pub const FORBIDDEN: &[(&str, &str)] = &[
    ("todo", "do it, or open an issue"),
    ("fixme", "do it, or open an issue"),
    ("xxx", "do it, or open an issue"),
    ("placeholder", "write what belongs here"),
    (
        "/root/",
        "a path of one machine: name a variable or a relative path",
    ),
    (
        "/home/",
        "a path of one machine: name a variable or a relative path",
    ),
];

/// Where the forbidden words are listed, and the lock file, which nobody writes by hand.
const EXEMPT: &[&str] = &["infra/checks/src/documents.rs", "Cargo.lock"];

/// Each relative link of each Markdown file leads to a file or folder that exists under `root`.
pub fn relative_links_lead_somewhere(root: &Path, files: &[File]) -> Vec<Finding> {
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    documents
        .flat_map(|document| broken_links(root, document))
        .collect()
}

fn broken_links(root: &Path, document: &File) -> Vec<Finding> {
    let folder = root
        .join(&document.path)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    links(&document.text)
        .into_iter()
        .filter(|(_, target)| !folder.join(target).exists())
        .map(|(line, target)| {
            Finding::at(
                &document.path,
                line,
                format!("the link to `{target}` leads nowhere: correct or remove it"),
            )
        })
        .collect()
}

/// The relative targets of `[…](…)` outside of code blocks, without their `#anchor`.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let targets = line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next());
            let paths = targets.map(|target| target.split(['#', ' ']).next().unwrap_or_default());
            found.extend(
                paths
                    .filter(|path| is_relative(path))
                    .map(|path| (index + 1, path)),
            );
        }
    }
    found
}

fn is_relative(target: &str) -> bool {
    !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
}

/// No file holds one of the [`FORBIDDEN`] words.
pub fn no_file_holds_a_forbidden_word(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| !EXEMPT.contains(&file.path.as_str()))
    {
        for (index, line) in file.text.lines().enumerate() {
            let found = FORBIDDEN.iter().filter(|(word, _)| holds(line, word));
            findings.extend(found.map(|(word, instead)| {
                Finding::at(
                    &file.path,
                    index + 1,
                    format!("`{word}` stands here: {instead}"),
                )
            }));
        }
    }
    findings
}

fn holds(line: &str, word: &str) -> bool {
    if word.starts_with('/') {
        return line.contains(word);
    }
    // `todo!` is a lint of its own, and `todo = "warn"` is how the manifest asks for it.
    let is_lint = line.starts_with("todo = ");
    !is_lint
        && line
            .split(|c: char| !c.is_alphanumeric())
            .any(|found| found.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> [File; 1] {
        [File {
            path: path.to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn links_are_found_outside_of_code_and_without_anchors() {
        let text =
            "[a](b.md#c) and [d](https://e) [f](#g)\n```\n[h](i)\n```\n![j](k.svg \"title\")";
        assert_eq!(links(text), [(1, "b.md"), (5, "k.svg")]);
    }

    #[test]
    fn a_link_is_followed_from_the_folder_of_its_document() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            relative_links_lead_somewhere(
                root,
                &file("src/x.md", "[a](lib.rs) [b](../Cargo.toml)")
            ),
            []
        );
        let broken = relative_links_lead_somewhere(root, &file("src/x.md", "\n[a](Cargo.toml)"));
        assert_eq!(broken[0].place, "src/x.md:2");
    }

    #[test]
    fn a_forbidden_word_is_found_as_a_whole_word_only() {
        let found = |text| no_file_holds_a_forbidden_word(&file("a.sh", text)).len();
        assert_eq!(found("# TODO: later"), 1);
        assert_eq!(found("cd /home/someone"), 1);
        assert_eq!(found("mktemp -d name.XXXXXX"), 0);
        assert_eq!(found("todo = \"warn\""), 0);
    }
}
