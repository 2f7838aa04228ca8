//! The wasmtime engines of the compiler and of the executor: one configuration, so that what one
//! makes the other can load.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::{Config, Enabled, Engine, OptLevel, PoolingAllocationConfig};

/// Time slice of a guest: how often a running guest is asked whether it should stop or let another
/// one run. An endless loop delays others by at most this, per loop and thread.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// The most names that a backtrace holds, innermost first.
pub(crate) const BACKTRACE_FRAMES: usize = 32;

/// Stack for the guest's own frames. The default of half a mebibyte is tight for recursive
/// programs compiled without optimisation.
const WASM_STACK_BYTES: usize = 1 << 20;

/// Stack of the fibre a guest runs on: its own frames plus room for the host functions it calls.
const FIBRE_STACK_BYTES: usize = 2 << 20;

/// Slots per task for what is only counted by the pool, not reserved: a component made by an
/// adapter has about four core instances, one of an interpreted language about forty.
const CORE_INSTANCES_PER_SLOT: u32 = 64;

/// Tables per slot. A core module has one; a component has one or two more for its adapter.
pub(crate) const TABLES_PER_SLOT: u32 = 4;

/// Elements per table. Large C# modules come near 10,000; a slot costs only address space.
const TABLE_ELEMENTS: usize = 100_000;

/// Memory that stays mapped in a slot between two tasks. Most small tasks touch less, and clearing
/// it is cheaper than giving it back to the kernel and faulting it in again.
const KEEP_RESIDENT_BYTES: usize = 128 << 10;

/// How the executor gets memory for its guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// From slots reserved at the start: a few microseconds per task.
    Pooled,
    /// By one mmap per task, where the machine does not grant the address space for a pool.
    OnDemand,
}

/// The engine of the compiler process.
///
/// # Errors
/// When the configuration does not suit the machine.
pub(crate) fn for_compiler() -> wasmtime::Result<Engine> {
    let mut config = shared();
    // The compiler is a process of its own under its own limits, so it may use every core.
    config.parallel_compilation(true);
    Engine::new(&config)
}

/// The engine of the executor process, with room for `slots` tasks at a time.
///
/// It cannot compile: what it runs was made by the compiler process. `slots` of 0 asks for
/// allocation on demand; so does a machine that refuses the pool's address space (4 GiB a slot),
/// for example under RLIMIT_AS.
///
/// # Errors
/// When the configuration does not suit the machine.
pub(crate) fn for_executor(slots: u32) -> wasmtime::Result<(Engine, Allocation)> {
    let mut config = shared();
    config.enable_compiler(false);
    if slots > 0 {
        let mut pooled = config.clone();
        pooled.allocation_strategy(pool(slots));
        match Engine::new(&pooled) {
            Ok(engine) => return Ok((engine, Allocation::Pooled)),
            Err(error) => tracing::warn!(
                slots,
                error = format!("{error:#}"),
                "no memory pool, tasks start slower"
            ),
        }
    }
    Ok((Engine::new(&config)?, Allocation::OnDemand))
}

/// Sixteen hexadecimal digits that differ whenever artifacts of `engine`, which must be one of the
/// compiler, cannot be loaded by another engine: version, settings and processor features.
pub(crate) fn key(engine: &Engine) -> String {
    let mut hasher = StableHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What both engines agree on. Threads are not among it: wasmtime is built without them, because
/// its limiter does not see memory that threads share.
fn shared() -> Config {
    let mut config = Config::new();
    // Stops endless loops and takes turns between guests. Fuel would count exactly, at the price
    // of a tenth of the speed.
    config.epoch_interruption(true);
    config.wasm_component_model(true);
    config.max_wasm_stack(WASM_STACK_BYTES);
    config.async_stack_size(FIBRE_STACK_BYTES);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES));
    // A module is compiled once and run many times.
    config.cranelift_opt_level(OptLevel::Speed);
    config
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(slots);
    pool.total_tables(slots.saturating_mul(TABLES_PER_SLOT));
    pool.total_stacks(slots);
    pool.total_component_instances(slots);
    pool.total_core_instances(slots.saturating_mul(CORE_INSTANCES_PER_SLOT));
    pool.max_memories_per_module(slots);
    pool.max_tables_per_module(slots.saturating_mul(TABLES_PER_SLOT));
    pool.table_elements(TABLE_ELEMENTS);
    pool.linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    pool.table_keep_resident(KEEP_RESIDENT_BYTES);
    // Since Linux 6.7 the kernel can say which pages a guest touched; only those are cleared.
    pool.pagemap_scan(Enabled::Auto);
    pool
}

/// The standard library's hasher may change between releases of Rust; file names should not.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |key, byte| key << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Allocation, for_compiler, for_executor, key};

    #[test]
    fn the_key_is_stable_and_short() {
        let first = key(&for_compiler().unwrap());
        assert_eq!(first, key(&for_compiler().unwrap()));
        assert_eq!(first.len(), 16);
    }

    #[test]
    fn no_slots_means_allocation_on_demand() {
        assert_eq!(for_executor(0).unwrap().1, Allocation::OnDemand);
    }
}
