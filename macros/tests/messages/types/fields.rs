//! Fields that are no trees.

use tensorwright::prelude::*;

#[derive(Clone)]
struct NoTree;

#[derive(Clone, Tree)]
struct Outer {
    inner: NoTree,
}

#[derive(Clone, Tree)]
struct Rate {
    #[tree(static)]
    rate: f32,
}

fn main() {}
