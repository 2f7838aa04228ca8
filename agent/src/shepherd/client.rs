//! The agent's side.

use std::time::Duration;

use insula_isolation::process::PidFd;
use insula_types::TraceContext;
use tokio::time::{Instant, sleep};

use super::lines::Lines;
use super::protocol::{Event, REQUESTS, Request, VERSION, Welcome};
use super::{Error, Options, Program, launch, socket};

/// How long a shepherd may take from its start to its first answer: it may have to kill what a dead one left.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A shepherd is there within a few milliseconds.
const TRY_AGAIN: Duration = Duration::from_millis(2);
/// A shepherd that ends at once, whatever the reason, is not started more often than this.
const SPAWN_AGAIN: Duration = Duration::from_millis(200);

/// A connection to the shepherd of one directory, which is started if there is none.
///
/// Drive it by calling [`Client::next`] again and again, and [`Client::send`] in between. Each connection begins with
/// an [`Event::Welcome`] that holds the state of every task; whatever was sent before and does not show in it was not
/// done, and is to be sent again. So neither side keeps a list of what the other may have missed.
#[derive(Debug)]
pub struct Client {
    program: Program,
    options: Options,
    /// What hellos carry.
    trace: TraceContext,
    link: Option<Lines>,
    /// The shepherd that this process started, to take its status when it has ended.
    child: Option<PidFd>,
    spawned_at: Option<Instant>,
    /// What the shepherd understands, by its welcome.
    requests: u32,
}

impl Client {
    /// A client that is not connected yet; `trace` is that of the agent's life.
    pub fn new(program: Program, options: Options, trace: TraceContext) -> Client {
        Client {
            program,
            options,
            trace,
            link: None,
            child: None,
            spawned_at: None,
            requests: 0,
        }
    }

    /// The next event, after connecting where that is needed. Cancelling it loses nothing, so it can stand in a
    /// `select!`.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] or [`Error::Spawn`] if no shepherd can be had, [`Error::Protocol`] if what it says is not
    /// understood. Calling again tries again.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let link = match &mut self.link {
                Some(link) => link,
                None => self.connect().await?,
            };
            match link.next().await {
                Ok(Some(line)) => return self.understand(&line),
                Ok(None) | Err(_) => self.link = None,
            }
        }
    }

    /// Sends a request as soon as the shepherd takes it; it does not wait. What the shepherd has not taken yet goes
    /// out while [`Client::next`] is waited for.
    ///
    /// # Errors
    /// [`Error::Disconnected`] if there is no connection, or it is lost with this: [`Client::next`] will make a new one.
    pub fn send(&mut self, request: &Request) -> Result<(), Error> {
        let link = self.link.as_mut().ok_or(Error::Disconnected)?;
        link.push(request).map_err(|_lost| {
            self.link = None;
            Error::Disconnected
        })
    }

    /// Tells the shepherd to end, and all that it keeps, in words that it understands.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_leave(&mut self) -> Result<(), Error> {
        let trace = self.trace.clone();
        if self.requests >= REQUESTS {
            self.send(&Request::Leave { trace })
        } else {
            self.send(&Request::Shutdown)
        }
    }

    fn understand(&mut self, line: &[u8]) -> Result<Event, Error> {
        let because = match serde_json::from_slice(line) {
            Ok(Event::Welcome(Welcome { version, .. })) if version != VERSION => {
                format!("it speaks version {version} and this agent {VERSION}")
            }
            Ok(event) => {
                if let Event::Welcome(welcome) = &event {
                    self.requests = welcome.requests;
                }
                return Ok(event);
            }
            Err(error) => error.to_string(),
        };
        self.link = None;
        Err(Error::Protocol { because })
    }

    async fn connect(&mut self) -> Result<&mut Lines, Error> {
        let began = Instant::now();
        loop {
            if let Ok(stream) = socket::connect(&self.options.dir).await {
                let mut link = Lines::of_agent(stream);
                let hello = Request::Hello {
                    version: VERSION,
                    trace: self.trace.clone(),
                };
                if link.push(&hello).is_ok() {
                    return Ok(self.link.insert(link));
                }
            }
            let waited = began.elapsed();
            if waited >= ANSWER_MAX {
                let (dir, waited_ms) = (self.options.dir.clone(), waited.as_millis());
                return Err(Error::NoAnswer { dir, waited_ms });
            }
            self.spawn_if_needed()?;
            sleep(TRY_AGAIN).await;
        }
    }

    fn spawn_if_needed(&mut self) -> Result<(), Error> {
        if let Some(child) = &self.child {
            if child.try_wait()?.is_none() {
                return Ok(());
            }
            self.child = None;
        }
        if self.spawned_at.is_some_and(|at| at.elapsed() < SPAWN_AGAIN) {
            return Ok(());
        }
        self.spawned_at = Some(Instant::now());
        self.child = Some(launch::spawn(&self.program, &self.options)?);
        Ok(())
    }
}
