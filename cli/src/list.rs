//! `wright list-ops` and `wright list-passes`.

use tensorwright_compiler::lower::{STAGES, Stage};
use tensorwright_compiler::passes::{self, PIPELINE, Pass, PipelineStep};
use tensorwright_ir::Op;
use tensorwright_ir::op::{Arity, Lowering, OpKind};

use crate::fault::Fault;
use crate::output::{self, table};

/// List the operations: operands, attributes, kind.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  wright list-ops\n  wright list-ops reduce softmax")]
pub(crate) struct OpsArgs {
    /// Only these operations.
    names: Vec<String>,
}

pub(crate) fn ops(args: &OpsArgs) -> anyhow::Result<()> {
    let kinds = Op::kinds();
    for name in &args.names {
        if kinds.iter().all(|kind| kind.name != name) {
            return Err(Fault::usage(format!("there is no operation `{name}`")).into());
        }
    }
    let chosen =
        kinds.iter().filter(|kind| args.names.is_empty() || args.names.iter().any(|n| n == kind.name));
    output::print(&table(chosen.map(op_row).collect()))
}

fn op_row(kind: &OpKind) -> Vec<String> {
    let operands = match kind.arity {
        Arity::Exact(1) => "1 operand".to_owned(),
        Arity::Exact(n) => format!("{n} operands"),
        Arity::AtLeast(n) => format!("{n}.. operands"),
    };
    let lowering = match kind.lowering {
        Lowering::Map => "element-wise",
        Lowering::View => "index map",
        Lowering::Reduce => "reduction",
        Lowering::Tiled => "tiled routine",
        Lowering::Library => "library routine",
        Lowering::Expand => "composite",
        Lowering::Region => "control flow",
        Lowering::Effect => "effect",
        Lowering::List => "list",
        Lowering::Token => "token",
        Lowering::Host => "call of the program",
        Lowering::Mark => "mark",
    };
    vec![kind.name.to_owned(), operands, lowering.to_owned(), kind.attributes.join(", ")]
}

/// List the passes of the optimiser in the order of the pipeline, and the stages of lowering, with the reason for each place.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  wright list-passes")]
pub(crate) struct PassesArgs {}

pub(crate) fn passes(_: &PassesArgs) -> anyhow::Result<()> {
    let mut out = String::from("Pipeline:\n");
    for step in PIPELINE {
        match step {
            PipelineStep::Once { pass, why } => out.push_str(&format!("  {}: {why}\n", pass.name())),
            PipelineStep::UntilStable { rounds, passes } => {
                out.push_str(&format!("  until nothing changes, at most {rounds} times:\n"));
                for (pass, why) in *passes {
                    out.push_str(&format!("    {}: {why}\n", pass.name()));
                }
            }
        }
    }
    out.push_str("\nPasses:\n");
    out.push_str(&table(passes::all().into_iter().map(pass_row).collect()));
    out.push_str("\nLowering:\n");
    let stage_row =
        |stage: &Stage| [format!("  {}", stage.name), stage.what.to_owned(), stage.why.to_owned()];
    out.push_str(&table(STAGES.iter().map(|stage| stage_row(stage).to_vec()).collect()));
    output::print(&out)
}

fn pass_row(pass: &'static dyn Pass) -> Vec<String> {
    vec![format!("  {}", pass.name()), pass.description().to_owned()]
}
