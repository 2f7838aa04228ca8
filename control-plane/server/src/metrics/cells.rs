//! What there is in the cells that this process owns.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use insula_kernel::Kernel;
use insula_kernel::figures::Figures;
use insula_kernel::view::TenantView;
use insula_telemetry::metrics::labels::{AgentStage, FrameworkStage, LiveState, Share};
use insula_telemetry::metrics::{Bounded, Grouped, Metrics, Shown, approximate, size, table};
use insula_types::resources::{Millis, Scalar};
use insula_types::{CellId, Epoch, Resources, TaskState};

use super::measures::Measures;
use super::totals::Totals;
use crate::partition::{Handle, Stage};
use crate::replica::Owners;

/// Cells that have series of their own.
const CELLS_MAX: usize = 200;
/// Tenants that have series of their own.
const TENANTS_MAX: usize = 100;
/// How long a scheduler may take to answer; one that is behind keeps its last figures.
const PATIENCE: Duration = Duration::from_millis(500);
/// What a mebibyte is, as resources have them.
const MEBIBYTE: f64 = 1_048_576.0;

/// How a cell is.
#[derive(Debug, Clone)]
pub(crate) struct CellFigures {
    /// In which ownership.
    pub(crate) epoch: Epoch,
    /// How many of everything there are, and what has happened.
    pub(crate) figures: Figures,
    /// What its agents have.
    pub(crate) total: Resources,
    /// The scalars that are offered.
    pub(crate) offered: [Millis; 4],
    /// What each tenant has.
    pub(crate) tenants: Vec<TenantView>,
}

impl CellFigures {
    /// As a kernel has them; costs as much as there are frameworks, roles and offers.
    pub(crate) fn of(kernel: &Kernel) -> Self {
        let mut offered = [0; 4];
        for offer in kernel.offers() {
            for (sum, scalar) in offered.iter_mut().zip(offer.resources.scalars()) {
                *sum += scalar;
            }
        }
        Self {
            epoch: kernel.epoch(),
            figures: kernel.figures(),
            total: kernel.total(),
            offered,
            tenants: kernel.tenants_view(),
        }
    }

    /// How much of a scalar there is, is used, and is offered; in the unit of resources.
    pub(crate) fn shares(&self, scalar: Scalar) -> [(Share, f64); 3] {
        let held = self
            .tenants
            .iter()
            .map(|tenant| amount(&tenant.held, scalar));
        let offered = in_units(self.offered[scalar as usize]);
        // A tenant's part includes what it is offered.
        let used = (held.sum::<f64>() - offered).max(0.0);
        [
            (Share::All, amount(&self.total, scalar)),
            (Share::Used, used),
            (Share::Offered, offered),
        ]
    }
}

/// An amount of a scalar, in the unit of resources.
fn amount(resources: &Resources, scalar: Scalar) -> f64 {
    in_units(resources.get(scalar))
}

fn in_units(amount: Millis) -> f64 {
    approximate(amount) / 1_000.0
}

/// The state of tasks in a kernel, as metrics have it.
pub(crate) fn live_state(state: TaskState) -> LiveState {
    match state {
        TaskState::Staging => LiveState::Staging,
        TaskState::Starting => LiveState::Starting,
        TaskState::Running => LiveState::Running,
        TaskState::Killing => LiveState::Killing,
        TaskState::Unreachable | TaskState::Unknown => LiveState::Unreachable,
        TaskState::Finished
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Error
        | TaskState::Lost
        | TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator => LiveState::Unacknowledged,
    }
}

/// Shows the cells.
pub(super) struct CellMetrics {
    agents: Shown,
    frameworks: Shown,
    tasks: Shown,
    waiting: Shown,
    offers: Shown,
    resources: [(Scalar, f64, Shown); 4],
    tenant_tasks: Shown,
    tenant_waiting: Shown,
    tenant_cpus: Shown,
    tenant_memory: Shown,
    age: Shown,
    cells: Bounded,
    tenants: Bounded,
    known: Mutex<Known>,
}

/// What was found last.
struct Known {
    cells: BTreeMap<CellId, (Instant, CellFigures)>,
    totals: Totals,
}

impl CellMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let shown = |definition| metrics.shown(definition);
        Self {
            agents: shown(&table::AGENTS),
            frameworks: shown(&table::FRAMEWORKS),
            tasks: shown(&table::TASKS),
            waiting: shown(&table::REQUESTS_WAITING),
            offers: shown(&table::OFFERS_OUTSTANDING),
            resources: [
                (Scalar::Cpus, 1.0, shown(&table::CPUS)),
                (Scalar::Mem, MEBIBYTE, shown(&table::MEMORY)),
                (Scalar::Disk, MEBIBYTE, shown(&table::DISK)),
                (Scalar::Gpus, 1.0, shown(&table::GPUS)),
            ],
            tenant_tasks: shown(&table::TENANT_TASKS),
            tenant_waiting: shown(&table::TENANT_WAITING),
            tenant_cpus: shown(&table::TENANT_CPUS),
            tenant_memory: shown(&table::TENANT_MEMORY),
            age: shown(&table::FIGURES_AGE),
            cells: Bounded::new(CELLS_MAX),
            tenants: Bounded::new(TENANTS_MAX),
            known: Mutex::new(Known {
                cells: BTreeMap::new(),
                totals: Totals::new(metrics),
            }),
        }
    }

    /// Asks the schedulers of all cells that are served here, all at once.
    pub(super) async fn refresh(&self, owners: &Owners, measures: &Measures) {
        let cells: Vec<Handle> = served(owners);
        let asked = cells.iter().map(|cell| async move {
            let figures = tokio::time::timeout(PATIENCE, cell.query(CellFigures::of)).await;
            (cell.cell().clone(), figures.ok().and_then(Result::ok))
        });
        let found = join_all(asked).await;
        let now = Instant::now();
        let mut known = self.lock();
        let Known { cells, totals } = &mut *known;
        cells.retain(|cell, _| found.iter().any(|(here, _)| here == cell));
        for (cell, figures) in found {
            if let Some(figures) = figures {
                totals.add(&cell, figures.epoch, &figures.figures.counters);
                cells.insert(cell, (now, figures));
            }
        }
        for (cell, epoch, counters) in measures.left.take() {
            totals.end(&cell, epoch, &counters);
        }
        totals.show();
        self.show_cells(cells);
        self.show_tenants(cells);
        let ages = cells.values().map(|(at, _)| now.duration_since(*at));
        self.age.set(ages.max().unwrap_or_default().as_secs_f64());
    }

    fn show_cells(&self, cells: &BTreeMap<CellId, (Instant, CellFigures)>) {
        let mut agents = Grouped::by("cell");
        let mut frameworks = Grouped::by("cell");
        let mut tasks = Grouped::by("cell");
        let mut waiting = Grouped::by("cell");
        let mut offers = Grouped::by("cell");
        for (cell, (_, found)) in cells {
            let (cell, figures) = (self.cells.name(cell.as_str()), &found.figures);
            let counts = &figures.agents;
            agents.add(&cell, AgentStage::Connected, size(counts.connected));
            agents.add(&cell, AgentStage::Disconnected, size(counts.disconnected));
            agents.add(&cell, AgentStage::Unreachable, size(counts.unreachable));
            let counts = &figures.frameworks;
            frameworks.add(&cell, FrameworkStage::Connected, size(counts.subscribed));
            frameworks.add(&cell, FrameworkStage::Disconnected, size(counts.away));
            // So that all states are there even without tasks.
            tasks.add(&cell, LiveState::Running, 0.0);
            for (state, count) in &figures.tasks {
                tasks.add(&cell, live_state(*state), size(*count));
            }
            waiting.add(&cell, (), size(figures.requests_waiting));
            offers.add(&cell, (), size(figures.offers));
        }
        self.agents.replace(agents.points());
        self.frameworks.replace(frameworks.points());
        self.tasks.replace(tasks.points());
        self.waiting.replace(waiting.points());
        self.offers.replace(offers.points());
        for (scalar, unit, shown) in &self.resources {
            let mut shares = Grouped::by("cell");
            for (cell, (_, found)) in cells {
                let cell = self.cells.name(cell.as_str());
                for (share, amount) in found.shares(*scalar) {
                    shares.add(&cell, share, amount * unit);
                }
            }
            shown.replace(shares.points());
        }
    }

    fn show_tenants(&self, cells: &BTreeMap<CellId, (Instant, CellFigures)>) {
        let mut tasks = Grouped::by("tenant");
        let mut waiting = Grouped::by("tenant");
        let mut cpus = Grouped::by("tenant");
        let mut memory = Grouped::by("tenant");
        for tenant in cells.values().flat_map(|(_, found)| &found.tenants) {
            let name = self.tenants.name(tenant.tenant.as_str());
            tasks.add(&name, (), size(tenant.tasks));
            waiting.add(&name, (), size(tenant.waiting));
            cpus.add(&name, (), amount(&tenant.held, Scalar::Cpus));
            let held = amount(&tenant.held, Scalar::Mem) * MEBIBYTE;
            memory.add(&name, (), held);
        }
        self.tenant_tasks.replace(tasks.points());
        self.tenant_waiting.replace(waiting.points());
        self.tenant_cpus.replace(cpus.points());
        self.tenant_memory.replace(memory.points());
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn served(owners: &Owners) -> Vec<Handle> {
    let mut cells = Vec::new();
    for port in owners.ports() {
        let status = port.status();
        let served = status.cells.iter().filter(|it| it.stage == Stage::Serving);
        cells.extend(served.filter_map(|it| port.cell(&it.cell)));
    }
    cells
}

#[cfg(test)]
mod tests {
    use insula_telemetry::metrics::{Identity, OTHER};

    use super::*;

    fn tenant(name: &str) -> TenantView {
        TenantView {
            tenant: name.into(),
            tasks: 1,
            waiting: 0,
            held: "cpus:2;mem:1".parse().unwrap_or_default(),
        }
    }

    #[test]
    fn tenants_can_neither_flood_nor_break_what_is_exported() {
        let metrics = Metrics::new(Identity {
            service: "insula-server",
            version: "1.0.0",
            instance: String::new(),
        });
        let shown = CellMetrics::new(&metrics);
        let hostile = "a\"} 1\nevil_total 7\n# \\";
        let mut tenants = vec![tenant(hostile)];
        tenants.extend((1..150).map(|number| tenant(&format!("tenant-{number}"))));
        let found = CellFigures {
            epoch: Epoch(1),
            figures: Figures::default(),
            total: Resources::new(),
            offered: [0; 4],
            tenants,
        };
        let cells = BTreeMap::from([(CellId::from("cell"), (Instant::now(), found))]);
        shown.show_tenants(&cells);
        let text = metrics.text();
        let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(lines("insula_tenant_tasks{"), TENANTS_MAX + 1, "{text}");
        assert_eq!(lines("evil_total"), 0, "{text}");
        let rest = format!("insula_tenant_cpus{{tenant=\"{OTHER}\"}} 100\n");
        assert!(text.contains(&rest), "{text}");
    }
}
