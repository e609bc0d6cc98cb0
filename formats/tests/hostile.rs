//! Files that were damaged: a model of them is an error, or runs within a time and a memory limit. Nothing panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tensorwright::prelude::*;
use tensorwright_formats::onnx::{Extent, Model, Spec, Value};
use tensorwright_testkit::damage::damaged;
use tensorwright_testkit::literals::Random;

/// What a run may take before it is stopped, and at all.
const STOPPED: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30);
/// Bytes of tensors at a time.
const MEMORY: usize = 1 << 30;

#[test]
fn damaged_files_are_errors_or_models() {
    run(2_000);
}

/// Looks at so many files.
pub(crate) fn run(count: u64) {
    tensorwright::set_memory_limit(MEMORY);
    let files = files();
    let (mut read, mut ran) = (0, 0);
    for seed in 0..count {
        let random = &mut Random::new(seed + 1);
        let bytes = damaged(&files[random.below(files.len())], &files, random);
        let start = Instant::now();
        let model = Model::from_bytes(bytes);
        if let Ok(model) = &model {
            read += 1;
            model.function().run_eagerly(seed % 16 != 0);
            ran += u64::from(runs(model, random));
        }
        let elapsed = start.elapsed();
        assert!(elapsed < LONGEST, "input {seed} takes {elapsed:?}");
    }
    tensorwright::set_memory_limit(usize::MAX);
    println!("{count} damaged files: {read} can be read, {ran} run");
    assert!(count < 1000 || read > count / 50 && ran > 0, "what is damaged is still mostly a model");
}

/// The model of the repository, its conformance cases, and those that are there besides.
fn files() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths: Vec<PathBuf> = vec![root.join("samples/digits.onnx")];
    for folder in ["formats/tests/contrib", "target/onnx/node", "target/onnx/simple"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        let mut cases: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path().join("model.onnx"))).collect();
        cases.sort();
        paths.extend(cases);
    }
    let read = |path: &PathBuf| fs::read(path).ok().filter(|bytes| bytes.len() < 100_000);
    let files: Vec<Vec<u8>> = paths.iter().filter_map(read).collect();
    assert!(!files.is_empty(), "samples/digits.onnx is there");
    files
}

/// Whether the model runs on inputs of its types. Those that are large, or no tensors, are not made.
fn runs(model: &Model, random: &mut Random) -> bool {
    let mut inputs: Vec<(String, Value)> = Vec::new();
    for (at, spec) in model.inputs().iter().enumerate() {
        match tensor(spec, random) {
            Some(tensor) => inputs.push((spec.name.clone(), tensor.into())),
            None if model.is_optional(at) => {}
            None => return false,
        }
    }
    with_timeout(STOPPED, || model.call(&inputs)).is_ok()
}

fn tensor(spec: &Spec, random: &mut Random) -> Option<Tensor> {
    let size = |extent: &Extent| match extent {
        Extent::Size(size) => *size,
        Extent::Any(_) => 1,
    };
    let shape: Vec<usize> = spec.shape.as_ref()?.iter().map(size).collect();
    let elements = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size))?;
    if elements > 1 << 16 || shape.len() > 8 {
        return None;
    }
    let values: Vec<i64> = (0..elements).map(|_| random.below(7) as i64 - 2).collect();
    Some(Tensor::from_slice(&values, shape).cast(spec.dtype?))
}
