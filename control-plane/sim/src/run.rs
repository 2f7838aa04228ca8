//! A run: a seed, a number of steps with faults, and then quiet until everything has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};

use insula_types::Span;

use crate::check::Violation;
use crate::context::Context;
use crate::history::{History, START};
use crate::options::Options;
use crate::rng::Rng;
use crate::world::World;

/// Enough for several takeovers, and for agents to be lost and to return.
pub const STEPS: u64 = 20_000;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many events happen while faults do.
    pub steps: u64,
    /// How many control-plane processes there are; drawn from the seed if absent.
    pub replicas: Option<u32>,
    /// Whether the history's lines are kept; they are hashed in any case.
    pub keep_history: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The rule that was broken, if any.
    pub violation: Option<Violation>,
    /// How many events happened.
    pub events: u64,
    /// How many commits.
    pub commits: u64,
    /// How many owners took a partition.
    pub owners: u32,
    /// How many processes were started.
    pub starts: usize,
    /// How much time passed in the simulated world.
    pub simulated: Span,
    /// What happened.
    pub history: History,
}

/// Runs a seed to its end, or to the first rule that is broken. A panic counts as one.
#[must_use]
pub fn run(plan: Plan) -> Outcome {
    let mut rng = Rng::new(plan.seed);
    let options = Options::draw(&mut rng, plan.replicas);
    let mut context = Context::new(rng, options, History::new(plan.keep_history));
    let drawn = format!("{:?}", context.options);
    context.note("options", format_args!("{drawn}"));
    let mut world = World::new(context);
    let result = catch_unwind(AssertUnwindSafe(|| proceed(&mut world, plan.steps)));
    let violation = match result {
        Ok(result) => result.err(),
        Err(panic) => Some(Violation::new("nothing panics", sentence(panic.as_ref()))),
    };
    if let Some(violation) = &violation {
        world.ctx.note("violation", format_args!("{violation}"));
    }
    Outcome {
        seed: plan.seed,
        violation,
        events: world.events,
        commits: world.store.commits(),
        owners: world.driver_count,
        starts: world.checks.starts.count(),
        simulated: world.ctx.now.since(START),
        history: world.ctx.history,
    }
}

fn proceed(world: &mut World, steps: u64) -> Result<(), Violation> {
    while world.events < steps {
        match world.next() {
            Some(result) => result?,
            None => break,
        }
    }
    world.quiesce()
}

fn sentence(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
