//! Operators of the domain `ai.onnx.ml`: what is learned without networks, and what goes before and behind it.

mod features;
mod labels;
mod linear;
mod maps;
mod scores;
mod support;
mod trees;

use super::Table;

pub(super) const TABLES: [Table; 6] = [
    features::OPERATORS,
    labels::OPERATORS,
    linear::OPERATORS,
    maps::OPERATORS,
    support::OPERATORS,
    trees::OPERATORS,
];
