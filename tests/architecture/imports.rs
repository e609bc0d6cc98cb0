//! Which files of a crate import which others, read from the text of their `use` declarations.
//!
//! A name that a file re-exports (`pub use child::Name`) is taken for the file that has it, so that the map of a crate or folder does not
//! tie all of its files together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, by the names on its path from the crate's root.
type Module = Vec<String>;

/// The modules of a crate, with their files' code.
pub(crate) struct Crate {
    code: BTreeMap<Module, String>,
}

impl Crate {
    /// Reads the files, which lie below `root`.
    pub(crate) fn read(root: &Path, files: &[PathBuf]) -> Crate {
        let module = |file: &PathBuf| {
            let path = file.strip_prefix(root).expect("files lie below the root").with_extension("");
            let names = path.iter().map(|name| name.to_string_lossy().into_owned());
            names.filter(|name| name != "mod" && name != "lib").collect::<Module>()
        };
        let code = |file: &PathBuf| code(&fs::read_to_string(file).expect("sources are readable"));
        Crate { code: files.iter().map(|file| (module(file), code(file))).collect() }
    }

    /// A circle of modules each of which imports the next, if there is one.
    pub(crate) fn circle(&self) -> Option<Vec<String>> {
        circle(&self.code.keys().map(|module| (module.clone(), self.imports(module))).collect())
    }

    /// As [`Crate::circle`], of the files and folders right below the crate's root.
    pub(crate) fn circle_of_rooms(&self) -> Option<Vec<String>> {
        let room = |module: &Module| module.iter().take(1).cloned().collect::<Module>();
        let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for module in self.code.keys().filter(|module| !module.is_empty()) {
            let others = self.imports(module).iter().map(room).collect::<BTreeSet<Module>>();
            let others = others.into_iter().filter(|other| !other.is_empty() && *other != room(module));
            imports.entry(room(module)).or_default().extend(others);
        }
        circle(&imports)
    }

    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let paths = paths(&self.code[module]);
        let found = paths.iter().filter_map(|path| self.resolve(module, path));
        found.filter(|other| other != module).collect()
    }

    /// The module that has what a path names, as seen from `module`.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut at = match path.first()?.as_str() {
            "crate" => Module::new(),
            "super" | "self" => module.clone(),
            child if self.code.contains_key(&joined(module, child)) => joined(module, child),
            _ => return None,
        };
        let is_relative = path[0] == "super";
        let skipped = usize::from(!is_relative);
        for name in &path[skipped..] {
            if name == "super" {
                at.pop();
            } else if self.code.contains_key(&joined(&at, name)) {
                at.push(name.clone());
            } else {
                return Some(self.reexported(&at, name).unwrap_or(at));
            }
        }
        Some(at)
    }

    /// The module out of which a module re-exports a name.
    fn reexported(&self, module: &Module, name: &str) -> Option<Module> {
        let declarations = self.code[module].split(';').filter(|text| text.trim_start().starts_with("pub"));
        let paths = declarations.flat_map(paths);
        let path = paths.into_iter().find(|path| path.last().is_some_and(|last| last == name))?;
        self.resolve(module, &path).filter(|other| other != module)
    }
}

fn joined(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<String>> {
    let mut done: BTreeSet<&Module> = BTreeSet::new();
    imports.keys().find_map(|start| circle_from(start, imports, &mut Vec::new(), &mut done))
}

fn circle_from<'m>(
    module: &'m Module,
    imports: &'m BTreeMap<Module, BTreeSet<Module>>,
    path: &mut Vec<&'m Module>,
    done: &mut BTreeSet<&'m Module>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|&earlier| earlier == module) {
        return Some(path[start..].iter().map(|module| module.join("::")).collect());
    }
    if !done.contains(module) {
        path.push(module);
        for other in &imports[module] {
            if let circle @ Some(_) = circle_from(other, imports, path, done) {
                return circle;
            }
        }
        path.pop();
        done.insert(module);
    }
    None
}

/// The code of a file without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths that code imports, or spells out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for declaration in code.split(';') {
        if let Some((_, tree)) = declaration.rsplit_once("use ") {
            expand(tree.trim(), &[], &mut found);
        }
        for text in declaration.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            // What stands before a brace was a part of a `use`.
            let is_path = text.starts_with("crate::") || text.starts_with("super::");
            if is_path && !text.ends_with(':') {
                found.push(text.split("::").map(str::to_owned).collect());
            }
        }
    }
    found
}

/// Adds the paths of a tree such as `a::{b, c::{self, d as e}}`.
fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let (names, group) = match tree.split_once('{') {
        Some((names, group)) => (names, Some(group.strip_suffix('}').unwrap_or(group))),
        None => (tree, None),
    };
    let names = names.split("::").map(|name| name.split(" as ").next().unwrap_or_default().trim());
    let names = names.filter(|name| !name.is_empty() && *name != "self" && *name != "*");
    let path: Vec<String> = before.iter().cloned().chain(names.map(str::to_owned)).collect();
    let Some(group) = group else { return found.push(path) };
    let mut depth = 0;
    let parts = group.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.filter(|part| !part.trim().is_empty()).for_each(|part| expand(part.trim(), &path, found));
}

#[test]
fn paths_are_read_and_resolved() {
    let code = |text: &str| text.to_owned();
    let files = [
        (vec![], "mod a; mod b; pub use b::deep::Name;"),
        (vec!["a"], "use crate::{Name, b::{self, Other as O}};"),
        (vec!["b"], "mod deep; pub use deep::Other;"),
        (vec!["b", "deep"], "fn f() { super::super::a::g() }"),
    ];
    let names = |path: &[&str]| path.iter().map(|&name| name.to_owned()).collect::<Module>();
    let example = Crate { code: files.iter().map(|(path, text)| (names(path), code(text))).collect() };
    let imports = example.imports(&names(&["a"]));
    assert_eq!(imports, BTreeSet::from([names(&["b"]), names(&["b", "deep"])]));
    assert_eq!(example.circle().unwrap(), ["b::deep", "a", "b"]);
    assert_eq!(example.circle_of_rooms().unwrap(), ["a", "b"]);
}
