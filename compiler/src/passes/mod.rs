//! The optimiser: passes from graph to graph, and the pipeline that is made of them.
//!
//! A pass is one file, named here, and one place in [`PIPELINE`]. It holds one idea; the [driver](run_pipeline) dumps, verifies, times and
//! bisects. Passes change graphs through the [rewriter] only.

mod absorb;
mod adjoin;
pub mod algebra;
mod canonicalise;
mod chunks;
mod context;
mod contract;
mod control;
mod cost;
mod cse;
mod dce;
mod driver;
mod effects;
mod everywhere;
mod expand;
mod fold;
mod layout;
mod pattern;
mod recognise;
mod release;
pub mod rewriter;
mod sink;
#[cfg(test)]
mod testing;

pub use absorb::Absorb;
pub use adjoin::Adjoin;
pub use algebra::Algebra;
pub use canonicalise::Canonicalise;
pub use context::{Context, Failure, PassOptions, StopAfter};
pub use contract::Contract;
pub use control::{Batch, Forward, Hoist, Inline, Localise, Prune, Share};
pub use cost::{cost, node_cost};
pub use cse::Cse;
pub use dce::Dce;
pub use driver::{
    PassError, PassObserver, PassRun, Timing, Timings, run_passes, run_pipeline, run_pipeline_observed,
};
pub(crate) use effects::has_effect;
pub use effects::without_effects;
pub use expand::Expand;
pub use fold::FoldConstants;
pub use layout::Layout;
pub use recognise::Recognise;
pub use release::Release;
pub use sink::Sink;
use tensorwright_ir::Graph;

/// A transformation of graphs. Every result keeps its bits, save that a NaN may become another NaN, unless [`PassOptions::value_changing`] is set.
pub trait Pass: Sync {
    /// The name that the command line and dumps use.
    fn name(&self) -> &'static str;

    /// One line for listings.
    fn description(&self) -> &'static str;

    /// The new graph, of the same input and output types; `None` if there is nothing to change. Regions of nodes are left as they
    /// are: the driver runs the pass on each of them first.
    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph>;
}

impl std::fmt::Debug for dyn Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A place in the pipeline.
#[derive(Clone, Copy, Debug)]
pub enum PipelineStep {
    /// One run of a pass.
    Once {
        /// The pass.
        pass: &'static dyn Pass,
        /// Why it is here.
        why: &'static str,
    },
    /// Passes that make work for each other: run in turn until none changes anything, at most `rounds` times.
    UntilStable {
        /// The budget.
        rounds: usize,
        /// The passes, each with the reason for its place.
        passes: &'static [(&'static dyn Pass, &'static str)],
    },
}

/// The optimiser.
pub static PIPELINE: &[PipelineStep] = &[
    PipelineStep::Once { pass: &Expand, why: "everything below speaks primitives only" },
    PipelineStep::UntilStable {
        rounds: 16,
        passes: &[
            (&Canonicalise, "one spelling, so that the passes below see through differences of writing"),
            (&FoldConstants, "constants are known before rules ask for them"),
            (&Algebra, "works on canonical operands and folded constants"),
            (&Cse, "merges what expansion wrote several times"),
            (&Inline, "choices and conditions are as constant as `fold` and `algebra` can make them"),
            (&Forward, "tells real state from invariants, which the next three need to know"),
            (&Localise, "constants among them go into regions, for the next round"),
            (&Hoist, "after `localise`: what depends on constants alone is folded, not moved"),
            (&Share, "after `cse`, so that there is one node to find"),
            (&Batch, "after `hoist`: an invariant matrix is an operand of the loop"),
            (&Prune, "last of those about regions: the others leave operands and results unused"),
            (&Dce, "sweeps up what the others left unused, so that `sink` sees who needs what"),
            (&Sink, "after `dce`; what it brings together the others simplify in the next round"),
            (&Contract, "takes in what `sink` has left in front of products"),
            (
                &Absorb,
                "after `contract`, which leaves depthwise convolutions without reshapes before their scale",
            ),
            (
                &Layout,
                "after `contract`, which leaves depthwise convolutions without reshapes; the others clean up behind it",
            ),
            (
                &Recognise,
                "after `contract`, when products have one form; what is left over goes in the next round",
            ),
        ],
    },
    PipelineStep::Once {
        pass: &Adjoin,
        why: "after `contract`, which would take the transpose into the product; lowering counts on it",
    },
    PipelineStep::Once {
        pass: &Release,
        why: "last: whatever merges equal nodes would merge what it lets go with what it repeats",
    },
];

/// Every pass, in order of first use.
pub fn all() -> Vec<&'static dyn Pass> {
    let mut passes: Vec<&'static dyn Pass> = Vec::new();
    let steps = PIPELINE.iter().flat_map(|step| match step {
        PipelineStep::Once { pass, .. } => vec![*pass],
        PipelineStep::UntilStable { passes, .. } => passes.iter().map(|&(pass, _)| pass).collect(),
    });
    for pass in steps {
        if passes.iter().all(|p| p.name() != pass.name()) {
            passes.push(pass);
        }
    }
    passes
}

/// The pass of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Pass> {
    all().into_iter().find(|pass| pass.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file of a pass has its name.
    fn source(pass: &dyn Pass) -> String {
        let (root, name) = (concat!(env!("CARGO_MANIFEST_DIR"), "/src/passes"), pass.name());
        let files = ["", "control/"].into_iter().flat_map(|folder| {
            [format!("{root}/{folder}{name}.rs"), format!("{root}/{folder}{name}/mod.rs")]
        });
        let mut sources = files.filter_map(|file| std::fs::read_to_string(file).ok());
        sources.next().unwrap_or_else(|| panic!("no source of {name}"))
    }

    #[test]
    fn the_example_of_each_pass_is_true() {
        for pass in all() {
            let (before, after) = testing::documented_example(&source(pass));
            // Some passes only do what changes results.
            let options = PassOptions { value_changing: pass.name() == "absorb", ..PassOptions::default() };
            testing::check_with(pass, &before, &after, &options);
        }
    }
}
