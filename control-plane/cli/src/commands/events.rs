//! `insula events`

use futures::StreamExt;
use insula_client::api::Event;

use crate::exit::{self, Failure};
use crate::output::{Output, printable};
use crate::program::Global;

/// Show what happened, newest last.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with what happens from now on.
    #[arg(short, long)]
    follow: bool,
    /// How many of the past.
    #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT")]
    tail: u32,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let mut events = global.client()?.events(args.tail, args.follow).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        if output.is_json() {
            output.json_line(&event)?;
        } else {
            output.line(&sentence(&event))?;
        }
    }
    Ok(exit::OK)
}

/// One line: when (UTC), what, whom, and what was said.
fn sentence(event: &Event) -> String {
    let whom = [&event.framework, &event.task, &event.agent];
    let whom: Vec<&str> = whom.into_iter().flatten().map(String::as_str).collect();
    let state = event.state.as_deref().unwrap_or_default();
    let reason = event.reason.as_deref().unwrap_or_default();
    let parts = [
        clock(event.at),
        event.event.clone(),
        printable(&whom.join(" ")).into_owned(),
        state.to_owned(),
        reason.to_owned(),
        printable(&event.message).into_owned(),
    ];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

/// The time of day in UTC.
fn clock(micros: u64) -> String {
    let (seconds, millis) = (micros / 1_000_000 % 86_400, micros / 1_000 % 1_000);
    format!(
        "{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = Event {
            at: 3_661_002_000,
            event: "task_updated".into(),
            task: Some("hello-1".into()),
            state: Some("TASK_FINISHED".into()),
            ..Event::default()
        };
        assert_eq!(
            sentence(&event),
            "01:01:01.002Z  task_updated  hello-1  TASK_FINISHED"
        );
    }
}
