//! How many tasks per second one control plane takes over HTTP, each durable when it is answered.
//!
//! `cargo run -p insula-server --example submit_rate -- [SECONDS]` prints a line per way of asking:
//! one client after the other's answer, many at once, and many tasks in one request.

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_client::api::{SubmitTask, SubmitTasks};
use insula_server::{Options, Server};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(3.0), |text| text.parse())?;
    let length = Duration::try_from_secs_f64(seconds)?;
    println!("clients  tasks/request  requests/s  tasks/s");
    for (clients, tasks) in [(1, 1), (16, 1), (64, 1), (4, 100)] {
        // Each begins with an empty store, since the tasks that wait are never taken back.
        let directory = tempfile::tempdir()?;
        let listen = ([127, 0, 0, 1], 0).into();
        let mut options = Options::new(listen, directory.path().to_owned());
        options.kernel.requests_max = usize::MAX / 2;
        let server = Server::start(options).await?;
        let client = Client::new(&server.address().to_string())?;
        let requests = measure(&client, clients, tasks, length).await?;
        server.stop().await?;
        let tasks_per_second = requests * f64::from(tasks);
        println!("{clients:>7}  {tasks:>13}  {requests:>10.0}  {tasks_per_second:>7.0}");
    }
    Ok(())
}

/// Requests per second of so many clients, each asking for so many tasks at a time.
async fn measure(
    client: &Client,
    clients: usize,
    tasks: u32,
    length: Duration,
) -> Result<f64, Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let task = format!(r#"{{"run":{{"command":["true"]}},"count":{tasks}}}"#);
    let task: SubmitTask = serde_json::from_str(&task)?;
    let submission = SubmitTasks { tasks: vec![task] };
    let begun = Instant::now();
    let asking = (0..clients).map(|_| {
        let (client, submission, done) = (client.clone(), submission.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while begun.elapsed() < length {
                client.submit(&submission).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, insula_client::Error>(())
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await??;
    }
    let done = u32::try_from(done.load(Ordering::Relaxed))?;
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}
