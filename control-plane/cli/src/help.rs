//! The front page of the help: commands by what they are for.

use std::fmt::Write;

use clap::Command;

const GROUPS: [(&str, &[&str]); 4] = [
    ("Tasks", &["run", "ps", "logs", "wait", "kill", "why", "module"]),
    ("Cluster", &["agents", "frameworks", "offers", "events"]),
    ("Machines", &["dev", "agent", "token"]),
    ("Insula itself", &["version", "completions", "help"]),
];

const TRY: &str = "\
Try it: `insula dev --demo` shows everything on this machine; `insula dev` in one terminal and
`insula run -- uname -a` in another is the shortest way to a task of your own.";

/// The command with a help that lists its subcommands in groups; clap itself knows one list only.
pub(crate) fn grouped(command: Command) -> Command {
    let list = list(&command);
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{list}\n{{all-args}}\n\n{TRY}"
    ))
}
