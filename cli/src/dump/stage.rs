//! What there is to see at each stage.

use tensorwright_compiler::passes::{self, PassOptions, PassRun};
use tensorwright_ir::Graph;

use crate::fault::Fault;
use crate::picture::Groups;

/// A stage of the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Traced,
    Pass(&'static str),
    Optimized,
    All,
}

impl Stage {
    /// The stage of this name, for the command line.
    pub(super) fn parse(name: &str) -> Result<Stage, String> {
        match name {
            "traced" => Ok(Stage::Traced),
            "optimized" => Ok(Stage::Optimized),
            "all" => Ok(Stage::All),
            _ => passes::by_name(name).map(|pass| Stage::Pass(pass.name())).ok_or_else(|| {
                let names: Vec<&str> = passes::all().iter().map(|pass| pass.name()).collect();
                format!("stages are traced, {}, optimized, all", names.join(", "))
            }),
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
    fn graph(title: impl Into<String>, graph: Graph) -> Section {
        Section { title: title.into(), content: Content::Graph { graph, groups: Groups::default() } }
    }
}

/// The sections that `stage` asks for.
pub(super) fn sections(graph: Graph, stage: &Stage) -> Result<Vec<Section>, Fault> {
    if *stage == Stage::Traced {
        return Ok(vec![Section::graph("traced", graph)]);
    }
    let mut history = vec![Section::graph("traced", graph.clone())];
    // The last graph that each pass saw, whether it changed it or not.
    let mut seen: Option<Graph> = None;
    let mut observer = |run: &PassRun<'_>| {
        if *stage == Stage::Pass(run.pass.name()) {
            seen = Some(run.after.unwrap_or(run.before).clone());
        }
        if let Some(after) = run.after
            && *stage == Stage::All
        {
            history.push(Section::graph(title(run, after), after.clone()));
        }
    };
    let options = PassOptions { verify: true, ..PassOptions::default() };
    let optimized = passes::run_pipeline_observed(graph, &options, &mut observer).map_err(Fault::internal)?;
    Ok(match stage {
        Stage::Pass(name) => vec![Section::graph(*name, seen.unwrap_or(optimized))],
        Stage::All => history,
        _ => vec![Section::graph("optimized", optimized)],
    })
}

fn title(run: &PassRun<'_>, after: &Graph) -> String {
    let counters: String = run.counters.iter().map(|(name, count)| format!(", {name} {count}")).collect();
    let (number, name, elapsed) = (run.number, run.pass.name(), run.elapsed);
    let (before, after) = (run.before.nodes().len(), after.nodes().len());
    format!("run {number}: {name}, {before} -> {after} nodes, {elapsed:.1?}{counters}")
}
