//! Rows of tables, and masks.

use tensorwright::{DType, Result, Tensor};

use crate::{
    Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, Signal, initializers, layer,
};

layer! {
    /// A row of a table for each integer: `i[..] -> T[.., output_dim]`.
    pub struct Embedding(
        /// How many rows there are.
        input_dim: usize,
        /// How long each is.
        output_dim: usize,
    ) {
        /// The table before training.
        embeddings_initializer: Initializer = initializers::RandomUniform::default().into(),
        /// What the table adds to the loss.
        embeddings_regularizer: Option<Regularizer> = None,
        /// What the rows that were looked up add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// What is done to the table after each step.
        embeddings_constraint: Option<Constraint> = None,
        /// Whether 0 stands for padding: a mask says where it is not.
        mask_zero: bool = false,
    }
}

impl Layer for Embedding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let spec =
            self.embeddings_initializer.spec(&self.embeddings_regularizer, &self.embeddings_constraint);
        let table = scope.weight("embeddings", [self.input_dim, self.output_dim], spec)?;
        let indices = integers(inputs.tensor()?)?;
        let mask = self.mask_zero.then(|| indices.ne(0));
        let value = table.embedding(indices);
        scope.regularize(&self.activity_regularizer, &value)?;
        Ok(Signal { value, mask }.into())
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["embeddings"]
    }
}

fn integers(x: Tensor) -> Result<Tensor> {
    Ok(if matches!(x.dtype()?, DType::I32 | DType::I64) { x } else { x.cast(DType::I32) })
}

layer! {
    /// An [`Embedding`] that also goes back: with the argument `reverse`, products of vectors with the rows.
    pub struct ReversibleEmbedding(
        /// How many rows there are.
        input_dim: usize,
        /// How long each is.
        output_dim: usize,
    ) {
        /// Whether the way back uses the same table.
        tie_weights: bool = true,
        /// The table before training.
        embeddings_initializer: Initializer = initializers::RandomUniform::default().into(),
        /// What the table adds to the loss.
        embeddings_regularizer: Option<Regularizer> = None,
        /// What is done to the table after each step.
        embeddings_constraint: Option<Constraint> = None,
        /// What the rows that were looked up add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// Whether 0 stands for padding.
        mask_zero: bool = false,
        /// The dtype of the way back, if it is another one.
        reverse_dtype: Option<crate::Policy> = None,
        /// What the products stay below, softly.
        logit_soft_cap: Option<f64> = None,
    }
}

impl Layer for ReversibleEmbedding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let spec =
            self.embeddings_initializer.spec(&self.embeddings_regularizer, &self.embeddings_constraint);
        let table = scope.weight("embeddings", [self.input_dim, self.output_dim], spec)?;
        let back = match self.tie_weights {
            true => table.t(),
            false => {
                let shape = [self.output_dim, self.input_dim];
                scope.weight("reverse_embeddings", shape, &self.embeddings_initializer)?
            }
        };
        if inputs.flag("reverse") {
            return Ok(self.logits(inputs.tensor()?, back).into());
        }
        let indices = integers(inputs.tensor()?)?;
        let mask = self.mask_zero.then(|| indices.ne(0));
        Ok(Signal { value: table.embedding(indices), mask }.into())
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["embeddings"]
    }
}

impl ReversibleEmbedding {
    fn logits(&self, x: Tensor, back: Tensor) -> Tensor {
        let (x, back) = match self.reverse_dtype {
            Some(policy) => (x.cast(policy.compute), back.cast(policy.compute)),
            None => (x, back),
        };
        let logits = x.matmul(back);
        match self.logit_soft_cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }
}

layer! {
    /// Steps all of whose numbers are `mask_value` become 0, and a mask says so.
    pub struct Masking() {
        /// The number that stands for padding.
        mask_value: f64 = 0.0,
    }
}

impl Layer for Masking {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let mask = x.ne(self.mask_value).any(-1);
        let value = mask.expand_dims(-1).select(&x, 0.0);
        Ok(Signal { value, mask: Some(mask) }.into())
    }
}
