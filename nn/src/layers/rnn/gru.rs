//! Gated recurrent units.

use tensorwright::{Result, Tensor};

use super::declare::{cell_and_layer, with_weights};
use super::walk::{Drop, one_step, walk};
use crate::{Activation, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers};

with_weights! {
    cell_and_layer {
        /// One step of a GRU (Cho et al. 2014), with gates in the order update, reset, candidate; called with the argument `states`.
        cell GRUCell;
        /// [`GRUCell`] along sequences: `T[b, t, n] -> T[b, units]`, or `T[b, t, units]`. Called with the argument `initial_state` it begins there.
        layer GRU;
        {
            /// What is done to the numbers of a step at last.
            activation: Activation = Activation::Tanh,
            /// What gates are put through.
            recurrent_activation: Activation = Activation::Sigmoid,
            /// Whether the reset gate acts behind the product with the matrix of states.
            reset_after: bool = true,
        }
    }
}

/// A cell with its weights, in a call.
struct Ready<'c> {
    cell: &'c GRUCell,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Option<Tensor>,
    drop_inputs: Drop,
    drop_states: Drop,
}

impl GRUCell {
    fn state_shapes(&self, inputs: &[usize]) -> Vec<Vec<usize>> {
        vec![vec![inputs[0], self.units]; 1]
    }

    fn ready(&self, inputs: &[usize], scope: &Scope<'_>) -> Result<Ready<'_>> {
        let (batch, features, units) = (inputs[0], inputs[inputs.len() - 1], self.units);
        let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
        let kernel = scope.weight("kernel", [features, 3 * units], kernel)?;
        let recurrent =
            self.recurrent_initializer.spec(&self.recurrent_regularizer, &self.recurrent_constraint);
        let recurrent = scope.weight("recurrent_kernel", [units, 3 * units], recurrent)?;
        let bias = self
            .use_bias
            .then(|| {
                let spec = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                let shape = if self.reset_after { vec![2, 3 * units] } else { vec![3 * units] };
                scope.weight("bias", shape, spec)
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
        match &self.bias {
            Some(bias) if self.cell.reset_after => y + bias.i(0),
            Some(bias) => y + bias,
            None => y,
        }
    }

    fn step(&self, x: &Tensor, states: Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
        let (units, before) = (self.cell.units, &states[0]);
        let gate = |x: &Tensor| self.cell.recurrent_activation.call(x);
        let h = self.drop_states.apply(before);
        let (part, rest) =
            (|x: &Tensor, from: usize, to: usize| x.i((.., from * units..to * units)), 2 * units);
        let (update, reset, inner);
        if self.cell.reset_after {
            let mut all = h.matmul(&self.recurrent);
            if let Some(bias) = &self.bias {
                all += bias.i(1);
            }
            update = gate(&(part(x, 0, 1) + part(&all, 0, 1)));
            reset = gate(&(part(x, 1, 2) + part(&all, 1, 2)));
            inner = &reset * part(&all, 2, 3);
        } else {
            let gates = h.matmul(self.recurrent.i((.., ..rest)));
            update = gate(&(part(x, 0, 1) + part(&gates, 0, 1)));
            reset = gate(&(part(x, 1, 2) + part(&gates, 1, 2)));
            inner = (&reset * &h).matmul(self.recurrent.i((.., rest..)));
        }
        let candidate = self.cell.activation.call(&(part(x, 2, 3) + inner));
        let y = &update * before + (1.0 - &update) * candidate;
        Ok((y.clone(), vec![y]))
    }
}

impl Layer for GRUCell {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, states) = one_step(inputs, |sizes| GRUCell::state_shapes(self, sizes), scope)?;
        let ready = self.ready(&x.shape()?.sizes(), scope)?;
        let (y, states) = ready.step(&ready.project(&ready.drop_inputs.apply(&x)), states)?;
        Ok([y].into_iter().chain(states).collect::<Vec<_>>().into())
    }

    fn state_shapes(&self, inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        (inputs.len() == 2).then(|| GRUCell::state_shapes(self, inputs))
    }
}

impl Layer for GRU {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, walk, cell) = (inputs.tensor()?, walk!(self), self.cell());
        let sizes = x.shape()?.sizes().to_vec();
        let [batch, _, features] = sizes[..] else {
            return Err(scope.refuse(format!("a batch of sequences of vectors is wanted, found {}", x.ty()?)));
        };
        let step = [batch, features];
        let ready = cell.ready(&step, &scope.within("gru_cell"))?;
        let states = walk.begin(inputs, &GRUCell::state_shapes(&cell, &step), scope)?;
        let projected = ready.project(&ready.drop_inputs.apply_to_steps(&x));
        let outputs = walk.run(inputs, projected, states, None, scope, |x, states| ready.step(&x, states))?;
        scope.regularize_all(&self.activity_regularizer, &outputs)?;
        Ok(outputs)
    }
}
