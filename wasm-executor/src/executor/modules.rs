//! Modules kept ready: mapped, linked, one copy each, the least recently used one dropped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use wasmtime::Engine;

use crate::module::{Linkers, Prepared, load};

/// The modules of one executor.
pub(super) struct Modules {
    engine: Engine,
    linkers: Arc<Linkers>,
    folder: PathBuf,
    ready: Mutex<Ready>,
}

type Slot = Arc<OnceCell<Arc<Prepared>>>;

struct Ready {
    slots: HashMap<PathBuf, (Slot, u64)>,
    max: usize,
    /// Counts uses; the number of a slot's last use tells its age.
    uses: u64,
}

impl Modules {
    /// An empty store for artifacts of `folder`, of at most `max` modules, at least one.
    pub(super) fn new(engine: Engine, linkers: Linkers, folder: PathBuf, max: usize) -> Self {
        let ready = Ready {
            slots: HashMap::new(),
            max: max.max(1),
            uses: 0,
        };
        Self {
            engine,
            linkers: Arc::new(linkers),
            folder,
            ready: Mutex::new(ready),
        }
    }

    /// The engine all modules belong to.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The module of an artifact. Who asks for one while it is being loaded waits for that load.
    ///
    /// # Errors
    /// A sentence when the artifact cannot be loaded; the next call tries again.
    pub(super) async fn get(&self, artifact: &Path) -> Result<Arc<Prepared>, String> {
        if artifact.parent() != Some(&self.folder) {
            return Err(format!(
                "the artifact {} is not in the cache {}",
                artifact.display(),
                self.folder.display()
            ));
        }
        let slot = self
            .ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .slot(artifact);
        slot.get_or_try_init(|| self.load(artifact.to_owned()))
            .await
            .cloned()
    }

    async fn load(&self, artifact: PathBuf) -> Result<Arc<Prepared>, String> {
        let (engine, linkers) = (self.engine.clone(), Arc::clone(&self.linkers));
        // Mapping and linking a large interpreter takes milliseconds, which is several slices.
        let loading = tokio::task::spawn_blocking(move || {
            let loaded = load(&engine, &artifact)
                .map_err(|error| format!("cannot load {}: {error:#}", artifact.display()))?;
            linkers
                .prepare(&loaded)
                .map(Arc::new)
                .map_err(|refusal| refusal.to_string())
        });
        loading
            .await
            .unwrap_or_else(|error| Err(format!("loading the module failed: {error}")))
    }
}

impl Ready {
    fn slot(&mut self, artifact: &Path) -> Slot {
        self.uses += 1;
        if let Some((slot, used)) = self.slots.get_mut(artifact) {
            *used = self.uses;
            return Arc::clone(slot);
        }
        if self.slots.len() >= self.max {
            self.drop_oldest();
        }
        let slot = Slot::default();
        self.slots
            .insert(artifact.to_owned(), (Arc::clone(&slot), self.uses));
        slot
    }

    /// Looks at all of them: there are tens, and loading one costs more.
    fn drop_oldest(&mut self) {
        let oldest = self.slots.iter().min_by_key(|(_, (_, used))| *used);
        if let Some(path) = oldest.map(|(path, _)| path.clone()) {
            self.slots.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::Arc;

    use super::Ready;

    #[test]
    fn the_least_recently_used_module_goes_first() {
        let mut ready = Ready {
            slots: HashMap::new(),
            max: 2,
            uses: 0,
        };
        let first = ready.slot(Path::new("a"));
        ready.slot(Path::new("b"));
        assert!(Arc::ptr_eq(&first, &ready.slot(Path::new("a"))));
        ready.slot(Path::new("c"));
        assert_eq!(ready.slots.len(), 2);
        assert!(!ready.slots.contains_key(Path::new("b")));
    }
}
