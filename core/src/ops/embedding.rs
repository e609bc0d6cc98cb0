//! Rows of a table that are looked up and folded.

use super::operand::{Operand, owned};
use crate::error::caller;
use crate::tensor::Tensor;

/// What becomes of the rows of a bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BagFold {
    /// Their sum, 0 if there are none.
    #[default]
    Sum,
    /// Their mean, 0 if there are none.
    Mean,
    /// The greatest of each column, minus infinity if there are none.
    Max,
}

impl Tensor {
    /// Rows of a table by their numbers, those of each bag folded into one: `T[rows, d], I[n], I[n] -> T[count, d]`, floats. `bags` says for each of the `n`
    /// rows in which bag it is; a row whose bag is not below `count` is left out.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::BagFold;
    /// let table = Tensor::from([[1.0f32, 0.0], [0.0, 1.0], [5.0, 5.0]]);
    /// let found = table.embedding_bag([0, 2, 1], [0, 0, 1], 2, BagFold::Mean);
    /// assert_eq!(found.to_vec::<f32>()?, [3.0, 2.5, 0.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("EmbeddingBag", "embedding_lookup_sparse"))]
    #[track_caller]
    pub fn embedding_bag(
        &self,
        indices: impl Operand,
        bags: impl Operand,
        count: usize,
        fold: BagFold,
    ) -> Tensor {
        let at = caller();
        let (indices, bags) = (owned(indices, "embedding_bag", at), owned(bags, "embedding_bag", at));
        let rows = self.take(indices, 0);
        match fold {
            BagFold::Sum => rows.segment_sum(bags, count),
            BagFold::Mean => rows.segment_mean(bags, count),
            BagFold::Max => rows.segment_max(bags, count),
        }
    }
}
