//! What the pages of `docs/guide` and the README point at.

use std::path::{Path, PathBuf};

/// The files that a page names: links and pictures, and what it includes.
pub(crate) fn targets(page: &Path, text: &str) -> Vec<PathBuf> {
    let folder = page.parent().expect("a page is in a folder");
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let pictures = text.split("src=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| link);
    let included =
        text.split("{{#include ").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(file, _)| file);
    let own =
        links.chain(pictures).chain(included).filter(|link| !link.contains("://") && !link.starts_with('#'));
    own.map(|link| folder.join(link)).collect()
}

/// The examples that commands of a page run.
pub(crate) fn examples(text: &str) -> Vec<String> {
    let commands = text.lines().filter_map(|line| line.split_once("-p tensorwright-examples --bin "));
    commands.filter_map(|(_, rest)| rest.split_whitespace().next()).map(str::to_owned).collect()
}
