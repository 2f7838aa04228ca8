//! How many envelopes a second pass, in process and over a Redis server.
//!
//! `cargo run --release --example rate -p insula-broker` measures in process;
//! with `INSULA_TEST_REDIS_URL` set, over that server as well.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use insula_broker::{
    Beats, Broker, Envelope, InProcess, Options, Received, SendError, Stream, Writer,
};
use insula_types::{Epoch, PartitionId, ReplicaId, TraceContext};

/// Envelopes of a run.
const ENVELOPES: u64 = 300_000;
/// Bytes of each payload: about those of a task's update.
const PAYLOAD: usize = 300;
/// Round trips of a run.
const ROUND_TRIPS: u32 = 2_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options {
        prefix: format!("insula-rate-{}", uuid::Uuid::new_v4()),
        ..Options::default()
    };
    let data = InProcess::new(&options);
    let broker = Broker::in_process(&data, options.clone()).await?;
    measure("in process", &broker).await?;
    if let Ok(url) = std::env::var("INSULA_TEST_REDIS_URL") {
        let broker = Broker::connect(&url, options).await?;
        measure("redis", &broker).await?;
    }
    Ok(())
}

async fn measure(name: &str, broker: &Broker) -> Result<(), Box<dyn Error>> {
    for links in [1, 4, 16] {
        let rate = throughput(broker, links).await?;
        println!("{name}: {links} links, {rate:.0} envelopes/s");
    }
    let (median, worst) = round_trips(broker).await?;
    println!("{name}: there and back {median:?} at the median, {worst:?} at the 99th percentile");
    Ok(())
}

fn envelope() -> Envelope {
    let payload = Bytes::from_static(&[7; PAYLOAD]);
    Envelope::new(
        Some("cell".into()),
        Epoch(1),
        TraceContext::start(1, 2, false),
        payload,
    )
}

fn inbound(epoch: u64) -> Stream {
    Stream::In {
        partition: PartitionId(0),
        epoch: Epoch(epoch),
    }
}

async fn throughput(broker: &Broker, links: u32) -> Result<f64, Box<dyn Error>> {
    let stream = inbound(u64::from(links));
    let mut reader = broker.reader(stream.clone());
    let begun = Instant::now();
    for link in 0..links {
        let link = format!("rate.{link}").into();
        let writer = broker.writer(stream.clone(), link, Beats::EverySecond);
        tokio::spawn(send_all(writer, ENVELOPES / u64::from(links)));
    }
    let mut heard = 0;
    while heard < ENVELOPES / u64::from(links) * u64::from(links) {
        match reader.next().await {
            Some(Received::Message { position, .. }) => {
                heard += 1;
                reader.applied(position);
            }
            Some(Received::Beat { .. }) => {}
            other => return Err(format!("the measurement was disturbed: {other:?}").into()),
        }
    }
    let rate = f64::from(u32::try_from(heard)?) / begun.elapsed().as_secs_f64();
    broker.remove(&stream).await?;
    Ok(rate)
}

async fn send_all(mut writer: Writer, envelopes: u64) {
    for _ in 0..envelopes {
        while writer.send(envelope()) == Err(SendError::Full) {
            writer.room().await;
        }
    }
}

/// One envelope at a time to an owner and back to its gateway.
async fn round_trips(broker: &Broker) -> Result<(Duration, Duration), Box<dyn Error>> {
    let (there, back) = (inbound(99), Stream::Out(ReplicaId::from("rate")));
    let mut to_owner = broker.writer(there.clone(), "rate.there".into(), Beats::EverySecond);
    let mut to_gateway = broker.writer(back.clone(), "rate.back".into(), Beats::EverySecond);
    let (mut owner, mut gateway) = (broker.reader(there.clone()), broker.reader(back.clone()));
    let mut times = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        to_owner.send(envelope())?;
        next_message(&mut owner).await;
        to_gateway.send(envelope())?;
        next_message(&mut gateway).await;
        times.push(begun.elapsed());
    }
    times.sort();
    drop((to_owner, to_gateway));
    broker.remove(&there).await?;
    broker.remove(&back).await?;
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    Ok((at(50).unwrap_or_default(), at(99).unwrap_or_default()))
}

async fn next_message(reader: &mut insula_broker::Reader) {
    while let Some(received) = reader.next().await {
        if let Received::Message { position, .. } = received {
            reader.applied(position);
            return;
        }
    }
}
