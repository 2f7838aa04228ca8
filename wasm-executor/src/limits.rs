//! The memory limit of one task, and what it used.

use wasmtime::ResourceLimiter;

/// Bytes of one table element: wasmtime keeps a pointer.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Memories, tables and instances of one task; a component of an interpreted language has tens.
const OBJECTS_MAX: usize = 1_000;

/// Counts all linear memories and tables of one task against one limit.
///
/// Growth beyond the limit is refused as the specification has it (`memory.grow` returns -1), so
/// that a guest may cope with it; that it was refused is remembered, for the case that it could not.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: u64,
    held: u64,
    peak: u64,
    refused: bool,
    /// Growth that was granted last, to be taken back if it fails.
    granted: u64,
}

impl Limiter {
    /// A limiter that grants `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            held: 0,
            peak: 0,
            refused: false,
            granted: 0,
        }
    }

    /// The limit in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The most bytes held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    /// Whether growth was refused because of the limit.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, by: u64) -> bool {
        self.granted = 0;
        let Some(held) = self.held.checked_add(by).filter(|held| *held <= self.limit) else {
            self.refused = true;
            return false;
        };
        self.held = held;
        self.peak = self.peak.max(held);
        self.granted = by;
        true
    }

    fn take_back(&mut self) {
        self.held -= self.granted;
        self.granted = 0;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The module's own maximum: not a matter of the task's limit.
            self.granted = 0;
            return Ok(false);
        }
        Ok(self.grow((desired - current) as u64))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.granted = 0;
            return Ok(false);
        }
        Ok(self.grow((desired - current) as u64 * TABLE_ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        OBJECTS_MAX
    }

    fn tables(&self) -> usize {
        OBJECTS_MAX
    }

    fn memories(&self) -> usize {
        OBJECTS_MAX
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use wasmtime::ResourceLimiter;

    use super::Limiter;

    #[test]
    fn all_memories_and_tables_share_one_limit() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.table_growing(0, 2, None).unwrap());
        assert!(!limiter.refused());
        assert!(!limiter.table_growing(2, 3, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.peak(), 96);
    }

    #[test]
    fn failed_growth_is_given_back_once() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("out of memory"))
            .unwrap();
        limiter
            .memory_grow_failed(wasmtime::Error::msg("out of memory"))
            .unwrap();
        assert!(limiter.memory_growing(0, 100, None).unwrap());
    }

    #[test]
    fn the_modules_own_maximum_is_not_the_tasks_limit() {
        let mut limiter = Limiter::new(100);
        assert!(!limiter.memory_growing(0, 50, Some(10)).unwrap());
        assert!(!limiter.refused());
    }
}
