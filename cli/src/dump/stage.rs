//! What there is to see at each stage.

use tensorwright_compiler::lower::{self, LowerOptions, Promises, StageRun, lower_observed};
use tensorwright_compiler::passes::{self, PassOptions, PassRun};
use tensorwright_compiler::program::text::print;
use tensorwright_compiler::{CompileOptions, clusters};
use tensorwright_ir::Graph;
use tensorwright_ir::text::Style;
use tensorwright_runtime::dump::dump;
use tensorwright_runtime::executable::HostLibrary;

use crate::fault::Fault;
use crate::picture::Groups;

/// A stage of the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Traced,
    Pass(&'static str),
    Optimized,
    Fused,
    /// One of [`lower::STAGES`].
    Lowered(&'static str),
    /// One of [`MACHINE`].
    Machine(&'static str),
    All,
}

/// Stages after the last graph.
const MACHINE: [&str; 4] = ["kernels", "nests", "clif", "asm"];

impl Stage {
    /// The stage of this name, for the command line.
    pub(super) fn parse(name: &str) -> Result<Stage, String> {
        let machine = || MACHINE.iter().find(|stage| **stage == name).map(|stage| Stage::Machine(stage));
        let lowered = || lower::stage(name).map(|stage| Stage::Lowered(stage.name));
        let pass = || passes::by_name(name).map(|pass| Stage::Pass(pass.name()));
        match name {
            "traced" => Ok(Stage::Traced),
            "optimized" => Ok(Stage::Optimized),
            "fused" => Ok(Stage::Fused),
            "all" => Ok(Stage::All),
            _ => machine().or_else(lowered).or_else(pass).ok_or_else(|| {
                let names: Vec<&str> = passes::all().iter().map(|pass| pass.name()).collect();
                let stages: Vec<&str> = lower::STAGES.iter().map(|stage| stage.name).collect();
                format!(
                    "stages are traced, {}, optimized, fused, {}, {}, all",
                    names.join(", "),
                    stages.join(", "),
                    MACHINE.join(", ")
                )
            }),
        }
    }
}

impl Stage {
    /// The name of a stage after the last graph.
    pub(super) fn of_machine(&self) -> Option<&'static str> {
        match self {
            Stage::Machine(stage) => Some(stage),
            _ => None,
        }
    }
}

/// What is shown of a stage.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    Graph { graph: Graph, groups: Groups },
    Text(String),
}

impl Section {
    pub(super) fn of_text(title: &str, text: String) -> Section {
        Section { title: title.to_owned(), content: Content::Text(text) }
    }

    fn graph(title: impl Into<String>, graph: Graph) -> Section {
        Section { title: title.into(), content: Content::Graph { graph, groups: Groups::default() } }
    }
}

/// The sections that `stage` asks for.
pub(super) fn sections(graph: Graph, stage: &Stage) -> Result<Vec<Section>, Fault> {
    match stage {
        Stage::Traced => Ok(vec![Section::graph("traced", graph)]),
        Stage::Machine(name) | Stage::Lowered(name) => Ok(vec![machine(&graph, name)?]),
        Stage::Fused => Ok(vec![fused(&optimized(graph, &mut |_| {})?)?]),
        Stage::Optimized => Ok(vec![Section::graph("optimized", optimized(graph, &mut |_| {})?)]),
        Stage::Pass(name) => Ok(vec![after(graph, name)?]),
        Stage::All => all(graph),
    }
}

fn optimized(graph: Graph, watch: &mut dyn FnMut(&PassRun<'_>)) -> Result<Graph, Fault> {
    let options = PassOptions { verify: true, ..PassOptions::default() };
    passes::run_pipeline_observed(graph, &options, &mut |run: &PassRun<'_>| watch(run))
        .map_err(Fault::internal)
}

/// The graph after the first run of a pass.
fn after(graph: Graph, name: &str) -> Result<Section, Fault> {
    let mut first: Option<Graph> = None;
    let last = optimized(graph, &mut |run| {
        if run.pass.name() == name && first.is_none() {
            first = Some(run.after.unwrap_or(run.before).clone());
        }
    })?;
    Ok(Section::graph(name, first.unwrap_or(last)))
}

fn all(graph: Graph) -> Result<Vec<Section>, Fault> {
    let mut sections = vec![Section::graph("traced", graph.clone())];
    let optimized = optimized(graph.clone(), &mut |run| {
        if let Some(after) = run.after {
            sections.push(Section::graph(title(run, after), after.clone()));
        }
    })?;
    sections.extend(lowered(&optimized)?);
    for stage in MACHINE {
        sections.push(machine(&graph, stage)?);
    }
    Ok(sections)
}

/// What each stage of lowering decides.
fn lowered(graph: &Graph) -> Result<Vec<Section>, Fault> {
    let mut sections = Vec::new();
    lower_observed(graph, &LowerOptions::default(), &HostLibrary, &mut |run: &StageRun<'_>| {
        let counters: String = run.counters.iter().map(|(name, count)| format!(", {name} {count}")).collect();
        let style = Style { locations: true, elide: true };
        let text = run.program.map_or_else(|| run.text.to_string(), |program| print(program, style));
        let title = format!("{}, {:.1?}{counters}", run.stage.name, run.elapsed);
        sections.push(Section { title, content: Content::Text(text) });
    })
    .map_err(Fault::internal)?;
    Ok(sections)
}

fn machine(graph: &Graph, stage: &str) -> Result<Section, Fault> {
    let text =
        dump(graph, &CompileOptions::default(), &Promises::default(), stage).map_err(Fault::internal)?;
    Ok(Section { title: stage.to_owned(), content: Content::Text(text) })
}

/// The graph that becomes kernels, its nodes in groups by kernel.
fn fused(graph: &Graph) -> Result<Section, Fault> {
    let clusters = clusters(graph, &HostLibrary).map_err(Fault::internal)?;
    let mut groups = Groups::default();
    for (i, nodes) in clusters.iter().enumerate() {
        groups.titles.push(format!("cluster {i}: {} operations", nodes.len()));
        groups.of.extend(nodes.iter().map(|&node| (node, i)));
    }
    Ok(Section { title: "fused".to_owned(), content: Content::Graph { graph: graph.clone(), groups } })
}

fn title(run: &PassRun<'_>, after: &Graph) -> String {
    let counters: String = run.counters.iter().map(|(name, count)| format!(", {name} {count}")).collect();
    let (number, name, elapsed) = (run.number, run.pass.name(), run.elapsed);
    let (before, after) = (run.before.nodes().len(), after.nodes().len());
    format!("run {number}: {name}, {before} -> {after} nodes, {elapsed:.1?}{counters}")
}
