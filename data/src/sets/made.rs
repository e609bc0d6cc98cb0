//! The sets that are generated, by name: each with other seeds to train with and to test.

use super::generated::{addition_task, blobs, copy_task, moons, sines, spirals};
use super::registry::{SetBuilder, SetInfo, SplitInfo, no_split};
use crate::error::Result;
use crate::pipeline::Dataset;

/// A set that a function generates of a number of elements and a seed.
#[derive(Clone, Copy)]
pub(super) struct Made {
    name: &'static str,
    description: &'static str,
    components: [&'static str; 2],
    f: fn(u64, u64) -> Dataset,
}

/// Names of splits, numbers of elements, seeds.
const SPLITS: [(&str, u64, u64); 2] = [("train", 1000, 1), ("test", 200, 2)];

pub(super) const ALL: [&Made; 6] = [
    &Made {
        name: "addition",
        description: "16 numbers, two of which are marked, and the sum of these",
        components: ["numbers", "sum"],
        f: |count, seed| addition_task(count, 16, seed),
    },
    &Made {
        name: "blobs",
        description: "points of the plane around three centres",
        components: ["point", "label"],
        f: |count, seed| blobs(count, 3, 0.6, seed),
    },
    &Made {
        name: "copy",
        description: "8 symbols of 8 to be said again",
        components: ["heard", "said"],
        f: |count, seed| copy_task(count, 8, 8, seed),
    },
    &Made {
        name: "moons",
        description: "points of two half circles that reach into each other",
        components: ["point", "label"],
        f: |count, seed| moons(count, 0.1, seed),
    },
    &Made {
        name: "sines",
        description: "32 values of a sine wave with noise, and the next one",
        components: ["wave", "next"],
        f: |count, seed| sines(count, 32, 0.05, seed),
    },
    &Made {
        name: "spirals",
        description: "points of two spirals around each other",
        components: ["point", "label"],
        f: |count, seed| spirals(count, 2, 0.1, seed),
    },
];

impl SetBuilder for &'static Made {
    fn info(&self) -> SetInfo {
        // Bits depend on the functions of the system's library, so there are no checksums.
        let split = |(name, count, _): &(&str, u64, u64)| SplitInfo {
            name: (*name).to_owned(),
            count: *count,
            checksum: None,
        };
        SetInfo {
            name: self.name.to_owned(),
            version: "1.0.0".to_owned(),
            description: self.description.to_owned(),
            source: "generated".to_owned(),
            licence: "none is needed".to_owned(),
            spec: (self.f)(0, 0).spec().cloned().unwrap_or(crate::Spec::Any),
            components: self.components.map(str::to_owned).into(),
            splits: SPLITS.iter().map(split).collect(),
        }
    }

    fn split(&self, name: &str) -> Result<Dataset> {
        let split = SPLITS.iter().find(|(own, _, _)| *own == name);
        let (_, count, seed) = split.ok_or_else(|| no_split(self.name, name))?;
        (self.f)(*count, *seed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::check_builder;
    use super::ALL;

    #[test]
    fn all_are_what_they_say() {
        ALL.iter().for_each(|set| check_builder(set).expect("as it says"));
    }
}
