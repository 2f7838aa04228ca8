use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use insula_proto::insula::wasm::v1::{Compiled, ModuleKind};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use super::Options;
use super::artifact::{self, StoreError};
use crate::engine;
use crate::module::{self, Kind, Linkers, Loaded, Refusal};

/// The most import names that an answer lists; they are for people.
const IMPORTS_MAX: usize = 256;

/// Bytes of one page of linear memory, where the module does not choose its own.
const PAGE_BYTES: u64 = 64 << 10;

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The module's file is at fault.
    #[error("cannot read the module {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// The cache is at fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine is at fault.
    #[error("the engine failed: {0}")]
    Engine(String),
}

impl From<wasmtime::Error> for Error {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

/// Compiles the module unless its artifact is in the cache, and checks that it can run here.
/// `compiled` is called when the expensive part is over.
///
/// # Errors
/// `Refused` when the module cannot run here, the others when the machine fails.
pub(super) fn compile(options: &Options, compiled: impl FnOnce()) -> Result<Compiled, Error> {
    let start = Instant::now();
    let bytes = read(&options.module, options.module_bytes)?;
    let digest = digest(&bytes);
    if let Some(expected) = options
        .digest
        .as_ref()
        .filter(|expected| **expected != digest)
    {
        let expected = expected.clone();
        return Err(Refusal::WrongDigest {
            expected,
            actual: digest,
        }
        .into());
    }
    let kind = module::check_bytes(&bytes)?;

    let engine = engine::for_compiler()?;
    let file = artifact::file_name(&digest, &engine::key(&engine));
    let path = options.cache.join(&file);
    let found = path
        .is_file()
        .then(|| module::load(&engine, &path))
        .and_then(Result::ok);
    let cached = found.is_some();
    let loaded = match found {
        Some(loaded) => loaded,
        None => make(&engine, kind, &bytes, &path, compiled)?,
    };
    Ok(Compiled {
        artifact_bytes: artifact::length(&path)?,
        file,
        kind: wire_kind(kind).into(),
        digest,
        module_bytes: bytes.len() as u64,
        millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        imports: module::import_names(&loaded)
            .into_iter()
            .take(IMPORTS_MAX)
            .collect(),
        cached,
        minimum_memory: minimum_memory(&loaded),
    })
}

/// Compiles, and publishes the artifact under `path` if it can run here. An unreadable artifact of
/// that name is replaced.
fn make(
    engine: &Engine,
    kind: Kind,
    bytes: &[u8],
    path: &Path,
    compiled: impl FnOnce(),
) -> Result<Loaded, Error> {
    let code = precompile(engine, kind, bytes)?;
    compiled();
    let draft = artifact::Draft::write(path, &code)?;
    let loaded = module::load(engine, draft.path())?;
    Linkers::new(engine)?.prepare(&loaded)?;
    draft.publish()?;
    Ok(loaded)
}

/// Reads the file, but no more than one byte beyond the limit, whatever its metadata say.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let announced = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let read = bytes.len() as u64;
    if read > limit {
        return Err(Refusal::TooLarge {
            bytes: announced.max(read),
            limit,
        }
        .into());
    }
    Ok(bytes)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn precompile(engine: &Engine, kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let code = match kind {
        Kind::Core => engine.precompile_module(bytes),
        Kind::Component => engine.precompile_component(bytes),
    };
    code.map_err(|error| Refusal::Invalid {
        detail: error.root_cause().to_string(),
    })
}

fn minimum_memory(loaded: &Loaded) -> u64 {
    let pages = loaded
        .needs()
        .and_then(|needs| needs.max_initial_memory_size);
    pages.unwrap_or_default().saturating_mul(PAGE_BYTES)
}

fn wire_kind(kind: Kind) -> ModuleKind {
    match kind {
        Kind::Core => ModuleKind::Core,
        Kind::Component => ModuleKind::Component,
    }
}
