//! Products with matrices.

use tensorwright::Result;

use crate::{
    Activation, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers, layer,
};

layer! {
    /// Each vector along the last axis times a matrix, plus a bias: `T[.., n] -> T[.., units]`.
    pub struct Dense(
        /// How many numbers come out.
        units: usize,
    ) {
        /// What is done to the numbers at last.
        activation: Activation = Activation::Linear,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// The matrix before training.
        kernel_initializer: Initializer = Initializer::default(),
        /// The bias before training.
        bias_initializer: Initializer = initializers::Zeros.into(),
        /// What the matrix adds to the loss.
        kernel_regularizer: Option<Regularizer> = None,
        /// What the bias adds to the loss.
        bias_regularizer: Option<Regularizer> = None,
        /// What the results add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// What is done to the matrix after each step.
        kernel_constraint: Option<Constraint> = None,
        /// What is done to the bias after each step.
        bias_constraint: Option<Constraint> = None,
    }
}

impl Layer for Dense {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
        let mut y = x.matmul(scope.weight("kernel", [x.extent(-1)?, self.units], kernel)?);
        if self.use_bias {
            let bias = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
            y += scope.weight("bias", [self.units], bias)?;
        }
        let y = self.activation.call(&y);
        scope.regularize(&self.activity_regularizer, &y)?;
        Ok(inputs.masked_like(y))
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["kernel"]
    }
}
