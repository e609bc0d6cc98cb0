//! Writing results: to standard output or to files.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use tensorwright_ir::{Graph, text};

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Rows with their columns aligned.
pub(crate) fn table(rows: Vec<Vec<String>>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let letters = |cell: &String| cell.chars().count();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(letters).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().fold(String::new(), |mut out, row| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
        out
    })
}

/// Writes a file.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes to the file, or to standard output if there is none.
pub(crate) fn put(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    path.map_or_else(|| print(text), |path| save(path, text.as_bytes()))
}

/// Writes a graph to a file, and its large constants to the side file.
pub(crate) fn save_graph(path: &Path, graph: &Graph) -> anyhow::Result<()> {
    let (text, weights) = text::print_with_weights(graph);
    save(path, text.as_bytes())?;
    if weights.is_empty() { Ok(()) } else { save(&path.with_extension("tww"), &weights.into_bytes()) }
}

/// Whether the error is that nobody reads our output any more.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
