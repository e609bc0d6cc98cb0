//! One name for each type, and one meaning for each word: what the glossary promises.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names of public types that code declares: structs, enums, unions, traits and type aliases.
pub(crate) fn public_types(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let words = line.trim_start().strip_prefix("pub ")?;
        let words = words.strip_prefix("unsafe ").unwrap_or(words);
        let kinds = ["struct ", "enum ", "union ", "trait ", "type "];
        let name = kinds.iter().find_map(|kind| words.strip_prefix(kind))?;
        name.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
    })
}

/// Names that several files of a crate declare, with the files.
pub(crate) fn declared_twice(files: &[(PathBuf, String)]) -> Vec<(&str, Vec<&Path>)> {
    let mut places: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for (path, code) in files {
        for name in public_types(code) {
            places.entry(name).or_default().push(path);
        }
    }
    places.into_iter().filter(|(_, files)| files.len() > 1).collect()
}

/// The entries of the glossary: the word, and the paths that it names.
pub(crate) fn entries(glossary: &str) -> Vec<(&str, Vec<&str>)> {
    let text = glossary.split_once("\n- **").map_or("", |(_, rest)| rest);
    text.split("\n- **").filter_map(entry).collect()
}

fn entry(text: &str) -> Option<(&str, Vec<&str>)> {
    let (word, meaning) = text.split_once("**")?;
    let quoted = meaning.split('`').skip(1).step_by(2);
    Some((word, quoted.filter(|quoted| quoted.contains('/')).collect()))
}

#[test]
fn declarations_and_entries_are_read() {
    let code = "pub struct One<T>(T);\n    pub unsafe trait Two {}\npub(crate) enum Three {}\n// pub type Four = ();\npub fn five() {}";
    assert_eq!(public_types(code).collect::<Vec<_>>(), ["One", "Two"]);
    let files = [("a", "pub enum X {}"), ("b", "pub struct X;\npub struct Y;")];
    let files = files.map(|(path, code)| (PathBuf::from(path), code.to_owned()));
    assert_eq!(declared_twice(&files), [("X", vec![Path::new("a"), Path::new("b")])]);
    let glossary = "# G\n\n- **a b** (`x/y.rs`): of `z`,\n  and `u/v`.\n- **c** (`w/w`): d.\n";
    assert_eq!(entries(glossary), [("a b", vec!["x/y.rs", "u/v"]), ("c", vec!["w/w"])]);
}
