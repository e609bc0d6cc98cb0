//! What the examples on trained models share: where these are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tensorwright::onnx::Model;

/// The path of a fetched file.
pub(crate) fn fetched(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name);
    ensure!(path.exists(), "{} is not there: `python3 scripts/fetch_models.py` fetches it", path.display());
    Ok(path)
}

/// A fetched model.
pub(crate) fn model(name: &str) -> Result<Model> {
    Model::load(fetched(name)?).with_context(|| format!("{name} cannot be read"))
}
