//! Which versions of a model are there: folders whose names are numbers, or the model itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::config::{ModelConfig, OwnServable, VersionPolicy};

/// A version with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) version: i64,
    pub(super) path: PathBuf,
    /// The model itself, if it is at no path.
    pub(super) own: Option<OwnServable>,
}

/// The versions that are to be served, the newest first.
///
/// # Errors
/// When the place cannot be read, or holds no version.
pub(super) fn wanted(config: &ModelConfig) -> Result<Vec<Found>, String> {
    if config.own.is_some() {
        return Ok(vec![Found { version: 1, path: PathBuf::new(), own: config.own.clone() }]);
    }
    let mut found = all(&config.path)?;
    found.sort_by_key(|found| std::cmp::Reverse(found.version));
    match &config.policy {
        VersionPolicy::Latest(count) => found.truncate(*count),
        VersionPolicy::All => {}
        VersionPolicy::Specific(versions) => found.retain(|found| versions.contains(&found.version)),
    }
    Ok(found)
}

fn all(path: &Path) -> Result<Vec<Found>, String> {
    let itself = || vec![Found { version: 1, path: path.to_owned(), own: None }];
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(failed)?.is_file() {
        return Ok(itself());
    }
    let mut numbered = Vec::new();
    let mut has_files = false;
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_dir = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        has_files |= !is_dir;
        let version = entry.file_name().to_str().and_then(number).filter(|_| is_dir);
        numbered.extend(version.map(|version| Found { version, path: entry.path(), own: None }));
    }
    match numbered.is_empty() && has_files {
        true => Ok(itself()),
        false => Ok(numbered),
    }
}

/// The version that a folder is named after.
fn number(name: &str) -> Option<i64> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
}

/// What changes when somebody changes the files of a version: their number, their bytes, and when the last one was written.
pub(super) fn fingerprint(path: &Path) -> (usize, u64, Option<SystemTime>) {
    let mut print = (0, 0, None);
    let mut open = vec![(path.to_owned(), 0)];
    while let Some((path, depth)) = open.pop() {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        print.0 += 1;
        print.1 += if metadata.is_file() { metadata.len() } else { 0 };
        print.2 = print.2.max(metadata.modified().ok());
        if metadata.is_dir() && depth < 4 {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| (entry.path(), depth + 1)));
        }
    }
    print
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_choose_among_folders_with_numbers() {
        let folder = std::env::temp_dir().join(format!("wright-versions-{}", std::process::id()));
        for name in ["1", "2", "10", "beta", "-3", ".5"] {
            fs::create_dir_all(folder.join(name)).expect("a folder can be made");
        }
        let versions = |policy: VersionPolicy| -> Vec<i64> {
            let config = ModelConfig::new("m", &folder).policy(policy);
            wanted(&config).expect("the folder is there").iter().map(|found| found.version).collect()
        };
        assert_eq!(versions(VersionPolicy::Latest(1)), [10]);
        assert_eq!(versions(VersionPolicy::Latest(2)), [10, 2]);
        assert_eq!(versions(VersionPolicy::All), [10, 2, 1]);
        assert_eq!(versions(VersionPolicy::Specific(vec![1, 7])), [1]);
        fs::remove_dir_all(&folder).expect("the folder can be removed");
        assert!(wanted(&ModelConfig::new("m", &folder)).is_err());
    }
}
