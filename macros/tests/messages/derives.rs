//! What has no fields to be a tree or a module of.

use tensorwright::prelude::*;

#[derive(Tree)]
union Either {
    x: u8,
    y: i8,
}

#[derive(Tree)]
enum Never {}

#[derive(Clone, Tree)]
struct Options {
    #[tree(dynamic)]
    x: u8,
}

#[derive(Module)]
enum Choice {
    One,
}

#[derive(Module)]
struct Layer {
    #[module(hidden)]
    x: Variable,
}

fn main() {}
