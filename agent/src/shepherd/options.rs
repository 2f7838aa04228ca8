use std::ffi::OsString;
use std::path::PathBuf;

/// How a shepherd runs. The agent writes them on the command line of the hidden subcommand `shepherd`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// The directory of its files.
    #[arg(long)]
    pub dir: PathBuf,
    /// The control group below which its tasks get theirs, such as `insula/agent-1`; it belongs to this shepherd
    /// alone. Without it tasks run without control groups.
    #[arg(long)]
    pub cgroup_parent: Option<String>,
    /// A directory on cgroup v2 that was delegated to Insula.
    #[arg(long)]
    pub cgroup_delegated: Option<PathBuf>,
    /// A directory in the cgroup v1 memory hierarchy that was delegated to Insula.
    #[arg(long)]
    pub memory_delegated: Option<PathBuf>,
    /// Kill everything and go when the agent has been away for so many milliseconds.
    #[arg(long)]
    pub die_with_agent_ms: Option<u64>,
    /// Go when nothing runs and no agent has been there for so many milliseconds.
    #[arg(long, default_value_t = 60_000)]
    pub linger_ms: u64,
}

impl Options {
    /// The usual ones for a directory: control groups below `cgroup_parent`, if given, as the machine has them.
    pub fn new(dir: impl Into<PathBuf>, cgroup_parent: Option<String>) -> Options {
        Options {
            dir: dir.into(),
            cgroup_parent,
            cgroup_delegated: None,
            memory_delegated: None,
            die_with_agent_ms: None,
            linger_ms: 60_000,
        }
    }

    /// The same as arguments.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args = vec!["--dir".into(), self.dir.clone().into()];
        let mut push = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                args.extend([name.into(), value]);
            }
        };
        push(
            "--cgroup-parent",
            self.cgroup_parent.as_ref().map(OsString::from),
        );
        push(
            "--cgroup-delegated",
            self.cgroup_delegated.clone().map(OsString::from),
        );
        push(
            "--memory-delegated",
            self.memory_delegated.clone().map(OsString::from),
        );
        push(
            "--die-with-agent-ms",
            self.die_with_agent_ms.map(|ms| ms.to_string().into()),
        );
        push("--linger-ms", Some(self.linger_ms.to_string().into()));
        args
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Options;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn arguments_say_the_same_as_the_value() {
        let full = Options {
            cgroup_delegated: Some("/c".into()),
            memory_delegated: Some("/m".into()),
            die_with_agent_ms: Some(7),
            linger_ms: 8,
            ..Options::new("/d", Some("insula/a".to_owned()))
        };
        for options in [full, Options::new("/d", None)] {
            let args = [vec!["shepherd".into()], options.to_args()].concat();
            assert_eq!(Line::try_parse_from(args).unwrap().options, options);
        }
    }
}
