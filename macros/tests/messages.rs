//! What the macros say about code that they do not take: each message points at the words that it is about.
//!
//! `TRYBUILD=overwrite cargo test -p tensorwright-macros --test messages` writes the messages anew; read the difference.

use std::process::Command;

#[test]
fn errors_point_at_the_code() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/messages/*.rs");
    // In these the compiler says most, and it says it differently in each version.
    if compiler_is(env!("CARGO_PKG_RUST_VERSION")) {
        cases.compile_fail("tests/messages/types/*.rs");
    }
}

fn compiler_is(version: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(&format!(" {version}.")))
}
