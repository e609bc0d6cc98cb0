//! TensorFlow reads what is written here, and what it writes is read here. Without it the test says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use tensorwright::{DType, Tensor};
use tensorwright_formats::weights::{Weights, WeightsFormat, convert, write};

use crate::{Folder, file};

/// The Python that has TensorFlow, if there is one: `KERAS_PYTHON`, or `python3`.
fn python() -> Option<PathBuf> {
    let own = std::env::var_os("KERAS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&own).args(["-c", "import tensorflow"]).output();
    found.is_ok_and(|found| found.status.success()).then_some(own)
}

#[test]
fn tensorflow_reads_and_writes_the_same_checkpoints() {
    let Some(python) = python() else {
        println!("skipped: neither KERAS_PYTHON nor python3 has TensorFlow");
        return;
    };
    let folder = Folder::new("tensorflow");
    // All dtypes and strings, from TensorFlow to here and back.
    let from = Weights::open(file("dtypes")).expect("a checkpoint");
    let all = |name: &str| Some(name.to_owned());
    convert(&from, folder.0.join("back.index"), WeightsFormat::Checkpoint, &all, &mut |_, _| {})
        .expect("converted");
    // So many names that the index has several blocks.
    let many: Vec<(String, Tensor)> =
        (0..9000).map(|at| (format!("model/block_{at:05}/attention/kernel"), Tensor::from([at]))).collect();
    write(folder.0.join("many.index"), &many).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights/checkpoints.py");
    let run =
        Command::new(python).arg(script).arg(file("dtypes")).arg(&folder.0).output().expect("Python runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    // What the script wrote: as many names, in blocks that may be compressed, and an embedding in parts.
    let theirs = Weights::open(folder.0.join("theirs")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(theirs.names().count(), many.len() + 1);
    for (name, tensor) in many.iter().step_by(97) {
        let read = theirs.read(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.as_bytes().expect("elements"), tensor.as_bytes().expect("elements"));
    }
    let table = theirs.read("table").expect("parts");
    let wanted = Tensor::arange(700, DType::F32).reshape([100, 7]);
    assert_eq!(table.to_vec::<f32>().expect("numbers"), wanted.to_vec::<f32>().expect("numbers"));
}
