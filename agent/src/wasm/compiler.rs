//! The compiler process: one per module, which sees foreign input and runs none of it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use insula_proto::insula::wasm::v1::CompileResult;
use insula_proto::insula::wasm::v1::compile_result::Outcome;
use insula_types::TraceContext;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::frame;
use crate::shepherd::Program;

/// The compiler bounds its own processor time by 300 s; one that has not answered long after that
/// is not going to.
const ANSWERS_WITHIN: Duration = Duration::from_secs(900);
/// A probe compiles nothing.
const PROBED_WITHIN: Duration = Duration::from_secs(60);

/// Asks for the key of this compiler's artifacts: the last part of their names. `trace` is that of the
/// agent's life.
///
/// # Errors
/// A sentence saying why this machine cannot compile.
pub(crate) async fn probe(compiler: &Program, trace: &TraceContext) -> Result<String, String> {
    let mut command = command(compiler, trace);
    command.arg("--probe");
    match answer(command, PROBED_WITHIN).await? {
        Outcome::Probed(probed) => Ok(probed.engine_key),
        Outcome::Failed(failed) => Err(failed.error),
        Outcome::Compiled(_) | Outcome::Refused(_) => {
            Err("the compiler answered another question".to_owned())
        }
    }
}

/// Compiles a module into the cache folder; the name of the artifact there.
///
/// # Errors
/// A sentence: why the module cannot run, or what kept it from being compiled.
pub(super) async fn compile(
    compiler: &Program,
    module: &Path,
    cache: &Path,
    digest: &str,
    trace: &TraceContext,
) -> Result<String, String> {
    let mut command = command(compiler, trace);
    command
        .arg("--module")
        .arg(module)
        .arg("--cache")
        .arg(cache)
        .args(["--digest", digest]);
    match answer(command, ANSWERS_WITHIN).await? {
        Outcome::Compiled(compiled) => Ok(compiled.file),
        Outcome::Refused(refused) => Err(refused.reason),
        Outcome::Failed(failed) => Err(failed.error),
        Outcome::Probed(_) => Err("the compiler answered another question".to_owned()),
    }
}

/// Nothing of this process is passed on but the trace, and it does not outlive it.
fn command(compiler: &Program, trace: &TraceContext) -> Command {
    let mut command = Command::new(&compiler.exe);
    command
        .args(&compiler.args)
        .env_clear()
        .env("TRACEPARENT", trace.traceparent())
        .env("TRACESTATE", trace.tracestate())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn answer(mut command: Command, within: Duration) -> Result<Outcome, String> {
    let failed = |error: std::io::Error| format!("the wasm compiler cannot be run: {error}");
    let mut child = command.spawn().map_err(failed)?;
    let mut stdout = child
        .stdout
        .take()
        .ok_or("the wasm compiler has no output")?;
    let talk = async {
        let result: Option<CompileResult> = frame::read(&mut stdout).await?;
        // A well-behaved compiler says no more; reading on lets it end.
        tokio::io::copy(&mut stdout.take(1 << 16), &mut tokio::io::sink()).await?;
        child.wait().await?;
        Ok(result)
    };
    match timeout(within, talk).await {
        Ok(Ok(Some(result))) => result.outcome.ok_or_else(stopped),
        Ok(Ok(None)) => Err(stopped()),
        Ok(Err(error)) => Err(failed(error)),
        Err(_elapsed) => Err(format!("the wasm compiler did not answer in {within:?}")),
    }
}

fn stopped() -> String {
    "the wasm compiler was stopped by its limits of time or memory".to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str) -> Program {
        let args = ["-c", script, "compiler"].map(Into::into).to_vec();
        Program {
            exe: "/bin/sh".into(),
            args,
        }
    }

    #[tokio::test]
    async fn the_key_is_read_from_the_answer() {
        // A frame of CompileResult { probed: { engine_key: "k" } }.
        let program = shell(r"printf '\000\000\000\005\032\003\012\001k'");
        assert_eq!(
            probe(&program, &TraceContext::start(1, 2, true))
                .await
                .unwrap(),
            "k"
        );
    }

    #[tokio::test]
    async fn a_compiler_that_says_nothing_was_stopped() {
        let error = probe(&shell("exit 1"), &TraceContext::start(1, 2, true))
            .await
            .unwrap_err();
        assert!(error.contains("limits"), "{error}");
        let absent = Program {
            exe: "/nonexistent".into(),
            args: Vec::new(),
        };
        assert!(
            probe(&absent, &TraceContext::start(1, 2, true))
                .await
                .unwrap_err()
                .contains("cannot be run")
        );
    }
}
