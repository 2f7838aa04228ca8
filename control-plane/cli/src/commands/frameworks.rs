//! `insula frameworks`

use insula_client::api::Framework;

use crate::exit::{self, Failure};
use crate::output::{Output, age, or_dash, printable};
use crate::program::Global;

/// Show frameworks: who is subscribed, what they use, and why they get no offers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let frameworks = global.client()?.frameworks().await?;
    let header = [
        "id", "name", "state", "roles", "used", "offered", "tasks", "waiting", "age",
    ];
    output.list(&frameworks, &header, |framework| {
        vec![
            framework.id.clone(),
            framework.name.clone(),
            framework.state.clone(),
            framework.roles.join(","),
            or_dash(&framework.used),
            or_dash(&framework.offered),
            framework.tasks.to_string(),
            framework.waiting.to_string(),
            registered(framework),
        ]
    })?;
    if !output.is_json() {
        for framework in &frameworks {
            for sentence in &framework.why {
                output.talk(&format_args!("{}: {sentence}", printable(&framework.name)));
            }
        }
    }
    Ok(exit::OK)
}

/// The built-in framework is always there; it never registered.
fn registered(framework: &Framework) -> String {
    if framework.registered_at == 0 {
        return "-".to_owned();
    }
    age(framework.registered_at)
}
