//! `insula module`

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use insula_client::api::{Module, ModuleKind};
use insula_client::{Client, Error};

use crate::exit::{self, Failure};
use crate::output::{Output, age, bytes, short_digest};
use crate::program::Global;

/// Largest file that is read: what the control plane takes at most.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Upload, list and remove Wasm modules.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Upload a module: WASI preview 1 or a WASI 0.2 command component, as .wasm or .wat.
    Push {
        /// The file.
        file: PathBuf,
        /// A name for it; the file's name if absent.
        #[arg(long)]
        name: Option<String>,
    },
    /// List modules.
    Ls,
    /// Remove modules.
    Rm {
        /// Digests, or beginnings of them that fit one module only.
        #[arg(required = true)]
        digests: Vec<String>,
    },
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let client = global.client()?;
    match args.command {
        Command::Push { file, name } => {
            let module = push(&client, &file, name).await?;
            if output.is_json() {
                output.document(&module)?;
            } else {
                output.line(&module.digest)?;
            }
        }
        Command::Ls => list(&client.modules().await?, output)?,
        Command::Rm { digests } => {
            let modules = client.modules().await?;
            for given in &digests {
                let digest = resolve(&modules, given)?;
                client.remove_module(digest).await?;
                output.talk(&format_args!("removed {digest}"));
            }
        }
    }
    Ok(exit::OK)
}

/// Uploads a file; one that is there already costs only the transfer.
pub(crate) async fn push(
    client: &Client,
    file: &Path,
    name: Option<String>,
) -> Result<Module, Failure> {
    let binary = read(file).map_err(|failure| failure.about(&file.display()))?;
    let name = name.unwrap_or_else(|| {
        let stem = file.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    });
    let pushed = client.push_module(&name, Bytes::from(binary)).await;
    pushed.map_err(|error| match error {
        Error::Refused(..) => Failure::from(error).about(&file.display()),
        error => error.into(),
    })
}

/// The module's binary form.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut contents = Vec::new();
    let opened = File::open(file).map_err(|error| Failure::from_error(&error))?;
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut contents)
        .map_err(|error| Failure::from_error(&error))?;
    if contents.len() as u64 > FILE_BYTES_MAX {
        let sentence = format!("a module has {} at most", bytes(FILE_BYTES_MAX));
        return Err(Failure::new(sentence));
    }
    if file.extension().is_none_or(|end| end != "wat") {
        return Ok(contents);
    }
    let binary = wat::parse_bytes(&contents).map(Cow::into_owned);
    binary.map_err(|error| {
        Failure::new(format!(
            "the text is not valid: {}",
            error.to_string().trim_end()
        ))
    })
}

fn list(modules: &[Module], output: &Output) -> Result<(), Failure> {
    output.list(
        modules,
        &["digest", "name", "kind", "size", "age"],
        |module| {
            let kind = match module.kind {
                ModuleKind::Core => "core",
                ModuleKind::Component => "component",
            };
            vec![
                short_digest(&module.digest),
                module.name.clone(),
                kind.to_owned(),
                bytes(module.size),
                age(module.uploaded_at),
            ]
        },
    )
}

/// The one module that a digest or its beginning names.
fn resolve<'a>(modules: &'a [Module], given: &str) -> Result<&'a str, Failure> {
    let wanted = given.strip_prefix("sha256:").unwrap_or(given);
    let fits = |module: &&Module| {
        module
            .digest
            .trim_start_matches("sha256:")
            .starts_with(wanted)
    };
    let mut found = modules.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(module), None) => Ok(&module.digest),
        (None, _) => Err(Failure::new(format!("there is no module '{given}'"))
            .hint("`insula module ls` lists them")),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("'{given}' fits more than one module"))
                .hint("give more digits"))
        }
    }
}
