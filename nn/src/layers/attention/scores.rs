//! Attention without projections.

use tensorwright::{DType, Result, Tensor};

use super::masks::causal;
use crate::settings::keyword;
use crate::{Argument, Initializer, Inputs, Layer, Outputs, Scope, Signal, initializers, layer};

keyword! {
    /// How well a key fits to a query.
    pub enum ScoreMode {
        /// Their product.
        Dot = "dot",
        /// The sum of `tanh(query + key)`.
        Concat = "concat",
    }
}

layer! {
    /// Means of values, weighted by how well their keys fit to queries (Luong et al. 2015): `[T[b, n, d], T[b, m, e]]`, queries and values, and
    /// perhaps keys.
    pub struct Attention() {
        /// Whether a factor of the scores is learnt.
        use_scale: bool = false,
        /// How well a key fits to a query.
        score_mode: ScoreMode = ScoreMode::Dot,
        /// The part of the weights that training drops.
        dropout: f64 = 0.0,
    }
}

impl Layer for Attention {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let ones = || Initializer::from(initializers::Ones);
        let scale = self.use_scale.then(|| scope.weight("scale", (), ones())).transpose()?;
        let concat = (self.score_mode == ScoreMode::Concat)
            .then(|| scope.weight("concat_score_weight", (), ones()))
            .transpose()?;
        attended(inputs, self.dropout, scope, |query, key| match concat {
            None => {
                let scores = query.matmul(key.swap_axes(-2, -1));
                scale.map_or_else(|| scores.clone(), |scale| &scores * scale)
            }
            Some(weight) => {
                let sums = query.expand_dims(-2) + key.expand_dims(-3);
                let sums = scale.map_or_else(|| sums.clone(), |scale| &sums * scale);
                sums.tanh().sum(-1) * weight
            }
        })
    }
}

layer! {
    /// Means of values, weighted by a sum of `tanh(query + key)` (Bahdanau et al. 2015): `[T[b, n, d], T[b, m, d]]`, queries and values, and perhaps
    /// keys.
    pub struct AdditiveAttention() {
        /// Whether a factor for each feature is learnt.
        use_scale: bool = true,
        /// The part of the weights that training drops.
        dropout: f64 = 0.0,
    }
}

impl Layer for AdditiveAttention {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let query = inputs.list().into_iter().next().ok_or_else(|| scope.refuse("there is no query"))?;
        let features = query.value.extent(-1)?;
        let scale = self.use_scale.then(|| scope.weight("scale", [features], Initializer::default()));
        let scale = scale.transpose()?;
        attended(inputs, self.dropout, scope, |query, key| {
            let sums = (query.expand_dims(-2) + key.expand_dims(-3)).tanh();
            scale.map_or_else(|| sums.clone(), |scale| &sums * scale).sum(-1)
        })
    }
}

/// The masks of queries and values: the argument `mask`, a list, or what came with the tensors.
fn masks(inputs: &Inputs, signals: &[Signal]) -> [Option<Tensor>; 2] {
    let given = match inputs.argument("mask") {
        Some(Argument::List(list)) => {
            list.iter().map(|mask| mask.signals().into_iter().next().map(|mask| mask.value)).collect()
        }
        _ => Vec::new(),
    };
    [0, 1].map(|i| {
        let own = || signals.get(i).and_then(|signal| signal.mask.clone());
        given.get(i).cloned().flatten().or_else(own)
    })
}

fn attended(
    inputs: &Inputs,
    dropout: f64,
    scope: &Scope<'_>,
    scores: impl FnOnce(&Tensor, &Tensor) -> Tensor,
) -> Result<Outputs> {
    let signals = inputs.list();
    let (query, value) = match &signals[..] {
        [query, value] | [query, value, _] => (&query.value, &value.value),
        other => {
            return Err(
                scope.refuse(format!("queries, values and keys are wanted, found {} tensors", other.len()))
            );
        }
    };
    let key = signals.get(2).map_or(value, |key| &key.value);
    let [query_mask, value_mask] = masks(inputs, &signals);
    let scores = scores(query, key);
    let mut seen = value_mask.map(|mask| mask.cast(DType::Bool).expand_dims(-2));
    if inputs.flag("use_causal_mask") {
        let causal = causal(scores.extent(-2)?, scores.extent(-1)?);
        seen = Some(seen.map_or_else(|| causal.clone(), |seen| seen & &causal));
    }
    let far = if scores.dtype()? == DType::F16 { 65504.0 } else { 1e9 };
    let scores = seen.map_or_else(|| scores.clone(), |seen| seen.select(&scores, &scores - far));
    let weights = scores.softmax(-1);
    let used = match scope.is_training() && dropout > 0.0 {
        true => weights.dropout(&scope.key()?, dropout),
        false => weights.clone(),
    };
    let mut result = used.matmul(value);
    if let Some(mask) = &query_mask {
        result = mask.cast(DType::Bool).expand_dims(-1).select(result, 0.0);
    }
    let result = Signal { value: result, mask: query_mask };
    Ok(match inputs.flag("return_attention_scores") {
        true => vec![result, weights.into()].into(),
        false => result.into(),
    })
}
