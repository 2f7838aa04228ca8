//! Streams of a Redis server, version 6.2 or newer.
//!
//! Each operation is one command or one script, so that the generation is compared in the same step
//! that changes anything: what is written to a data set that forgot the past is not written at all.
//! Per stream there are two keys, the stream and a hash that counts its bytes; both vanish when nobody
//! has written for a while. A single server or a primary with replicas is meant; the keys of a script
//! do not share a slot of a cluster.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamReadReply};
use redis::{AsyncConnectionConfig, Client, InfoDict, RedisError, Script};
use uuid::Uuid;

use super::{Appended, Fault, Read};
use crate::Options;
use crate::stream::{Position, Stored, Stream};

/// The first version that trims a stream by the least id to keep.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Appends while there is credit; says how many entries were taken, or -1 if the data set is another.
const APPEND: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local counts = redis.call('HMGET', KEYS[3], 'written', 'trimmed')
local written, trimmed = tonumber(counts[1] or '0'), tonumber(counts[2] or '0')
local entries = redis.call('XLEN', KEYS[2])
local taken = 0
for i = 5, #ARGV do
  if entries >= tonumber(ARGV[2]) or written - trimmed >= tonumber(ARGV[3]) then break end
  written = written + #ARGV[i]
  redis.call('XADD', KEYS[2], '*', 'n', string.format('%.0f', written), 'e', ARGV[i])
  entries = entries + 1
  taken = taken + 1
end
if taken > 0 then
  redis.call('HSET', KEYS[3], 'written', string.format('%.0f', written))
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
return taken
";

/// Trims below an id and gives its bytes back; makes nothing that is not there.
const TRIM: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
local trimmed = redis.call('HGET', KEYS[3], 'trimmed') or '0'
if redis.call('EXISTS', KEYS[3]) == 1 and tonumber(ARGV[3]) > tonumber(trimmed) then
  redis.call('HSET', KEYS[3], 'trimmed', ARGV[3])
end
return 0
";

/// Why no session with the broker can begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The address is not of a form that is understood.
    #[error("the broker's address is not of the form redis://host:port or rediss://host:port")]
    Address(#[source] RedisError),
    /// It cannot be reached, or does not answer as it should.
    #[error("the broker cannot be reached: {0}")]
    Away(String),
    /// It would throw messages away when its memory is full.
    #[error(
        "the Redis server's maxmemory-policy is '{policy}', with which it discards messages when its memory is full; set it to 'noeviction'"
    )]
    Evicts {
        /// The policy found.
        policy: String,
    },
    /// It lacks what is needed.
    #[error("the Redis server has version {version}; 6.2 or newer is needed")]
    TooOld {
        /// The version found.
        version: String,
    },
}

/// Where a server is and how it is used.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    client: Client,
    options: Options,
}

/// One session's connection for everything that does not wait.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    connection: MultiplexedConnection,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    generation: String,
    append: Script,
    trim: Script,
}

/// A connection on which one reader waits.
#[derive(Debug)]
pub(crate) struct Reading {
    connection: MultiplexedConnection,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn new(url: &str, options: Options) -> Result<Self, BeginError> {
        let client = Client::open(url).map_err(BeginError::Address)?;
        Ok(Self { client, options })
    }

    pub(super) async fn begin(&self) -> Result<Writing, BeginError> {
        let away = |error: RedisError| BeginError::Away(error.to_string());
        let mut connection = self
            .connect(self.options.reply_within)
            .await
            .map_err(away)?;
        suitable(&mut connection).await?;
        let (generation,): (String,) = redis::pipe()
            .set_nx(self.generation_key(), Uuid::new_v4().to_string())
            .ignore()
            .get(self.generation_key())
            .query_async(&mut connection)
            .await
            .map_err(away)?;
        let shared = Shared {
            server: self.clone(),
            generation,
            append: Script::new(APPEND),
            trim: Script::new(TRIM),
        };
        Ok(Writing {
            connection,
            shared: Arc::new(shared),
        })
    }

    async fn connect(&self, reply_within: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.reply_within))
            .set_response_timeout(Some(reply_within));
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    fn generation_key(&self) -> String {
        format!("{}:generation", self.options.prefix)
    }

    fn stream_key(&self, stream: &Stream) -> String {
        format!("{}:{stream}", self.options.prefix)
    }

    fn credit_key(&self, stream: &Stream) -> String {
        format!("{}:credit:{stream}", self.options.prefix)
    }
}

/// Checks what must hold of a server before anything is entrusted to it. `INFO` is allowed where
/// `CONFIG` is not, as on most hosted servers.
async fn suitable(connection: &mut MultiplexedConnection) -> Result<(), BeginError> {
    let (memory, server): (InfoDict, InfoDict) = redis::pipe()
        .cmd("INFO")
        .arg("memory")
        .cmd("INFO")
        .arg("server")
        .query_async(connection)
        .await
        .map_err(|error: RedisError| BeginError::Away(error.to_string()))?;
    let policy: String = memory.get("maxmemory_policy").unwrap_or_default();
    if policy != "noeviction" {
        return Err(BeginError::Evicts { policy });
    }
    let version: String = server.get("redis_version").unwrap_or_default();
    if two_numbers(&version) < Some(VERSION_MIN) {
        return Err(BeginError::TooOld { version });
    }
    Ok(())
}

/// The first two numbers of a version.
fn two_numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Writing {
    pub(super) async fn reading(&self) -> Result<Reading, Fault> {
        let server = &self.shared.server;
        // A reader waits inside the server for up to a beat before there is an answer.
        let reply_within = server.options.beat + server.options.reply_within;
        let connection = server.connect(reply_within).await.map_err(away)?;
        Ok(Reading {
            connection,
            shared: Arc::clone(&self.shared),
        })
    }

    pub(super) async fn check(&self) -> Result<(), Fault> {
        let generation: Option<String> = redis::cmd("GET")
            .arg(self.shared.server.generation_key())
            .query_async(&mut self.connection.clone())
            .await
            .map_err(away)?;
        self.shared.same(generation.as_deref())
    }

    pub(super) async fn append(
        &self,
        stream: &Stream,
        entries: &[Bytes],
    ) -> Result<Appended, Fault> {
        let server = &self.shared.server;
        let mut call = self.shared.append.prepare_invoke();
        call.key(server.generation_key())
            .key(server.stream_key(stream))
            .key(server.credit_key(stream))
            .arg(&self.shared.generation)
            .arg(server.options.entries_max)
            .arg(server.options.bytes_max)
            .arg(millis(server.options.kept));
        for entry in entries {
            call.arg(&entry[..]);
        }
        let taken: Result<i64, RedisError> = call.invoke_async(&mut self.connection.clone()).await;
        match taken {
            Ok(taken) => usize::try_from(taken)
                .map(|taken| Appended { taken })
                .map_err(|_| Fault::DataLost),
            // With its memory full the server refuses the script before it begins.
            Err(error) if error.code() == Some("OOM") => Ok(Appended { taken: 0 }),
            Err(error) => Err(away(error)),
        }
    }

    pub(super) async fn trim(&self, stream: &Stream, through: Position) -> Result<(), Fault> {
        let server = &self.shared.server;
        let least = (through.id.0, through.id.1.saturating_add(1));
        let done: i64 = self
            .shared
            .trim
            .key(server.generation_key())
            .key(server.stream_key(stream))
            .key(server.credit_key(stream))
            .arg(&self.shared.generation)
            .arg(id_text(least))
            .arg(through.written)
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(away)?;
        if done < 0 {
            return Err(Fault::DataLost);
        }
        Ok(())
    }

    pub(super) async fn remove(&self, stream: &Stream) -> Result<(), Fault> {
        let server = &self.shared.server;
        redis::cmd("UNLINK")
            .arg(server.stream_key(stream))
            .arg(server.credit_key(stream))
            .query_async(&mut self.connection.clone())
            .await
            .map_err(away)
    }
}

impl Reading {
    /// Not cancel-safe in that a cancelled read leaves the connection busy until it times out; what
    /// it would have found is found again.
    pub(super) async fn read(
        &mut self,
        stream: &Stream,
        after: Position,
        most: usize,
        wait: Duration,
    ) -> Result<Read, Fault> {
        let server = &self.shared.server;
        // The generation is read after the entries: they are of the data set that it names.
        let reply: (Option<StreamReadReply>, Option<String>, (u64, u64)) = redis::pipe()
            .cmd("XREAD")
            .arg("COUNT")
            .arg(most)
            .arg("BLOCK")
            .arg(millis(wait))
            .arg("STREAMS")
            .arg(server.stream_key(stream))
            .arg(id_text(after.id))
            .cmd("GET")
            .arg(server.generation_key())
            .cmd("TIME")
            .query_async(&mut self.connection)
            .await
            .map_err(away)?;
        let (news, generation, (seconds, micros)) = reply;
        self.shared.same(generation.as_deref())?;
        let now = seconds.saturating_mul(1_000) + micros / 1_000;
        let found = news.into_iter().flat_map(|news| news.keys);
        let entries: Vec<Stored> = found
            .flat_map(|key| key.ids)
            .map(|id| stored(id, now))
            .collect::<Option<_>>()
            .ok_or_else(|| Fault::Away("a stream holds what no broker wrote".to_owned()))?;
        let complete = entries.len() < most;
        Ok(Read { entries, complete })
    }
}

impl Shared {
    fn same(&self, generation: Option<&str>) -> Result<(), Fault> {
        if generation != Some(self.generation.as_str()) {
            return Err(Fault::DataLost);
        }
        Ok(())
    }
}

fn away(error: RedisError) -> Fault {
    Fault::Away(error.to_string())
}

/// An entry as the server gave it; nothing if it is not one of ours.
fn stored(mut entry: StreamId, now: u64) -> Option<Stored> {
    let (millis, number) = entry.id.split_once('-')?;
    let id = (millis.parse().ok()?, number.parse().ok()?);
    let written = redis::from_redis_value(entry.map.remove("n")?).ok()?;
    let bytes: Bytes = redis::from_redis_value(entry.map.remove("e")?).ok()?;
    Some(Stored {
        position: Position { id, written },
        age: Duration::from_millis(now.saturating_sub(id.0)),
        bytes,
    })
}

fn id_text((millis, number): (u64, u64)) -> String {
    format!("{millis}-{number}")
}

/// At least one: zero would mean for ever.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(two_numbers("7.0.15") > Some(VERSION_MIN));
        assert!(two_numbers("6.10.1") > Some(VERSION_MIN));
        assert!(two_numbers("5.0.7") < Some(VERSION_MIN));
        assert!(two_numbers("") < Some(VERSION_MIN));
    }
}
