//! `wright dump`: a graph at any stage of the compiler, as text or as a picture.

mod stage;

use std::path::PathBuf;

use clap::ValueEnum;
use tensorwright_ir::text::{self, Style};

use crate::fault::Fault;
use crate::input::GraphFile;
use crate::model;
use crate::output;
use crate::picture::{self, Figure};

use stage::{Content, Section, Stage};

/// Show a graph at a stage of the compiler.
#[derive(clap::Args)]
#[command(after_help = "\
Stages:
  traced      as in the file
  PASS        after the first run of a pass of the pipeline; `wright list-passes` lists them
  optimized   after all passes
  fused       the same, as it is cut into kernels: pictures show the operations of a kernel in one colour
  STAGE       after a stage of lowering; `wright list-passes` lists them too
  kernels     the program: memory, steps, and kernels as loops over tiles
  nests       how the loops of the kernels run on this machine
  clif        the kernels in Cranelift's intermediate form
  asm         the kernels as machine code
  all         the file, the graph after each run of a pass that changed it, and all that follows

Examples:
  wright dump layer.tw
  wright dump layer.tw --stage cse
  wright dump layer.tw --stage fused --format svg -o layer.svg
  wright dump layer.tw --stage all | less
  wright dump model.onnx --input image=random:1x3x224x224 --stage optimized --elide")]
pub(crate) struct Args {
    #[command(flatten)]
    graph: GraphFile,
    /// Where an input of a model comes from, as for `run`; others are random. Their types count.
    #[arg(short, long = "input", value_name = "NAME=SOURCE")]
    inputs: Vec<String>,
    /// A model whose results are those of its operators one by one, bit for bit.
    #[arg(long)]
    exact: bool,
    /// Which stage.
    #[arg(long, default_value = "traced", value_parser = Stage::parse)]
    stage: Stage,
    /// Text that parses back, a DOT file for Graphviz, or an SVG picture.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file. Large constants of a graph then go to the side file beside it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the source lines.
    #[arg(long)]
    no_locations: bool,
    /// Cut constants short. The text does not parse back then.
    #[arg(long)]
    elide: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
    Svg,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let sections = match args.graph.model() {
        Some(path) => {
            let job = model::Job::new(path, &args.inputs, true)?.exactly(args.exact);
            match args.stage.of_machine() {
                Some(stage) => vec![Section::of_text(stage, job.dump(stage)?)],
                None => stage::sections(job.graph()?, &args.stage)?,
            }
        }
        None => stage::sections(args.graph.read()?, &args.stage)?,
    };
    let path = args.output.as_deref();
    let style = Style { locations: !args.no_locations, elide: args.elide };
    match (args.format, sections.as_slice(), path) {
        (Format::Text, [Section { content: Content::Graph { graph, .. }, .. }], Some(path))
            if style == Style::default() =>
        {
            output::save_graph(path, graph)
        }
        (Format::Text, [section], _) => output::put(path, &text(section, style)),
        (Format::Text, sections, _) => {
            let titled = |section: &Section| format!("// ---- {}\n{}\n", section.title, text(section, style));
            output::put(path, &sections.iter().map(titled).collect::<String>())
        }
        (format, [Section { content: Content::Graph { graph, groups }, .. }], _) => {
            output::put(path, &drawn(Figure::new(graph, groups.clone()), format)?)
        }
        _ => Err(Fault::usage("there is no picture of this stage, only text").into()),
    }
}

fn text(section: &Section, style: Style) -> String {
    match &section.content {
        Content::Graph { graph, .. } => text::print(graph, style),
        Content::Text(text) => text.clone(),
    }
}

fn drawn(figure: Figure, format: Format) -> Result<String, Fault> {
    if format == Format::Dot {
        return Ok(picture::dot(&figure));
    }
    let boxes = figure.len();
    picture::svg(figure).ok_or_else(|| {
        Fault::usage(format!("a picture of {boxes} boxes takes too long to lay out: use `--format dot`"))
    })
}
