use std::fmt;

/// Why a module cannot be run here. Displays as one sentence for the module's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file is longer than the compiler accepts.
    #[error(
        "the module has {bytes} bytes, more than the {limit} allowed; strip its debug information or split it"
    )]
    TooLarge {
        /// Length of the file.
        bytes: u64,
        /// Longest accepted.
        limit: u64,
    },
    /// The file does not begin as a WebAssembly binary does.
    #[error(
        "the file is not WebAssembly: it does not begin with `\\0asm`; upload the `.wasm` file that the compiler wrote"
    )]
    NotWasm,
    /// The file is WebAssembly in its text format.
    #[error(
        "the file is WebAssembly text; translate it into a binary first, for example with `wat2wasm`"
    )]
    Text,
    /// The file is compiled already, perhaps for another machine, perhaps with ill intent.
    #[error(
        "the file is precompiled machine code, which is never accepted from outside; upload the `.wasm` file instead"
    )]
    Precompiled,
    /// The binary format has a version that is neither of a core module nor of a component.
    #[error(
        "the file is WebAssembly of an unknown version; build it as a core module or as a component"
    )]
    UnknownVersion,
    /// The file does not have the digest it was announced with.
    #[error("the module's SHA-256 is {actual} where {expected} was announced; upload it again")]
    WrongDigest {
        /// As announced.
        expected: String,
        /// As computed.
        actual: String,
    },
    /// The module breaks a rule of the format or needs a feature that is not enabled.
    #[error("the module is not valid: {detail}")]
    Invalid {
        /// What the validator said.
        detail: String,
    },
    /// The module needs functions or interfaces that no capability provides.
    #[error("the module imports {}, which Insula does not provide; build it for WASI preview 1 or WASI 0.2", Names(.names))]
    UnknownImports {
        /// `module.name` of a core module's import, the interface of a component's.
        names: Vec<String>,
    },
    /// An import has a known name but not the type that WASI gives it.
    #[error("the module's imports do not fit WASI: {detail}")]
    Incompatible {
        /// What the linker said.
        detail: String,
    },
    /// A core module without a function `_start`.
    #[error(
        "the module exports no function `_start`, so there is nothing to run; build it as a command, not as a library or reactor"
    )]
    NoStart,
    /// A component without `wasi:cli/run`.
    #[error(
        "the component does not export `wasi:cli/run`, so there is nothing to run; build it as a command of WASI 0.2"
    )]
    NoRun,
    /// Compilation needs more processor time than it is given.
    #[error(
        "the module needs more than {seconds} s of processor time to compile; make it smaller or simpler"
    )]
    CompileTime {
        /// What it is given.
        seconds: u64,
    },
    /// Compilation needs more memory than it is given.
    #[error("the module needs more than {} MiB of memory to compile; make it smaller or simpler", .bytes >> 20)]
    CompileMemory {
        /// What it is given.
        bytes: u64,
    },
}

/// The most names that a sentence lists; a module built for another host has hundreds.
const LISTED_MAX: usize = 4;

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().take(LISTED_MAX).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}`{name}`")?;
        }
        match self.0.len().saturating_sub(LISTED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn unknown_imports_are_named_in_one_sentence() {
        let one = Refusal::UnknownImports {
            names: vec!["env.foo".to_owned()],
        };
        assert_eq!(
            one.to_string(),
            "the module imports `env.foo`, which Insula does not provide; \
             build it for WASI preview 1 or WASI 0.2"
        );
        let names = (0..6).map(|number| format!("env.f{number}")).collect();
        let many = Refusal::UnknownImports { names }.to_string();
        assert!(many.contains("`env.f3` and 2 more, which"), "{many}");
    }
}
