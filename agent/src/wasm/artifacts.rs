//! The cache of artifacts: each module is fetched and compiled once, however many launches wait.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::{LaunchId, TenantId, TraceContext};
use tokio::sync::{Semaphore, mpsc};

use super::job::Job;
use super::{compiler, fetch};
use crate::session::Service;
use crate::shepherd::Program;
use crate::work_dir::WorkDir;

/// Modules fetched and compiled at a time; a compiler uses several processors itself.
const AT_A_TIME: usize = 2;
/// Artifacts above this are removed, the longest unused first: a few dozen of the largest
/// interpreters, or ten thousand small modules.
const CACHE_BYTES_MAX: u64 = 2 << 30;
/// What was used this recently may be on its way to an executor that has not opened it yet.
const IN_USE_FOR: Duration = Duration::from_secs(3600);

/// A module that is ready, or will never be.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) digest: String,
    /// The artifact, or a sentence.
    pub(super) artifact: Result<PathBuf, String>,
}

/// What is made, and the launch that asked for it first: its trace shows what it took.
#[derive(Debug)]
struct Wanted {
    digest: String,
    tenant: TenantId,
    trace: TraceContext,
}

impl Wanted {
    fn span(&self, name: &'static str, kind: Kind) -> Span {
        let span = Span::begin(name, kind, &self.trace).of(&self.tenant);
        span.with(key::MODULE, self.digest.clone())
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Artifacts {
    compiler: Program,
    engine_key: String,
    dir: WorkDir,
    service: Service,
    /// Launches that wait for a module, by its digest.
    waiting: BTreeMap<String, Vec<Job>>,
    turns: Arc<Semaphore>,
    made: mpsc::UnboundedSender<Made>,
}

impl Artifacts {
    /// `made` gets one message for each module that was not in the cache.
    pub(super) fn new(
        compiler: Program,
        engine_key: String,
        dir: WorkDir,
        service: Service,
        made: mpsc::UnboundedSender<Made>,
    ) -> Self {
        let (waiting, turns) = (BTreeMap::new(), Arc::new(Semaphore::new(AT_A_TIME)));
        Self {
            compiler,
            engine_key,
            dir,
            service,
            waiting,
            turns,
            made,
        }
    }

    /// Gives the job back with its artifact if that is in the cache; else keeps it until the
    /// module is made.
    pub(super) fn place(&mut self, mut job: Job) -> Option<Job> {
        let path = self
            .dir
            .artifacts()
            .join(format!("{}-{}.cwasm", job.digest, self.engine_key));
        if touch(&path).is_ok() {
            job.order.artifact = path.to_string_lossy().into_owned();
            return Some(job);
        }
        let wanted = Wanted {
            digest: job.digest.clone(),
            tenant: job.framework.tenant.clone(),
            trace: job.trace.clone(),
        };
        let waiting = self.waiting.entry(wanted.digest.clone()).or_default();
        waiting.push(job);
        if waiting.len() == 1 {
            self.make(wanted);
        }
        None
    }

    /// The jobs that waited for a module.
    pub(super) fn take_waiting(&mut self, digest: &str) -> Vec<Job> {
        self.waiting.remove(digest).unwrap_or_default()
    }

    pub(super) fn has_waiting(&self, launch: LaunchId) -> bool {
        self.waiting
            .values()
            .flatten()
            .any(|job| job.launch == launch)
    }

    /// Whether the launch waited; it no longer does.
    pub(super) fn withdraw(&mut self, launch: LaunchId) -> bool {
        for waiting in self.waiting.values_mut() {
            if let Some(index) = waiting.iter().position(|job| job.launch == launch) {
                waiting.remove(index);
                return true;
            }
        }
        false
    }

    fn make(&self, wanted: Wanted) {
        let (compiler, dir) = (self.compiler.clone(), self.dir.clone());
        let (service, made) = (self.service.clone(), self.made.clone());
        let turns = Arc::clone(&self.turns);
        tokio::spawn(async move {
            let artifact = match turns.acquire().await {
                Ok(_turn) => make(&compiler, service, &dir, &wanted).await,
                Err(_closed) => Err("the agent stops".to_owned()),
            };
            // Nobody waits any more once the agent stops.
            let digest = wanted.digest;
            let _stopping = made.send(Made { digest, artifact });
        });
    }
}

async fn make(
    compiler: &Program,
    service: Service,
    dir: &WorkDir,
    wanted: &Wanted,
) -> Result<PathBuf, String> {
    let Wanted {
        digest,
        tenant,
        trace,
    } = wanted;
    let fetching = wanted.span(span::FETCH_MODULE, Kind::Client);
    let fetched = fetch::fetch(service, digest, tenant, trace, &dir.modules()).await;
    let module = ended(fetching, "fetch_failed", fetched)?;
    let cache = dir.artifacts();
    let compiling = wanted.span(span::COMPILE, Kind::Internal);
    let file = compiler::compile(compiler, &module, &cache, digest, trace).await;
    let file = ended(compiling, "compile_failed", file);
    // The artifact is all that is needed again; another engine fetches the module anew.
    let _gone_already = fs::remove_file(&module);
    let artifact = cache.join(file?);
    if let Err(error) = make_room(&cache, SystemTime::now(), CACHE_BYTES_MAX) {
        tracing::warn!(%error, "cannot make room among the artifacts");
    }
    Ok(artifact)
}

/// Ends a span with what came of it.
fn ended<T>(mut span: Span, kind: &'static str, result: Result<T, String>) -> Result<T, String> {
    if let Err(sentence) = &result {
        span.fail(kind, sentence);
    }
    result
}

/// Notes that the file was used now.
fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

/// Removes the longest unused files until the rest fits.
fn make_room(cache: &Path, now: SystemTime, bytes_max: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, len, _)| len).sum();
    for (used, len, path) in files {
        let in_use = now
            .duration_since(used)
            .is_ok_and(|unused| unused < IN_USE_FOR);
        if bytes <= bytes_max || in_use {
            return Ok(());
        }
        fs::remove_file(path)?;
        bytes -= len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_longest_unused_artifacts_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for hours in 0..4_u64 {
            let path = dir.path().join(format!("{hours}.cwasm"));
            fs::write(&path, [0; 100]).unwrap();
            let used = now - Duration::from_secs(hours * 3600 + 1);
            File::open(&path).unwrap().set_modified(used).unwrap();
        }
        make_room(dir.path(), now, 250).unwrap();
        let left = |hours: u64| dir.path().join(format!("{hours}.cwasm")).exists();
        assert!(left(0) && left(1) && !left(2) && !left(3));
        make_room(dir.path(), now, 0).unwrap();
        assert!(left(0), "what was used lately stays");
    }
}
