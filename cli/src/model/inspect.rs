//! `wright inspect`: what a model takes, gives and consists of.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tensorwright::bundle::Bundle;

use super::load;
use crate::fault::Fault;
use crate::output;

/// Old files list each weight among the inputs: no more of these are shown.
const SHOWN: usize = 4;

/// Show what a trained model takes and gives, its operators, and those that are not supported; or the endpoints of a bundle with its weights.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    /// The model.
    #[arg(value_name = "MODEL")]
    file: PathBuf,
}

fn bundle(path: &Path) -> anyhow::Result<()> {
    let bundle = Bundle::load(path).map_err(Fault::input)?;
    let mut text = String::new();
    for (key, value) in bundle.metadata() {
        writeln!(text, "{key}: {value}")?;
    }
    for name in bundle.endpoints() {
        writeln!(text, "{}", bundle.endpoint(name).map_err(Fault::input)?)?;
    }
    let mut parameters = 0;
    for (name, variable) in bundle.variables() {
        writeln!(
            text,
            "variable {name}: {}{}",
            variable.ty(),
            if variable.trainable() { "" } else { ", not trained" }
        )?;
        parameters += variable.ty().shape.elements();
    }
    writeln!(text, "parameters: {parameters}")?;
    for (name, bytes) in bundle.assets() {
        writeln!(text, "asset {name}: {} bytes", bytes.len())?;
    }
    output::print(&text)
}

pub(crate) fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    if Bundle::is_at(&args.file) {
        return bundle(&args.file);
    }
    let model = load(&args.file)?;
    let mut text = String::new();
    let about = model.about();
    if !about.producer.is_empty() {
        writeln!(text, "producer: {}", about.producer)?;
    }
    for (domain, version) in &about.operators {
        let domain = if domain.is_empty() { "ai.onnx" } else { domain };
        writeln!(text, "operators of {domain}: version {version}")?;
    }
    let may_be_left_out = |at: &usize| model.is_optional(*at);
    for (at, input) in model.inputs().iter().enumerate() {
        if !may_be_left_out(&at) {
            writeln!(text, "input {input}")?;
        }
    }
    let optional: Vec<usize> = (0..model.inputs().len()).filter(may_be_left_out).collect();
    for &at in optional.iter().take(SHOWN) {
        writeln!(text, "input {} (may be left out)", model.inputs()[at])?;
    }
    if optional.len() > SHOWN {
        writeln!(text, "{} more inputs may be left out", optional.len() - SHOWN)?;
    }
    for output in model.outputs() {
        writeln!(text, "output {output}")?;
    }
    writeln!(text, "parameters: {}", model.parameters())?;
    let mut operators = model.operators();
    operators.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    for (name, count) in operators {
        writeln!(text, "{count:8} {name}")?;
    }
    let unsupported = model.unsupported();
    if unsupported.is_empty() {
        writeln!(text, "all operators are supported")?;
    }
    for (name, count) in unsupported {
        writeln!(text, "not supported: {name}, {count} times")?;
    }
    output::print(&text)
}
