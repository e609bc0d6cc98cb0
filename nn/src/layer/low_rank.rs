//! Updates of low rank beside frozen matrices (Hu et al. 2021, "LoRA").

use tensorwright::{DType, Result, Tensor, Variable};

use super::{WeightSpec, Weights};
use crate::error::Error;
use crate::initializers::{self, Initializer};

/// That a layer learns the product of two narrow matrices beside each of some weights, which are frozen: `kernel + alpha / rank * a b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LowRank {
    pub(crate) rank: usize,
    pub(crate) alpha: f64,
}

/// A path's last name, and what stands before it.
fn split(path: &str) -> (&str, &str) {
    path.rfind('.').map_or(("", path), |at| path.split_at(at + 1))
}

impl LowRank {
    /// The two matrices beside the weight of this path, which has been made: `f32[.., rank]`, and `f32[rank, columns]`, zeros at first.
    ///
    /// # Errors
    /// When the weight has a constraint, which the sum would not have, or is no matrix.
    pub(super) fn matrices(
        &self,
        layer: &str,
        weights: &Weights,
        path: &str,
        trainable: bool,
    ) -> Result<[Variable; 2]> {
        let refused =
            |reason: String| Error::Inputs { layer: layer.to_owned(), reason: format!("`{path}` {reason}") };
        let weight = weights.find(path).ok_or_else(|| refused("is not made".to_owned()))?;
        if weight.constraint.is_some() {
            return Err(refused("has a constraint, and cannot have an update of low rank".to_owned()).into());
        }
        let sizes = weight.variable.ty().shape.sizes().to_vec();
        let [rows @ .., columns] = &sizes[..] else {
            return Err(refused(format!("is {}, and no matrix", weight.variable.ty())).into());
        };
        let (group, name) = split(path);
        let part = |letter: &str, shape: Vec<usize>, first: Initializer| {
            let spec = || WeightSpec::from(first).dtype(DType::F32).regularized(&weight.regularizer);
            let name = format!("{group}lora_{name}_{letter}");
            weights.get(layer, &name, (DType::F32, shape.into()), trainable, spec)
        };
        let wide = rows.iter().copied().chain([self.rank]).collect();
        let a = part("a", wide, initializers::HeUniform::default().into())?;
        Ok([a, part("b", vec![self.rank, *columns], initializers::Zeros.into())?])
    }

    /// A weight with what was learnt beside it.
    pub(super) fn added(&self, weight: &Tensor, [a, b]: &[Variable; 2]) -> Result<Tensor> {
        let rows = a.value().reshape([-1, self.rank as i64]);
        let update = rows.matmul(b.value()) * (self.alpha / self.rank as f64);
        (weight + update.reshape(weight.shape()?.clone()).cast(weight.dtype()?)).ok()
    }
}
