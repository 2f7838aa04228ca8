//! What can be said of a module before it runs.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::{Loaded, Refusal};

/// The two kinds of WebAssembly binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A core module, which speaks WASI preview 1.
    Core,
    /// A component, which speaks WASI 0.2.
    Component,
}

/// The first eight bytes tell core modules (version 1, layer 0) from components (layer 1, of any
/// version: the validator knows which it can read).
///
/// # Errors
/// `NotWasm`, `Text`, `Precompiled` or `UnknownVersion`.
///
/// Source: WebAssembly core specification, "Modules" of the binary format; component model,
/// `Binary.md`.
pub(crate) fn check_bytes(bytes: &[u8]) -> Result<Kind, Refusal> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(Refusal::Precompiled);
    }
    let Some((header, _)) = bytes.split_first_chunk::<8>() else {
        return Err(Refusal::NotWasm);
    };
    match header {
        [0, b'a', b's', b'm', 1, 0, 0, 0] => Ok(Kind::Core),
        [0, b'a', b's', b'm', _, _, 1, 0] => Ok(Kind::Component),
        [0, b'a', b's', b'm', ..] => Err(Refusal::UnknownVersion),
        _ if looks_like_text(bytes) => Err(Refusal::Text),
        _ => Err(Refusal::NotWasm),
    }
}

/// Whether there is something to call: `_start` or `wasi:cli/run`.
///
/// # Errors
/// `NoStart` or `NoRun`.
pub(crate) fn check_command(loaded: &Loaded) -> Result<(), Refusal> {
    match loaded {
        Loaded::Core(module) => match module.get_export("_start").as_ref().and_then(|e| e.func()) {
            Some(start) if start.params().len() == 0 && start.results().len() == 0 => Ok(()),
            _ => Err(Refusal::NoStart),
        },
        Loaded::Component(component) if exports_run(component) => Ok(()),
        Loaded::Component(_) => Err(Refusal::NoRun),
    }
}

/// Names of all imports: `module.name` of a core module, interfaces of a component.
pub(crate) fn import_names(loaded: &Loaded) -> Vec<String> {
    match loaded {
        Loaded::Core(module) => module
            .imports()
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect(),
        Loaded::Component(component) => component
            .component_type()
            .imports(component.engine())
            .map(|(name, _)| name.to_owned())
            .collect(),
    }
}

fn exports_run(component: &Component) -> bool {
    component
        .component_type()
        .exports(component.engine())
        .any(|(name, _)| name.starts_with("wasi:cli/run@0.2."))
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(module") || text.starts_with(b"(component") || text.starts_with(b";;")
}

#[cfg(test)]
mod tests {
    use super::{Kind, check_bytes};
    use crate::module::Refusal;

    #[test]
    fn the_header_tells_the_kinds_apart() {
        assert_eq!(check_bytes(b"\0asm\x01\0\0\0"), Ok(Kind::Core));
        assert_eq!(check_bytes(b"\0asm\x0d\0\x01\0"), Ok(Kind::Component));
        assert_eq!(
            check_bytes(b"\0asm\x02\0\0\0"),
            Err(Refusal::UnknownVersion)
        );
        assert_eq!(check_bytes(b"\0asm"), Err(Refusal::NotWasm));
        assert_eq!(check_bytes(b"#!/bin/sh\necho hi"), Err(Refusal::NotWasm));
        assert_eq!(check_bytes(b"\n  (module (memory 1))"), Err(Refusal::Text));
    }
}
