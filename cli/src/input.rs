//! Reading graphs.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use tensorwright_ir::{Graph, text};

use crate::fault::Fault;

/// The file of a graph, and which of its graphs.
#[derive(Args)]
pub(crate) struct GraphFile {
    /// The graph's text, or a trained model where the command takes one; `-` is standard input.
    #[arg(value_name = "FILE.tw|MODEL.onnx")]
    file: PathBuf,
    /// The side file of large constants; without this option FILE.tww, if there is one.
    #[arg(long, value_name = "FILE.tww")]
    weights: Option<PathBuf>,
}

impl GraphFile {
    /// Reads and checks the graph.
    pub(crate) fn read(&self) -> Result<Graph, Fault> {
        let bytes = if self.is_stdin() { read_stdin() } else { read(&self.file) }?;
        let weights = self.weights()?;
        text::parse_bytes(&bytes, weights.as_deref()).map_err(|error| {
            let shown = if self.is_stdin() { PathBuf::from("<stdin>") } else { self.file.clone() };
            Fault::text(shown, bytes, error)
        })
    }

    /// The file, if it is a trained model.
    pub(crate) fn model(&self) -> Option<&Path> {
        self.file.extension().is_some_and(|extension| extension == "onnx").then_some(&*self.file)
    }

    fn is_stdin(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    fn weights(&self) -> Result<Option<Vec<u8>>, Fault> {
        let beside = self.file.with_extension("tww");
        match &self.weights {
            Some(path) => read(path).map(Some),
            None if !self.is_stdin() && beside.exists() => read(&beside).map(Some),
            None => Ok(None),
        }
    }
}

/// A file's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::input(format!("cannot read {}: {error}", path.display())))
}

fn read_stdin() -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::input(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}
