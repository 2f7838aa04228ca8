//! The front page of the help: commands by what they are for.

use clap::Command;

const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Tasks",
        &[
            "run", "ps", "logs", "wait", "kill", "why", "trace", "module",
        ],
    ),
    ("Cluster", &["agents", "frameworks", "offers", "events"]),
    ("Machines", &["dev", "agent", "token"]),
    ("Service", &["server", "replicas", "partitions", "admin"]),
    ("Insula itself", &["version", "completions"]),
];

const TRY: &str = "\
`insula COMMAND --help` says more about one. `insula dev --demo` shows everything on this machine;
`insula dev` in one terminal and `insula run -- uname -a` in another is the shortest way to a task.";

/// The command with a help that lists its subcommands in groups; clap itself knows one list only.
pub(crate) fn grouped(command: Command) -> Command {
    let groups: String = GROUPS
        .iter()
        .map(|(title, names)| group(&command, title, names))
        .collect();
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}\n\n{TRY}"
    ))
}

fn group(command: &Command, title: &str, names: &[&str]) -> String {
    let lines = names.iter().filter_map(|name| {
        let about = command.find_subcommand(name)?.get_about()?;
        Some(format!("  {name:<13}{about}\n"))
    });
    format!("{title}:\n{}\n", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_visible_command_is_in_one_group() {
        let command = crate::program::command_line();
        let mut listed: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let visible = command.get_subcommands().filter(|one| !one.is_hide_set());
        let mut visible: Vec<&str> = visible.map(Command::get_name).collect();
        listed.sort_unstable();
        visible.sort_unstable();
        assert_eq!(listed, visible);
    }

    #[test]
    fn a_command_is_described_on_one_line() {
        let command = crate::program::command_line();
        for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.len() <= 85, "{}: {about}", one.get_name());
        }
    }
}
