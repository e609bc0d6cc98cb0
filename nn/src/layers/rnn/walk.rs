//! The loop over time that recurrent layers have in common.
//!
//! What a cell computes of the inputs alone it computes for all steps before the loop, in one product. Steps that a mask leaves out leave
//! states as they are and repeat the output of the step before.

use tensorwright::{DType, Result, Tensor, scan};

use crate::{Inputs, Outputs, Scope, Signal};

/// What a layer says about its loop.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    pub(super) return_sequences: bool,
    pub(super) return_state: bool,
    pub(super) go_backwards: bool,
    pub(super) stateful: bool,
    pub(super) zero_output_for_mask: bool,
}

macro_rules! walk {
    ($layer:expr) => {
        $crate::layers::rnn::walk::Walk {
            return_sequences: $layer.return_sequences,
            return_state: $layer.return_state,
            go_backwards: $layer.go_backwards,
            stateful: $layer.stateful,
            zero_output_for_mask: $layer.zero_output_for_mask,
        }
    };
}
pub(super) use walk;

/// The input of one step of a cell, `T[b, n]`, and its states: those of the call, or zeros.
pub(super) fn one_step(
    inputs: &Inputs,
    shapes: impl FnOnce(&[usize]) -> Vec<Vec<usize>>,
    scope: &Scope<'_>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let x = inputs.tensor()?;
    let sizes = x.shape()?.sizes().to_vec();
    if sizes.len() != 2 {
        return Err(scope.refuse(format!("a batch of vectors is wanted, found {}", x.ty()?)));
    }
    let shapes = shapes(&sizes);
    let given: Vec<Tensor> = inputs.several("states").into_iter().map(|state| state.value).collect();
    if given.is_empty() {
        let zeros = shapes.iter().map(|shape| Tensor::zeros(&shape[..], scope.dtype()));
        return Ok((x, zeros.collect()));
    }
    match given.len() == shapes.len() {
        true => Ok((x, given)),
        false => Err(scope.refuse(format!("{} states are wanted, found {}", shapes.len(), given.len()))),
    }
}

/// One step of a cell: from what it computed of the input, and the states, to the output and new states.
pub(super) trait Step: Fn(Tensor, Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {}
impl<F: Fn(Tensor, Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)>> Step for F {}

impl Walk {
    /// The states to begin with: those of the call, those that the layer keeps, or zeros of these shapes.
    pub(super) fn begin(
        &self,
        inputs: &Inputs,
        shapes: &[Vec<usize>],
        scope: &Scope<'_>,
    ) -> Result<Vec<Tensor>> {
        let given = inputs.several("initial_state");
        if !given.is_empty() {
            if given.len() != shapes.len() {
                return Err(scope.refuse(format!(
                    "{} states are wanted, found {}",
                    shapes.len(),
                    given.len()
                )));
            }
            return given.into_iter().map(|state| scope.computed(state.value)).collect();
        }
        let zeros = |(i, shape): (usize, &Vec<usize>)| match self.stateful {
            true => Ok(scope.state(&format!("state_{i}"), &shape[..])?.value()),
            false => Ok(Tensor::zeros(&shape[..], scope.dtype())),
        };
        shapes.iter().enumerate().map(zeros).collect()
    }

    /// Goes through all steps of `x`, `T[b, t, ..]`, and gives what the layer gives. The cell's first state is its output, if `echoes`;
    /// else `output` is zeros of its type.
    pub(super) fn run(
        &self,
        inputs: &Inputs,
        x: Tensor,
        states: Vec<Tensor>,
        output: Option<Tensor>,
        scope: &Scope<'_>,
        step: impl Step,
    ) -> Result<Outputs> {
        let mask = inputs.mask();
        let (x, steps) = (self.by_time(&x), mask.as_ref().map(|mask| self.by_time(&mask.cast(DType::Bool))));
        let walked = match (&steps, output) {
            (None, output) if self.return_sequences || output.is_some() => all_outputs(x, states, step)?,
            (None, _) => last_output(x, states, step)?,
            (Some(steps), output) => {
                let zero = output.unwrap_or_else(|| states[0].zeros_like());
                self.masked(x, steps.clone(), states, zero, step)?
            }
        };
        if self.stateful {
            for (i, state) in walked.states.iter().enumerate() {
                scope.state(&format!("state_{i}"), state.shape()?.clone())?.assign(state)?;
            }
        }
        self.given(walked, mask)
    }

    /// Time first, and turned round for a walk backwards.
    fn by_time(&self, x: &Tensor) -> Tensor {
        let x = x.swap_axes(0, 1);
        if self.go_backwards { x.reverse([0]) } else { x }
    }

    fn masked(
        &self,
        x: Tensor,
        steps: Tensor,
        states: Vec<Tensor>,
        zero: Tensor,
        step: impl Step,
    ) -> Result<Walked> {
        let zeros = zero.clone();
        let masked = |(states, before): (Vec<Tensor>, Tensor), (x, on): (Tensor, Tensor)| -> Result<_> {
            let (y, new) = step(x, states.clone())?;
            let y = choose(&on, &y, if self.zero_output_for_mask { &zeros } else { &before })?;
            let new = new.iter().zip(&states).map(|(new, old)| choose(&on, new, old));
            let new = new.collect::<Result<Vec<Tensor>>>()?;
            Ok((new, y))
        };
        if self.return_sequences {
            let ((states, last), all) = scan((states, zero), (x, steps), |state, x| {
                let (new, y) = masked(state, x)?;
                Ok(((new, y.clone()), y))
            })?;
            return Ok(Walked { last, all: Some(all), states });
        }
        let ((states, last), _) = scan((states, zero), (x, steps), |state, x| Ok((masked(state, x)?, ())))?;
        Ok(Walked { last, all: None, states })
    }

    fn given(&self, walked: Walked, mask: Option<Tensor>) -> Result<Outputs> {
        let Walked { last, all, states } = walked;
        let output = match all.filter(|_| self.return_sequences) {
            Some(all) => Signal { value: all.swap_axes(0, 1), mask },
            None => last.into(),
        };
        let states = states.into_iter().filter(|_| self.return_state).map(Signal::from);
        Ok([output].into_iter().chain(states).collect::<Vec<_>>().into())
    }
}

/// What a walk comes to.
struct Walked {
    last: Tensor,
    /// All outputs, time first.
    all: Option<Tensor>,
    states: Vec<Tensor>,
}

fn all_outputs(x: Tensor, states: Vec<Tensor>, step: impl Step) -> Result<Walked> {
    let (states, all) = scan(states, x, |states, x| step(x, states).map(|(y, states)| (states, y)))?;
    Ok(Walked { last: all.i(-1), all: Some(all), states })
}

/// For cells whose output is their first state.
fn last_output(x: Tensor, states: Vec<Tensor>, step: impl Step) -> Result<Walked> {
    let (states, ()) = scan(states, x, |states, x| step(x, states).map(|(_, states)| (states, ())))?;
    Ok(Walked { last: states[0].clone(), all: None, states })
}

/// `new` for the examples whose step counts, else `old`.
fn choose(on: &Tensor, new: &Tensor, old: &Tensor) -> Result<Tensor> {
    let more: Vec<usize> = (on.rank()?..new.rank()?).collect();
    let on = if more.is_empty() { on.clone() } else { on.expand_dims(more) };
    on.select(new, old).ok()
}

/// Dropout of inputs or states of a cell: one decision for all steps, drawn once for a call.
pub(super) struct Drop {
    factors: Option<Tensor>,
}

impl Drop {
    /// Decisions for vectors of this shape, if there are any to make.
    pub(super) fn new(rate: f64, shape: &[usize], scope: &Scope<'_>) -> Result<Drop> {
        if !scope.is_training() || rate == 0.0 {
            return Ok(Drop { factors: None });
        }
        let ones = Tensor::ones(shape, scope.dtype());
        Ok(Drop { factors: Some(ones.dropout(&scope.key()?, rate)) })
    }

    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        self.factors.as_ref().map_or_else(|| x.clone(), |factors| x * factors)
    }

    /// For all steps: `T[b, t, n]`.
    pub(super) fn apply_to_steps(&self, x: &Tensor) -> Tensor {
        self.factors.as_ref().map_or_else(|| x.clone(), |factors| x * factors.expand_dims(1))
    }
}
