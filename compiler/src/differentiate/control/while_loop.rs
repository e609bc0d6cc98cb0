//! Reverse mode through `while`: nobody knows how often it runs, so what its runs save has no type.

use tensorwright_ir::op::Results;

use super::{Site, Tape};
use crate::differentiate::DifferentiateError;

pub(super) fn record(site: &Site<'_>) -> Result<(Results, Tape), DifferentiateError> {
    let (op, location) = (site.node.op.name(), site.node.location.clone());
    Err(DifferentiateError::Reverse { op, location })
}
