//! Control groups: what this machine can enforce, and one group per task.
//!
//! Three kinds of machine exist. On cgroup **v2** everything is one tree. On a **hybrid** machine the limits are on
//! v1 hierarchies, but an (almost) empty v2 tree is mounted beside them, which still offers what v1 never had: a
//! child born inside its group, and `cgroup.kill`. So membership and killing use v2 wherever it is mounted, and each
//! limit uses the hierarchy that has its controller. On a pure **v1** machine the freezer takes v2's place.
//!
//! ```text
//!               v2                        hybrid                       v1
//! membership    <root>/insula/a/t         unified/insula/a/t           freezer/insula/a/t
//! kill          cgroup.kill               cgroup.kill                  freeze, SIGKILL each, thaw
//! cpu, pids     the same directory        cpu/insula/a/t, pids/…       cpu/insula/a/t, pids/…
//! memory        the same directory        only below a parent that was named for it
//! ```
//!
//! Each controller has a file of its own here, named as the kernel names it.

mod cpu;
mod detect;
mod error;
mod file;
mod freezer;
mod group;
mod layout;
mod memory;
mod name;
mod parent;
mod pids;
mod places;
mod plan;
mod unified;

pub use cpu::CpuLimit;
pub use error::Error;
pub use group::{Entry, Group, Limits, Usage};
pub use memory::own_limit as own_memory_limit;
pub use name::{GroupName, GroupPath};
pub use parent::Parent;
pub use plan::{Delegation, Enforcement, Plan};
