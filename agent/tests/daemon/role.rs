use std::ffi::OsString;

use clap::Parser;
use insula_agent::shepherd::{self, Options, Program};

/// Behind this the test harness sees only names of tests, of which there are none.
const OPTIONS: &str = "--";

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// This test program, as the program of a shepherd.
pub(crate) fn program() -> Program {
    program_of("role::shepherd")
}

/// This test program, asked to run one test only.
pub(crate) fn program_of(test: &str) -> Program {
    let args = ["--exact", "--nocapture", test, OPTIONS];
    Program {
        exe: std::env::current_exe().unwrap(),
        args: args.map(OsString::from).to_vec(),
    }
}

/// Not a test but the shepherd of one; it does nothing in a usual run.
#[test]
fn shepherd() {
    let options = std::env::args_os().skip_while(|arg| arg != OPTIONS);
    let line: Vec<OsString> = options.collect();
    if !line.is_empty() {
        shepherd::run(&Line::parse_from(line).options).unwrap();
    }
}
