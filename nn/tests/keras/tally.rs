//! How many cases of a kind come out as they should.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::are_own;

/// Cases that fail, one line each: may only become fewer.
const EXPECTED: &str = include_str!("expected_failures.txt");

/// Their ids.
pub(crate) fn expected() -> impl Iterator<Item = &'static str> {
    EXPECTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What became of the cases of one kind, by name.
#[derive(Default)]
pub(crate) struct Tally {
    passed: BTreeMap<String, usize>,
    failed: Vec<String>,
}

impl Tally {
    /// Runs a check on each case; what it says is what is wrong.
    pub(crate) fn of<'c>(
        cases: impl Iterator<Item = &'c Value>,
        check: impl Fn(&'c Value) -> Result<(), String>,
    ) -> Tally {
        let mut tally = Tally::default();
        for case in cases {
            match check(case) {
                Ok(()) => {
                    *tally.passed.entry(case["name"].as_str().unwrap_or("?").to_owned()).or_default() += 1
                }
                Err(reason) => tally.failed.push(format!("{}: {reason}", case["id"])),
            }
        }
        tally
    }

    /// Says how many passed, and panics if not all did.
    pub(crate) fn report(self, kind: &str) {
        let passed: usize = self.passed.values().sum();
        println!("{kind}: {passed} of {} cases", passed + self.failed.len());
        assert!(passed > 0, "there are cases of the kind {kind}");
        let is_known =
            |reason: &String| are_own() && expected().any(|id| reason.starts_with(&format!("\"{id}\": ")));
        let (known, new): (Vec<String>, Vec<String>) = self.failed.into_iter().partition(is_known);
        assert!(new.is_empty(), "{kind}: {} fail:\n{}", new.len(), new.join("\n"));
        let listed = expected().filter(|id| id.contains(&format!(".{kind}."))).count();
        assert!(
            !are_own() || known.len() == listed,
            "{kind}: of {listed} that are expected to fail only {known:#?} do"
        );
    }
}
