//! Starting programs: what they get, what they do not get, and what is said when they cannot start.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use insula_isolation::process::{Exit, Signal};
use insula_isolation::spawn::{Command, Error, Namespaces, Owner, Resource, Rlimit, Step, Stream};

fn sh(script: &str) -> Command {
    Command::new(["/bin/sh", "-c", script])
}

/// Runs a script with its output in a file, and gives the output.
fn output(mut command: Command) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    command.stdout = Stream::Append(path.clone());
    assert_eq!(command.start().unwrap().wait().unwrap(), Exit::Code(0));
    fs::read_to_string(path).unwrap()
}

fn set(name: &str, value: &str) -> (OsString, OsString) {
    (name.into(), value.into())
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    assert_eq!(sh("exit 7").start().unwrap().wait().unwrap(), Exit::Code(7));
    assert_eq!(
        sh("kill -9 $$").start().unwrap().wait().unwrap(),
        Exit::Signal(9)
    );
    let child = sh("exec sleep 1000").start().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.signal(Signal::Term).unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Signal(15));
    assert!(child.try_wait().is_err(), "the status was taken");
}

#[test]
fn nothing_is_inherited_but_what_is_given() {
    let mut command =
        sh("env; ls /proc/self/fd | wc -l; trap; grep -E 'Sig(Blk|Ign)' /proc/self/status");
    command.env = vec![set("PATH", "/usr/bin:/bin"), set("A", "b c")];
    // Left open across exec on purpose: it must not reach the program.
    let (leaking, _other_end) = nix::unistd::pipe().unwrap();
    let text = output(command);
    drop(leaking);
    let variables: Vec<&str> = text
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with("PWD="))
        .collect();
    assert!(
        variables.contains(&"A=b c") && variables.contains(&"PATH=/usr/bin:/bin"),
        "{text}"
    );
    assert!(!text.contains("CARGO"), "{text}");
    // 0, 1, 2 and the directory that ls itself opens.
    assert!(text.lines().any(|line| line.trim() == "4"), "{text}");
    assert!(
        text.contains("SigBlk:\t0000000000000000") && text.contains("SigIgn:\t0000000000000000"),
        "{text}"
    );
}

#[test]
fn what_cannot_start_says_which_step_failed() {
    let failed = |command: Command| command.start().unwrap_err();
    assert!(matches!(
        failed(Command::new(Vec::<String>::new())),
        Error::Empty
    ));
    assert_eq!(
        failed(Command::new(["no-such-program"])).to_string(),
        "program \"no-such-program\" was not found in PATH \
         (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
    );
    let error = failed(Command::new(["/no/such"]));
    assert!(matches!(
        &error,
        Error::Child {
            step: Step::Exec,
            ..
        }
    ));
    assert_eq!(error.to_string(), "cannot run /no/such");

    let mut command = sh("true");
    command.cwd = Some("/no/such".into());
    assert!(matches!(
        failed(command),
        Error::Child {
            step: Step::Chdir,
            ..
        }
    ));

    let mut command = sh("true");
    command.stdin = Stream::Fifo("/dev/null".into());
    assert!(matches!(
        failed(command),
        Error::Stream {
            stream: "standard input",
            ..
        }
    ));

    assert!(matches!(
        failed(Command::new(["/bin/true", "a\0b"])),
        Error::Nul {
            what: "an argument"
        }
    ));
    assert!(matches!(
        failed(Command::new(["/"])),
        Error::Child {
            step: Step::Exec,
            ..
        }
    ));
}

#[test]
fn the_working_directory_holds_for_relative_programs() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    let mut file = File::create(&script).unwrap();
    file.write_all(b"#!/bin/sh\npwd\n").unwrap();
    drop(file);
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let here = fs::canonicalize(dir.path()).unwrap();
    for program in ["./script", "script"] {
        let mut command = Command::new([program]);
        command.cwd = Some(dir.path().to_owned());
        command.env = vec![set("PATH", ".:/bin")];
        assert_eq!(Path::new(output(command).trim()), here);
    }
}

#[test]
fn standard_input_from_a_fifo_ends_with_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Read and write: opening only for writing would wait for the reader.
    let mut writer = File::options().read(true).write(true).open(&path).unwrap();
    let (mut reader, output) = nix::unistd::pipe()
        .map(|(r, w)| (File::from(r), w))
        .unwrap();
    let mut command = sh("cat");
    command.stdin = Stream::Fifo(path);
    command.stdout = Stream::Fd(output);
    let child = command.start().unwrap();
    writer.write_all(b"hello").unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
}

#[test]
fn output_is_appended_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    for _ in 0..2 {
        let mut command = sh("echo line");
        command.stdout = Stream::Append(path.clone());
        command.start().unwrap().wait().unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "line\nline\n");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut command = sh("true");
    command.stderr = Stream::Append(link);
    assert!(matches!(
        command.start().unwrap_err(),
        Error::Stream {
            stream: "standard error",
            ..
        }
    ));
}

#[test]
fn limits_sessions_and_privileges_reach_the_program() {
    let mut command = sh(
        "ulimit -n; ulimit -c; grep NoNewPrivs /proc/self/status; [ $(cut -d' ' -f6 /proc/$$/stat) = $$ ]",
    );
    command.env = vec![set("PATH", "/usr/bin:/bin")];
    command.rlimits = vec![
        Rlimit {
            resource: Resource::OpenFiles,
            soft: 77,
            hard: 88,
        },
        Rlimit {
            resource: Resource::CoreSize,
            soft: 0,
            hard: 0,
        },
    ];
    command.new_session = true;
    command.no_new_privs = true;
    command.die_with_parent = true;
    assert_eq!(output(command), "77\n0\nNoNewPrivs:\t1\n");
}

#[test]
fn a_user_without_groups() {
    if !is_root() {
        return;
    }
    let mut command = sh("id -u; id -g; id -G; grep CapEff /proc/self/status");
    command.owner = Some(Owner {
        uid: 65534,
        gid: 65534,
    });
    assert_eq!(
        output(command),
        "65534\n65534\n65534\nCapEff:\t0000000000000000\n"
    );

    let secret = tempfile::tempdir().unwrap();
    fs::set_permissions(secret.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let mut command = sh("true");
    command.owner = Some(Owner {
        uid: 65534,
        gid: 65534,
    });
    command.cwd = Some(secret.path().to_owned());
    assert!(matches!(
        command.start().unwrap_err(),
        Error::Child {
            step: Step::Chdir,
            ..
        }
    ));
}

#[test]
fn mounts_of_its_own_are_seen_by_nobody_else() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new([
        "/bin/sh",
        "-c",
        "mount -t tmpfs none . && cd \"$PWD\" && touch inside && ls",
    ]);
    command.cwd = Some(dir.path().to_owned());
    command.namespaces = Namespaces {
        mount: true,
        ipc: true,
    };
    assert_eq!(output(command), "inside\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
