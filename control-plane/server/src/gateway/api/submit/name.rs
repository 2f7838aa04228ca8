//! Names for tasks: readable, distinct, usable as file names.

use std::path::Path;

use insula_proto::rest::{SubmitTask, WhatToRun};
use insula_types::TaskId;
use uuid::Uuid;

use super::ApiError;

/// Longest name that a task's id begins with, in characters.
const NAME_MAX: usize = 100;
/// Random characters behind it: 40 bits. The kernel refuses an id that is taken; with 10,000 tasks of
/// one name and 1,000 more, that happens once in 100,000 submissions.
const RANDOM: usize = 8;
/// Digits and letters that are not mistaken for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id such as `sleep-7k3p9xq2`.
pub(super) fn task_id(task: &SubmitTask) -> Result<TaskId, ApiError> {
    if let Some(name) = &task.name {
        check(name)?;
    }
    let base = task.name.clone().unwrap_or_else(|| base(task));
    Ok(TaskId::from(format!("{base}-{}", random())))
}

fn check(name: &str) -> Result<(), ApiError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(good) || name.starts_with('.')
    {
        return Err(ApiError::invalid(format!(
            "'{name}' is no name for a task; use up to {NAME_MAX} letters, digits, '-', '_' and '.'"
        )));
    }
    Ok(())
}

/// What a task is called that was not named: after its program.
pub(super) fn base(task: &SubmitTask) -> String {
    let program = match &task.run {
        WhatToRun::Command(words) => words.first().map_or("task", String::as_str),
        WhatToRun::Shell(line) => line.split_whitespace().next().unwrap_or("task"),
        WhatToRun::Module { .. } => "wasm",
    };
    let file = Path::new(program)
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    let good = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = file
        .unwrap_or_default()
        .chars()
        .filter(good)
        .take(20)
        .collect();
    if name.is_empty() {
        "task".to_owned()
    } else {
        name
    }
}

fn random() -> String {
    let bits = Uuid::new_v4().as_u128();
    (0..RANDOM)
        .map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_readable_and_harmless() {
        for bad in ["", "a b", "../x", ".hidden", "ä", &"x".repeat(101)] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("web-1.blue_2").is_ok());
        assert_eq!(random().len(), RANDOM);
    }
}
