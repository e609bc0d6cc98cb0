//! One step: from values, gradients and state to new ones.
//!
//! In the order of Keras: gradients are divided by the scale of the loss, added up, and clipped; parameters decay; the rule moves them; averages
//! follow, and may take their place.

use regex::Regex;
use tensorwright::{DType, Error, Result, Tensor};

use super::clip::clipped;
use super::rule::single;
use super::{Kind, Moment, Optimizer, Parameter, RuleKind, Settings, Stepped, compound};
use crate::schedules::Rate;

/// Whether a part of a path fits a regular expression.
pub(super) fn fits(pattern: &str, path: &str) -> Result<bool> {
    let pattern = Regex::new(pattern).map_err(|e| Error::other(format!("optimiser: {e}")))?;
    Ok(pattern.is_match(path))
}

/// New values of parameters and of what is remembered.
#[derive(Clone, Debug)]
pub(super) struct Updated {
    pub(super) values: Vec<Tensor>,
    pub(super) state: Vec<Tensor>,
}

impl Optimizer {
    /// One step: new values and the new state, both in the order in which they are given.
    ///
    /// # Errors
    /// When a tensor carries an error, there is not one gradient for each parameter, or the state is another optimiser's.
    #[track_caller]
    pub fn update(
        &self,
        parameters: &[Parameter],
        values: &[Tensor],
        gradients: &[Tensor],
        state: &[Tensor],
    ) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let slots = self.slots(parameters)?.len();
        if [values.len(), gradients.len()] != [parameters.len(); 2] || state.len() != slots {
            let found =
                format!("{} values, {} gradients, {} tensors", values.len(), gradients.len(), state.len());
            let wanted = format!("{} parameters and {slots} tensors of state", parameters.len());
            return Err(Error::other(format!("optimiser: {found} for {wanted}")));
        }
        let updated = self.stepped(parameters, values, gradients, state)?;
        Ok((updated.values, updated.state))
    }

    pub(super) fn stepped(
        &self,
        parameters: &[Parameter],
        values: &[Tensor],
        gradients: &[Tensor],
        state: &[Tensor],
    ) -> Result<Updated> {
        match &self.kind {
            Kind::One { rule, settings } => One { rule, settings, parameters }.step(values, gradients, state),
            Kind::Scaled { inner, scale } => {
                compound::scaled_step(inner, *scale, parameters, values, gradients, state)
            }
            Kind::Groups { .. } => self.groups_step(parameters, values, gradients, state),
        }
    }
}

/// A rule with its settings for some parameters.
struct One<'o> {
    rule: &'o RuleKind,
    settings: &'o Settings,
    parameters: &'o [Parameter],
}

/// What is remembered of one parameter.
struct Remembered<'s> {
    average: Option<&'s Tensor>,
    sum: Option<&'s Tensor>,
    own: &'s [Tensor],
}

impl One<'_> {
    fn step(&self, values: &[Tensor], gradients: &[Tensor], state: &[Tensor]) -> Result<Updated> {
        let (iterations, rest) = (&state[0], &state[1..]);
        let (rate, rest) = match &self.settings.learning_rate {
            Rate::Constant(_) => (rest[0].clone(), &rest[1..]),
            Rate::Schedule(schedule) => (schedule.rate(iterations)?, rest),
        };
        let round = self.settings.gradient_accumulation_steps;
        let steps = round.map_or(iterations.clone(), |round| iterations / round);
        let now = Moment { rate, step: &steps + 1 };
        let remembered = self.remembered(rest);
        let sums = self.sums(gradients, &remembered)?;
        let last = round.map(|round| ((iterations + 1) % round).eq(0));
        let scaled = round.map_or(sums.clone(), |round| sums.iter().map(|g| g / round as f64).collect());
        let gradients = clipped(scaled, self.settings)?;
        let mut updated = Updated { values: Vec::new(), state: vec![iterations + 1] };
        updated
            .state
            .extend(matches!(self.settings.learning_rate, Rate::Constant(_)).then(|| now.rate.clone()));
        for (at, of) in remembered.iter().enumerate() {
            let stepped = self.moved(at, &values[at], &gradients[at], of.own, &now)?;
            let stepped = kept_until(last.as_ref(), stepped, &values[at], of.own);
            let (value, average) = self.averaged(stepped.x, of.average, &steps)?;
            updated.values.push(value);
            updated.state.extend(average);
            updated.state.extend(last.as_ref().map(|last| last.select(sums[at].zeros_like(), &sums[at])));
            updated.state.extend(stepped.slots);
        }
        Ok(updated)
    }

    /// The state by parameters.
    fn remembered<'s>(&self, mut state: &'s [Tensor]) -> Vec<Remembered<'s>> {
        let settings = self.settings;
        let one = |parameter: &Parameter| {
            let mut take = |count: usize| {
                let (taken, rest) = state.split_at(count);
                state = rest;
                taken
            };
            let average = take(usize::from(settings.use_ema)).first();
            let sum = take(usize::from(settings.gradient_accumulation_steps.is_some())).first();
            Remembered { average, sum, own: take(self.rule.rule().slots(parameter).len()) }
        };
        self.parameters.iter().map(one).collect()
    }

    /// Gradients in the dtypes of their parameters, without the loss's scale, with those of the steps before.
    fn sums(&self, gradients: &[Tensor], remembered: &[Remembered<'_>]) -> Result<Vec<Tensor>> {
        let sum = |((g, of), parameter): ((&Tensor, &Remembered<'_>), &Parameter)| {
            let g = g.cast(parameter.ty.dtype);
            let g = self.settings.loss_scale_factor.map_or(g.clone(), |scale| g / scale);
            of.sum.map_or(g.clone(), |before| g + before).ok()
        };
        gradients.iter().zip(remembered).zip(self.parameters).map(sum).collect()
    }

    /// The parameter after weight decay and the rule.
    fn moved(&self, at: usize, x: &Tensor, g: &Tensor, slots: &[Tensor], now: &Moment) -> Result<Stepped> {
        let parameter = &self.parameters[at];
        let x = match self.decay(parameter)? {
            None => x.clone(),
            Some(decay) => x - x * (now.rate(parameter.ty.dtype) * single(decay)),
        };
        self.rule.rule().step(parameter, x, g, slots, now)
    }

    fn decay(&self, parameter: &Parameter) -> Result<Option<f64>> {
        let Some(decay) = self.rule.rule().weight_decay(parameter, self.settings.weight_decay) else {
            return Ok(None);
        };
        for pattern in &self.settings.without_decay {
            if fits(pattern, &parameter.path)? {
                return Ok(None);
            }
        }
        Ok(Some(decay))
    }

    /// The value and its average, which may take its place.
    fn averaged(
        &self,
        x: Tensor,
        average: Option<&Tensor>,
        steps: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let Some(average) = average else { return Ok((x, None)) };
        let momentum = (steps.ne(0).cast(DType::F64) * self.settings.ema_momentum).cast(x.dtype()?);
        let average = average * &momentum + &x * (1.0 - momentum);
        let x = match self.settings.ema_overwrite_frequency {
            None => x,
            Some(frequency) => ((steps + 1) % frequency).eq(0).select(&average, x),
        };
        Ok((x, Some(average)))
    }
}

/// What a step makes, if it is the last of those whose gradients are added up; else what there was.
fn kept_until(last: Option<&Tensor>, new: Stepped, x: &Tensor, slots: &[Tensor]) -> Stepped {
    let Some(last) = last else { return new };
    let slots = new.slots.iter().zip(slots).map(|(new, old)| last.select(new, old)).collect();
    Stepped { x: last.select(new.x, x), slots }
}
