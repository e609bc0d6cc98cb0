//! Optimisers that are made of others: scaled losses, and groups of parameters.

use regex::Regex;
use serde_json::Value;
use tensorwright::{Error, Result, Tensor};

use super::update::Updated;
use super::{Kind, LossScale, Optimizer, Parameter};
use crate::config::{ConfigError, Fields, typed};

/// A step by gradients of a scaled loss. Where one is not finite nothing changes but the scale, which is halved.
pub(super) fn scaled_step(
    inner: &Optimizer,
    scale: LossScale,
    parameters: &[Parameter],
    values: &[Tensor],
    gradients: &[Tensor],
    state: &[Tensor],
) -> Result<Updated> {
    let ([count, factor], rest) = (&state[..2], &state[2..]) else {
        return Err(Error::other("optimiser: no scale"));
    };
    let finite = gradients.iter().map(|g| g.is_finite().all(..));
    let Some(finite) = finite.reduce(|all, one| all.and(one)) else {
        return Ok(Updated { values: Vec::new(), state: state.to_vec() });
    };
    let unscaled: Vec<Tensor> =
        gradients.iter().map(|g| Ok(g / factor.cast(g.dtype()?))).collect::<Result<_>>()?;
    let new = inner.stepped(parameters, values, &unscaled, rest)?;
    let kept = |new: &[Tensor], old: &[Tensor]| -> Vec<Tensor> {
        new.iter().zip(old).map(|(new, old)| finite.select(new, old)).collect()
    };
    let grows = finite.and(count.eq(scale.dynamic_growth_steps - 1));
    let counts_on = finite.and(!&grows);
    let count = counts_on.select(count + 1, count.zeros_like());
    let factor = grows.select(factor * 2.0, finite.select(factor, factor * 0.5));
    let mut state = vec![count, factor];
    state.extend(kept(&new.state, rest));
    Ok(Updated { values: kept(&new.values, values), state })
}

impl Optimizer {
    /// The optimisers of groups, each with the numbers of its parameters; those without any are left out.
    #[track_caller]
    pub(super) fn shared_out(&self, parameters: &[Parameter]) -> Result<Vec<(&Optimizer, Vec<usize>)>> {
        let Kind::Groups { groups, rest } = &self.kind else {
            return Ok(vec![(self, (0..parameters.len()).collect())]);
        };
        let whole = |(pattern, _): &(String, Optimizer)| {
            Regex::new(&format!("^(?:{pattern})$")).map_err(|e| Error::other(format!("optimiser: {e}")))
        };
        let patterns: Vec<Regex> = groups.iter().map(whole).collect::<Result<_>>()?;
        let group_of = |parameter: &Parameter| {
            let mut fit = (0..groups.len()).filter(|&group| patterns[group].is_match(&parameter.path));
            match (fit.next(), fit.next()) {
                (Some(_), Some(_)) => {
                    Err(Error::other(format!("several groups fit parameter `{}`", parameter.path)))
                }
                (found, _) => Ok(found.unwrap_or(groups.len())),
            }
        };
        let groups_of: Vec<usize> = parameters.iter().map(group_of).collect::<Result<_>>()?;
        let optimizers = groups.iter().map(|(_, optimizer)| optimizer).chain([&**rest]);
        let members = |group: usize| (0..parameters.len()).filter(|&at| groups_of[at] == group).collect();
        let shared = optimizers.enumerate().map(|(group, optimizer)| (optimizer, members(group)));
        Ok(shared.filter(|(_, members): &(_, Vec<usize>)| !members.is_empty()).collect())
    }

    pub(super) fn groups_step(
        &self,
        parameters: &[Parameter],
        values: &[Tensor],
        gradients: &[Tensor],
        mut state: &[Tensor],
    ) -> Result<Updated> {
        let mut updated = Updated { values: values.to_vec(), state: Vec::new() };
        for (optimizer, members) in self.shared_out(parameters)? {
            let own: Vec<Parameter> = members.iter().map(|&at| parameters[at].clone()).collect();
            let picked =
                |all: &[Tensor]| -> Vec<Tensor> { members.iter().map(|&at| all[at].clone()).collect() };
            let (now, later) = state.split_at(optimizer.slots(&own)?.len());
            state = later;
            let new = optimizer.stepped(&own, &picked(values), &picked(gradients), now)?;
            for (&at, value) in members.iter().zip(new.values) {
                updated.values[at] = value;
            }
            updated.state.extend(new.state);
        }
        Ok(updated)
    }

    /// What losses are multiplied by before gradients are taken, if they are.
    pub(super) fn scale(&self, parameters: &[Parameter], state: &[Tensor]) -> Result<Option<Tensor>> {
        match &self.kind {
            Kind::One { settings, .. } => {
                Ok(settings.loss_scale_factor.map(|scale| Tensor::from(scale as f32)))
            }
            Kind::Scaled { .. } => Ok(Some(state[1].clone())),
            Kind::Groups { .. } => {
                let groups = self.shared_out(parameters)?;
                let scales = groups.iter().map(|(group, _)| group.scale(parameters, &[]));
                let scales: Vec<Option<Tensor>> = scales.collect::<Result<_>>()?;
                if scales.iter().any(Option::is_some) {
                    return Err(Error::other(
                        "optimiser: groups are not scaled one by one, but all together",
                    ));
                }
                Ok(None)
            }
        }
    }
}

/// An optimiser of scaled losses.
pub(super) fn scaled_from(mut fields: Fields) -> Result<Optimizer, ConfigError> {
    let inner = fields.remove("inner_optimizer").unwrap_or(Value::Null);
    let inner = Optimizer::try_from(&inner)?;
    let (own, _) = super::Settings::split(&mut fields);
    Ok(inner.loss_scaled(typed::<LossScale>("optimizer", "LossScaleOptimizer", own)?))
}

/// Groups of parameters: `optimizer_map` and `default_optimizer`, or Keras's object of both.
pub(super) fn groups_from(fields: Fields) -> Result<Optimizer, ConfigError> {
    let fields =
        match fields.get("optimizer_map").and_then(|map| map.get("config")).and_then(Value::as_object) {
            Some(object) => object.clone(),
            None => fields,
        };
    let rest = Optimizer::try_from(fields.get("default_optimizer").unwrap_or(&Value::Null))?;
    let groups = fields.get("optimizer_map").and_then(Value::as_object);
    groups
        .into_iter()
        .flatten()
        .try_fold(rest, |all, (pattern, group)| Ok(all.group(pattern, Optimizer::try_from(group)?)))
}
