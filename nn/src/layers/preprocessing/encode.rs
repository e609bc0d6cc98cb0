//! Categories as vectors.

use tensorwright::{DType, Result, Tensor};

use crate::settings::keyword;
use crate::{Inputs, Layer, Outputs, Scope, layer};

keyword! {
    /// What becomes of categories.
    pub enum OutputMode {
        /// Their numbers.
        Int = "int",
        /// A vector for each, with 1 at its place.
        OneHot = "one_hot",
        /// A vector for an example, with 1 at the places of what it has.
        MultiHot = "multi_hot",
        /// A vector for an example, with how often it has each.
        Count = "count",
        /// Counts times what a category says about an example: the logarithm of how rare it is.
        TfIdf = "tf_idf",
    }
}

/// Categories as vectors of `depth` numbers; numbers below 0 stand for nothing.
pub(super) fn encoded(
    categories: &Tensor,
    mode: OutputMode,
    depth: usize,
    dtype: DType,
    weights: Option<Tensor>,
) -> Result<Tensor> {
    let rank = categories.rank()?;
    match mode {
        OutputMode::Int => Ok(categories.cast(dtype)),
        OutputMode::OneHot => {
            let single = rank > 1 && categories.extent(-1)? == 1;
            let categories = if single { categories.squeeze([-1]) } else { categories.clone() };
            Ok(categories.one_hot(depth, -1, dtype))
        }
        OutputMode::MultiHot | OutputMode::Count | OutputMode::TfIdf => {
            let categories = if rank == 0 { categories.expand_dims(0) } else { categories.clone() };
            let vectors = categories.one_hot(depth, -1, dtype);
            let vectors = match weights {
                Some(weights) => vectors * weights.expand_dims(-1),
                None => vectors,
            };
            // As Keras has it: along the axis behind the batch, however many there are.
            let axis = usize::from(rank > 1);
            Ok(if mode == OutputMode::MultiHot { vectors.max(axis) } else { vectors.sum(axis) })
        }
    }
}

layer! {
    /// Integers from 0 to `num_tokens` as vectors.
    pub struct CategoryEncoding(
        /// How many categories there are.
        num_tokens: usize,
    ) {
        /// What becomes of them.
        output_mode: OutputMode = OutputMode::MultiHot,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
    }
}

impl Layer for CategoryEncoding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let weights = inputs.optional("count_weights").map(|weights| scope.computed(weights)).transpose()?;
        let categories = inputs.tensor()?;
        let categories = if categories.dtype()?.is_int() { categories } else { categories.cast(DType::I32) };
        Ok(encoded(&categories, self.output_mode, self.num_tokens, scope.dtype(), weights)?.into())
    }
}
