//! Rules with a rate for each number of a parameter.

use tensorwright::{Result, Tensor, TensorType, keep};

use super::rule::single;
use super::{Moment, Parameter, Rule, Slot, Start, Stepped};
use crate::config::with_fields;

with_fields! {
    /// Gradients in units of their running root mean square (Hinton 2012), or of their deviation if it is centred.
    RmsProp {
        /// How much of the mean stays.
        rho: f64 = 0.9,
        /// How much of the last step goes into the next.
        momentum: f64 = 0.0,
        /// Added to the mean square.
        epsilon: f64 = 1e-7,
        /// Whether the mean gradient is taken off.
        centered: bool = false,
    }
    /// Gradients in units of the root of their sum of squares (Duchi et al. 2011).
    Adagrad {
        /// The sum of squares before the first step.
        initial_accumulator_value: f64 = 0.1,
        /// Added to the sum of squares.
        epsilon: f64 = 1e-7,
    }
    /// Gradients in units of their running root mean square, times that of the steps (Zeiler 2012).
    Adadelta {
        /// How much of the means stays.
        rho: f64 = 0.95,
        /// Added to the mean squares.
        epsilon: f64 = 1e-7,
    }
    /// Mean squares of matrices out of those of rows and columns, steps in proportion to the parameter (Shazeer and Stern 2018).
    Adafactor {
        /// The power of the step by which means forget.
        beta_2_decay: f64 = -0.8,
        /// Added to squares.
        epsilon_1: f64 = 1e-30,
        /// The least size of a parameter.
        epsilon_2: f64 = 0.001,
        /// The greatest root mean square of a step.
        clip_threshold: f64 = 1.0,
        /// Whether the rate is at most the inverse root of the step; this definition takes the lesser of both in any case, as Keras's does.
        relative_step: bool = true,
    }
    /// Follow the regularised leader (McMahan et al. 2013).
    Ftrl {
        /// The power of the rate's decay.
        learning_rate_power: f64 = -0.5,
        /// The sum of squares before the first step.
        initial_accumulator_value: f64 = 0.1,
        /// What magnitudes cost.
        l1_regularization_strength: f64 = 0.0,
        /// What squares cost.
        l2_regularization_strength: f64 = 0.0,
        /// What squares cost at the present parameter.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// Added to the root of the sum of squares.
        beta: f64 = 0.0,
    }
}

/// `rho * mean + (1 - rho) * x`.
fn running(mean: &Tensor, x: &Tensor, rho: f64) -> Tensor {
    mean * rho + x * (1.0 - rho)
}

impl Rule for RmsProp {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        let momentum = (self.momentum > 0.0).then_some("momentum");
        let mean = self.centered.then_some("average_gradient");
        [Some("velocity"), momentum, mean].into_iter().flatten().map(|name| parameter.zeros(name)).collect()
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let square = running(&slots[0], &g.square(), self.rho);
        let mut new = vec![square.clone()];
        let mean = self.centered.then(|| running(&slots[slots.len() - 1], g, self.rho));
        let variance = mean.as_ref().map_or(square.clone(), |mean| square - mean.square());
        let mut step = g * now.rate(x.dtype()?) / (variance + self.epsilon).sqrt();
        if self.momentum > 0.0 {
            step = &slots[1] * self.momentum + step;
            new.push(step.clone());
        }
        new.extend(mean);
        Ok(Stepped { x: (x - step).ok()?, slots: new })
    }
}

impl Rule for Adagrad {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        vec![parameter.full("accumulator", single(self.initial_accumulator_value))]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let sum = &slots[0] + g.square();
        let step = g * now.rate(x.dtype()?) / (&sum + self.epsilon).sqrt();
        Stepped::new(x - step, [sum])
    }
}

impl Rule for Adadelta {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        ["accumulated_grad", "accumulated_delta_var"].map(|name| parameter.zeros(name)).into()
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let root = |square: &Tensor| (square + self.epsilon).sqrt();
        let of_gradients = running(&slots[0], &g.square(), self.rho);
        let step = root(&slots[1]) * g / root(&of_gradients);
        let of_steps = running(&slots[1], &step.square(), self.rho);
        Stepped::new(x - step * now.rate(g.dtype()?), [of_gradients, of_steps])
    }
}

impl Rule for Adafactor {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        let velocity = parameter.zeros("velocity");
        let sizes = parameter.ty.shape.sizes();
        let [outer @ .., rows, columns] = &sizes[..] else { return vec![velocity] };
        let mean = |name, size: usize| {
            let shape: Vec<usize> = outer.iter().copied().chain([size]).collect();
            Slot { name, start: Start::Full(TensorType::new(parameter.ty.dtype, shape), 0.0) }
        };
        vec![mean("row", *rows), mean("column", *columns), velocity]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let step = now.step(dtype);
        let size = |x: &Tensor| x.square().mean(..).sqrt();
        let rate = now.rate(dtype).minimum(step.rsqrt()) * size(&x).maximum(self.epsilon_2);
        let stays = 1.0 - step.pow(self.beta_2_decay);
        let square = g.square() + self.epsilon_1;
        let running = |mean: &Tensor, now: &Tensor| mean * &stays + now * (1.0 - &stays);
        let new = match slots {
            [row, column, _] => {
                let (row, column) = (running(row, &square.mean(-1)), running(column, &square.mean(-2)));
                let share = &row / row.mean(keep(-1));
                vec![row, column.clone(), share.expand_dims(-1) * column.expand_dims(-2)]
            }
            _ => vec![running(&slots[0], &square)],
        };
        let step = g / new[new.len() - 1].sqrt();
        let step = &step / (size(&step) / self.clip_threshold).maximum(1.0);
        Ok(Stepped { x: (x - step * rate).ok()?, slots: new })
    }
}

impl Rule for Ftrl {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        vec![parameter.full("accumulator", single(self.initial_accumulator_value)), parameter.zeros("linear")]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let rate = now.rate(x.dtype()?);
        let power = |sum: &Tensor| sum.pow(-self.learning_rate_power);
        let sum = &slots[0] + g.square();
        let shrunk = g + &x * (2.0 * self.l2_shrinkage_regularization_strength);
        let linear = &slots[1] + shrunk - (power(&sum) - power(&slots[0])) / &rate * &x;
        let squares = self.beta / (&rate * 2.0) + self.l2_regularization_strength;
        let quadratic = power(&sum) / rate + squares * 2.0;
        let magnitudes = self.l1_regularization_strength;
        let x = (linear.clamp(-magnitudes, magnitudes) - &linear) / quadratic;
        Stepped::new(x, [sum, linear])
    }
}
