//! Bundles that were damaged: an error, or endpoints that can be called. Nothing panics.

use std::fs;
use std::path::Path;

use tensorwright::bundle::Bundle;
use tensorwright::prelude::*;
use tensorwright_testkit::damage::damaged;
use tensorwright_testkit::literals::Random;

#[test]
fn damaged_bundles_are_errors_or_bundles() {
    run(1_000);
}

/// Looks at so many files.
pub(crate) fn run(count: u64) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/tests/corpus/format-1.zip");
    let whole = fs::read(corpus).expect("a bundle");
    let path = std::env::temp_dir().join(format!("tensorwright-damaged-{}.zip", std::process::id()));
    let mut refused = 0;
    for seed in 0..count {
        let bytes = damaged(&whole, &[&whole], &mut Random::new(seed + 1));
        fs::write(&path, bytes).expect("written");
        match Bundle::load(&path) {
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
            Ok(bundle) => {
                for name in bundle.endpoints() {
                    // Whatever it gives.
                    let endpoint = bundle.endpoint(name).expect("it is there");
                    let _ = endpoint.call(&[("input", Tensor::zeros((3, 2), DType::F32))]);
                }
            }
        }
    }
    fs::remove_file(path).expect("removed");
    println!("{count} damaged bundles: {refused} are refused");
    assert!(refused > count / 2, "sums of files show what is damaged");
}
