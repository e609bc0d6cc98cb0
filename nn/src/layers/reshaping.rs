//! Layers that move elements and change none.

use tensorwright::Result;

use crate::{DataFormat, Inputs, Layer, Outputs, Scope, Signal, layer};

layer! {
    /// What it is given.
    pub struct Identity() {}
}

impl Layer for Identity {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        match <[Signal; 1]>::try_from(inputs.list()) {
            Ok([one]) => Ok(inputs.masked_like(one.value)),
            Err(several) => Ok(several.into()),
        }
    }
}

layer! {
    /// All elements of an example in a row: `T[n, ..] -> T[n, m]`.
    pub struct Flatten() {
        /// Where channels are: they come last in the row.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for Flatten {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let rank = x.rank()?;
        let x = match self.data_format {
            DataFormat::ChannelsFirst if rank > 2 => x.move_axis(1, -1),
            _ => x,
        };
        Ok(if rank < 2 { x.reshape([-1, 1]) } else { x.flatten(1, rank) }.into())
    }
}

layer! {
    /// The elements of each example under another shape, of which one extent may be -1: what the others leave.
    pub struct Reshape(
        /// The shape of an example.
        target_shape: Vec<i64>,
    ) {}
}

impl Layer for Reshape {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let shape: Vec<i64> = [x.extent(0)? as i64].into_iter().chain(self.target_shape.clone()).collect();
        Ok(x.reshape(shape).into())
    }
}

layer! {
    /// The axes of each example in another order; the first one behind the batch is 1.
    pub struct Permute(
        /// For each axis of the result, which one it is.
        dims: Vec<usize>,
    ) {}
}

impl Layer for Permute {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let order: Vec<usize> = [0].into_iter().chain(self.dims.clone()).collect();
        Ok(inputs.tensor()?.transpose(order).into())
    }
}

layer! {
    /// Each vector `n` times, one after the other: `T[b, m] -> T[b, n, m]`.
    pub struct RepeatVector(
        /// How often.
        n: usize,
    ) {}
}

impl Layer for RepeatVector {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        match x.shape()?.sizes()[..] {
            [batch, features] => {
                Ok(x.reshape([batch, 1, features]).broadcast_to([batch, self.n, features]).into())
            }
            _ => Err(scope.refuse(format!("a batch of vectors is wanted, found {}", x.ty()?))),
        }
    }
}
