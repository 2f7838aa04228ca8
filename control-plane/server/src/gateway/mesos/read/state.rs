//! `/state`: everything at once.

use serde::Serialize;

use super::fixed::Build;
use super::writer::{End, Writer};
use super::{Source, agents, frameworks};

#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    build: Build,
    start_time: f64,
    elected_time: f64,
    id: &'a str,
    pid: &'a str,
    hostname: &'a str,
    capabilities: [&'static str; 1],
    leader: &'a str,
    leader_info: Leader<'a>,
    flags: Flags,
}

#[derive(Serialize)]
struct Leader<'a> {
    id: &'a str,
    pid: &'a str,
    port: u16,
    hostname: &'a str,
}

/// Of Mesos' many flags the one that has a counterpart here.
#[derive(Serialize)]
struct Flags {
    port: String,
}

/// Writes `/state`. The numbers of agents follow their list, since they are counted with it.
pub(super) async fn write(source: &Source, out: &mut Writer) -> Result<(), End> {
    let master = &source.master;
    let pid = master.pid();
    out.open(&Head {
        build: Build::THIS,
        start_time: master.started_at.as_secs_f64(),
        elected_time: master.started_at.as_secs_f64(),
        id: &master.id,
        pid: &pid,
        hostname: &master.hostname,
        capabilities: ["AGENT_UPDATE"],
        leader: &pid,
        leader_info: Leader {
            id: &master.id,
            pid: &pid,
            port: master.port,
            hostname: &master.hostname,
        },
        flags: Flags {
            port: master.port.to_string(),
        },
    });
    out.text(r#","slaves":["#);
    let counts = agents::list(source, None, false, out).await?;
    out.text(&format!(
        r#"],"activated_slaves":{}.0,"deactivated_slaves":{}.0,"unreachable_slaves":{}.0,"#,
        counts.active, counts.inactive, counts.unreachable
    ));
    out.text(r#""recovered_slaves":[],"#);
    frameworks::lists(source, None, out).await?;
    out.text(r#","orphan_tasks":[],"unregistered_frameworks":[]}"#);
    Ok(())
}
