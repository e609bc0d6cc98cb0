//! Corpus files: graphs as text, with what is expected of them in comments.
//!
//! A line `//@ aspect: value` of a `.tw` file says what some aspect of the graph is: which ops are left after
//! optimisation, which steps run, what the message of an error is. The test that runs the corpus computes the aspects; the
//! runner compares them with the comments. With `BLESS=1` in the environment it writes them into the file instead, and what is
//! read is the difference that version control shows.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MARK: &str = "//@ ";

/// What is known of a graph: names and one-line values, in the order in which they are written to the file.
pub type Aspects = Vec<(&'static str, String)>;

/// Runs every `.tw` file below `folder`: `aspects` computes what it is like out of its text, or says why it cannot. Returns
/// a message for each file that is not as expected.
///
/// # Errors
///
/// If a file cannot be read, or not be written when blessing.
pub fn run(folder: &Path, aspects: impl Fn(&str) -> Result<Aspects, String>) -> io::Result<Vec<String>> {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value != "0");
    let mut failures = Vec::new();
    for path in files(folder)? {
        let text = fs::read_to_string(&path)?;
        let found = match aspects(&text) {
            Ok(found) => found,
            Err(message) => {
                failures.push(format!("{}: {message}", path.display()));
                continue;
            }
        };
        match differences(&text, &found) {
            None => {}
            Some(_) if bless => fs::write(&path, blessed(&text, &found))?,
            Some(message) => failures.push(format!("{}:\n{message}", path.display())),
        }
    }
    Ok(failures)
}

/// The `.tw` files below a folder, in order of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tw") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The expectations of a file.
fn expected(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(MARK));
    lines.map(|line| line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""))).collect()
}

/// Lines of what was expected and what was found, if that is not the same.
fn differences(text: &str, found: &Aspects) -> Option<String> {
    let expected = expected(text);
    let same = expected.len() == found.len()
        && expected.iter().zip(found).all(|(e, f)| e.0 == f.0 && e.1 == f.1.trim_end());
    if same {
        return None;
    }
    let mut message = String::new();
    for (name, value) in expected {
        writeln!(message, "  expected {name}: {value}").expect("strings take all text");
    }
    for (name, value) in found {
        writeln!(message, "  found    {name}: {value}").expect("strings take all text");
    }
    Some(message + "  (BLESS=1 writes what was found into the file)")
}

/// The text with new expectations, after the comments at its beginning.
fn blessed(text: &str, found: &Aspects) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(MARK)).collect();
    let comments = lines.iter().take_while(|line| line.starts_with("//")).count();
    let marks = found.iter().map(|(name, value)| format!("{MARK}{name}: {value}").trim_end().to_owned());
    let head = lines[..comments].iter().map(|&line| line.to_owned());
    let rest = lines[comments..].iter().map(|&line| line.to_owned());
    head.chain(marks).chain(rest).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "// What it shows.\n//@ ops: add\n//@ error:\ngraph\n";

    #[test]
    fn expectations_are_compared_in_order() {
        let found = |ops: &str| vec![("ops", ops.to_owned()), ("error", String::new())];
        assert_eq!(differences(FILE, &found("add")), None);
        let message = differences(FILE, &found("mul")).expect("another op");
        assert!(message.contains("expected ops: add") && message.contains("found    ops: mul"), "{message}");
        assert!(differences(FILE, &vec![("ops", "add".to_owned())]).is_some(), "one aspect is missing");
    }

    #[test]
    fn blessing_replaces_expectations_and_nothing_else() {
        let found = vec![("steps", "k".to_owned())];
        let new = blessed(FILE, &found);
        assert_eq!(new, "// What it shows.\n//@ steps: k\ngraph\n");
        assert_eq!(differences(&new, &found), None);
    }
}
