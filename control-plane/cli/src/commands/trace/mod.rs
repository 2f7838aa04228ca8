//! `insula trace`

mod length;
mod picture;
mod scale;
mod signs;
#[cfg(test)]
mod tests;
mod text;
mod web;

use std::path::PathBuf;

use self::picture::Picture;
use crate::exit::{self, Failure};
use crate::file;
use crate::output::Output;
use crate::program::Global;

/// Show where a task's time went, from the submission to the acknowledgement.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The steps are from the task's own record, which is complete whether its trace is sampled or not. The
spans below them are those that the control plane still remembers of a trace that is sampled; all of
them are in the collector that it exports to.")]
pub(crate) struct Args {
    /// Which task.
    #[arg(value_name = "TASK")]
    id: String,
    /// Only this start, counted from 0, of a task that was started again; all if absent.
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Write a page for a browser to this file, or to standard output if it is -.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    web: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    if output.is_json() && args.web.is_some() {
        let sentence = "--json and --web are two forms of one answer";
        return Err(Failure::usage(sentence).hint("leave out one of them"));
    }
    let trace = global.client()?.trace(&args.id, args.attempt).await?;
    if output.is_json() {
        output.document(&trace)?;
        return Ok(exit::OK);
    }
    let picture = Picture::of(&trace);
    match args.web {
        None => output.line(&text::draw(&picture, &output.terminal()))?,
        Some(file) if file.as_os_str() == "-" => output.raw(web::page(&picture).as_bytes())?,
        Some(file) => {
            file::write(&file, web::page(&picture).as_bytes())?;
            output.talk(&format_args!("{} is for a browser", file.display()));
        }
    }
    Ok(exit::OK)
}
