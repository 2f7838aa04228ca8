//! Binding a module's imports to host functions, once per module.

use wasmtime::component::{self, Component};
use wasmtime::{Engine, InstancePre, Linker, Module, Store};
use wasmtime_wasi::p2::bindings::CommandPre;

use super::{Loaded, Refusal, check_command};
use crate::capability::{self, Host};
use crate::engine::TABLES_PER_SLOT;

/// Every host function there is, for both kinds of modules.
pub(crate) struct Linkers {
    core: Linker<Host>,
    component: component::Linker<Host>,
}

/// A module that needs only memory and a task to run.
pub(crate) struct Prepared {
    /// What to instantiate.
    pub(crate) program: Program,
    /// Whether the module can open files, so that its task needs a folder.
    pub(crate) uses_files: bool,
    /// Slots of the pool that one instance takes.
    pub(crate) slots: u32,
}

/// Type-checked and linked.
pub(crate) enum Program {
    /// A core module of WASI preview 1.
    Core(InstancePre<Host>),
    /// A component of WASI 0.2.
    Component(CommandPre<Host>),
}

impl Linkers {
    /// Linkers with all capabilities.
    ///
    /// # Errors
    /// When two capabilities define one name: a fault of this program.
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut linkers = Self {
            core: Linker::new(engine),
            component: component::Linker::new(engine),
        };
        capability::wasi::link(&mut linkers.core, &mut linkers.component)?;
        Ok(linkers)
    }

    /// Links a module, or says why it cannot run here.
    ///
    /// # Errors
    /// `UnknownImports`, `Incompatible`, `NoStart` or `NoRun`.
    pub(crate) fn prepare(&self, loaded: &Loaded) -> Result<Prepared, Refusal> {
        let unknown = match loaded {
            Loaded::Core(module) => self.unknown_to_core(module),
            Loaded::Component(component) => unknown_to_component(component),
        };
        if !unknown.is_empty() {
            return Err(Refusal::UnknownImports { names: unknown });
        }
        check_command(loaded)?;
        let program = match loaded {
            Loaded::Core(module) => self.core.instantiate_pre(module).map(Program::Core),
            Loaded::Component(component) => self
                .component
                .instantiate_pre(component)
                .and_then(CommandPre::new)
                .map(Program::Component),
        };
        let program = program.map_err(|error| Refusal::Incompatible {
            detail: error.root_cause().to_string(),
        })?;
        Ok(Prepared {
            program,
            uses_files: uses_files(loaded),
            slots: slots(loaded),
        })
    }

    fn unknown_to_core(&self, module: &Module) -> Vec<String> {
        let mut store = Store::new(module.engine(), Host::closed());
        module
            .imports()
            .filter(|import| self.core.get_by_import(&mut store, import).is_none())
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect()
    }
}

fn unknown_to_component(component: &Component) -> Vec<String> {
    component
        .component_type()
        .imports(component.engine())
        .map(|(name, _)| name)
        .filter(|name| !capability::wasi::provides(name))
        .map(str::to_owned)
        .collect()
}

fn uses_files(loaded: &Loaded) -> bool {
    match loaded {
        Loaded::Core(module) => module
            .imports()
            .any(|import| capability::wasi::needs_files(import.name())),
        Loaded::Component(component) => component
            .component_type()
            .imports(component.engine())
            .any(|(name, _)| name.starts_with("wasi:filesystem/")),
    }
}

fn slots(loaded: &Loaded) -> u32 {
    loaded.needs().map_or(1, |needs| {
        needs
            .num_memories
            .max(needs.num_tables.div_ceil(TABLES_PER_SLOT))
            .max(1)
    })
}
