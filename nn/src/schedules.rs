//! Schedules: the learning rate as a function of the step, by Keras 3's names and definitions. They are graphs of tensors, so that the step counts
//! inside the compiled step of training.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::schedules::{ExponentialDecay, Schedule};
//!
//! let decay = ExponentialDecay { initial_learning_rate: 0.1, decay_steps: 10.0, decay_rate: 0.5, ..Default::default() };
//! let rates = Schedule::from(decay).rate(&Tensor::from([0i64, 10, 20]))?;
//! assert!(rates.allclose([0.1f32, 0.05, 0.025], 1e-5, 0.0).item::<bool>()?);
//! # Ok::<(), Error>(())
//! ```

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use tensorwright::{DType, Error, Result, Tensor};

use crate::config::{family, with_fields};

family! {
    /// The learning rate as a function of the step.
    Schedule as "schedule" {
        ExponentialDecay: "ExponentialDecay";
        InverseTimeDecay: "InverseTimeDecay";
        PiecewiseConstantDecay: "PiecewiseConstantDecay";
        PolynomialDecay: "PolynomialDecay";
        CosineDecay: "CosineDecay";
        CosineDecayRestarts: "CosineDecayRestarts";
    }
}

with_fields! {
    /// `initial * rate^(step / steps)`.
    ExponentialDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// After how many steps the rate is multiplied.
        decay_steps: f64 = 1.0,
        /// What it is multiplied by.
        decay_rate: f64 = 1.0,
        /// Whether it changes at multiples of the steps only.
        staircase: bool = false,
    }
    /// `initial / (1 + rate * step / steps)`.
    InverseTimeDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// After how many steps the divisor grows by `decay_rate`.
        decay_steps: f64 = 1.0,
        /// How fast it decays.
        decay_rate: f64 = 1.0,
        /// Whether it changes at multiples of the steps only.
        staircase: bool = false,
    }
    /// One rate up to each boundary, the last beyond.
    PiecewiseConstantDecay {
        /// The last steps of the rates, ascending.
        boundaries: Vec<f64> = Vec::new(),
        /// The rates: one more than boundaries.
        values: Vec<f64> = vec![0.001],
    }
    /// From the initial rate to the last one by a power of what is left of the steps.
    PolynomialDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// How many steps it decays.
        decay_steps: f64 = 1.0,
        /// The last rate.
        end_learning_rate: f64 = 0.0001,
        /// The power.
        power: f64 = 1.0,
        /// Whether the decay is drawn out to the next multiple of its steps, again and again.
        cycle: bool = false,
    }
    /// Half a wave of the cosine from the initial rate down (Loshchilov and Hutter 2017), perhaps with a line up before it.
    CosineDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// How many steps it decays.
        decay_steps: f64 = 1.0,
        /// The last rate, as a part of the greatest one.
        alpha: f64 = 0.0,
        /// The rate at the end of the line up.
        warmup_target: Option<f64> = None,
        /// How many steps it goes up.
        warmup_steps: f64 = 0.0,
    }
    /// Half waves of the cosine, one after the other (Loshchilov and Hutter 2017).
    CosineDecayRestarts {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// How many steps the first takes.
        first_decay_steps: f64 = 1.0,
        /// How many times longer each is than the one before.
        t_mul: f64 = 2.0,
        /// How many times higher each begins than the one before.
        m_mul: f64 = 1.0,
        /// The last rate, as a part of the initial one.
        alpha: f64 = 0.0,
    }
}

impl Schedule {
    /// The rates of steps: `f32` of the shape of `step`, integers.
    ///
    /// # Errors
    /// When the schedule says nothing: it has no steps, or not one rate more than boundaries.
    #[track_caller]
    pub fn rate(&self, step: &Tensor) -> Result<Tensor> {
        let step = step.cast(DType::F32);
        match self {
            Schedule::ExponentialDecay(it) => {
                let periods = periods(&step, it.decay_steps, it.staircase)?;
                powers(it.decay_rate, &periods) * it.initial_learning_rate
            }
            Schedule::InverseTimeDecay(it) => {
                let periods = periods(&step, it.decay_steps, it.staircase)?;
                it.initial_learning_rate / (periods * it.decay_rate + 1.0)
            }
            Schedule::PiecewiseConstantDecay(it) => it.rate(&step)?,
            Schedule::PolynomialDecay(it) => it.rate(&step)?,
            Schedule::CosineDecay(it) => it.rate(&step)?,
            Schedule::CosineDecayRestarts(it) => it.rate(&step)?,
        }
        .ok()
    }
}

/// How many periods of so many steps have gone by.
fn periods(step: &Tensor, steps: f64, staircase: bool) -> Result<Tensor> {
    positive(steps)?;
    let periods = step / steps;
    Ok(if staircase { periods.floor() } else { periods })
}

#[track_caller]
fn positive(steps: f64) -> Result<()> {
    if steps > 0.0 { Ok(()) } else { Err(Error::other(format!("a schedule of {steps} steps"))) }
}

fn powers(base: f64, exponent: &Tensor) -> Tensor {
    exponent.full_like(base).pow(exponent)
}

/// From 1 at 0 to 0 at 1, along half a wave.
fn half_wave(fraction: &Tensor) -> Tensor {
    ((fraction * PI).cos() + 1.0) * 0.5
}

impl PiecewiseConstantDecay {
    #[track_caller]
    fn rate(&self, step: &Tensor) -> Result<Tensor> {
        let Some((last, before)) =
            self.values.split_last().filter(|(_, before)| before.len() == self.boundaries.len())
        else {
            let (boundaries, values) = (self.boundaries.len(), self.values.len());
            return Err(Error::other(format!("a schedule of {boundaries} boundaries and {values} rates")));
        };
        let pieces = self.boundaries.iter().zip(before).rev();
        Ok(pieces.fold(step.full_like(*last), |later, (&end, &rate)| {
            step.le(end).select(later.full_like(rate), later)
        }))
    }
}

impl PolynomialDecay {
    #[track_caller]
    fn rate(&self, step: &Tensor) -> Result<Tensor> {
        positive(self.decay_steps)?;
        let (step, steps) = if self.cycle {
            let rounds = (step / self.decay_steps).ceil();
            (step.clone(), rounds.eq(0).select(rounds.ones_like(), rounds) * self.decay_steps)
        } else {
            (step.minimum(self.decay_steps), step.full_like(self.decay_steps))
        };
        let left = (1.0 - step / steps).pow(self.power);
        Ok(left * (self.initial_learning_rate - self.end_learning_rate) + self.end_learning_rate)
    }
}

impl CosineDecay {
    #[track_caller]
    fn rate(&self, step: &Tensor) -> Result<Tensor> {
        positive(self.decay_steps)?;
        let down = |step: Tensor, from: f64| {
            (half_wave(&(step / self.decay_steps)) * (1.0 - self.alpha) + self.alpha) * from
        };
        let Some(target) = self.warmup_target else {
            return Ok(down(step.minimum(self.decay_steps), self.initial_learning_rate));
        };
        let step = step.minimum(self.decay_steps + self.warmup_steps);
        let decayed = down(&step - self.warmup_steps, target);
        if self.warmup_steps <= 0.0 {
            return Ok(decayed);
        }
        let up =
            &step / self.warmup_steps * (target - self.initial_learning_rate) + self.initial_learning_rate;
        Ok(step.lt(self.warmup_steps).select(up, decayed))
    }
}

impl CosineDecayRestarts {
    #[track_caller]
    fn rate(&self, step: &Tensor) -> Result<Tensor> {
        positive(self.first_decay_steps)?;
        let done = step / self.first_decay_steps;
        let (round, fraction) = if self.t_mul == 1.0 { whole_and_part(&done) } else { self.geometric(&done) };
        let height = powers(self.m_mul, &round) * half_wave(&fraction);
        Ok((height * (1.0 - self.alpha) + self.alpha) * self.initial_learning_rate)
    }

    /// Which round it is, and how much of it is done, where each round is longer than the one before.
    fn geometric(&self, done: &Tensor) -> (Tensor, Tensor) {
        let growth = done.full_like(self.t_mul);
        let round = ((1.0 - done * (1.0 - &growth)).log() / growth.log()).floor();
        let length = growth.pow(&round);
        let before = (1.0 - &length) / (1.0 - growth);
        (round, (done - before) / length)
    }
}

fn whole_and_part(x: &Tensor) -> (Tensor, Tensor) {
    (x.floor(), x - x.floor())
}

/// A learning rate: one number, or a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rate {
    /// One number, until it is changed.
    Constant(f64),
    /// A function of the step.
    Schedule(Schedule),
}

impl From<f64> for Rate {
    fn from(rate: f64) -> Rate {
        Rate::Constant(rate)
    }
}

impl<S: Into<Schedule>> From<S> for Rate {
    fn from(schedule: S) -> Rate {
        Rate::Schedule(schedule.into())
    }
}
