//! `insula module`

use std::path::{Path, PathBuf};

use bytes::Bytes;
use insula_client::Client;
use insula_client::api::{Module, ModuleKind};

use crate::exit::{self, Failure};
use crate::output::{Output, age, bytes, short_digest};
use crate::program::Global;

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
    let contents = std::fs::read(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    let binary = if file.extension().is_some_and(|end| end == "wat") {
        let text = wat::Parser::new().parse_bytes(Some(file), &contents);
        let text = text.map_err(|error| Failure::new(format!("not valid: {error}")))?;
        text.into_owned()
    } else {
        contents
    };
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(client
        .push_module(&name.unwrap_or(stem), Bytes::from(binary))
        .await?)
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
