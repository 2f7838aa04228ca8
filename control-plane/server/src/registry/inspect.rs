//! Looks at a module before anybody runs it.
//!
//! This finds what is wrong with the file, so that whoever uploads it hears about it at once. What a
//! module may import is decided again, and for good, where it runs.

use insula_proto::rest::ModuleKind;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

/// The import module of WASI preview 1.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// Why a file is not a module that can run here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadModule {
    /// The first bytes are not those of Wasm.
    #[error("the file is not a Wasm module: it does not begin with the Wasm header")]
    NotWasm,
    /// The file is damaged or uses a proposal that is not enabled.
    #[error("the module is not valid: {0}")]
    Invalid(String),
    /// A core module wants something that no interface here provides.
    #[error(
        "the module imports `{module}.{name}`, which Insula does not provide; build it for WASI preview 1 or WASI 0.2"
    )]
    Import {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// A component wants something that no interface here provides.
    #[error(
        "the component imports `{0}`, which Insula does not provide; build it as a WASI 0.2 command"
    )]
    ComponentImport(String),
    /// There is nothing to start.
    #[error("the module exports no `_start`; build it as a command, not as a library")]
    NoStart,
    /// There is nothing to start.
    #[error("the component does not export `wasi:cli/run`; build it as a WASI 0.2 command")]
    NoRun,
}

/// Validates the file and says what it is.
///
/// # Errors
/// See [`BadModule`].
pub fn inspect(bytes: &[u8]) -> Result<ModuleKind, BadModule> {
    if !bytes.starts_with(b"\0asm") {
        return Err(BadModule::NotWasm);
    }
    let invalid = |error: wasmparser::BinaryReaderError| BadModule::Invalid(error.to_string());
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(invalid)?;
    let mut outer = None;
    let mut depth = 0_usize;
    let mut starts = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding, .. } => {
                outer.get_or_insert(encoding);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // What lies inside a component is that component's own affair.
            _ if depth > 0 => {}
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    if import.module != PREVIEW_1 {
                        let (module, name) = (import.module.to_owned(), import.name.to_owned());
                        return Err(BadModule::Import { module, name });
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    starts |= export.map_err(invalid)?.name == "_start";
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let name = import.map_err(invalid)?.name.name;
                    if !name.starts_with("wasi:") {
                        return Err(BadModule::ComponentImport(name.to_owned()));
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    starts |= export
                        .map_err(invalid)?
                        .name
                        .name
                        .starts_with("wasi:cli/run@");
                }
            }
            _ => {}
        }
    }
    match outer {
        Some(Encoding::Module) if starts => Ok(ModuleKind::Core),
        Some(Encoding::Module) => Err(BadModule::NoStart),
        Some(Encoding::Component) if starts => Ok(ModuleKind::Component),
        Some(Encoding::Component) => Err(BadModule::NoRun),
        None => Err(BadModule::NotWasm),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(wat: &str) -> Result<ModuleKind, BadModule> {
        inspect(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn a_wasi_command_is_accepted() {
        let wat = r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
            (func (export "_start")))"#;
        assert_eq!(of(wat), Ok(ModuleKind::Core));
    }

    #[test]
    fn what_cannot_run_is_named() {
        assert_eq!(inspect(b"#!/bin/sh"), Err(BadModule::NotWasm));
        assert_eq!(inspect(b""), Err(BadModule::NotWasm));
        assert!(matches!(
            inspect(b"\0asm\x01\0\0\0\xff"),
            Err(BadModule::Invalid(_))
        ));
        assert_eq!(of("(module)"), Err(BadModule::NoStart));
        assert_eq!(of("(component)"), Err(BadModule::NoRun));
        let foreign = of(r#"(module (import "env" "foo" (func)) (func (export "_start")))"#);
        let expected = BadModule::Import {
            module: "env".into(),
            name: "foo".into(),
        };
        assert_eq!(foreign, Err(expected));
        let foreign = of(r#"(component (import "acme:disk/raw@1.0.0" (instance)))"#);
        assert_eq!(
            foreign,
            Err(BadModule::ComponentImport("acme:disk/raw@1.0.0".into()))
        );
    }

    #[test]
    fn modules_inside_a_component_are_its_own_affair() {
        let wat =
            r#"(component (core module (import "env" "foo" (func)) (func (export "_start"))))"#;
        assert_eq!(of(wat), Err(BadModule::NoRun));
    }
}
