//! Pipelines against recorded ones: `cases.json.gz` holds small pipelines, and what `tf.data` of TensorFlow 2.21 does with them; `README.md` says in which language.
//!
//! `differs.txt` lists the cases where the answer differs on purpose, each with the reason. It may only shrink. `TFDATA_CASES=FILE` takes other cases,
//! `TFDATA_ONLY=TEXT` those whose id contains a text, and prints what is wrong with them.

mod build;
mod encode;
mod expect;
mod expression;
mod operators;
mod records;
mod run;
mod stages;
mod value;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// A case that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tfdata")
}

fn cases() -> Vec<Value> {
    let path = std::env::var_os("TFDATA_CASES").map_or_else(|| folder().join("cases.json.gz"), PathBuf::from);
    let bytes = std::fs::read(&path).expect("the cases are there");
    let mut text = Vec::new();
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).map(drop).expect("whole"),
        false => text = bytes,
    }
    let mut file: Value = serde_json::from_slice(&text).expect("the cases are JSON");
    match file["cases"].take() {
        Value::Array(cases) => cases,
        other => panic!("no list of cases: {other}"),
    }
}

/// The cases that differ on purpose, with the reasons.
fn differing() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("differs.txt")).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.split_once(": ")).map(|(id, why)| (id.to_owned(), why.to_owned())).collect()
}

/// What is wrong with a case, if something is.
fn check(case: &Value) -> Result<(), String> {
    let (case, (done, result)) = (case.clone(), mpsc::channel());
    let thread = std::thread::spawn(move || drop(done.send(expect::check(&case))));
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err("it hangs".to_owned()),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panic = thread.join().expect_err("it sent nothing");
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!("it panics: {}", text.unwrap_or_default()))
        }
    }
}

#[test]
fn pipelines_do_what_was_recorded() {
    let only = std::env::var("TFDATA_ONLY").unwrap_or_default();
    let (mut counts, mut wrong) = (BTreeMap::<String, [usize; 2]>::new(), BTreeMap::new());
    for case in cases() {
        let id = case["id"].as_str().expect("a case has an id").to_owned();
        if !id.contains(&only) {
            continue;
        }
        let count = counts.entry(id.split('/').next().unwrap_or_default().to_owned()).or_default();
        count[1] += 1;
        match check(&case) {
            Ok(()) => count[0] += 1,
            Err(error) => drop(wrong.insert(id, error)),
        }
    }
    let total = counts.values().fold([0, 0], |all, count| [all[0] + count[0], all[1] + count[1]]);
    counts.iter().for_each(|(kind, [right, all])| println!("{kind}: {right} of {all}"));
    println!("{} of {} cases", total[0], total[1]);
    let differing = differing();
    let unexpected: Vec<_> = wrong.iter().filter(|(id, _)| !differing.contains_key(*id)).collect();
    unexpected.iter().for_each(|(id, error)| println!("{id}: {error}"));
    if only.is_empty() && std::env::var_os("TFDATA_CASES").is_none() {
        let mended: Vec<_> = differing.keys().filter(|id| !wrong.contains_key(*id)).collect();
        assert!(mended.is_empty(), "no longer different, take them off the list: {mended:?}");
    }
    assert!(unexpected.is_empty(), "{} cases are not as recorded", unexpected.len());
}
