//! Durable launches per second: tasks submitted to many cells at once, each with a fleet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_types::Resources;

use crate::error::Error;
use crate::fleet::{Crew, Fleet, Tally};
use crate::report::Report;
use crate::site::{self, DEFAULT_CELL, Processors, Site};

/// Cells that are added for each one that is used, so that owners can be chosen evenly.
const CELLS_TO_CHOOSE_FROM: u16 = 4;
/// How long replicas may take to hear of a new cell and to serve it.
const SERVED: Duration = Duration::from_secs(60);

/// How much work there is, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    site: site::Arguments,
    /// Number of cells, owned by the replicas evenly; the one over SQLite has one.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    cells: u16,
    /// Number of agents in each cell.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    agents: u32,
    /// What each agent has.
    #[arg(long, default_value = "cpus:100;mem:65536")]
    resources: Resources,
    /// Number of tasks in each cell.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: u32,
    /// What each task needs.
    #[arg(long, default_value = "cpus:0.1;mem:32")]
    task_resources: Resources,
    /// How long each task pretends to run, in milliseconds.
    #[arg(long, default_value_t = 0)]
    run_millis: u64,
    /// How long anything may take, in seconds.
    #[arg(long, default_value_t = 300)]
    timeout: u64,
}

/// A cell with its fleet, and a client of the replica that it is submitted through.
struct Work {
    client: Client,
    fleet: Fleet,
}

/// Runs the scenario and reports what was measured.
///
/// # Errors
/// If the control plane does not start, the fleets cannot join, or the tasks do not end in time.
pub(crate) async fn run(arguments: &Arguments, report: Report) -> Result<(), Error> {
    let site = Site::start(&arguments.site).await?;
    let names = choose(&site, arguments).await?;
    report.title(&format!(
        "launches: {}, {} cells of {} agents and {} tasks of {} ms",
        match arguments.site.replicas {
            0 => "SQLite".to_owned(),
            replicas => format!("Postgres, {replicas} replicas"),
        },
        names.len(),
        arguments.agents,
        arguments.tasks,
        arguments.run_millis
    ));
    let timeout = Duration::from_secs(arguments.timeout);
    let tally = Arc::new(Tally::default());
    let mut work = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let client = site.client(number % site.replicas.len(), name)?;
        let crew = Crew {
            agents: arguments.agents,
            resources: arguments.resources.clone(),
            run: Duration::from_millis(arguments.run_millis),
            doors: site.doors(None)?,
            timeout,
        };
        let fleet = Fleet::join(&client, None, &crew, &tally, report).await?;
        work.push(Work { client, fleet });
    }
    let before = (site.commits(), Processors::now(&site));
    let began = Instant::now();
    let submitting = submit(arguments, &work).await?;
    let all = u64::from(arguments.tasks) * names.len() as u64;
    report.rate("tasks submitted", all, submitting);
    let ended = tally
        .wait_until(timeout, "the end of all tasks", |counts| {
            counts.ended >= all
        })
        .await;
    before.1.report(&site, report);
    tally.report(report, began);
    site.commits().since(&before.0).report(report);
    ended
}

/// Submits everything at once, each cell's tasks through a replica; says how long it took.
async fn submit(arguments: &Arguments, work: &[Work]) -> Result<Duration, Error> {
    let began = Instant::now();
    let submitting = work.iter().map(|cell| {
        cell.fleet
            .submit(&cell.client, arguments.tasks, &arguments.task_resources)
    });
    for submitted in futures::future::join_all(submitting).await {
        submitted?;
    }
    Ok(began.elapsed())
}

/// Adds cells, and chooses as many as are wanted so that each replica owns equally many.
async fn choose(site: &Site, arguments: &Arguments) -> Result<Vec<String>, Error> {
    if arguments.site.replicas == 0 {
        return Ok(vec![DEFAULT_CELL.to_owned()]);
    }
    let mut added = Vec::new();
    for number in 0..arguments.cells * CELLS_TO_CHOOSE_FROM {
        let name = format!("load-{number}");
        let partition = site.add_cell(&name)?;
        added.push((name, partition));
    }
    let all = site.client(0, DEFAULT_CELL)?.partitions().await?;
    let mut chosen = Vec::new();
    let replicas = site.replicas.len();
    for number in 0..usize::from(arguments.cells) {
        let owner = Some(number % replicas);
        let found = added
            .iter()
            .position(|(_, partition)| site.find(&all, *partition) == owner);
        // Chance may have given an owner too few of them.
        chosen.push(added.swap_remove(found.unwrap_or(0)).0);
    }
    until_served(site, &chosen).await?;
    Ok(chosen)
}

async fn until_served(site: &Site, cells: &[String]) -> Result<(), Error> {
    for cell in cells {
        let client = site.client(0, cell)?;
        let what = format!("cell {cell} to be served");
        site::until(SERVED, &what, async || client.frameworks().await.ok()).await?;
    }
    Ok(())
}
