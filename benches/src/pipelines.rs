//! Input pipelines: million elements a second of the fastest of several passes, and how often the reader waited in it.
//!
//! `cargo run --release -p tensorwright-benches --bin pipelines`
//!
//! `tf.data` is measured by the same rule with the same stages, closures of the same work as `tf.function`s, and `for _ in dataset: pass`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::data::{CsvColumn, CsvOptions, Dataset, ImageOptions, Parallel};
use tensorwright::prelude::*;

#[derive(Parser)]
struct Options {
    /// Passes of each pipeline.
    #[arg(long, default_value_t = 5)]
    passes: usize,
    /// Elements of a pass.
    #[arg(long, default_value_t = 1_000_000)]
    elements: i64,
    /// Only pipelines whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// JPEG or PNG files to decode and resize, a folder.
    #[arg(long)]
    images: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let path = std::env::temp_dir().join(format!("tensorwright-pipelines-{}.csv", std::process::id()));
    let mut pipelines = of_numbers(options.elements);
    pipelines.extend(of_rows(&path, options.elements)?);
    for (name, dataset) in pipelines.iter().filter(|(name, _)| name.contains(&options.only)) {
        let (best, switches) = fastest(dataset, options.passes)?;
        let rate = options.elements as f64 / best.as_secs_f64() / 1e6;
        println!("{name:48} {rate:8.2} M elements/s  {switches:8} waits a pass");
    }
    if let Some(folder) = &options.images {
        images(folder, options.passes)?;
    }
    std::fs::remove_file(path)?;
    Ok(())
}

fn of_numbers(elements: i64) -> Vec<(&'static str, Dataset)> {
    let range = Dataset::range(elements);
    let map = range.map(|x: i64| x * 2 + 1);
    let tensors = range.map(|x: Tensor| x * 2 + 1);
    let chain = |dataset: &Dataset| dataset.shuffle((10_000, 1)).batch(128);
    vec![
        ("range", range.clone()),
        ("range, map", map.clone()),
        ("range, map of tensors", tensors.clone()),
        ("range, map of tensors on threads", range.map_parallel(Parallel::Auto, |x: Tensor| x * 2 + 1)),
        ("range, map, shuffle", map.shuffle((10_000, 1))),
        ("range, map, shuffle, batch", chain(&map)),
        ("range, map, shuffle, batch, prefetch", chain(&map).prefetch(2)),
        ("range, map of tensors, shuffle, batch, prefetch", chain(&tensors).prefetch(2)),
        ("range, batch of 16, prefetch", range.batch(16).prefetch(2)),
    ]
}

/// Three columns of numbers.
fn of_rows(path: &Path, rows: i64) -> Result<Vec<(&'static str, Dataset)>> {
    let text: String = (0..rows).map(|i| format!("{i},{}.5,{}\n", i % 97, i * 7 % 1001)).collect();
    std::fs::write(path, text)?;
    let columns = [CsvColumn::number(0i64), CsvColumn::number(0f32), CsvColumn::number(0i64)];
    let csv = Dataset::csv([path], CsvOptions::new(columns));
    Ok(vec![("csv of three columns", csv.clone()), ("csv of three columns, batch", csv.batch(128))])
}

/// The fastest pass, and how often its reader waited.
fn fastest(dataset: &Dataset, passes: usize) -> Result<(Duration, u64)> {
    let mut best = (Duration::MAX, 0);
    for _ in 0..passes {
        let (start, before) = (Instant::now(), voluntary_switches());
        for item in dataset.iter()? {
            std::hint::black_box(item?);
        }
        best = best.min((start.elapsed(), voluntary_switches() - before));
    }
    Ok(best)
}

/// How often this thread has waited, as Linux counts it; 0 elsewhere.
fn voluntary_switches() -> u64 {
    let line = |text: String| {
        let line =
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:").map(str::to_owned));
        line.and_then(|line| line.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    std::fs::read_to_string("/proc/self/status").map_or(0, line)
}

fn images(folder: &Path, passes: usize) -> Result<()> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let options = ImageOptions::new().channels(3);
    let resized = options.size(224, 224);
    for (name, dataset) in [
        ("decode", Dataset::image_files(&files, options)),
        ("decode, resize, batch", Dataset::image_files(&files, resized).batch(32)),
        ("decode on threads", Dataset::image_files(&files, options.parallel(Parallel::Auto))),
        (
            "decode on threads, resize, batch",
            Dataset::image_files(&files, resized.parallel(Parallel::Auto)).batch(32),
        ),
    ] {
        let (best, _) = fastest(&dataset, passes)?;
        println!("{name:48} {:8.0} images/s", files.len() as f64 / best.as_secs_f64());
    }
    Ok(())
}
