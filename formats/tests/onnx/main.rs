//! Conformance cases: models with inputs and the outputs that are expected, one operator each and small networks.
//!
//! Those of contributed operators are in `tests/contrib`, as ONNX Runtime computes them (`scripts/onnx_contrib.py`). Those of the `onnx` package
//! `python3 scripts/onnx_cases.py` fetches to `target/onnx`. Words behind `--` choose cases by parts of their names; a word that is a folder is one of cases that are
//! run instead, such as `scripts/onnx_random.py` writes. What fails must be in `expected_failures.txt`, and what is there must fail,
//! unless its numbers are drawn: a few of them are the expected ones by chance.

mod case;
mod compare;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use case::{Form, run};

/// How long a case may take.
const TIMEOUT: Duration = Duration::from_secs(60);

const CASES: &str = include_str!("cases.txt");
const EXPECTED: &str = include_str!("expected_failures.txt");
/// How the reasons of cases begin whose numbers are drawn.
const DRAWN: &str = "random numbers";

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty())
}

/// Names of cases that must fail: those that are expected to, and whose numbers are not drawn.
fn must_fail() -> impl Iterator<Item = &'static str> {
    EXPECTED
        .lines()
        .filter_map(|line| line.split_once('#'))
        .filter(|(_, reason)| !reason.trim().starts_with(DRAWN))
        .filter_map(|(name, _)| Some(name.trim()).filter(|name| !name.is_empty()))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(folder) = words.iter().map(Path::new).find(|path| path.is_dir()) {
        let is_right = check(folder, &folders(folder), &[]);
        return if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = folder.join("tests/contrib");
    let mut is_right = check(&own, &folders(&own), &words);
    let fetched = folder.join("../target/onnx");
    if fetched.join("node").is_dir() {
        is_right &= check(&fetched, &lines(CASES).map(str::to_owned).collect::<Vec<_>>(), &words);
    } else {
        println!("no cases in {}: `python3 scripts/onnx_cases.py` fetches them", fetched.display());
    }
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Names of folders in a folder, in order.
fn folders(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Runs those of the cases that the words choose, in all forms, and says whether all is as expected.
fn check(root: &Path, names: &[String], words: &[String]) -> bool {
    let is_chosen = |name: &&str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let names: Vec<&str> = names.iter().map(String::as_str).filter(is_chosen).collect();
    let mut is_right = true;
    for form in Form::ALL {
        let failures = failures(root, &names, form);
        let passed = names.len() - failures.len();
        println!("{form}: {passed} of {} cases passed", names.len());
        is_right &= report(&names, &failures, form);
    }
    is_right
}

/// Why cases fail, by their names.
fn failures<'n>(root: &Path, names: &[&'n str], form: Form) -> BTreeMap<&'n str, String> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = in_time(root.join(name), form) {
                        failures.lock().expect("no case panics here").insert(*name, reason);
                    }
                }
            });
        }
    });
    failures.into_inner().expect("no case panics here")
}

/// Runs a case on a thread of its own, which is left alone if it takes too long.
fn in_time(folder: PathBuf, form: Form) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let _ = sender.send(run(&folder, form));
    };
    std::thread::Builder::new().stack_size(16 << 20).spawn(work).map_err(|error| error.to_string())?;
    match receiver.recv_timeout(TIMEOUT) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("it takes more than {} s", TIMEOUT.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it panics".to_owned()),
    }
}

/// Prints what is not as expected, and says whether all is.
fn report(names: &[&str], failures: &BTreeMap<&str, String>, form: Form) -> bool {
    let expected: Vec<&str> = lines(EXPECTED).collect();
    for (name, reason) in failures {
        let known = if expected.contains(name) { " (expected)" } else { "" };
        println!("{form} {name}{known}: {reason}");
    }
    let mended: Vec<&str> =
        must_fail().filter(|name| names.contains(name) && !failures.contains_key(name)).collect();
    for name in &mended {
        println!("{form} {name} is expected to fail, and passes: take it off the list");
    }
    mended.is_empty() && failures.keys().all(|name| expected.contains(name))
}
