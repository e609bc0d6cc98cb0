//! What an optimiser remembers between steps, and in which order.
//!
//! One rule: the number of steps, the learning rate if it is a number, and for each parameter its moving average, the sum of its gradients, and the
//! rule's own slots. A scaled one: how many steps were finite, the scale, and what it scales. Groups: one after the other.

use tensorwright::{Result, Scalar, Shape, Tensor};

use super::{Kind, Optimizer, Parameter, Settings, Start};
use crate::schedules::Rate;

/// A tensor that an optimiser remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSlot {
    /// The path.
    pub path: String,
    /// What it is before the first step.
    pub(super) start: StateStart,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum StateStart {
    Count,
    Number(f64),
    Of { parameter: usize, start: Start },
}

impl StateSlot {
    fn new(path: &str, start: StateStart) -> StateSlot {
        StateSlot { path: path.to_owned(), start }
    }

    /// The number of the parameter that it is of, if it is of one.
    pub(super) fn parameter(&self) -> Option<usize> {
        match &self.start {
            StateStart::Of { parameter, .. } => Some(*parameter),
            _ => None,
        }
    }

    /// What it is before the first step, for these values of the parameters.
    pub(super) fn begin(&self, values: &[Tensor]) -> Tensor {
        match &self.start {
            StateStart::Count => Tensor::from(0i64),
            StateStart::Number(number) => Tensor::scalar(Scalar::F32(*number as f32)),
            StateStart::Of { parameter, start: Start::Parameter } => values[*parameter].clone(),
            StateStart::Of { start: Start::Full(ty, value), .. } => {
                Tensor::full(Shape::clone(&ty.shape), *value).cast(ty.dtype)
            }
        }
    }
}

impl Optimizer {
    /// What is remembered of these parameters.
    ///
    /// # Errors
    /// When the settings contradict each other, or a pattern is no regular expression.
    #[track_caller]
    pub fn slots(&self, parameters: &[Parameter]) -> Result<Vec<StateSlot>> {
        match &self.kind {
            Kind::One { rule, settings } => {
                settings.check()?;
                let mut slots = head(settings);
                for (at, parameter) in parameters.iter().enumerate() {
                    let own = rule.rule().slots(parameter).into_iter().map(|slot| (slot.name, slot.start));
                    let zeros = |name| (name, parameter.zeros(name).start);
                    let average = settings.use_ema.then(|| zeros("average"));
                    let sum = settings.gradient_accumulation_steps.map(|_| zeros("gradient_accumulator"));
                    slots.extend(average.into_iter().chain(sum).chain(own).map(|(name, start)| {
                        StateSlot::new(
                            &format!("{}.{name}", parameter.path),
                            StateStart::Of { parameter: at, start },
                        )
                    }));
                }
                Ok(slots)
            }
            Kind::Scaled { inner, scale } => {
                let mut slots = vec![
                    StateSlot::new("step_counter", StateStart::Count),
                    StateSlot::new("dynamic_scale", StateStart::Number(scale.initial_scale)),
                ];
                slots.extend(inner.slots(parameters)?);
                Ok(slots)
            }
            Kind::Groups { .. } => {
                let mut slots = Vec::new();
                for (at, (optimizer, members)) in self.shared_out(parameters)?.into_iter().enumerate() {
                    let own: Vec<Parameter> =
                        members.iter().map(|&member| parameters[member].clone()).collect();
                    slots.extend(optimizer.slots(&own)?.into_iter().map(|slot| slot.within(at, &members)));
                }
                Ok(slots)
            }
        }
    }
}

impl StateSlot {
    /// The slot of a group, whose parameters are these of all.
    fn within(self, group: usize, members: &[usize]) -> StateSlot {
        let start = match self.start {
            StateStart::Of { parameter, start } => StateStart::Of { parameter: members[parameter], start },
            other => other,
        };
        StateSlot { path: format!("{group}.{}", self.path), start }
    }
}

/// What is remembered apart from parameters.
fn head(settings: &Settings) -> Vec<StateSlot> {
    let mut head = vec![StateSlot::new("iteration", StateStart::Count)];
    if let Rate::Constant(rate) = settings.learning_rate {
        head.push(StateSlot::new("learning_rate", StateStart::Number(rate)));
    }
    head
}
