//! Gradient descent with momentum.

use tensorwright::{Result, Tensor};

use super::rule::single;
use super::{Moment, Parameter, Rule, Settings, Slot, Stepped};
use crate::config::with_fields;

with_fields! {
    /// Gradient descent: `x - rate * g`; with momentum `v = momentum * v - rate * g`, `x + v`, or, after Nesterov, `x + momentum * v - rate * g`
    /// (Sutskever et al. 2013).
    Sgd {
        /// How much of the last step goes into the next.
        momentum: f64 = 0.0,
        /// Whether the step looks ahead.
        nesterov: bool = false,
    }
    /// Steps of one length in each direction, by the sign of a running mean (Chen et al. 2023).
    Lion {
        /// How much of the mean goes into a step.
        beta_1: f64 = 0.9,
        /// How much of the mean stays.
        beta_2: f64 = 0.99,
    }
}

impl Rule for Sgd {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        if self.momentum == 0.0 { Vec::new() } else { vec![parameter.zeros("momentum")] }
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let descent = g * now.rate(x.dtype()?);
        let [velocity] = slots else { return Stepped::new(x - descent, []) };
        let momentum = single(self.momentum);
        let velocity = velocity * momentum - &descent;
        let step = if self.nesterov { &velocity * momentum - descent } else { velocity.clone() };
        Stepped::new(x + step, [velocity])
    }

    fn settings(&self) -> Settings {
        Settings::of_rate(0.01)
    }
}

impl Rule for Lion {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        vec![parameter.zeros("momentum")]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let mixed = |beta: f64| &slots[0] * beta + g * (1.0 - beta);
        let (beta_1, beta_2) = (single(self.beta_1), single(self.beta_2));
        let step = mixed(beta_1).sign() * now.rate(x.dtype()?);
        Stepped::new(x - step, [mixed(beta_2)])
    }
}
