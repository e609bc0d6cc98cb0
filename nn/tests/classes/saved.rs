//! Models that Keras has saved, of one layer each in the settings of the recorded cases: they give here what they gave there, and there again when they are written here.
//!
//! They take minutes, and are made only where `KERAS_PYTHON` names a Python that has Keras. `CLASS=TEXT` takes layers whose class contains a text, `KERAS_CASES=DIR` the cases of another folder, `KERAS_SAVED=DIR` what is
//! in a folder already.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tensorwright::prelude::*;
use tensorwright_nn::{Model, write_weights};

/// Cases that give other numbers here than in Keras, for reasons in `docs/keras.md`.
const DIFFER: &str = include_str!("../keras/expected_failures.txt");

/// Runs a script beside this file.
fn script(python: &Path, name: &str, arguments: &[PathBuf]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/classes").join(name);
    let run = Command::new(python).args(["-W", "ignore"]).arg(script).args(arguments).output();
    let run = run.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    match run.status.success() {
        true => Ok(said),
        false => Err(format!("{said}{}", String::from_utf8_lossy(&run.stderr))),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// `x0`, `x1`.. of an archive.
fn numbered(archive: &BTreeMap<String, Tensor>, letter: &str) -> Vec<Tensor> {
    (0..).map_while(|i| archive.get(&format!("{letter}{i}")).cloned()).collect()
}

/// Compares numbers, NaN with NaN, as `written.py` does.
fn compare(i: usize, found: &Tensor, wanted: &Tensor, is_half: bool) -> Result<(), String> {
    let wide = |x: &Tensor| x.cast(DType::F64).to_vec::<f64>().map_err(text);
    if found.shape().map_err(text)? != wanted.shape().map_err(text)? {
        return Err(format!("output {i} is {:?}, and not {:?}", found.shape(), wanted.shape()));
    }
    let (found, wanted) = (wide(found)?, wide(wanted)?);
    let greatest = wanted.iter().fold(1f64, |most, x| most.max(x.abs()));
    let far =
        found.iter().zip(&wanted).filter(|(a, b)| !(a.is_nan() && b.is_nan())).map(|(a, b)| (a - b).abs());
    let far = far.fold(0f64, |most, x| if x.is_nan() { x } else { most.max(x) });
    let tolerance = if is_half { 3e-2 } else { 1e-4 };
    match far <= tolerance * greatest {
        true => Ok(()),
        false => Err(format!("output {i} differs by {far}")),
    }
}

/// Reads a model that Keras has saved, compares what it gives, and writes it to the other folder.
fn goes_on(path: &Path, again: &Path) -> Result<(), String> {
    let model = Model::load_keras(path).map_err(text)?;
    let archive = tensorwright_data::npz(path.with_extension("npz")).map_err(text)?;
    let (inputs, wanted) = (numbered(&archive, "x"), numbered(&archive, "y"));
    let is_half = |x: &Tensor| x.dtype().is_ok_and(|dtype| dtype == DType::BF16 || dtype == DType::F16);
    let outputs = model.predict_all(inputs).map_err(text)?;
    if outputs.len() != wanted.len() {
        return Err(format!("{} outputs, and not {}", outputs.len(), wanted.len()));
    }
    for (i, (found, wanted)) in outputs.iter().zip(&wanted).enumerate() {
        compare(i, found, wanted, is_half(found))?;
    }
    let name = path.file_name().ok_or("no name")?;
    model.save_keras(again.join(name)).map_err(|error| format!("is not written: {error}"))?;
    let all: Vec<(String, Tensor)> = archive.into_iter().collect();
    write_weights(again.join(name).with_extension("npz"), &all).map_err(text)
}

/// The models that Keras has saved in a folder.
fn models(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|own| own == "keras")).collect();
    files.sort();
    files
}

/// The models of a folder that do not go on here, with the reasons; the others are in the folder `again`.
fn wrong_here(folder: &Path, again: &Path) -> Vec<String> {
    let only = std::env::var("CLASS").unwrap_or_default();
    let wrong = models(folder).into_iter().filter_map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_asked = name.contains(&only) && !DIFFER.lines().any(|own| own == name);
        let reason = is_asked.then(|| goes_on(&path, again).err())??;
        Some(format!("{name}: {reason}"))
    });
    wrong.collect()
}

#[test]
fn models_that_keras_has_saved_go_on_here_and_there_again() {
    let Some(python) = std::env::var_os("KERAS_PYTHON").map(PathBuf::from) else {
        return println!("skipped: KERAS_PYTHON names no Python that has Keras");
    };
    let own = std::env::temp_dir().join(format!("tensorwright-saved-{}", std::process::id()));
    let folder = std::env::var_os("KERAS_SAVED").map_or_else(|| own.clone(), PathBuf::from);
    let again = own.join("again");
    std::fs::create_dir_all(&again).expect("a folder");
    if folder == own {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras");
        let usual = [cases.clone(), cases.join("settings"), cases.join("more")];
        let cases = std::env::var_os("KERAS_CASES").map_or(usual.to_vec(), |folder| vec![folder.into()]);
        let only = std::env::var("CLASS").unwrap_or_default();
        let arguments: Vec<PathBuf> =
            [own.clone(), format!("--only={only}").into()].into_iter().chain(cases).collect();
        println!("{}", script(&python, "saved.py", &arguments).expect("Keras saves models"));
    }
    let mut wrong = wrong_here(&folder, &again);
    println!("{} models, {} of them go on here", models(&folder).len(), models(&again).len());
    wrong.extend(script(&python, "written.py", std::slice::from_ref(&again)).err());
    assert!(wrong.is_empty(), "{} fail here, or there:\n{}", wrong.len(), wrong.join("\n"));
    std::fs::remove_dir_all(own).expect("it can be removed");
}
