//! `insula agents`

use insula_client::api::Agent;

use crate::exit::{self, Failure};
use crate::output::{Output, or_dash};
use crate::program::Global;

/// Show machines: what they have, what is used, and which limits are not enforced.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Have this agent kill and forget the tasks that the control plane has no record of, as after a
    /// restored backup.
    #[arg(long, value_name = "AGENT")]
    discard: Option<String>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    if let Some(agent) = args.discard {
        global.client()?.discard_held(&agent).await?;
        output.talk(&format_args!("{agent} is told to kill and forget them"));
        return Ok(exit::OK);
    }
    let agents = global.client()?.agents().await?;
    let header = [
        "id", "host", "state", "total", "used", "offered", "tasks", "runs",
    ];
    output.list(&agents, &header, |agent| {
        vec![
            agent.id.clone(),
            agent.hostname.clone(),
            agent.state.clone(),
            agent.total.clone(),
            or_dash(&agent.used),
            or_dash(&agent.offered),
            agent.tasks.to_string(),
            (if agent.wasm { "native, wasm" } else { "native" }).to_owned(),
        ]
    })?;
    if !output.is_json() {
        for agent in &agents {
            note(agent, output);
        }
    }
    Ok(exit::OK)
}

/// What a person must know about the machine beside its numbers.
fn note(agent: &Agent, output: &Output) {
    for (limit, reason) in &agent.unenforced {
        output.talk(&format_args!(
            "{}: {limit} is not enforced: {reason}",
            agent.hostname
        ));
    }
    if let Some(reason) = &agent.wasm_missing {
        output.talk(&format_args!("{}: no Wasm tasks: {reason}", agent.hostname));
    }
    if let Some(reason) = &agent.held {
        output.talk(&format_args!(
            "{}: nothing of it is offered: {reason}",
            agent.hostname
        ));
    }
    if !agent.excess.is_empty() {
        output.talk(&format_args!(
            "{}: came back smaller than its tasks; they use {} beyond its total",
            agent.hostname, agent.excess
        ));
    }
}
