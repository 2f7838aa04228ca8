//! The owner of a cell dies under many agents with running tasks: how long until all is well again.

mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::{Client, Listing};
use insula_types::Resources;

use crate::error::Error;
use crate::fleet::{Crew, Fleet, Tally};
use crate::report::{Report, say};
use crate::site::{self, DEFAULT_CELL, Processors, Site};
use watch::Watch;

/// Tasks of this scenario run until it is over.
const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How large the cell is, and what happens to its owner.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    site: site::Arguments,
    /// Number of agents, spread over all replicas; each needs an open file here, and one there.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    agents: u32,
    /// What each agent has.
    #[arg(long, default_value = "cpus:8;mem:16384")]
    resources: Resources,
    /// Number of tasks that run when it happens; a tenant has room for 100,000, and new ones come.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=99_990))]
    tasks: u32,
    /// What each task needs.
    #[arg(long, default_value = "cpus:0.1;mem:32")]
    task_resources: Resources,
    /// How the owner ends.
    #[arg(long, value_enum, default_value_t = How::Kill)]
    how: How,
    /// How long anything may take, in seconds.
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// Killed, as in a power cut.
    Kill,
    /// Asked to hand over and to end.
    Drain,
}

/// Runs the scenario and reports what was measured.
///
/// # Errors
/// If the control plane does not start, the agents cannot join, or something is not well again in
/// time.
pub(crate) async fn run(arguments: &Arguments, report: Report) -> Result<(), Error> {
    if arguments.site.replicas < 2 {
        return Err(Error::Arguments("with one replica nobody takes over"));
    }
    let mut site = Site::start(&arguments.site).await?;
    report.title(&format!(
        "failover ({}): {} replicas, {} agents, {} running tasks",
        match arguments.how {
            How::Kill => "kill -9 of the owner",
            How::Drain => "SIGTERM to the owner",
        },
        arguments.site.replicas,
        arguments.agents,
        arguments.tasks
    ));
    let partition = site.add_cell(DEFAULT_CELL)?;
    let client = site.client(0, DEFAULT_CELL)?;
    let tally = Arc::new(Tally::default());
    let fleet = fill(&site, &client, arguments, &tally, report).await?;

    let owner = site.owner(&client, partition).await?;
    let owner = owner.ok_or(Error::Arguments("nobody owns the default cell any more"))?;
    let survivor = (owner + 1) % site.replicas.len();
    report.count(
        "memory of the owner, MiB",
        site.replicas[owner].process.memory_mib(),
    );
    let watch = Watch {
        client: site.client(survivor, DEFAULT_CELL)?,
        fleet,
        tally: Arc::clone(&tally),
        resources: arguments.task_resources.clone(),
        partition,
        owner,
        epoch: tally.counts().epoch(),
        agents: arguments.agents.into(),
        timeout: Duration::from_secs(arguments.timeout),
    };
    let counts = tally.counts();
    let ended = Instant::now();
    let process = &mut site.replicas[owner].process;
    match arguments.how {
        How::Kill => process.kill()?,
        How::Drain => process.terminate()?,
    }
    say("the owner is told to end");
    watch.until_well(&site, ended, report).await?;
    let after = tally.counts();
    report.count("sessions lost", after.cut - counts.cut);
    report.count("tasks that ended meanwhile", after.ended - counts.ended);
    report.count("tasks started more than once", after.repeated);
    let heir = site.owner(&watch.client, partition).await?;
    let heir = heir.map(|heir| site.replicas[heir].process.memory_mib());
    report.count("memory of the new owner, MiB", heir.unwrap_or_default());
    list(&watch.client, report).await
}

/// Fills the cell with agents and running tasks.
async fn fill(
    site: &Site,
    client: &Client,
    arguments: &Arguments,
    tally: &Arc<Tally>,
    report: Report,
) -> Result<Fleet, Error> {
    let timeout = Duration::from_secs(arguments.timeout);
    let crew = Crew {
        agents: arguments.agents,
        resources: arguments.resources.clone(),
        run: FOR_EVER,
        doors: site.doors(None)?,
        timeout,
    };
    let fleet = Fleet::join(client, None, &crew, tally, report).await?;
    let before = (site.commits(), Processors::now(site));
    let began = Instant::now();
    let tasks = u64::from(arguments.tasks);
    fleet
        .submit(client, arguments.tasks, &arguments.task_resources)
        .await?;
    report.rate("tasks submitted", tasks, began.elapsed());
    tally
        .wait_until(timeout, "all tasks to run", |counts| {
            counts.running >= tasks
        })
        .await?;
    let took = began.elapsed();
    before.1.report(site, report);
    report.rate("tasks submitted, started and acknowledged", tasks, took);
    site.commits().since(&before.0).report(report);
    Ok(fleet)
}

/// Lists all tasks, as a check that they are still there.
async fn list(client: &Client, report: Report) -> Result<(), Error> {
    let began = Instant::now();
    let listed = client.tasks(&Listing::default()).await?;
    let running = listed.iter().filter(|task| task.state == "TASK_RUNNING");
    report.count(
        "tasks that the new owner says are running",
        running.count() as u64,
    );
    report.took("listing them", began.elapsed());
    Ok(())
}
