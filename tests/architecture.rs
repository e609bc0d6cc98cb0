//! The rules of ARCHITECTURE.md that a script can check.

#[path = "architecture/docs.rs"]
mod docs;
#[path = "architecture/guide.rs"]
mod guide;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/names.rs"]
mod names;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Our crates among the `[dependencies]` of a manifest; dev-dependencies may point the other way.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = read(manifest);
    let section = text.split("\n[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    section.lines().map(name).filter(|n| n.starts_with("tensorwright")).collect()
}

#[test]
fn dependencies_go_one_way() {
    let folders = [
        "special", "images", "ir", "compiler", "linalg", "spectral", "runtime", "macros", "core", "data",
        "formats", "bundle", "nn", "serving",
    ];
    let order = folders.map(|folder| format!("tensorwright-{folder}"));
    for (at, folder) in folders.into_iter().enumerate() {
        for dependency in dependencies(&format!("{folder}/Cargo.toml")) {
            let allowed = order[..at].contains(&dependency);
            assert!(allowed, "{folder}/ must not depend on {dependency}");
        }
    }
    assert_eq!(dependencies("testkit/Cargo.toml"), ["tensorwright-ir"], "testkit depends on ir only");
}

/// Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

/// Files below a folder whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths
        .flat_map(|path| match path {
            path if path.is_dir() => files(&path, ending),
            path if path.extension().is_some_and(|e| e == ending) => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

const FOLDERS: [&str; 18] = [
    "special", "images", "ir", "compiler", "linalg", "spectral", "runtime", "core", "data", "nn", "formats",
    "serving", "src", "macros", "cli", "testkit", "benches", "soak",
];

#[test]
fn files_open_with_what_they_are_for_and_stay_readable() {
    for path in FOLDERS.iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("sources are readable");
        assert!(text.starts_with("//!"), "{} has no header", path.display());
        assert!(text.lines().count() <= 800, "{} is longer than 800 lines", path.display());
    }
}

#[test]
fn methods_of_tensors_and_random_numbers_have_examples() {
    let mut files =
        [sources(&root().join("core/src/ops")), sources(&root().join("core/src/random"))].concat();
    files.push(root().join("core/src/tensor/access.rs"));
    let lacking: Vec<String> = files.iter().flat_map(|path| docs::without_example(&read(path))).collect();
    assert!(lacking.is_empty(), "no example: {lacking:?}");
}

#[test]
fn what_a_program_is_and_how_it_is_compiled_is_safe_code() {
    for folder in [
        "special/src",
        "images/src",
        "ir/src",
        "compiler/src",
        "linalg/src",
        "spectral/src",
        "core/src",
        "src",
        "macros/src",
        "serving/src",
        "cli/src",
        "testkit/src",
        "soak/src",
    ] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("sources are readable");
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            let found = code.into_iter().any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
            assert!(!found, "{} has unsafe code", path.display());
        }
    }
}

#[test]
fn nothing_compiles_or_binds_c() {
    let lock = read("Cargo.lock");
    for name in ["cc", "cmake", "bindgen"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is among the dependencies");
    }
}

#[test]
fn the_readme_names_the_commands_that_ci_runs() {
    let readme = read("README.md");
    for command in [
        "cargo run --release -p tensorwright-examples --bin digits # digits",
        "cargo test --workspace # tests",
    ] {
        assert!(readme.lines().any(|line| line == command), "README.md has the line `{command}`");
    }
}

#[test]
fn pages_of_the_guide_are_listed_tested_and_point_at_what_is_there() {
    let folder = root().join("docs/guide/src");
    let (summary, tested) = (read("docs/guide/src/SUMMARY.md"), read("src/guide.rs"));
    let manifest = read("examples/Cargo.toml");
    let mut all = files(&folder, "md");
    all.push(root().join("README.md"));
    for page in all {
        let text = fs::read_to_string(&page).expect("pages are readable");
        for target in guide::targets(&page, &text) {
            assert!(target.exists(), "{} names {}, which is not there", page.display(), target.display());
        }
        for example in guide::examples(&text) {
            let line = format!("name = \"{example}\"");
            assert!(manifest.contains(&line), "{} runs {example}, which is no example", page.display());
        }
        let Ok(name) = page.strip_prefix(&folder) else { continue };
        let name = name.display().to_string();
        let is_listed = name == "SUMMARY.md" || summary.contains(&format!("]({name})"));
        assert!(is_listed, "{name} is not in SUMMARY.md");
        let is_tested = tested.contains(&format!("\"{}\"", name.trim_end_matches(".md")));
        assert!(
            is_tested || !text.contains("```rust\n"),
            "{name} has programs, but src/guide.rs does not name it"
        );
    }
}

#[test]
fn rooms_of_crates_import_each_other_one_way() {
    for name in ["compiler", "runtime", "cli", "macros", "formats", "serving", "data", "nn"] {
        let source = root().join(name).join("src");
        let circle = imports::Crate::read(&source, &sources(&source)).circle_of_rooms();
        assert!(circle.is_none(), "{name}: these import each other in a circle: {circle:?}");
    }
}

#[test]
fn files_of_the_core_import_each_other_one_way() {
    let source = root().join("core/src");
    let circle = imports::Crate::read(&source, &sources(&source)).circle();
    assert!(circle.is_none(), "these files import each other in a circle: {circle:?}");
}

#[test]
fn public_types_of_a_crate_have_names_of_their_own() {
    for folder in FOLDERS {
        let read = |path: PathBuf| (path.clone(), fs::read_to_string(&path).expect("sources are readable"));
        let files: Vec<(PathBuf, String)> = sources(&root().join(folder)).into_iter().map(read).collect();
        let twice = names::declared_twice(&files);
        assert!(twice.is_empty(), "{folder}/ declares these more than once: {twice:#?}");
    }
}

#[test]
fn the_glossary_is_in_order_and_names_what_is_there() {
    let glossary = read("docs/glossary.md");
    let entries = names::entries(&glossary);
    for (word, paths) in &entries {
        assert!(!paths.is_empty(), "`{word}` does not say where it lives");
        for path in paths {
            assert!(root().join(path).exists(), "`{word}` is said to live in {path}, which is not there");
        }
    }
    assert!(entries.len() > 50 && entries.is_sorted_by(|(word, _), (next, _)| word < next), "{entries:#?}");
}
