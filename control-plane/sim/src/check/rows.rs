//! Rows are the truth (rule R7).

use insula_kernel::{Kernel, invariant};
use insula_types::record::Rows;

use super::{Violation, must};
use crate::store::table::Table;

/// When a commit is made, it holds everything that was stepped: the rows with it are the durable
/// part of the kernel. Now and then a kernel is loaded from them as well.
pub(crate) fn the_rows_are_the_durable_part(
    reloads: bool,
    kernel: &Kernel,
    shadow: &Table,
) -> Result<(), Violation> {
    same(&shadow.load(), &kernel.rows())?;
    if !reloads {
        return Ok(());
    }
    invariant::check_reload(kernel)
        .map_err(|found| Violation::new("a kernel can be loaded from its rows", found))
}

pub(crate) fn a_loaded_kernel_has_the_rows_of_the_store(
    kernel: &Kernel,
    table: &Table,
) -> Result<(), Violation> {
    same(&table.load(), &kernel.rows())?;
    invariant::check(kernel)
        .map_err(|found| Violation::new("the kernel's invariants hold after a load", found))
}

fn same(rows: &Rows, live: &Rows) -> Result<(), Violation> {
    if rows == live {
        return Ok(());
    }
    let differences = [
        difference("cell", &[&rows.cell], &[&live.cell]),
        difference("roles", &rows.roles, &live.roles),
        difference("agents", &rows.agents, &live.agents),
        difference("frameworks", &rows.frameworks, &live.frameworks),
        difference("tasks", &rows.tasks, &live.tasks),
        difference("payloads", &rows.payloads, &live.payloads),
        difference("requests", &rows.requests, &live.requests),
    ];
    let found: Vec<String> = differences.into_iter().flatten().collect();
    must(false, "the rows are the durable part of the kernel", || {
        found.join("; ")
    })
}

fn difference<T: PartialEq + std::fmt::Debug>(
    kind: &str,
    rows: &[T],
    live: &[T],
) -> Option<String> {
    if rows == live {
        return None;
    }
    let only = |these: &[T], those: &[T]| {
        let only = these.iter().filter(|each| !those.contains(each));
        only.map(|each| format!("{each:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Some(format!(
        "{kind}: the rows alone have [{}], the kernel alone has [{}]",
        only(rows, live),
        only(live, rows)
    ))
}
