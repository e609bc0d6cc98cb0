//! Weights in several files, with an index in JSON that says which tensor is where: `model.safetensors.index.json` and kin.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::Value;
use tensorwright::Tensor;

use super::error::{Damage, Read, WeightsError};
use super::source::{Contents, Source};

/// What opens one of the files.
pub(super) type Open<'o> = &'o dyn Fn(&Path) -> Result<Contents, WeightsError>;

/// Open files, and for each tensor its file and its place in the table of that.
struct Files {
    files: Vec<(String, Box<dyn Source>)>,
    places: Vec<(usize, usize)>,
}

/// Opens the files of an index.
pub(super) fn open(path: &Path, text: &[u8], open: Open<'_>) -> Result<Contents, WeightsError> {
    let failed = |reason: &str| WeightsError::format(path, reason);
    let index: Value = serde_json::from_slice(text).map_err(|error| WeightsError::format(path, error))?;
    let map = index["weight_map"].as_object();
    let map = map.ok_or_else(|| failed("the file is JSON without a `weight_map`: no index of weights"))?;
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, file) in map {
        let file = file.as_str().ok_or_else(|| WeightsError::entry(path, name, "its file has no name"))?;
        let is_beside = Path::new(file).components().eq([Component::Normal(file.as_ref())]);
        if !is_beside {
            return Err(WeightsError::entry(
                path,
                name,
                format!("its file, `{file}`, is not beside the index"),
            ));
        }
        names.entry(file).or_default().push(name);
    }
    let (mut table, mut files, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (file, wanted) in names {
        let contents = open(&path.with_file_name(file))?;
        let mut own: BTreeMap<String, _> =
            contents.table.into_iter().enumerate().map(|(at, (name, spec))| (name, (at, spec))).collect();
        for name in wanted {
            let missing = || WeightsError::entry(path, name, format!("it is not in `{file}`"));
            let (at, spec) = own.remove(name).ok_or_else(missing)?;
            table.push((name.to_owned(), spec));
            places.push((files.len(), at));
        }
        files.push((file.to_owned(), contents.source));
    }
    Ok(Contents { table, metadata: Vec::new(), source: Box::new(Files { files, places }) })
}

impl Files {
    fn of<T>(&self, at: usize, read: impl Fn(&dyn Source, usize) -> Read<T>) -> Read<T> {
        let (file, own) = self.places[at];
        let (name, source) = &self.files[file];
        read(&**source, own).map_err(|damage| Damage::new(format!("in `{name}`: {}", damage.reason())))
    }
}

impl Source for Files {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        self.of(at, |source, own| source.tensor(own))
    }

    fn strings(&self, at: usize) -> Read<Vec<Vec<u8>>> {
        self.of(at, |source, own| source.strings(own))
    }
}
