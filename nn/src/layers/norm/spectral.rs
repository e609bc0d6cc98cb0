//! Kernels divided by their greatest singular value.

use tensorwright::{Result, Tensor, Variable};

use crate::{Inputs, Layer, LayerRef, Outputs, Scope, Weight, WeightSpec, initializers, layer};

layer! {
    /// A layer whose kernel is divided by its greatest singular value in each step of training (Miyato et al. 2018).
    pub struct SpectralNormalization(
        /// The layer.
        layer: LayerRef,
    ) {
        /// Rounds of the power iteration in a step.
        power_iterations: usize = 1,
    }
}

impl Layer for SpectralNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let kernel = made_kernel(&self.layer, inputs, scope)?.variable;
        let columns = kernel.ty().shape.sizes().last().copied().unwrap_or(1);
        let begin = initializers::TruncatedNormal { mean: 0.0, stddev: 0.02 };
        let spec = WeightSpec::from(crate::Initializer::from(begin)).frozen();
        let vector = scope.variable("vector_u", [1, columns], spec)?;
        if scope.is_training() {
            self.normalize(&kernel, &vector)?;
        }
        scope.call(&self.layer, inputs.clone())
    }
}

impl SpectralNormalization {
    fn normalize(&self, kernel: &Variable, vector: &Variable) -> Result<()> {
        let (now, before) = (kernel.value(), vector.value());
        let matrix = now.reshape([-1, before.extent(-1)? as i64]);
        let (mut u, mut v) = (before.clone(), before.clone());
        for _ in 0..self.power_iterations {
            v = unit(&u.matmul(matrix.t()));
            u = unit(&v.matmul(&matrix));
        }
        let (u, v) = (u.stop_gradient(), v.stop_gradient());
        let sigma = v.matmul(&matrix).matmul(u.t()).reshape(());
        // Zeros have no direction, and stay what they are.
        let none = now.eq(0.0).all(..);
        let normal = none.select(&now, &now / sigma);
        // The gradient is that of the kernel that is used from now on.
        kernel.assign(&now + (normal - &now).stop_gradient())?;
        vector.assign(none.select(&before, u))
    }
}

/// The kernel, or the table, of a layer: the first call makes it, and what that gives is thrown away.
pub(super) fn made_kernel(layer: &LayerRef, inputs: &Inputs, scope: &Scope<'_>) -> Result<Weight> {
    let find = || {
        let weights = layer.own_weights().all();
        weights.into_iter().find(|weight| weight.name == "kernel" || weight.name == "embeddings")
    };
    if let Some(kernel) = find() {
        return Ok(kernel);
    }
    tensorwright::eagerly(|| scope.make(layer, inputs))?;
    find().ok_or_else(|| scope.refuse(format!("{} has no kernel", layer.name())))
}

fn unit(x: &Tensor) -> Tensor {
    x * x.square().sum(..).maximum(1e-12).rsqrt()
}
