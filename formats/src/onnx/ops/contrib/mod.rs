//! Operators of the domain `com.microsoft`, as ONNX Runtime's optimiser and tools write them, by their public specification.

mod activation;
mod attention;
mod blocks;
mod experts;
mod fused;
mod movement;
mod norm;
mod numeric;
mod products;
mod quantized;
mod state;

use super::Table;

pub(super) const TABLES: [Table; 11] = [
    activation::OPERATORS,
    attention::OPERATORS,
    blocks::OPERATORS,
    experts::OPERATORS,
    fused::OPERATORS,
    movement::OPERATORS,
    norm::OPERATORS,
    numeric::OPERATORS,
    products::OPERATORS,
    quantized::OPERATORS,
    state::OPERATORS,
];

/// Those that are written as if they were the standard's.
pub(super) const AS_STANDARD: Table = norm::AS_STANDARD;
