//! Rules in units of the gradient's running deviation: Adam (Kingma and Ba 2015) and its kin.

use tensorwright::{Result, Tensor, TensorType};

use super::rule::averaged;
use super::{Moment, Parameter, Rule, Settings, Slot, Start, Stepped};
use crate::config::with_fields;

with_fields! {
    /// Adam, with bias correction; with `amsgrad` by the greatest deviation so far (Reddi et al. 2018).
    Adam {
        /// How much of the mean stays.
        beta_1: f64 = 0.9,
        /// How much of the mean square stays.
        beta_2: f64 = 0.999,
        /// Added to the deviation.
        epsilon: f64 = 1e-7,
        /// Whether deviations never shrink.
        amsgrad: bool = false,
    }
    /// Adam with weight decay (Loshchilov and Hutter 2019), 0.004 if nothing is said.
    AdamW {
        /// How much of the mean stays.
        beta_1: f64 = 0.9,
        /// How much of the mean square stays.
        beta_2: f64 = 0.999,
        /// Added to the deviation.
        epsilon: f64 = 1e-7,
        /// Whether deviations never shrink.
        amsgrad: bool = false,
    }
    /// Adam by the greatest gradient instead of the deviation.
    Adamax {
        /// How much of the mean stays.
        beta_1: f64 = 0.9,
        /// How much of the greatest gradient stays.
        beta_2: f64 = 0.999,
        /// Added to the greatest gradient.
        epsilon: f64 = 1e-7,
    }
    /// Adam that looks ahead (Dozat 2015).
    Nadam {
        /// How much of the mean stays.
        beta_1: f64 = 0.9,
        /// How much of the mean square stays.
        beta_2: f64 = 0.999,
        /// Added to the deviation.
        epsilon: f64 = 1e-7,
    }
    /// Adam with steps in proportion to the parameter's length (You et al. 2020).
    Lamb {
        /// How much of the mean stays.
        beta_1: f64 = 0.9,
        /// How much of the mean square stays.
        beta_2: f64 = 0.999,
        /// Added to the deviation.
        epsilon: f64 = 1e-7,
    }
    /// Adam whose parameters are averages, in place of a schedule (Defazio et al. 2024).
    ScheduleFreeAdamW {
        /// How much of a parameter is the average.
        beta_1: f64 = 0.9,
        /// How much of the mean square stays.
        beta_2: f64 = 0.999,
        /// Added to the deviation.
        epsilon: f64 = 1e-8,
        /// How many steps the rate grows at first.
        warmup_steps: f64 = 0.0,
    }
}

impl Rule for Adam {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        let names = ["momentum", "velocity", "velocity_hat"];
        let count = if self.amsgrad { 3 } else { 2 };
        names[..count].iter().map(|name| parameter.zeros(name)).collect()
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let correction = |beta: f64| now.correction(beta, dtype);
        let rate = now.rate(dtype) * correction(self.beta_2).sqrt() / correction(self.beta_1);
        let mean = averaged(&slots[0], g, self.beta_1);
        let square = averaged(&slots[1], &g.square(), self.beta_2);
        let step = |square: &Tensor| &mean * &rate / (square.sqrt() + self.epsilon);
        let [_, _, greatest] = slots else { return Stepped::new(x - step(&square), [mean, square]) };
        let greatest = greatest.maximum(&square);
        Stepped::new(x - step(&greatest), [mean, square, greatest])
    }
}

impl AdamW {
    fn adam(&self) -> Adam {
        let AdamW { beta_1, beta_2, epsilon, amsgrad } = *self;
        Adam { beta_1, beta_2, epsilon, amsgrad }
    }
}

impl Rule for AdamW {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        self.adam().slots(parameter)
    }

    fn step(&self, of: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        self.adam().step(of, x, g, slots, now)
    }

    fn settings(&self) -> Settings {
        Settings { weight_decay: Some(0.004), ..Settings::default() }
    }
}

impl Rule for Adamax {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        ["momentum", "norm"].map(|name| parameter.zeros(name)).into()
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let mean = averaged(&slots[0], g, self.beta_1);
        let greatest = (&slots[1] * self.beta_2).maximum(g.abs());
        let divisor = now.correction(self.beta_1, dtype) * (&greatest + self.epsilon);
        Stepped::new(x - &mean * now.rate(dtype) / divisor, [mean, greatest])
    }
}

impl Nadam {
    /// How much of the mean goes into a step, which grows with time.
    fn share(&self, step: &Tensor) -> Tensor {
        (1.0 - step.full_like(0.96).pow(step) * 0.5) * self.beta_1
    }
}

impl Rule for Nadam {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        let product = Start::Full(TensorType::new(parameter.ty.dtype, [0; 0]), 1.0);
        let product = Slot { name: "share_product", start: product };
        vec![parameter.zeros("momentum"), parameter.zeros("velocity"), product]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let step = now.step(dtype);
        let (share, next) = (self.share(&step), self.share(&(&step + 1.0)));
        let product = &slots[2] * &share;
        let mean = averaged(&slots[0], g, self.beta_1);
        let square = averaged(&slots[1], &g.square(), self.beta_2);
        let ahead = &mean * &next / (1.0 - &product * &next) + g * (1.0 - share) / (1.0 - &product);
        let deviation = (&square / now.correction(self.beta_2, dtype)).sqrt() + self.epsilon;
        Stepped::new(x - ahead * now.rate(dtype) / deviation, [mean, square, product])
    }
}

impl Rule for Lamb {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        ["momentum", "velocity"].map(|name| parameter.zeros(name)).into()
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let mean = averaged(&slots[0], g, self.beta_1);
        let square = averaged(&slots[1], &g.square(), self.beta_2);
        let deviation = (&square / now.correction(self.beta_2, dtype)).sqrt() + self.epsilon;
        let step = &mean / now.correction(self.beta_1, dtype) / deviation;
        let length = |x: &Tensor| x.square().sum(..).sqrt();
        let (of_x, of_step) = (length(&x), length(&step));
        let both = of_x.gt(0).and(of_step.gt(0));
        let ratio = both.select(&of_x / &of_step, of_x.ones_like());
        Stepped::new(x - step * (ratio * now.rate(dtype)), [mean, square])
    }
}

impl Rule for ScheduleFreeAdamW {
    fn slots(&self, parameter: &Parameter) -> Vec<Slot> {
        vec![Slot { name: "momentum", start: Start::Parameter }, parameter.zeros("velocity")]
    }

    fn step(&self, _: &Parameter, x: Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let dtype = x.dtype()?;
        let step = now.step(dtype);
        let grown =
            if self.warmup_steps > 0.0 { (&step / self.warmup_steps).minimum(1.0) } else { step.ones_like() };
        let square = averaged(&slots[1], &g.square(), self.beta_2);
        let deviation = (&square / now.correction(self.beta_2, dtype)).sqrt() + self.epsilon;
        let fast = &slots[0] - g * (now.rate(dtype) * grown) / deviation;
        let weight = 1.0 / step;
        // By the new point as Keras computes it on TensorFlow, where the published rule has the old one.
        let mean = (x - &fast * (1.0 - self.beta_1)) / self.beta_1;
        let mean = mean * (1.0 - &weight) + &fast * weight;
        Stepped::new(&fast * (1.0 - self.beta_1) + mean * self.beta_1, [fast, square])
    }

    fn settings(&self) -> Settings {
        Settings::of_rate(0.0025)
    }
}
