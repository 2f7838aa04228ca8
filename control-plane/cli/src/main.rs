//! `insula`: run work on machines that you own, and be the service that schedules it.
//!
//! One binary has every role. For people: `run`, `ps`, `logs` and the other clients of a control
//! plane, and `dev`, which is a control plane and agents of this machine in one process. For
//! operators: `server`, one replica of a service, and `admin`, what is done beside it. For
//! processes: `shepherd`, `wasm-executor` and `wasm-compiler`, hidden, which `insula` starts from
//! itself.
//!
//! Standard output is data, standard error is talk. Exit codes are in [`exit`].

mod admin;
mod commands;
mod dev;
mod exit;
mod file;
mod help;
mod output;
mod program;
mod roles;
mod server;
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run(std::env::args_os())
}
