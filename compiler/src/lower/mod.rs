//! Lowering: from a graph of primitives to a program, in the [`STAGES`] of a list.
//!
//! The first stages decide about the graph and about regions that stay regions: which loops are kernels, which nodes share a kernel,
//! in which order they run. `plan` makes steps and slots of that, regions first. What follows changes programs: each stage holds one idea, and
//! runs on the programs of regions before the program around them. The driver verifies, times, counts and shows.

mod compile;
mod donate;
mod driver;
mod error;
mod keep;
mod late;
mod merge;
mod pack;
mod part;
mod place;
mod plan;
mod unused;

pub use compile::{CompileOptions, compile, compile_promised};
use driver::{Context, Donations};
pub use driver::{LowerOptions, Promises, StageObserver, StageRun, clusters, lower, lower_observed};
pub use error::CompileError;
use part::Part;

use crate::program::Program;

/// A stage of lowering, at its place in the list.
#[derive(Debug)]
pub struct Stage {
    /// The name that the command line and dumps use.
    pub name: &'static str,
    /// Description of what the stage does.
    pub what: &'static str,
    /// Reason for the place in the list.
    pub why: &'static str,
    run: Run,
}

#[derive(Debug)]
enum Run {
    /// Decides something about a graph, then about its regions.
    Graph(fn(&mut Part<'_>, &mut Context<'_>) -> Result<(), CompileError>),
    /// Makes a program of the decisions, of regions first.
    Plan,
    /// Changes a program, those of its regions first.
    Program(fn(&mut Program, &Donations, &mut Context<'_>)),
    /// As `Program`, and lets slots become one: no step may read another value than before.
    Share(fn(&mut Program, &Donations, &mut Context<'_>)),
}

/// From a graph to a program.
pub static STAGES: &[Stage] = &[
    Stage {
        name: "loops",
        what: "decides which loops are kernels of their own",
        why: "first: such a loop needs no steps for its regions, and stores less",
        run: Run::Graph(part::choose_loops),
    },
    Stage {
        name: "fuse",
        what: "decides what is stored and which nodes share a kernel",
        why: "needs to know what loops read and write",
        run: Run::Graph(part::fuse),
    },
    Stage {
        name: "order",
        what: "decides when each unit runs",
        why: "units are known now; what runs late takes no memory before",
        run: Run::Graph(part::order),
    },
    Stage {
        name: "plan",
        what: "schedules units as kernels, and makes steps and slots",
        why: "everything below speaks of steps",
        run: Run::Plan,
    },
    Stage {
        name: "pack",
        what: "packs what loops multiply with before them",
        why: "before memory is shared: a packed matrix is one more operand of the loop",
        run: Run::Program(pack::pack_ahead),
    },
    Stage {
        name: "keep",
        what: "brings what depends on nothing that changes before the rest, to run once",
        why: "after `pack`: what loops multiply with may be packed once for all runs",
        run: Run::Program(keep::keep_ahead),
    },
    Stage {
        name: "late",
        what: "moves updates of donated inputs behind the last reads",
        why: "before `merge`, which puts steps beside each other into one",
        run: Run::Program(late::update_late),
    },
    Stage {
        name: "merge",
        what: "merges small kernels that follow each other",
        why: "the order is final",
        run: Run::Program(merge::merge_small_kernels),
    },
    Stage {
        name: "donate",
        what: "lets results take the memory of operands that nothing needs any more",
        why: "after `merge`: what is scratch by now needs no memory",
        run: Run::Share(donate::update_in_place),
    },
    Stage {
        name: "drop",
        what: "drops kernels that no step calls and slots that no step touches",
        why: "after `merge` and `donate`, which leave such",
        run: Run::Program(unused::drop_unused),
    },
    Stage {
        name: "place",
        what: "gives workspaces their sizes and slots their places in the arena",
        why: "last: nothing changes any more that takes memory",
        run: Run::Program(place::place_in_arena),
    },
];

/// The stage of this name.
pub fn stage(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.name == name)
}
