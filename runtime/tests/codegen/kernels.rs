//! Kernels as data: each file under `kernels/` prints as it parses, is valid, and runs as it is interpreted.

use std::path::Path;

use tensorwright_compiler::kernel::{Kernel, verify};

use crate::harness::check;

fn all() -> Vec<(String, Kernel)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codegen/kernels");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let kernel = text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.display().to_string(), kernel)
    };
    paths.iter().map(|path| read(path)).collect()
}

#[test]
fn files_are_valid_and_print_as_they_parse() {
    for (name, kernel) in all() {
        verify(&kernel).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(kernel.to_string().parse(), Ok(kernel), "{name}");
    }
}

#[test]
fn files_run_as_they_are_interpreted() {
    for (name, kernel) in all() {
        println!("{name}");
        (0..3).for_each(|seed| check(&kernel, seed));
    }
}
