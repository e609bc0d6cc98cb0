//! The plain recurrent cell.

use tensorwright::{Result, Tensor};

use super::declare::{cell_and_layer, with_weights};
use super::walk::{Drop, one_step, walk};
use crate::{Activation, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers};

with_weights! {
    cell_and_layer {
        /// `h = tanh(x K + h R + b)` for one step; called with the argument `states`.
        cell SimpleRNNCell;
        /// [`SimpleRNNCell`] along sequences: `T[b, t, n] -> T[b, units]`, or `T[b, t, units]`. Called with the argument `initial_state` it begins there.
        layer SimpleRNN;
        {
            /// What is done to the numbers of a step at last.
            activation: Activation = Activation::Tanh,
        }
    }
}

/// A cell with its weights, in a call.
struct Ready<'c> {
    cell: &'c SimpleRNNCell,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Option<Tensor>,
    drop_inputs: Drop,
    drop_states: Drop,
}

impl SimpleRNNCell {
    fn state_shapes(&self, inputs: &[usize]) -> Vec<Vec<usize>> {
        vec![vec![inputs[0], self.units]; 1]
    }

    fn ready(&self, inputs: &[usize], scope: &Scope<'_>) -> Result<Ready<'_>> {
        let (batch, features, units) = (inputs[0], inputs[inputs.len() - 1], self.units);
        let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
        let kernel = scope.weight("kernel", [features, units], kernel)?;
        let recurrent =
            self.recurrent_initializer.spec(&self.recurrent_regularizer, &self.recurrent_constraint);
        let recurrent = scope.weight("recurrent_kernel", [units, units], recurrent)?;
        let bias = self
            .use_bias
            .then(|| {
                let spec = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                scope.weight("bias", [units], spec)
            })
            .transpose()?;
        let drop_inputs = Drop::new(self.dropout, &[batch, features], scope)?;
        let drop_states = Drop::new(self.recurrent_dropout, &[batch, units], scope)?;
        Ok(Ready { cell: self, kernel, recurrent, bias, drop_inputs, drop_states })
    }
}

impl Ready<'_> {
    /// What does not depend on states, of one step or of all.
    fn project(&self, x: &Tensor) -> Tensor {
        let y = x.matmul(&self.kernel);
        self.bias.as_ref().map_or_else(|| y.clone(), |bias| &y + bias)
    }

    fn step(&self, x: &Tensor, states: Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
        let h = self.drop_states.apply(&states[0]);
        let y = self.cell.activation.call(&(x + h.matmul(&self.recurrent)));
        Ok((y.clone(), vec![y]))
    }
}

impl Layer for SimpleRNNCell {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, states) = one_step(inputs, |sizes| SimpleRNNCell::state_shapes(self, sizes), scope)?;
        let ready = self.ready(&x.shape()?.sizes(), scope)?;
        let (y, states) = ready.step(&ready.project(&ready.drop_inputs.apply(&x)), states)?;
        Ok([y].into_iter().chain(states).collect::<Vec<_>>().into())
    }

    fn state_shapes(&self, inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        (inputs.len() == 2).then(|| SimpleRNNCell::state_shapes(self, inputs))
    }
}

impl Layer for SimpleRNN {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, walk, cell) = (inputs.tensor()?, walk!(self), self.cell());
        let sizes = x.shape()?.sizes().to_vec();
        let [batch, _, features] = sizes[..] else {
            return Err(scope.refuse(format!("a batch of sequences of vectors is wanted, found {}", x.ty()?)));
        };
        let step = [batch, features];
        let ready = cell.ready(&step, &scope.within("simple_rnn_cell"))?;
        let states = walk.begin(inputs, &SimpleRNNCell::state_shapes(&cell, &step), scope)?;
        let projected = ready.project(&ready.drop_inputs.apply_to_steps(&x));
        let outputs = walk.run(inputs, projected, states, None, scope, |x, states| ready.step(&x, states))?;
        scope.regularize_all(&self.activity_regularizer, &outputs)?;
        Ok(outputs)
    }
}
