//! `insula-sim`: runs seeds, or replays one with its history.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use insula_sim::{Outcome, Plan, STEPS, run};

/// Simulates whole cells in which everything goes wrong, from seeds.
#[derive(Debug, Parser)]
#[command(name = "insula-sim")]
struct Arguments {
    /// Run so many seeds, beginning with --from.
    #[arg(long, default_value_t = 200, conflicts_with = "seed")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Replay one seed and print its history.
    #[arg(long)]
    seed: Option<u64>,
    /// So many control-plane processes; 1 or 3, as the seed says, if absent.
    #[arg(long)]
    replicas: Option<u32>,
    /// How many events happen while faults do.
    #[arg(long, default_value_t = STEPS)]
    steps: u64,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let clean = match arguments.seed {
        Some(seed) => replay(seed, &arguments)?,
        None => sweep(&arguments)?,
    };
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn replay(seed: u64, arguments: &Arguments) -> io::Result<bool> {
    let outcome = run(Plan {
        seed,
        steps: arguments.steps,
        replicas: arguments.replicas,
        keep_history: true,
    });
    let mut out = io::stdout().lock();
    for line in outcome.history.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "seed {seed}: {} events, {} commits, {} owners, {} processes, {} simulated, history {:016x}",
        outcome.events,
        outcome.commits,
        outcome.owners,
        outcome.starts,
        outcome.simulated,
        outcome.history.hash(),
    )?;
    report(&outcome, arguments)
}

fn sweep(arguments: &Arguments) -> io::Result<bool> {
    let began = Instant::now();
    let mut failed = 0;
    let (mut events, mut simulated) = (0, 0.0);
    for done in 0..arguments.seeds {
        let outcome = run(Plan {
            seed: arguments.from + done,
            steps: arguments.steps,
            replicas: arguments.replicas,
            keep_history: false,
        });
        events += outcome.events;
        simulated += outcome.simulated.as_secs_f64() / 3600.0;
        if !report(&outcome, arguments)? {
            failed += 1;
        }
        let done = done + 1;
        if done % 50 == 0 || done == arguments.seeds {
            let secs = began.elapsed().as_secs_f64();
            writeln!(
                io::stderr(),
                "{done} seeds, {failed} failed, {events} events, {simulated:.0} simulated hours in {secs:.0} s",
            )?;
        }
    }
    Ok(failed == 0)
}

/// Says what was broken and how to see it again; tells whether nothing was.
fn report(outcome: &Outcome, arguments: &Arguments) -> io::Result<bool> {
    let Some(violation) = &outcome.violation else {
        return Ok(true);
    };
    let seed = outcome.seed;
    let mut out = io::stdout().lock();
    writeln!(out, "seed {seed} failed: {violation}")?;
    let mut options = String::new();
    if arguments.steps != STEPS {
        options.push_str(&format!(" --steps {}", arguments.steps));
    }
    if let Some(replicas) = arguments.replicas {
        options.push_str(&format!(" --replicas {replicas}"));
    }
    writeln!(
        out,
        "  replay: cargo run --release -p insula-sim -- --seed {seed}{options}"
    )?;
    Ok(false)
}
