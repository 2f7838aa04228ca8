//! From the command line to a task to submit.

use std::path::Path;

use insula_client::Client;
use insula_client::api::{SubmitTask, WhatToRun};

use super::Args;
use crate::commands::module;
use crate::exit::Failure;

/// Splits `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// A decimal number; whether it is a sensible amount is for the control plane to say.
pub(super) fn amount(text: &str) -> Result<String, String> {
    let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if digits && text.parse::<f64>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("write it as a number, such as 2 or 0.5".to_owned())
}

/// Makes the task; a module is uploaded on the way.
pub(super) async fn task(args: Args, stdin: bool, client: &Client) -> Result<SubmitTask, Failure> {
    let resources = resources(args.cpus.as_deref(), args.mem.as_deref());
    let run = what(&args, client).await?;
    Ok(SubmitTask {
        run,
        name: args.name,
        count: args.count,
        resources,
        env: args.env.into_iter().collect(),
        retries: args.retries,
        timeout_seconds: args.timeout,
        constraints: args.constraints.into_iter().collect(),
        stdin,
    })
}

fn resources(cpus: Option<&str>, mem: Option<&str>) -> String {
    let named = [("cpus", cpus), ("mem", mem)];
    let entries = named
        .into_iter()
        .filter_map(|(name, amount)| Some(format!("{name}:{}", amount?)));
    entries.collect::<Vec<_>>().join(";")
}

async fn what(args: &Args, client: &Client) -> Result<WhatToRun, Failure> {
    let file = match &args.module[..] {
        [] if args.words.is_empty() => {
            return Err(Failure::usage("nothing to run")
                .hint("write `insula run -- CMD` or `insula run FILE.wasm`"));
        }
        [] => return Ok(WhatToRun::Command(args.words.clone())),
        [file] if is_module(file) => file,
        words => {
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            return Err(
                Failure::usage(format!("{} is not a .wasm or .wat file", words[0])).hint(format!(
                    "a command stands behind two dashes: insula run -- {}",
                    words.join(" ")
                )),
            );
        }
    };
    let module = module::push(client, file, None).await?;
    Ok(WhatToRun::Module {
        digest: module.digest,
        args: args.words.clone(),
    })
}

fn is_module(file: &Path) -> bool {
    file.extension()
        .is_some_and(|end| end == "wasm" || end == "wat")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_left_to_the_control_plane() {
        assert_eq!(resources(None, None), "");
        assert_eq!(resources(Some("0.5"), Some("64")), "cpus:0.5;mem:64");
    }

    #[test]
    fn an_amount_is_a_number_and_nothing_else() {
        assert_eq!(amount("0.5"), Ok("0.5".to_owned()));
        for other in ["", "-1", "1e3", "inf", "1;gpus:2", "1.2.3", "."] {
            assert!(amount(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_pair_needs_a_name() {
        assert_eq!(pair("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(pair("A").is_err());
        assert!(pair("=b").is_err());
    }
}
