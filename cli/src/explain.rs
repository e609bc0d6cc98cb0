//! `wright explain`: what an error code means.

use std::fmt::Write;

use tensorwright_ir::text::Code;

use crate::fault::Fault;
use crate::output;

/// Explain an error code, or list all codes.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  wright explain E012\n  wright explain")]
pub(crate) struct Args {
    /// The code, such as E012.
    code: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(number) = &args.code else { return output::print(&all()) };
    let code = Code::from_number(number).ok_or_else(|| {
        Fault::usage(format!("there is no error code `{number}`; `wright explain` lists all"))
    })?;
    output::print(&format!("{code}: {}\n\n{}", code.title(), code.explanation()))
}

fn all() -> String {
    Code::ALL.iter().fold(String::new(), |mut out, code| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{code}  {}", code.title());
        out
    })
}
