//! An LSTM whose products are convolutions.

use tensorwright::{ConvOptions, Padding, Result, Tensor};

use super::declare::{sequence_layer, with_weights};
use super::lstm::forget_bias;
use super::walk::{Drop, Walk, walk};
use crate::{
    Activation, Constraint, DataFormat, Initializer, Inputs, Layer, Outputs, PaddingMode, Regularizer, Scope,
    Setting, Signal, Sizes, initializers,
};

/// What layers of all ranks have in common; images have channels last here.
struct Cell {
    rank: usize,
    filters: usize,
    /// How inputs are convolved.
    options: ConvOptions,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Option<Tensor>,
    activation: Activation,
    recurrent_activation: Activation,
    dropout: f64,
    recurrent_dropout: f64,
}

impl Cell {
    /// Gates of all steps, before states are looked at: `T[b, t, s.., c] -> T[b, t, s'.., 4 filters]`.
    fn project(&self, x: &Tensor) -> Result<Tensor> {
        let sizes = x.shape()?.sizes().to_vec();
        let merged: Vec<usize> =
            [sizes[0] * sizes[1]].into_iter().chain(sizes[2..].iter().copied()).collect();
        let mut y = x.reshape(merged).conv(&self.kernel, self.options.clone());
        if let Some(bias) = &self.bias {
            y += bias;
        }
        let split: Vec<usize> =
            sizes[..2].iter().copied().chain(y.shape()?.sizes()[1..].iter().copied()).collect();
        Ok(y.reshape(split))
    }

    fn step(&self, x: &Tensor, states: &[Tensor], drop: &Drop) -> Result<(Tensor, Vec<Tensor>)> {
        let (h, c) = (drop.apply(&states[0]), &states[1]);
        let looked = h.conv(&self.recurrent, ConvOptions::new().padding(Padding::Same));
        let gates = (x + looked).chunk(4, -1);
        let [input, forget, candidate, output] = &gates[..] else {
            return Ok((gates[0].clone().ok()?, gates));
        };
        let gate = |x: &Tensor| self.recurrent_activation.call(x);
        let c = gate(forget) * c + gate(input) * self.activation.call(candidate);
        let h = gate(output) * self.activation.call(&c);
        Ok((h.clone(), vec![h, c]))
    }

    fn run(&self, walk: Walk, inputs: &Inputs, format: DataFormat, scope: &Scope<'_>) -> Result<Outputs> {
        // Channels go last on the way in, and back to their place on the way out.
        let last = |x: &Tensor, channels: usize| match format {
            DataFormat::ChannelsLast => x.clone(),
            DataFormat::ChannelsFirst => x.move_axis(channels, -1),
        };
        let inputs = inputs.map(&mut |signal| {
            let channels = if signal.value.rank().is_ok_and(|rank| rank == self.rank + 3) { 2 } else { 1 };
            let moved = signal.value.rank().is_ok_and(|rank| rank >= self.rank + 2);
            let value = if moved { last(&signal.value, channels) } else { signal.value.clone() };
            Signal { value, mask: signal.mask.clone() }
        });
        let x = inputs.tensor()?;
        let sizes = x.shape()?.sizes().to_vec();
        let step: Vec<usize> = sizes[..1].iter().chain(&sizes[2..]).copied().collect();
        let drop_inputs = Drop::new(self.dropout, &step, scope)?;
        let projected = self.project(&drop_inputs.apply_to_steps(&x))?;
        let shape = projected.shape()?.sizes().to_vec();
        let state: Vec<usize> =
            shape[..1].iter().chain(&shape[2..shape.len() - 1]).copied().chain([self.filters]).collect();
        let states = walk.begin(&inputs, &[state.clone(), state.clone()], scope)?;
        let drop_states = Drop::new(self.recurrent_dropout, &state, scope)?;
        let outputs = walk
            .run(&inputs, projected, states, None, scope, |x, states| self.step(&x, &states, &drop_states))?;
        let back = |signal: Signal| -> Result<Signal> {
            let channels = if signal.value.rank()? == self.rank + 3 { 2 } else { 1 };
            let value = match format {
                DataFormat::ChannelsLast => signal.value,
                DataFormat::ChannelsFirst => signal.value.move_axis(-1, channels),
            };
            Ok(Signal { value, mask: signal.mask })
        };
        Ok(outputs.signals().into_iter().map(back).collect::<Result<Vec<Signal>>>()?.into())
    }
}

/// A layer, which differs from the others in how many axes slide.
macro_rules! conv_lstm {
    ({ $(#[$doc:meta])* $name:ident: $rank:literal } { $($weights:tt)* }) => {
        sequence_layer! {
            $(#[$doc])*
            $name(
                /// How many channels the state has.
                filters: usize,
                /// How many pixels a kernel covers along each axis.
                kernel_size: Sizes,
            ) {
                /// How far it is from one result to the next.
                strides: Sizes = Setting::<Sizes>::setting(1),
                /// What is around the image.
                padding: PaddingMode = PaddingMode::Valid,
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// How far it is from one pixel of a kernel to the next.
                dilation_rate: Sizes = Setting::<Sizes>::setting(1),
                /// What is done to the numbers of a step at last.
                activation: Activation = Activation::Tanh,
                /// What gates are put through.
                recurrent_activation: Activation = Activation::Sigmoid,
                /// Whether the bias of the forget gate begins with ones.
                unit_forget_bias: bool = true,
                $($weights)*
            }
        }

        impl $name {
            fn cell(&self, channels: usize, scope: &Scope<'_>) -> Result<Cell> {
                let mut shape = self.kernel_size.of($rank)?;
                shape.extend([channels, 4 * self.filters]);
                let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
                let kernel = scope.weight("kernel", &shape[..], kernel)?;
                shape[$rank] = self.filters;
                let recurrent = self.recurrent_initializer.spec(&self.recurrent_regularizer, &self.recurrent_constraint);
                let recurrent = scope.weight("recurrent_kernel", &shape[..], recurrent)?;
                let bias = self.use_bias.then(|| {
                    let spec = forget_bias(self.bias_initializer.clone(), self.filters, self.unit_forget_bias);
                    let spec = spec.regularized(&self.bias_regularizer).constrained(&self.bias_constraint);
                    scope.weight("bias", [4 * self.filters], spec)
                });
                let options = ConvOptions::new()
                    .strides(self.strides.clone())
                    .padding(self.padding)
                    .dilation(self.dilation_rate.clone());
                let (dropout, recurrent_dropout) = (self.dropout, self.recurrent_dropout);
                let (activation, recurrent_activation) = (self.activation.clone(), self.recurrent_activation.clone());
                let (rank, filters, bias) = ($rank, self.filters, bias.transpose()?);
                Ok(Cell { rank, filters, options, kernel, recurrent, bias, activation, recurrent_activation, dropout, recurrent_dropout })
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                if x.rank()? != $rank + 3 {
                    return Err(scope.refuse(format!("sequences of images are wanted, found {}", x.ty()?)));
                }
                let channels = match self.data_format {
                    DataFormat::ChannelsLast => x.extent(-1)?,
                    DataFormat::ChannelsFirst => x.extent(2)?,
                };
                let cell = self.cell(channels, &scope.within("conv_lstm_cell"))?;
                let outputs = cell.run(walk!(self), inputs, self.data_format, scope)?;
                scope.regularize_all(&self.activity_regularizer, &outputs)?;
                Ok(outputs)
            }
        }
    };
}

with_weights! {
    conv_lstm {
        /// An LSTM along sequences of sequences, `T[b, t, n, c]` (Shi et al. 2015).
        ConvLSTM1D: 1
    }
}
with_weights! {
    conv_lstm {
        /// An LSTM along sequences of images, `T[b, t, h, w, c]`.
        ConvLSTM2D: 2
    }
}
with_weights! {
    conv_lstm {
        /// An LSTM along sequences of volumes, `T[b, t, d, h, w, c]`.
        ConvLSTM3D: 3
    }
}
