//! Tensors of bool that are read by: how many elements they pick is the extent of the result, so their values must be known.

use tensorwright_ir::op::{TypeError, rule};

use super::super::nested::nested_at;
use super::super::refusal::refused;
use super::selection::{Along, Mask, Selection};
use crate::error::{CallSite, Failure};
use crate::tensor::Tensor;

impl Selection {
    /// The selection from `x` with index tensors in place of the mask, one for each of its axes.
    pub(super) fn with_known_mask(mut self, x: &Tensor, at: CallSite) -> Result<Selection, Failure> {
        let Some(mask) = self.mask.take() else { return Ok(self) };
        let along =
            positions(&mask, x, at)?.into_iter().map(|numbers| Along::Tensor(nested_at(&numbers, at)));
        self.along.splice(mask.axis..mask.axis + along.len(), along);
        Ok(self)
    }
}

/// Where the mask is true, row major: the index along each of its axes.
fn positions(mask: &Mask, x: &Tensor, at: CallSite) -> Result<Vec<Vec<i64>>, Failure> {
    let shape = &mask.tensor.known_type()?.shape;
    let wrong =
        |message: &str| refused("index", &[x, &mask.tensor], at, TypeError::Other(message.to_owned()));
    if shape.rank() == 0 {
        return Err(wrong("a mask has an axis"));
    }
    let unknown = "how many elements a mask picks is not known while tracing; `select` and `set` take masks";
    let (_, buffer) = mask.tensor.value(at).map_err(|_| wrong(unknown))?;
    let mut along = vec![Vec::new(); shape.rank()];
    for (flat, _) in buffer.as_bytes().iter().enumerate().filter(|&(_, &byte)| byte != 0) {
        rule::unravel(flat, shape).into_iter().zip(&mut along).for_each(|(i, along)| along.push(i as i64));
    }
    Ok(along)
}
