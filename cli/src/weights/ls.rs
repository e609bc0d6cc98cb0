//! `wright weights ls`: which tensors are in a file.

use std::fmt::Write;
use std::path::PathBuf;

use tensorwright::weights::{MetadataValue, Weights};

use super::fault;
use crate::output::{self, table};

/// So many letters of a text are shown, and so many values of a list.
const LETTERS: usize = 60;
const VALUES: usize = 4;

/// Show the tensors of a file: name, dtype, shape, bytes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file. A checkpoint of TensorFlow is named by its index, its name without an ending, or its folder.
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let weights = Weights::open(&args.file).map_err(fault)?;
    let mut text = format!("format: {}\n", weights.format());
    for (name, value) in weights.metadata() {
        writeln!(text, "{name}: {}", shown(value))?;
    }
    let title = ["name", "dtype", "shape", "bytes"].map(str::to_owned).to_vec();
    let rows = weights.specs().map(|(name, spec)| {
        vec![name.to_owned(), spec.dtype.to_string(), spec.shape.to_string(), spec.bytes.to_string()]
    });
    text.push_str(&table([title].into_iter().chain(rows).collect()));
    let (mut numbers, mut bytes) = (0usize, 0u64);
    for (_, spec) in weights.specs() {
        numbers = numbers.saturating_add(spec.shape.elements());
        bytes = bytes.saturating_add(spec.bytes);
    }
    writeln!(text, "{} tensors, {numbers} elements, {bytes} bytes", weights.specs().count())?;
    output::print(&text)
}

/// A value in a short line.
fn shown(value: &MetadataValue) -> String {
    match value {
        MetadataValue::Bool(value) => value.to_string(),
        MetadataValue::Int(value) => value.to_string(),
        MetadataValue::Float(value) => value.to_string(),
        MetadataValue::Text(text) => {
            let cut: String = text.chars().take(LETTERS).collect();
            let rest = if cut.len() < text.len() { ".." } else { "" };
            format!("{cut:?}{rest}")
        }
        MetadataValue::List(values) => {
            let first: Vec<String> = values.iter().take(VALUES).map(shown).collect();
            let rest = if values.len() > VALUES { ", .." } else { "" };
            format!("{} values [{}{rest}]", values.len(), first.join(", "))
        }
        _ => "?".to_owned(),
    }
}
