//! What kernels had counted when they were dropped.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use insula_kernel::figures::Counters;
use insula_types::{CellId, Epoch};

/// Kernels that are remembered until somebody looks: more than are dropped between two looks. Where
/// nobody ever looks, the oldest are forgotten.
const KERNELS_MAX: usize = 4_096;

/// The last figures of a kernel: whose, in which ownership, what it had counted.
pub(super) type Last = (CellId, Epoch, Counters);

/// Kernels that are gone and whose last counts nobody has added up yet.
#[derive(Debug, Default)]
pub struct Left(Mutex<VecDeque<Last>>);

impl Left {
    /// A kernel is dropped.
    pub(crate) fn leaves(&self, cell: CellId, epoch: Epoch, counters: Counters) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() == KERNELS_MAX {
            left.pop_front();
        }
        left.push_back((cell, epoch, counters));
    }

    /// All since the last look.
    pub(super) fn take(&self) -> VecDeque<Last> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
