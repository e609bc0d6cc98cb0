//! Kernels with a length and a direction of their own.

use tensorwright::{Result, Tensor, keep};

use super::spectral::made_kernel;
use crate::{Inputs, Layer, LayerRef, Outputs, Scope, WeightSpec, layer};

layer! {
    /// A layer whose kernel is the product of a length `g` for each column and a direction, which are trained apart (Salimans and Kingma 2016). It
    /// begins as the layer without it.
    pub struct WeightNormalization(
        /// The layer, with a kernel of its own.
        layer: LayerRef,
    ) {}
}

impl Layer for WeightNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let kernel = made_kernel(&self.layer, inputs, scope)?;
        let now = scope.computed(kernel.variable.value())?;
        let columns = now.extent(-1)?;
        let first = kernel.variable.clone();
        let spec =
            WeightSpec::by(move |_, dtype, _| lengths(&first.value())?.reshape([columns]).cast(dtype).ok());
        let wanted = scope.weight("g", [columns], spec)?;
        // A column of zeros has no direction.
        let normal = &now * (wanted / lengths(&now)?.maximum(1e-12));
        scope.call_with(&self.layer, inputs, &kernel.name, normal)
    }
}

/// How long each column is, with an axis for each of the kernel.
fn lengths(kernel: &Tensor) -> Result<Tensor> {
    let rows: Vec<i64> = (0..kernel.rank()? as i64 - 1).collect();
    // The root has no slope at 0.
    let squares = kernel.square().sum(keep(&rows[..]));
    squares.eq(0.0).select(0.0, squares.maximum(1e-24).sqrt()).ok()
}
