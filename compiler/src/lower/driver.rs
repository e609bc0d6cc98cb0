//! Running the stages: on a graph and its regions, with verification, times and counters.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tensorwright_ir::op::{Lowering, Role};
use tensorwright_ir::{Graph, Node, NodeId, Op};

use super::part::{self, Part};
use super::plan::plan;
use super::{CompileError, Run, STAGES, Stage};
use crate::passes::PassOptions;
use crate::program::verify::{same_flow, verify_unplaced};
use crate::program::{Program, Step, Target, verify};

/// Options of lowering.
#[derive(Clone, Debug)]
pub struct LowerOptions {
    /// Verify after every stage. On in debug builds.
    pub verify: bool,
    /// Whether routines may add up in another order, which changes results in their last bits.
    pub reassociate: bool,
    /// What the caller promises about inputs.
    pub promises: Promises,
}

impl LowerOptions {
    /// The options that belong to those of the passes.
    pub fn of(passes: &PassOptions, promises: &Promises) -> LowerOptions {
        LowerOptions { verify: passes.verify, reassociate: passes.value_changing, promises: promises.clone() }
    }
}

/// What the caller of a program promises about its inputs.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Pairs of an input that may be overwritten and the output of the same type that may get its memory. Left alone if a run may
    /// fail on the way, which would leave half of a result there: with assertions or lists in the graph.
    pub donated: Vec<(usize, usize)>,
    /// Inputs that are the same in every run, so that what depends on them alone is computed once.
    pub lasting: Vec<usize>,
}

impl Promises {
    /// Inputs that are given away, each with the output that may get its memory.
    pub fn donated(pairs: &[(usize, usize)]) -> Promises {
        Promises { donated: pairs.to_vec(), lasting: Vec::new() }
    }

    /// Options for the passes, which are told what lasts.
    pub fn passes(&self, options: &PassOptions) -> PassOptions {
        PassOptions { lasting: self.lasting.clone(), ..options.clone() }
    }
}

impl Default for LowerOptions {
    fn default() -> LowerOptions {
        LowerOptions { verify: cfg!(debug_assertions), reassociate: false, promises: Promises::default() }
    }
}

/// One run of a stage, as observers see it.
pub struct StageRun<'a> {
    /// The stage.
    pub stage: &'static Stage,
    /// What has been decided, as text: a program in the text form, once there is one.
    pub text: &'a dyn Display,
    /// The program, once there is one.
    pub program: Option<&'a Program>,
    /// Time that the stage took.
    pub elapsed: Duration,
    /// What the stage counted.
    pub counters: &'a [(&'static str, u64)],
}

impl std::fmt::Debug for StageRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StageRun").field("stage", &self.stage.name).finish_non_exhaustive()
    }
}

/// Somebody who watches stages run.
pub trait StageObserver {
    /// A stage has run.
    fn ran(&mut self, run: &StageRun<'_>);
}

impl<F: FnMut(&StageRun<'_>)> StageObserver for F {
    fn ran(&mut self, run: &StageRun<'_>) {
        self(run);
    }
}

/// Inputs that are given away: each with the output that may get its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Donations {
    pub(super) pairs: Vec<(usize, usize)>,
    /// Who may write over inputs.
    pub(super) writers: Writers,
    /// Inputs that are the same in every run, of what may keep things from run to run: a region keeps nothing.
    pub(super) lasting: Option<Vec<usize>>,
}

/// Which steps may write over inputs that are given away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Writers {
    /// Ops that update an operand. The state of loops has two places already, which take turns.
    #[default]
    Updates,
    /// Kernels too.
    Kernels,
}

impl Donations {
    /// The state of a loop: the first inputs become the outputs of the same numbers.
    fn of_loop(carried: usize) -> Donations {
        let pairs = (0..carried).map(|i| (i, i)).collect();
        Donations { pairs, writers: Writers::Updates, lasting: None }
    }
}

/// Target and counters, which stages get besides what they work on.
pub(crate) struct Context<'a> {
    pub(super) target: &'a dyn Target,
    pub(super) reassociate: bool,
    counters: Vec<(&'static str, u64)>,
}

impl Context<'_> {
    /// Counts events: what was done, what a search cost, a budget that ran out.
    pub(super) fn count(&mut self, event: &'static str, times: u64) {
        match self.counters.iter_mut().find(|(name, _)| *name == event) {
            Some((_, count)) => *count += times,
            None if times > 0 => self.counters.push((event, times)),
            None => {}
        }
    }
}

/// Lowers a graph of primitives. Fails only through a bug of the compiler, or if the graph has not been through pass `adjoin`.
pub fn lower(graph: &Graph, target: &dyn Target) -> Result<Program, CompileError> {
    lower_observed(graph, &LowerOptions::default(), target, &mut |_: &StageRun<'_>| {})
}

/// Lowers a graph of primitives, watched by `observer`; see [`lower`].
pub fn lower_observed(
    graph: &Graph,
    options: &LowerOptions,
    target: &dyn Target,
    observer: &mut dyn StageObserver,
) -> Result<Program, CompileError> {
    let mut part = Part::new(graph);
    let mut program = None;
    let mut cx = Context { target, reassociate: options.reassociate, counters: Vec::new() };
    let pairs = if may_fail(graph) { Vec::new() } else { options.promises.donated.clone() };
    let lasting = Some(options.promises.lasting.clone());
    let donations = Donations { pairs, writers: Writers::Kernels, lasting };
    for stage in STAGES {
        cx.counters.clear();
        let start = Instant::now();
        match (&stage.run, &mut program) {
            (Run::Graph(run), _) => on_parts(&mut part, *run, &mut cx)?,
            (Run::Plan, _) => program = Some(planned(&part, &mut cx)?),
            (Run::Program(run), Some(program)) => everywhere(program, &donations, &mut cx, run),
            (Run::Share(run), Some(program)) => {
                let before = options.verify.then(|| program.clone());
                everywhere(program, &donations, &mut cx, run);
                before.map_or(Ok(()), |before| check_flow(stage, &before, program))?;
            }
            (Run::Program(_) | Run::Share(_), None) => {
                return Err(CompileError::Internal { what: "steps are planned before they are changed" });
            }
        }
        let elapsed = start.elapsed();
        let text: &dyn Display = program.as_ref().map_or(&part, |program| program);
        let program = program.as_ref();
        observer.ran(&StageRun { stage, text, program, elapsed, counters: &cx.counters });
        if let Some(program) = program.filter(|_| options.verify) {
            verify_unplaced(program, target)?;
        }
    }
    let program = program.ok_or(CompileError::Internal { what: "the stages make a program" })?;
    if options.verify {
        verify(&program, target)?;
    }
    Ok(program)
}

/// Whether a run may end before its last step: with effects, which may be checks, lists, which may have the wrong length, or code of the
/// program, which may fail.
/// Called for regions within regions; how deep they nest is bounded.
fn may_fail(graph: &Graph) -> bool {
    let fails =
        |node: &Node| matches!(node.op.lowering(), Lowering::Effect | Lowering::List | Lowering::Host);
    graph.nodes().iter().any(|node| fails(node) || node.regions.iter().any(may_fail))
}

/// A graph before its regions: it decides which of them stay.
fn on_parts(
    part: &mut Part<'_>,
    run: fn(&mut Part<'_>, &mut Context<'_>) -> Result<(), CompileError>,
    cx: &mut Context<'_>,
) -> Result<(), CompileError> {
    run(part, cx)?;
    part.regions.values_mut().flatten().try_for_each(|region| on_parts(region, run, cx))
}

fn planned(part: &Part<'_>, cx: &mut Context<'_>) -> Result<Program, CompileError> {
    let mut regions = hashbrown::HashMap::new();
    for (&id, parts) in &part.regions {
        let programs: Vec<Program> =
            parts.iter().map(|region| planned(region, cx)).collect::<Result<_, _>>()?;
        regions.insert(id, programs);
    }
    plan(part, regions, cx)
}

/// Regions before the program around them. How deep they nest is bounded.
fn everywhere(
    program: &mut Program,
    donations: &Donations,
    cx: &mut Context<'_>,
    run: &fn(&mut Program, &Donations, &mut Context<'_>),
) {
    for step in &mut program.steps {
        let Step::Control(control) = step else { continue };
        for (position, region) in control.regions.iter_mut().enumerate() {
            everywhere(region, &donated(&control.op, position), cx, run);
        }
    }
    run(program, donations, cx);
}

/// What an op lets a region overwrite: a body the state; a condition only looks at it.
fn donated(op: &Op, region: usize) -> Donations {
    let body = op.ports().filter(|ports| ports.role(region) == Role::Body);
    Donations::of_loop(body.map_or(0, |ports| ports.carried))
}

fn check_flow(stage: &Stage, before: &Program, after: &Program) -> Result<(), CompileError> {
    for (before, after) in before.with_regions().into_iter().zip(after.with_regions()) {
        same_flow(before, after).map_err(|step| CompileError::Flow { stage: stage.name, step })?;
    }
    Ok(())
}

/// How a graph is cut into kernels, for pictures: the nodes of each cluster. Nodes in no cluster are routines of their own, constants,
/// or index maps that are part of every read. Fails as [`lower`].
pub fn clusters(graph: &Graph, target: &dyn Target) -> Result<Vec<Vec<NodeId>>, CompileError> {
    let mut part = Part::new(graph);
    let mut cx = Context { target, reassociate: false, counters: Vec::new() };
    part::choose_loops(&mut part, &mut cx)?;
    part::fuse(&mut part, &mut cx)?;
    Ok(part.fusion()?.clusters.iter().map(|cluster| cluster.nodes.clone()).collect())
}
