//! Muon (Jordan et al. 2024): steps of matrices that are nearly orthogonal, by an iteration of Newton and Schulz; Adam for all other parameters.

use tensorwright::{Error, Result, Tensor, keep};

use super::{Adam, Moment, Parameter, Rule, Settings, Slot, Stepped};
use crate::config::with_fields;

with_fields! {
    /// Nearly orthogonal steps of matrices, and Adam for what is no matrix, is an embedding, or is excluded.
    Muon {
        /// How much of Adam's mean stays.
        adam_beta_1: f64 = 0.9,
        /// How much of Adam's mean square stays.
        adam_beta_2: f64 = 0.999,
        /// The weight decay of what Adam improves.
        adam_weight_decay: Option<f64> = Some(0.004),
        /// Added to Adam's deviation.
        epsilon: f64 = 1e-7,
        /// Regular expressions: parameters whose path has a part that fits one are left to Adam.
        exclude_layers: Vec<String> = Vec::new(),
        /// Whether parameters of embeddings, by their path, are left to Adam.
        exclude_embeddings: bool = true,
        /// The factor of the first power.
        muon_a: f64 = 3.4445,
        /// The factor of the third power.
        muon_b: f64 = -4.775,
        /// The factor of the fifth power.
        muon_c: f64 = 2.0315,
        /// The rate of Adam, as a part of the learning rate.
        adam_lr_ratio: f64 = 1.0,
        /// How much of the sum of gradients stays.
        momentum: f64 = 0.95,
        /// How many rounds the iteration takes.
        ns_steps: usize = 5,
        /// Whether the step looks ahead.
        nesterov: bool = true,
        /// Steps are multiplied by this and the root of the greater extent.
        rms_rate: Option<f64> = Some(0.2),
    }
}

impl Muon {
    fn adam(&self) -> Adam {
        let (beta_1, beta_2, epsilon) = (self.adam_beta_1, self.adam_beta_2, self.epsilon);
        Adam { beta_1, beta_2, epsilon, amsgrad: false }
    }

    fn is_left_to_adam(&self, parameter: &Parameter) -> bool {
        let is_embedding = self.exclude_embeddings && parameter.path.to_lowercase().contains("embedding");
        let excluded = |pattern: &String| super::update::fits(pattern, &parameter.path).unwrap_or(true);
        parameter.ty.rank() != 2 || is_embedding || self.exclude_layers.iter().any(excluded)
    }

    /// A matrix with about the singular vectors of `x`, and singular values near 1.
    fn orthogonal(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, columns) = (x.extent(0)?, x.extent(1)?);
        let wide = if rows > columns { x.t() } else { x.clone() };
        let start = &wide / (wide.square().sum(keep(..)).sqrt() + 1e-7);
        let round = |x: Tensor, _| {
            let square = x.matmul(x.t());
            let by = &square * self.muon_b + (&square * self.muon_c).matmul(&square);
            &x * self.muon_a + by.matmul(&x)
        };
        let done = (0..self.ns_steps).fold(start, round);
        Ok(if rows > columns { done.t() } else { done })
    }
}

impl Rule for Muon {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        let names = ["momentum", "velocity"];
        let count = if self.is_left_to_adam(parameter) { 2 } else { 1 };
        names[..count].iter().map(|name| parameter.zeros(name)).collect()
    }

    fn step(&self, of: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let [momentum] = slots else {
            let now = Moment { rate: &now.rate * self.adam_lr_ratio, step: now.step.clone() };
            return self.adam().step(of, x, g, slots, &now);
        };
        let [rows, columns] = of.ty.shape.sizes()[..] else {
            return Err(Error::other(format!("parameter `{}` is no matrix", of.path)));
        };
        let momentum = momentum * self.momentum + g;
        let ahead = if self.nesterov { &momentum * self.momentum + g } else { momentum.clone() };
        let scale = self.rms_rate.map_or(1.0, |rate| rate * (rows.max(columns) as f64).sqrt());
        let step = self.orthogonal(&ahead)? * (now.rate(x.dtype()?) * scale);
        Stepped::new(x - step, [momentum])
    }

    fn settings(&self) -> Settings {
        Settings { weight_decay: Some(0.004), ..Settings::default() }
    }

    fn weight_decay(&self, parameter: &Parameter, shared: Option<f64>) -> Option<f64> {
        if self.is_left_to_adam(parameter) { self.adam_weight_decay } else { shared }
    }
}
