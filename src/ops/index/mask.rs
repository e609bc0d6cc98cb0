//! Tensors of bool that are read by: how many elements they pick is the extent of the result, so their values must be known. Beside
//! index tensors a mask stands for those of its true elements, as in NumPy.

use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::Reshape;
use tensorwright_ir::op::{TypeError, rule};

use super::super::nested::nested_at;
use super::super::refusal::refused;
use super::selection::{Along, Mask, Selection};
use crate::error::{CallSite, Failure, caller};
use crate::interpret::one;
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
            let along = along.into_iter().map(|numbers| Along::Tensor(nested_at(&numbers, at)));
            self.along.splice(mask.axis..mask.axis + along.len(), along);
        }
        Ok(self)
    }

    /// Whether it is known which elements the masks pick.
    pub(super) fn knows_masks(&self, at: CallSite) -> bool {
        self.masks.iter().all(|mask| mask.tensor.value(at).is_ok())
    }
}

/// Places.
impl Tensor {
    /// The places where this bool tensor is true, row major: an index along each of its axes. Their number depends on the elements, so that these
    /// must be known: while a function is traced, [`Tensor::select`] and [`Tensor::set`] choose without it.
    ///
    /// `bool[s] -> i64[places, rank]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[5, 0], [0, 7]]);
    /// assert_eq!(x.ne(0).argwhere().to_vec::<i64>()?, [0, 0, 1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("nonzero", "flatnonzero"))]
    #[track_caller]
    pub fn argwhere(&self) -> Tensor {
        match places(self, caller()) {
            Ok(places) => places,
            Err(failure) => Tensor::failed(failure),
        }
    }
}

fn places(mask: &Tensor, at: CallSite) -> Result<Tensor, Failure> {
    let ty = mask.known_type()?;
    if ty.dtype != DType::Bool {
        let message = format!("a mask is of bool, found {ty}; compare it with 0");
        return Err(refused("argwhere", &[mask], at, TypeError::Other(message)));
    }
    let along = positions(&Mask { tensor: mask.clone(), axis: 0 }, "argwhere", mask, at)?;
    let count = along.first().map_or(0, Vec::len);
    let numbers: Vec<i64> = (0..count).flat_map(|i| along.iter().map(move |along| along[i])).collect();
    Ok(one(Reshape { shape: [count, ty.rank()].into() }, &[&nested_at(&numbers, at)], at))
}

/// Where the mask is true, row major: the index along each of its axes.
fn positions(mask: &Mask, name: &'static str, x: &Tensor, at: CallSite) -> Result<Vec<Vec<i64>>, Failure> {
    let shape = &mask.tensor.known_type()?.shape;
    let wrong = |message: &str| refused(name, &[x, &mask.tensor], at, TypeError::Other(message.to_owned()));
    if shape.rank() == 0 {
        return Err(wrong("a mask has an axis"));
    }
    let unknown = "how many elements a mask picks is not known while tracing; `mask.select(..)` and `set` with the mask alone take such masks";
    let (_, buffer) = mask.tensor.value(at).map_err(|_| wrong(unknown))?;
    let mut along = vec![Vec::new(); shape.rank()];
    for (flat, _) in buffer.as_bytes().iter().enumerate().filter(|&(_, &byte)| byte != 0) {
        rule::unravel(flat, shape).into_iter().zip(&mut along).for_each(|(i, along)| along.push(i as i64));
    }
    Ok(along)
}
