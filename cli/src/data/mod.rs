//! `wright data`: what is in a file, a folder or a dataset of the library.

mod cell;

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tensorwright::data::{
    Cardinality, DataError, FeatureStatistics, OpenOptions, Opened, Spec, Survey, open,
};

use crate::fault::Fault;
use crate::output::{self, table};

/// Look into data: NumPy arrays, safetensors, CSV, TFRecord, idx, CIFAR, images and texts in folders, WAV, text, saved datasets, datasets of the library.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show what elements are: names, dtypes, shapes, and how many there are.
    Info(Place),
    /// Show the first elements.
    Head {
        #[command(flatten)]
        place: Place,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 5)]
        count: usize,
    },
    /// Show statistics of each feature: how many values, how many are missing (NaN, empty), least, greatest, mean, standard deviation (of the whole), different ones.
    ///
    /// Short vectors have statistics of each place. Those of texts are of their lengths in bytes.
    Stats(Place),
}

/// Where the data are.
#[derive(Args)]
pub(crate) struct Place {
    /// A file, a folder, or a dataset of the library, such as `iris` or `digits/train[:10%]`.
    path: PathBuf,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Info(place) => info(place),
        Command::Head { place, count } => head(place, *count),
        Command::Stats(place) => stats(place),
    }
}

fn fault(error: DataError) -> Fault {
    Fault::input(error)
}

impl Place {
    /// What is there; all elements, or the first ones, tell what columns and features hold.
    fn open(&self, rows: u64) -> Result<Opened, Fault> {
        open(&self.path, &OpenOptions::new().inference_rows(rows)).map_err(fault)
    }
}

fn info(place: &Place) -> anyhow::Result<()> {
    let opened = place.open(u64::MAX)?;
    let spec = opened.dataset.spec().map_err(fault)?;
    let is_known =
        spec.components().iter().all(|spec| spec.shape().is_some_and(|shape| shape.sizes().is_some()));
    let survey = match opened.dataset.cardinality().map_err(fault)? {
        Cardinality::Known(elements) if is_known => {
            Survey { elements, failed: 0, first_error: None, spec: spec.clone() }
        }
        _ => opened.dataset.survey(|_| Ok(())).map_err(fault)?,
    };
    let mut text = format!("format: {}\n", opened.format);
    for (title, note) in &opened.notes {
        writeln!(text, "{title}: {note}")?;
    }
    writeln!(text, "elements: {}", survey.elements)?;
    let title = ["name", "dtype", "shape"].map(str::to_owned).to_vec();
    let rows = shown_names(&opened).into_iter().zip(survey.spec.components());
    text.push_str(&table(
        [title].into_iter().chain(rows.map(|(name, spec)| component(name, spec))).collect(),
    ));
    output::print(&text)?;
    all_read(&survey)
}

/// The row of a component in the table of `info`.
fn component(name: String, spec: &Spec) -> Vec<String> {
    let (kind, shape) = match spec {
        Spec::Dense(kind, shape) => (kind.to_string(), shape.to_string()),
        Spec::Ragged(kind, shape, _) => (format!("ragged {kind}"), shape.to_string()),
        Spec::Sparse(kind, shape) => (format!("sparse {kind}"), shape.to_string()),
        other => (other.to_string(), String::new()),
    };
    vec![name, kind, shape]
}

/// Names of components; an element without parts needs one too.
fn shown_names(opened: &Opened) -> Vec<String> {
    let named = |name: &String| if name.is_empty() { "element".to_owned() } else { name.clone() };
    opened.names.iter().map(named).collect()
}

/// Fails with the first element that could not be read.
fn all_read(survey: &Survey) -> anyhow::Result<()> {
    match &survey.first_error {
        None => Ok(()),
        Some(error) => {
            let all = survey.elements + survey.failed;
            let message =
                format!("{} of {all} elements cannot be read, the first one: {error}", survey.failed);
            Err(Fault::input(message).into())
        }
    }
}

fn head(place: &Place, count: usize) -> anyhow::Result<()> {
    let opened = place.open(1000)?;
    let title = ["#".to_owned()].into_iter().chain(shown_names(&opened)).collect();
    let (mut rows, mut failed): (Vec<Vec<String>>, _) = (vec![title], None);
    for (i, outcome) in opened.dataset.iter().map_err(fault)?.take(count).enumerate() {
        let cells = outcome.and_then(|item| item.components().into_iter().map(cell::of).collect());
        let cells: Vec<String> = match cells {
            Ok(cells) => cells,
            Err(error) => {
                failed.get_or_insert(error);
                vec!["cannot be read".to_owned()]
            }
        };
        rows.push([i.to_string()].into_iter().chain(cells).collect());
    }
    output::print(&table(rows))?;
    failed.map_or(Ok(()), |error| Err(fault(error).into()))
}

fn stats(place: &Place) -> anyhow::Result<()> {
    let opened = place.open(u64::MAX)?;
    let statistics = opened.dataset.statistics().map_err(fault)?;
    let names = shown_names(&opened);
    let title = ["name", "dtype", "count", "missing", "min", "max", "mean", "std", "distinct"];
    let rows = statistics.features.iter().map(|feature| statistics_row(&names, feature));
    let mut text = format!("elements: {}\n", statistics.survey.elements);
    text.push_str(&table([title.map(str::to_owned).to_vec()].into_iter().chain(rows).collect()));
    output::print(&text)?;
    all_read(&statistics.survey)
}

fn statistics_row(names: &[String], feature: &FeatureStatistics) -> Vec<String> {
    let name = names.get(feature.component).map_or("", String::as_str);
    let name = feature.place.map_or_else(|| name.to_owned(), |place| format!("{name}[{place}]"));
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), cell::number);
    vec![
        name,
        feature.kind.map_or_else(|| "-".to_owned(), |kind| kind.to_string()),
        feature.count.to_string(),
        feature.missing.to_string(),
        feature.min.map_or_else(|| "-".to_owned(), cell::scalar),
        feature.max.map_or_else(|| "-".to_owned(), cell::scalar),
        number(feature.mean),
        number(feature.std),
        feature.distinct.to_string(),
    ]
}
