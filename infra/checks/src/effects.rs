//! That `effects.md` knows every message that the kernel sends.

use crate::source::{code_of, words};
use crate::{File, Finding};

/// The enums of `message` that the kernel sends from: each variant must be named in backquotes in
/// `document`, where it is declared derived (made again from state) or lossy (rule R4).
pub fn every_message_is_declared(message: &File, enums: &[&str], document: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in enums {
        let variants = variants_of(&message.text, name);
        if variants.is_empty() {
            let text = format!(
                "no enum {name} with variants here: correct its name in infra/checks/tests/effects.rs"
            );
            findings.push(Finding::new(&message.path, text));
        }
        for (line, variant) in variants {
            if !names(&document.text, name, &variant) {
                let text = format!(
                    "{name}::{variant} is not in {}: say there whether it is derived or lossy",
                    document.path
                );
                findings.push(Finding::at(&message.path, line, text));
            }
        }
    }
    findings
}

fn names(document: &str, name: &str, variant: &str) -> bool {
    document.contains(&format!("`{variant}`")) || document.contains(&format!("`{name}::{variant}`"))
}

/// The variants of `enum name`, each with its line (counted from 1).
fn variants_of(text: &str, name: &str) -> Vec<(usize, String)> {
    let code = code_of(text);
    let Some(open) = enum_body(&code, name) else {
        return Vec::new();
    };
    let first_line = code[..open].lines().count();
    members(&without_attributes(&code[open + 1..]))
        .into_iter()
        .filter_map(|(lines_before, member)| {
            let (line, variant) = words(&member).next()?;
            Some((first_line + lines_before + line - 1, variant.to_owned()))
        })
        .collect()
}

/// Splits what stands in braces at its own commas; each part comes with the lines before it.
///
/// Ends at the brace that closes them.
fn members(body: &str) -> Vec<(usize, String)> {
    let mut members = vec![(0, String::new())];
    let (mut depth, mut lines) = (0_usize, 0);
    for c in body.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            '\n' => lines += 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            members.push((lines, String::new()));
        } else if let Some((_, member)) = members.last_mut() {
            member.push(c);
        }
    }
    members
}

/// Blanks `#[…]` but for its line ends, which the count of lines needs.
fn without_attributes(body: &str) -> String {
    let mut depth = 0_usize;
    let mut inside = false;
    body.chars()
        .map(|c| {
            inside |= c == '#';
            depth += usize::from(inside && c == '[');
            let keep = !inside || c == '\n';
            if inside && c == ']' {
                depth = depth.saturating_sub(1);
                inside = depth > 0;
            }
            if keep { c } else { ' ' }
        })
        .collect()
}

/// The index of the brace that opens the enum.
fn enum_body(code: &str, name: &str) -> Option<usize> {
    let head = format!("enum {name}");
    let at = code.match_indices(&head).map(|(at, _)| at + head.len());
    let mut whole_word =
        at.filter(|end| !code[*end..].starts_with(|c: char| c == '_' || c.is_alphanumeric()));
    let end = whole_word.next()?;
    code[end..].find('{').map(|brace| end + brace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "pub enum ToAgentKind { No }\n\n/// Says.\npub enum ToAgent {\n    /// Starts.\n    Launch(Box<Task>),\n    #[serde(default)]\n    Kill { task: TaskId, Grace: u8 },\n    Ack,\n}\n";

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn variants_are_found_with_their_lines() {
        let expected = [
            (6, "Launch".to_owned()),
            (8, "Kill".to_owned()),
            (9, "Ack".to_owned()),
        ];
        assert_eq!(variants_of(MESSAGE, "ToAgent"), expected);
    }

    #[test]
    fn an_undeclared_message_and_a_missing_enum_are_found() {
        let message = file("message.rs", MESSAGE);
        let document = file(
            "effects.md",
            "| `Launch` | derived |\n| `ToAgent::Kill` | derived |",
        );
        let findings = every_message_is_declared(&message, &["ToAgent", "ToNobody"], &document);
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].place, "message.rs:9");
        assert!(findings[1].message.contains("no enum ToNobody"));
    }
}
