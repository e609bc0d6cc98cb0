//! Tensors of bool that are read by: how many elements they pick is the extent of the result, a size that data decide. Beside index tensors a
//! mask stands for those of its true elements, as in NumPy.

use tensorwright_ir::op::{TypeError, rule};

use super::super::nested::nested_at;
use super::super::refusal::refused;
use super::selection::{Along, Mask, Selection};
use crate::error::{CallSite, Failure};
use crate::tensor::Tensor;

impl Selection {
    /// The selection from `x` with index tensors in place of the masks, one for each of their axes.
    pub(super) fn with_known_masks(
        mut self,
        name: &'static str,
        x: &Tensor,
        at: CallSite,
    ) -> Result<Selection, Failure> {
        for mask in std::mem::take(&mut self.masks) {
            let along = positions(&mask, name, x, at)?;
            self.along.splice(mask.axis..mask.axis + along.len(), along);
        }
        Ok(self)
    }
}

/// Where the mask is true, row major: the indices along each of its axes.
fn positions(mask: &Mask, name: &'static str, x: &Tensor, at: CallSite) -> Result<Vec<Along>, Failure> {
    let shape = &mask.tensor.known_type()?.shape;
    if shape.rank() == 0 {
        return Err(refused(name, &[x, &mask.tensor], at, TypeError::Other("a mask has an axis".to_owned())));
    }
    let Ok((_, buffer)) = mask.tensor.value(at) else {
        let places = mask.tensor.nonzero_from(at);
        let column = |axis: usize| Along::Tensor(places.i_at((.., axis), at));
        return Ok((0..shape.rank()).map(column).collect());
    };
    let mut along = vec![Vec::new(); shape.rank()];
    for (flat, _) in buffer.as_bytes().iter().enumerate().filter(|&(_, &byte)| byte != 0) {
        rule::unravel(flat, shape).into_iter().zip(&mut along).for_each(|(i, along)| along.push(i as i64));
    }
    Ok(along.iter().map(|numbers| Along::Tensor(nested_at(numbers, at))).collect())
}
