//! `wright weights convert`: the tensors of a file in another format.

use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use glob::Pattern;
use indicatif::{ProgressBar, ProgressStyle};
use tensorwright::weights::{Weights, WeightsFormat, convert};

use super::fault;
use crate::fault::Fault;
use crate::output;

/// Write the tensors of a file in another format: safetensors, NumPy arrays, or a checkpoint of TensorFlow.
///
/// Elements keep their bits; blocks of quantised numbers become f32. Strings are kept in checkpoints and left out of other files. The new file is there whole or not at all.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wright weights convert pytorch_model.bin model.safetensors
  wright weights convert model.safetensors model.npz --only 'encoder.*' --rename encoder.=
  wright weights convert saved_model/variables weights.safetensors")]
pub(crate) struct Args {
    /// The file. A checkpoint of TensorFlow is named by its index, its name without an ending, or its folder.
    from: PathBuf,
    /// The new file, whose ending says the format: .safetensors, .npz, or .index and .ckpt for a checkpoint.
    to: PathBuf,
    /// The format, whatever the ending says.
    #[arg(long = "to", value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Names that begin with OLD, or are it, begin with NEW. The first option that fits a name counts.
    #[arg(long = "rename", value_name = "OLD=NEW")]
    renames: Vec<String>,
    /// Only tensors whose names, those of the file that is read, are like this: `*` is any letters, `?` one. Several options add up.
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
}

/// What is written.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Safetensors,
    Npz,
    Checkpoint,
}

impl From<Format> for WeightsFormat {
    fn from(format: Format) -> WeightsFormat {
        match format {
            Format::Safetensors => WeightsFormat::Safetensors,
            Format::Npz => WeightsFormat::Npz,
            Format::Checkpoint => WeightsFormat::Checkpoint,
        }
    }
}

/// Which tensors are written, and under which names.
struct Names {
    only: Vec<Pattern>,
    renames: Vec<(String, String)>,
}

impl Names {
    fn of(args: &Args) -> Result<Names, Fault> {
        let pattern = |text: &String| {
            Pattern::new(text).map_err(|error| Fault::usage(format!("--only {text}: {error}")))
        };
        let rename = |pair: &String| match pair.split_once('=') {
            Some((old, new)) => Ok((old.to_owned(), new.to_owned())),
            None => Err(Fault::usage(format!("`--rename {pair}`: OLD=NEW expected"))),
        };
        Ok(Names {
            only: args.only.iter().map(pattern).collect::<Result<_, _>>()?,
            renames: args.renames.iter().map(rename).collect::<Result<_, _>>()?,
        })
    }

    fn new_name(&self, name: &str) -> Option<String> {
        if !self.only.is_empty() && !self.only.iter().any(|pattern| pattern.matches(name)) {
            return None;
        }
        let found = self.renames.iter().find_map(|(old, new)| Some((new, name.strip_prefix(old.as_str())?)));
        Some(found.map_or_else(|| name.to_owned(), |(new, rest)| format!("{new}{rest}")))
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let names = Names::of(args)?;
    let format = args.format.map(WeightsFormat::from).or_else(|| WeightsFormat::of_name(&args.to));
    let format = format.ok_or_else(|| {
        let file = args.to.display();
        Fault::usage(format!(
            "{file}: the ending says no format: .safetensors, .npz, .index or .ckpt, or `--to`"
        ))
    })?;
    let weights = Weights::open(&args.from).map_err(fault)?;
    if !args.only.is_empty() && !weights.names().any(|name| names.new_name(name).is_some()) {
        return Err(Fault::usage(format!("--only {}: no tensor has such a name", args.only.join(" "))).into());
    }
    let chosen = weights.specs().filter(|(name, _)| names.new_name(name).is_some());
    let bytes = chosen.map(|(_, spec)| spec.bytes).fold(0, u64::saturating_add);
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let written = convert(&weights, &args.to, format, &|name| names.new_name(name), &mut |name, spec| {
        bar.set_message(name.to_owned());
        bar.inc(spec.bytes);
    });
    bar.finish_and_clear();
    let done = written.map_err(fault)?;
    let mut text = format!("{}: {}, {} tensors\n", args.to.display(), format, done.written.len());
    if !done.left_out.is_empty() {
        writeln!(text, "left out, as they are strings: {}", done.left_out.join(", "))?;
    }
    output::print(&text)
}
