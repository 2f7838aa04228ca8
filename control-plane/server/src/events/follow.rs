//! Collects events of cells that nobody looks at yet, so that whoever looks first sees the past.

use std::time::Duration;

use super::EventLogs;
use crate::cells::Cells;

/// Cells whose events are collected before anybody asked for them. Each costs up to a megabyte; a
/// replica with more cells begins with the first look at each of the others.
const UNASKED_MAX: usize = 64;

/// Looks now and then which cells are served here, for as long as the task lives.
pub(crate) async fn follow(logs: EventLogs, cells: Cells, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let served = cells.owners().status();
        for cell in served.iter().flat_map(|partition| &partition.cells) {
            if logs.count() >= UNASKED_MAX {
                break;
            }
            if let Ok(handle) = cells.find(&cell.cell).await {
                // One that is just handed over is followed where it goes.
                let _ = logs.of(&handle);
            }
        }
    }
}
