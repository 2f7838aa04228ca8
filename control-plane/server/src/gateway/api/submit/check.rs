//! What can be said of a task without looking anything up.

use insula_proto::rest::{SubmitTask, WhatToRun};
use insula_types::resources::{ParseError, Scalar};
use insula_types::{Resources, Span};

use super::ApiError;

/// Longest single argument or variable, in bytes: Linux starts no process with a longer one.
const WORD_BYTES_MAX: usize = 128 << 10;
/// Most starts again: each is a launch of its own, and more would hide that a task cannot succeed.
const RETRIES_MAX: u32 = 1_000;
/// What a task gets that names no amount, in thousandths: a tenth of a core and 64 MiB.
const DEFAULTS: [(Scalar, u64); 2] = [(Scalar::Cpus, 100), (Scalar::Mem, 64_000)];

/// Refuses what cannot be meant, or cannot be started anywhere.
pub(super) fn check(task: &SubmitTask) -> Result<(), ApiError> {
    if task.count == 0 {
        return Err(ApiError::invalid("count is 0; leave it out for one task"));
    }
    if task.retries > RETRIES_MAX {
        let sentence = format!("a task may be retried {RETRIES_MAX} times at most");
        return Err(ApiError::invalid(sentence));
    }
    if task.stdin && (task.retries > 0 || task.count > 1) {
        let error = ApiError::invalid("input can be given to one start of one task only");
        return Err(error.hint("leave out stdin, or retries and count"));
    }
    timeout(task)?;
    check_environment(task)?;
    check_words(&task.run)
}

/// The wall time after which the task is stopped.
pub(super) fn timeout(task: &SubmitTask) -> Result<Option<Span>, ApiError> {
    let Some(seconds) = task.timeout_seconds else {
        return Ok(None);
    };
    Span::from_secs_f64(seconds)
        .filter(|span| *span >= Span::from_millis(1))
        .map(Some)
        .ok_or_else(|| {
            let sentence = format!("{seconds} is no timeout, in seconds, of a millisecond or more");
            ApiError::invalid(sentence)
        })
}

fn check_environment(task: &SubmitTask) -> Result<(), ApiError> {
    for (name, value) in &task.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(ApiError::invalid(format!(
                "'{}' is no name of an environment variable",
                name.escape_debug()
            )));
        }
        check_word(value, || format!("the value of {name}"))?;
    }
    Ok(())
}

fn check_words(run: &WhatToRun) -> Result<(), ApiError> {
    let words = match run {
        WhatToRun::Command(words) if words.first().is_none_or(String::is_empty) => {
            return Err(ApiError::invalid("the command is empty"));
        }
        WhatToRun::Shell(line) if line.trim().is_empty() => {
            return Err(ApiError::invalid("the shell line is empty"));
        }
        WhatToRun::Command(words) => words.as_slice(),
        WhatToRun::Shell(line) => std::slice::from_ref(line),
        WhatToRun::Module { args, .. } => args.as_slice(),
    };
    words.iter().enumerate().try_for_each(|(place, word)| {
        check_word(word, || match run {
            WhatToRun::Shell(_) => "the shell line".to_owned(),
            _ => format!("word {} of what to run", place + 1),
        })
    })
}

fn check_word(word: &str, what: impl Fn() -> String) -> Result<(), ApiError> {
    if word.contains('\0') {
        let sentence = format!("{} contains a zero byte", what());
        return Err(ApiError::invalid(sentence));
    }
    if word.len() >= WORD_BYTES_MAX {
        return Err(ApiError::invalid(format!(
            "{} is longer than the {WORD_BYTES_MAX} bytes that a process can be given in one piece",
            what()
        )));
    }
    Ok(())
}

/// Reads what a task needs, and adds what it does not name.
pub(super) fn resources(text: &str) -> Result<Resources, ApiError> {
    let mut resources: Resources = text
        .parse()
        .map_err(|error: ParseError| ApiError::invalid(error.to_string()))?;
    for (scalar, millis) in DEFAULTS {
        if resources.get(scalar) > 0 {
            continue;
        }
        if is_named(text, scalar.name()) {
            let sentence = format!("a task needs some {}", scalar.name());
            return Err(ApiError::invalid(sentence));
        }
        resources.add_scalar(scalar.name(), millis);
    }
    Ok(resources)
}

fn is_named(text: &str, name: &str) -> bool {
    let names = text.split(';').filter_map(|entry| entry.split_once(':'));
    names.into_iter().any(|(named, _)| named.trim() == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn task(json: &str) -> SubmitTask {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_not_named_has_a_default() {
        assert_eq!(resources("").unwrap().to_string(), "cpus:0.1;mem:64");
        assert_eq!(resources("mem:8").unwrap().to_string(), "cpus:0.1;mem:8");
        let named_alike = resources("gmem:1").unwrap().to_string();
        assert_eq!(named_alike, "cpus:0.1;mem:64;gmem:1");
        for none in ["cpus:0", "cpus:0.0001", " cpus : 0 ;mem:1"] {
            let error = resources(none).unwrap_err();
            assert_eq!(error.message(), "a task needs some cpus", "{none}");
        }
        assert!(resources("cpus").is_err());
    }

    #[test]
    fn a_task_that_cannot_be_meant_is_refused() {
        for (json, sentence) in [
            (r#"{"run":{"command":[]}}"#, "the command is empty"),
            (r#"{"run":{"shell":" "}}"#, "the shell line is empty"),
            (
                r#"{"run":{"shell":"x"},"count":0}"#,
                "count is 0; leave it out for one task",
            ),
            (
                r#"{"run":{"shell":"x"},"retries":1001}"#,
                "a task may be retried 1000 times at most",
            ),
            (
                r#"{"run":{"shell":"x"},"timeout_seconds":-1}"#,
                "-1 is no timeout, in seconds, of a millisecond or more",
            ),
            (
                r#"{"run":{"shell":"x"},"timeout_seconds":1e-9}"#,
                "0.000000001 is no timeout, in seconds, of a millisecond or more",
            ),
            (
                r#"{"run":{"shell":"x"},"env":{"A=B":"c"}}"#,
                "'A=B' is no name of an environment variable",
            ),
            (
                r#"{"run":{"shell":"x"},"env":{"A":"b\u0000c"}}"#,
                "the value of A contains a zero byte",
            ),
            (
                r#"{"run":{"command":["x","a\u0000b"]}}"#,
                "word 2 of what to run contains a zero byte",
            ),
        ] {
            assert_eq!(check(&task(json)).unwrap_err().message(), sentence);
        }
        let fed = task(r#"{"run":{"shell":"cat"},"stdin":true,"retries":1}"#);
        assert!(check(&fed).is_err());
        let mut long = task(r#"{"run":{"shell":"x"}}"#);
        assert!(check(&long).is_ok());
        long.run = WhatToRun::Shell("x".repeat(WORD_BYTES_MAX));
        assert!(check(&long).unwrap_err().message().contains("longer than"));
    }
}
