//! Derivatives, all through the reference evaluator.
//!
//! - `samples`: every op of the registry, on drawn operands: derivatives against central differences, forward against reverse mode,
//!   to second order.
//! - `graphs`: the same for random graphs.
//! - `kinks`: values worked out by hand where a derivative is a matter of convention, or where a careless formula gives NaN.
//! - `linalg`: factors that are not unique.
//! - `control`: control flow, alone and nested.
//! - `loops`: what loops keep for the way back.
//! - `connections`: what is connected, what is computed, and what `explain` says.

mod connections;
mod control;
mod custom;
mod empties;
mod graphs;
mod kinks;
mod linalg;
mod loops;
mod numeric;
mod samples;
