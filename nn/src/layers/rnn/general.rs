//! Recurrent layers of any cells.

use tensorwright::{Result, Tensor, eagerly};

use super::declare::sequence_layer;
use super::walk::walk;
use crate::{Argument, Inputs, Layer, LayerRef, Outputs, Regularizer, Scope, layer};

sequence_layer! {
    /// A cell along sequences: a layer that takes the argument `states` and gives its output and new states.
    RNN(
        /// The cell.
        cell: LayerRef,
    ) {}
}

/// A call of a cell.
fn cell_call(x: Tensor, states: Vec<Tensor>) -> Inputs {
    Inputs::from(x).with("states", Argument::from(states))
}

impl Layer for RNN {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, walk) = (inputs.tensor()?, walk!(self));
        let sizes = x.shape()?.sizes().to_vec();
        if sizes.len() < 3 {
            return Err(scope.refuse(format!("a batch of sequences is wanted, found {}", x.ty()?)));
        }
        let step: Vec<usize> = sizes[..1].iter().chain(&sizes[2..]).copied().collect();
        let shapes = self.cell.state_shapes(&step);
        let refused = || format!("{} has no states for inputs of shape {step:?}", self.cell.name());
        let shapes = shapes.ok_or_else(|| scope.refuse(refused()))?;
        let dtype = scope.dtype();
        // The cell's weights are made before the loop is traced, and its output's shape is found.
        let zero = eagerly(|| {
            let states = shapes.iter().map(|shape| Tensor::zeros(&shape[..], dtype)).collect();
            let made = scope.call(&self.cell, cell_call(Tensor::zeros(&step[..], x.dtype()?), states))?;
            Ok::<_, tensorwright::Error>(made.tensors()[0].zeros_like())
        })?;
        let states = walk.begin(inputs, &shapes, scope)?;
        let outputs = walk.run(inputs, x, states, Some(zero), scope, |x, states| {
            let mut outputs = scope.call(&self.cell, cell_call(x, states))?.tensors();
            Ok((outputs.remove(0), outputs))
        })?;
        scope.regularize_all(&self.activity_regularizer, &outputs)?;
        Ok(outputs)
    }
}

layer! {
    /// Cells one after the other, as one cell.
    pub struct StackedRNNCells(
        /// The cells, from the first to the last.
        cells: Vec<LayerRef>,
    ) {}
}

impl Layer for StackedRNNCells {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let mut x = inputs.tensor()?;
        let mut states = inputs.several("states").into_iter().map(|state| state.value);
        let mut all = Vec::new();
        for cell in &self.cells {
            let shapes = cell.state_shapes(&x.shape()?.sizes());
            let Some(shapes) = shapes else {
                return Err(scope.refuse(format!("{} has no states for {}", cell.name(), x.ty()?)));
            };
            let own: Vec<Tensor> = states.by_ref().take(shapes.len()).collect();
            let mut outputs = scope.call(cell, cell_call(x, own))?.tensors();
            x = outputs.remove(0);
            all.extend(outputs);
        }
        Ok([x].into_iter().chain(all).collect::<Vec<_>>().into())
    }

    fn state_shapes(&self, inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (mut shapes, mut step) = (Vec::new(), inputs.to_vec());
        for cell in &self.cells {
            let own = cell.state_shapes(&step)?;
            step = own.first()?.clone();
            shapes.extend(own);
        }
        Some(shapes)
    }
}
