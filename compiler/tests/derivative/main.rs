//! Derivatives, all through the reference evaluator.
//!
//! - `samples`: every op of the registry, on drawn operands: derivatives against central differences, forward against reverse mode,
//!   to second order.

mod numeric;
mod samples;
