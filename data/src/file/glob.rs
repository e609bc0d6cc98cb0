//! Names of files by patterns: `*` and `?` stand for any letters of a name, `[..]` for one of several, `**` for any folders.

use std::path::{Component, Path, PathBuf};

use crate::error::{DataError, ErrorKind, Result};
use crate::item::{Item, Text};
use crate::pipeline::Dataset;
use crate::spec::{ElementKind, Spec};

/// Whether a name is of a pattern.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..])),
        (['?', rest @ ..], [_, left @ ..]) => matches(rest, left),
        (['[', rest @ ..], [letter, left @ ..]) => match rest.iter().position(|c| *c == ']') {
            Some(end) if end > 0 => is_one_of(&rest[..end], *letter) && matches(&rest[end + 1..], left),
            _ => *letter == '[' && matches(rest, left),
        },
        ([own, rest @ ..], [letter, left @ ..]) => own == letter && matches(rest, left),
        _ => false,
    }
}

/// Whether a letter is in a class such as `a-z_` or `!0-9`.
fn is_one_of(class: &[char], letter: char) -> bool {
    let (class, is_negated) = match class {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (rest, true),
        _ => (class, false),
    };
    let (mut found, mut rest) = (false, class);
    while let Some(first) = rest.first() {
        found |= match rest {
            [low, '-', high, ..] => (*low..=*high).contains(&letter),
            _ => *first == letter,
        };
        rest = if let [_, '-', _, left @ ..] = rest { left } else { &rest[1..] };
    }
    found != is_negated
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// A folder, and the folders in it. Links are not followed.
fn folders(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    let inner = entries(folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink());
    inner.for_each(|path| folders(&path, found));
}

/// The paths of the next part of a pattern.
fn step(paths: Vec<PathBuf>, part: &str) -> Vec<PathBuf> {
    if part == "**" {
        let mut found = Vec::new();
        paths.iter().for_each(|path| folders(path, &mut found));
        return found;
    }
    if !is_pattern(part) {
        return paths.into_iter().map(|path| path.join(part)).filter(|path| path.exists()).collect();
    }
    let pattern: Vec<char> = part.chars().collect();
    let fits = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().chars().collect::<Vec<_>>());
        name.is_some_and(|name| (name[0] != '.' || part.starts_with('.')) && matches(&pattern, &name))
    };
    paths.iter().flat_map(|path| entries(path)).filter(fits).collect()
}

/// The files of patterns, sorted.
///
/// # Errors
/// When there is none.
pub(crate) fn glob(patterns: &[impl AsRef<Path>]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let mut paths = vec![PathBuf::new()];
        for part in pattern.as_ref().components() {
            paths = match part {
                Component::Normal(name) => step(paths, &name.to_string_lossy()),
                root => paths.into_iter().map(|path| path.join(root)).collect(),
            };
        }
        found.extend(paths.into_iter().filter(|path| path.is_file()));
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let patterns: Vec<_> =
            patterns.iter().map(|pattern| pattern.as_ref().display().to_string()).collect();
        return Err(DataError::new(
            ErrorKind::InvalidArgument,
            format!("no file is of {}", patterns.join(", ")),
        ));
    }
    Ok(found)
}

impl Dataset {
    /// The paths of the files of patterns, sorted: texts. `*` and `?` stand for letters of a name, `[a-z]` for one of several, `**` for any folders.
    ///
    /// Where there is no such file the dataset cannot be built.
    #[doc(alias("glob"))]
    #[track_caller]
    pub fn list_files(patterns: &[impl AsRef<Path>]) -> Dataset {
        match glob(patterns) {
            Ok(paths) => {
                let names = paths.iter().map(|path| Text::from(path.as_os_str().as_encoded_bytes()));
                Dataset::from_items(Spec::scalar(ElementKind::Text), names.map(Item::Text).collect())
            }
            Err(error) => Dataset::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_are_of_patterns() {
        let is = |pattern: &str, name: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            matches(&letters(pattern), &letters(name))
        };
        assert!(
            is("*.txt", "a.txt")
                && is("a?c", "abc")
                && is("x[0-9]*", "x7yz")
                && is("[!a]b", "cb")
                && is("*", "")
        );
        assert!(!is("*.txt", "a.csv") && !is("a?c", "ac") && !is("x[0-9]", "xa") && !is("[!a]b", "ab"));
    }
}
