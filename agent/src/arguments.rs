//! What people write on the command line, for every binary that can be an agent.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use insula_proto::{JoinToken, JoinTokenError};
use insula_types::Resources;
use insula_types::resources::ParseError;

use crate::options::{Cgroups, Options, WasmPrograms};
use crate::shepherd::Program;

/// Run this machine's agent.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The token to join with, as the service printed it; needed once per work directory.
    #[arg(long, env = "INSULA_JOIN_TOKEN", hide_env_values = true)]
    pub join: Option<String>,
    /// Where the agent keeps its identity, its journal and the sandboxes of tasks
    /// [default: insula/agent in the XDG state directory].
    #[arg(long)]
    pub work_dir: Option<PathBuf>,
    /// What to offer, such as 'cpus:4;mem:2048;ports:[31000-32000]' [default: what the machine has].
    #[arg(long)]
    pub resources: Option<String>,
    /// What to tell about the machine, such as 'rack=a7;zone=north'.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub attributes: String,
    /// The machine's name for people [default: its own].
    #[arg(long)]
    pub hostname: Option<String>,
    /// Run tasks without control groups, and so without limits.
    #[arg(long)]
    pub no_cgroups: bool,
    /// A directory on cgroup v2 that was delegated to the agent.
    #[arg(long)]
    pub cgroup_delegated: Option<PathBuf>,
    /// A directory in the cgroup v1 memory hierarchy that was delegated to the agent; without it
    /// that hierarchy is never touched.
    #[arg(long)]
    pub memory_delegated: Option<PathBuf>,
    /// Seconds for which the control plane may be silent before it is asked for a sign of life, and
    /// again before another connection is opened.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub keep_alive: u32,
    /// Answer GET /metrics, for Prometheus, at this address, such as '127.0.0.1:9464': in clear text and to whoever
    /// comes.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// The program `insula`, which runs Wasm tasks [default: the one beside this program].
    #[arg(long)]
    pub insula: Option<PathBuf>,
}

/// Why the arguments cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    /// `--join` is no token.
    #[error("cannot use the value of --join")]
    Join(#[from] JoinTokenError),
    /// `--resources` is not in the notation.
    #[error("cannot use the value of --resources")]
    Resources(#[from] ParseError),
    /// A part of `--attributes` is not `name=value`.
    #[error("'{0}' in --attributes is not of the form name=value")]
    Attribute(String),
    /// There is no place for a work directory.
    #[error("neither XDG_STATE_HOME nor HOME is set; name a directory with --work-dir")]
    NoWorkDir,
    /// The program does not know its own file.
    #[error("cannot find the program's own file")]
    OwnProgram(#[source] std::io::Error),
}

impl Arguments {
    /// The options that these arguments mean.
    ///
    /// # Errors
    /// [`ArgumentError`], for the first argument that cannot be used.
    pub fn into_options(self) -> Result<Options, ArgumentError> {
        let own = env::current_exe().map_err(ArgumentError::OwnProgram)?;
        let work_dir = match self.work_dir {
            Some(dir) => dir,
            None => default_work_dir().ok_or(ArgumentError::NoWorkDir)?,
        };
        let shepherd = Program {
            exe: own.clone(),
            args: vec!["shepherd".into()],
        };
        let mut options = Options::new(work_dir, shepherd);
        options.join = self
            .join
            .as_deref()
            .map(str::parse::<JoinToken>)
            .transpose()?;
        options.resources = self
            .resources
            .as_deref()
            .map(str::parse::<Resources>)
            .transpose()?;
        options.attributes = attributes(&self.attributes)?;
        options.hostname = self.hostname;
        options.cgroups = Cgroups {
            enabled: !self.no_cgroups,
            delegated: self.cgroup_delegated,
            memory_delegated: self.memory_delegated,
        };
        options.keep_alive = Duration::from_secs(self.keep_alive.into());
        options.metrics = self.metrics;
        options.wasm = wasm_programs(self.insula, &own);
        Ok(options)
    }
}

fn wasm_programs(named: Option<PathBuf>, own: &Path) -> Result<WasmPrograms, String> {
    let insula = named.unwrap_or_else(|| own.with_file_name("insula"));
    if !insula.is_file() {
        return Err(format!(
            "{} is not there; install insula beside the agent, or name it with --insula",
            insula.display()
        ));
    }
    Ok(WasmPrograms::of(insula))
}

impl WasmPrograms {
    /// Those of the program `insula`.
    #[must_use]
    pub fn of(insula: PathBuf) -> Self {
        Self {
            executor: Program {
                exe: insula.clone(),
                args: vec!["wasm-executor".into()],
            },
            compiler: Program {
                exe: insula,
                args: vec!["wasm-compiler".into()],
            },
        }
    }
}

fn attributes(text: &str) -> Result<Vec<(String, String)>, ArgumentError> {
    let parts = text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(ArgumentError::Attribute(part.to_owned())),
        })
        .collect()
}

/// Source: XDG Base Directory Specification, version 0.8.
fn default_work_dir() -> Option<PathBuf> {
    let named = |name| {
        let value = env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(state.join("insula/agent"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn options(line: &[&str]) -> Result<Options, ArgumentError> {
        let line = [&["agent", "--work-dir", "w"], line].concat();
        Line::try_parse_from(line).unwrap().arguments.into_options()
    }

    #[test]
    fn arguments_become_options() {
        let line = [
            "--resources",
            "cpus:2;mem:64",
            "--attributes",
            "rack=a7; zone = north",
        ];
        let options = options(&line).unwrap();
        assert_eq!(options.resources.unwrap().to_string(), "cpus:2;mem:64");
        let attributes = [("rack", "a7"), ("zone", "north")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.attributes, attributes);
        assert!(options.cgroups.enabled);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |line: &[&str]| crate::error::sentence(&options(line).unwrap_err());
        assert!(error(&["--join", "x"]).contains("--join: a join token begins with"));
        assert!(error(&["--resources", "cpus"]).contains("--resources: 'cpus'"));
        assert!(error(&["--attributes", "rack"]).contains("'rack'"));
    }

    #[test]
    fn without_insula_the_reason_is_said() {
        let options = options(&["--insula", "/nonexistent/insula"]).unwrap();
        assert!(options.wasm.unwrap_err().contains("/nonexistent/insula"));
    }
}
