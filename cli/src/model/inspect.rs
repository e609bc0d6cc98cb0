//! `wright inspect`: what a model takes, gives and consists of.

use std::fmt::Write;
use std::path::PathBuf;

use super::load;
use crate::output;

/// Old files list each weight among the inputs: no more of these are shown.
const SHOWN: usize = 4;

/// Show what a trained model takes and gives, its operators, and those that are not supported.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    /// The model.
    #[arg(value_name = "MODEL.onnx")]
    file: PathBuf,
}

pub(crate) fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
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
