//! Long short-term memory.

use tensorwright::{Result, Tensor};

use super::declare::{cell_and_layer, with_weights};
use super::walk::{Drop, one_step, walk};
use crate::{
    Activation, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, WeightSpec, initializers,
};

with_weights! {
    cell_and_layer {
        /// One step of an LSTM (Hochreiter and Schmidhuber 1997), with gates in the order input, forget, candidate, output; called with the argument `states`.
        cell LSTMCell;
        /// [`LSTMCell`] along sequences: `T[b, t, n] -> T[b, units]`, or `T[b, t, units]`. Called with the argument `initial_state` it begins there.
        layer LSTM;
        {
            /// What is done to the numbers of a step at last.
            activation: Activation = Activation::Tanh,
            /// What gates are put through.
            recurrent_activation: Activation = Activation::Sigmoid,
            /// Whether the bias of the forget gate begins with ones.
            unit_forget_bias: bool = true,
        }
    }
}

/// A cell with its weights, in a call.
struct Ready<'c> {
    cell: &'c LSTMCell,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Option<Tensor>,
    drop_inputs: Drop,
    drop_states: Drop,
}

impl LSTMCell {
    fn state_shapes(&self, inputs: &[usize]) -> Vec<Vec<usize>> {
        vec![vec![inputs[0], self.units]; 2]
    }

    fn ready(&self, inputs: &[usize], scope: &Scope<'_>) -> Result<Ready<'_>> {
        let (batch, features, units) = (inputs[0], inputs[inputs.len() - 1], self.units);
        let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
        let kernel = scope.weight("kernel", [features, 4 * units], kernel)?;
        let recurrent =
            self.recurrent_initializer.spec(&self.recurrent_regularizer, &self.recurrent_constraint);
        let recurrent = scope.weight("recurrent_kernel", [units, 4 * units], recurrent)?;
        let bias = self.use_bias.then(|| scope.weight("bias", [4 * units], self.bias_spec())).transpose()?;
        let drop_inputs = Drop::new(self.dropout, &[batch, features], scope)?;
        let drop_states = Drop::new(self.recurrent_dropout, &[batch, units], scope)?;
        Ok(Ready { cell: self, kernel, recurrent, bias, drop_inputs, drop_states })
    }
}

impl LSTMCell {
    fn bias_spec(&self) -> WeightSpec {
        let (plain, units, ones) = (self.bias_initializer.clone(), self.units, self.unit_forget_bias);
        forget_bias(plain, units, ones).regularized(&self.bias_regularizer).constrained(&self.bias_constraint)
    }
}

/// Biases of four gates, the second of which is ones.
pub(super) fn forget_bias(plain: Initializer, units: usize, ones: bool) -> WeightSpec {
    WeightSpec::by(move |shape, dtype, key| {
        let bias = plain.draw(shape, dtype, key)?;
        if !ones {
            return Ok(bias);
        }
        let forget = Tensor::ones(units, dtype);
        Ok(Tensor::concat(&[bias.i(..units), forget, bias.i(2 * units..)], 0))
    })
}

impl Ready<'_> {
    /// What does not depend on states, of one step or of all.
    fn project(&self, x: &Tensor) -> Tensor {
        let y = x.matmul(&self.kernel);
        self.bias.as_ref().map_or_else(|| y.clone(), |bias| &y + bias)
    }

    fn step(&self, x: &Tensor, states: Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
        let (h, c) = (self.drop_states.apply(&states[0]), &states[1]);
        let gates = (x + h.matmul(&self.recurrent)).chunk(4, -1);
        let [input, forget, candidate, output] = &gates[..] else {
            return Ok((gates[0].clone().ok()?, gates));
        };
        let gate = |x: &Tensor| self.cell.recurrent_activation.call(x);
        let c = gate(forget) * c + gate(input) * self.cell.activation.call(candidate);
        let h = gate(output) * self.cell.activation.call(&c);
        Ok((h.clone(), vec![h, c]))
    }
}

impl Layer for LSTMCell {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, states) = one_step(inputs, |sizes| LSTMCell::state_shapes(self, sizes), scope)?;
        let ready = self.ready(&x.shape()?.sizes(), scope)?;
        let (y, states) = ready.step(&ready.project(&ready.drop_inputs.apply(&x)), states)?;
        Ok([y].into_iter().chain(states).collect::<Vec<_>>().into())
    }

    fn state_shapes(&self, inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        (inputs.len() == 2).then(|| LSTMCell::state_shapes(self, inputs))
    }
}

impl Layer for LSTM {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, walk, cell) = (inputs.tensor()?, walk!(self), self.cell());
        let sizes = x.shape()?.sizes().to_vec();
        let [batch, _, features] = sizes[..] else {
            return Err(scope.refuse(format!("a batch of sequences of vectors is wanted, found {}", x.ty()?)));
        };
        let step = [batch, features];
        let ready = cell.ready(&step, &scope.within("lstm_cell"))?;
        let states = walk.begin(inputs, &LSTMCell::state_shapes(&cell, &step), scope)?;
        let projected = ready.project(&ready.drop_inputs.apply_to_steps(&x));
        let outputs = walk.run(inputs, projected, states, None, scope, |x, states| ready.step(&x, states))?;
        scope.regularize_all(&self.activity_regularizer, &outputs)?;
        Ok(outputs)
    }
}
