//! Operators, by what they are about. Each file has the table of its own.

mod attention;
mod contrib;
mod control;
mod conv;
mod convert;
pub(crate) mod dequantized;
mod elementwise;
mod image;
mod indexing;
mod linear;
mod loss;
mod ml;
mod movement;
mod narrow;
mod norm;
pub(crate) mod pictures;
mod pool;
mod quantize;
mod random;
mod recurrent;
mod reduce;
mod sequence;
mod shape;
mod signal;
mod text;
mod training;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::call::{Call, Results};

/// How an operator is applied.
pub(crate) type Apply = fn(&Call<'_>) -> Results;

/// An operator.
#[derive(Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) apply: Apply,
    /// Whether it draws random numbers: it is run in each call even if its inputs are constants.
    pub(crate) draws: bool,
}

/// Operators of a domain.
type Table = &'static [(&'static str, Apply)];

const STANDARD: [Table; 20] = [
    attention::OPERATORS,
    control::OPERATORS,
    conv::OPERATORS,
    convert::OPERATORS,
    elementwise::OPERATORS,
    image::OPERATORS,
    indexing::OPERATORS,
    linear::OPERATORS,
    loss::OPERATORS,
    movement::OPERATORS,
    norm::OPERATORS,
    pictures::OPERATORS,
    pool::OPERATORS,
    quantize::OPERATORS,
    recurrent::OPERATORS,
    reduce::OPERATORS,
    sequence::OPERATORS,
    shape::OPERATORS,
    signal::OPERATORS,
    text::OPERATORS,
];

static BY_NAME: LazyLock<HashMap<(&'static str, &'static str), Operator>> = LazyLock::new(|| {
    let mut all = HashMap::new();
    let mut add = |domain, table: Table, draws| {
        for &(name, apply) in table {
            all.insert((domain, name), Operator { apply, draws });
        }
    };
    STANDARD.iter().for_each(|table| add("", table, false));
    add("", random::OPERATORS, true);
    add("", contrib::AS_STANDARD, false);
    contrib::TABLES.iter().for_each(|table| add("com.microsoft", table, false));
    ml::TABLES.iter().for_each(|table| add("ai.onnx.ml", table, false));
    add("ai.onnx.preview", attention::PREVIEW, false);
    add("ai.onnx.preview.training", training::OPERATORS, false);
    all
});

/// The operator of this name.
pub(crate) fn find(domain: &str, name: &str) -> Option<Operator> {
    BY_NAME.get(&(domain, name)).copied()
}
