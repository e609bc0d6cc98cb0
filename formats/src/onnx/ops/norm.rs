//! Normalisation.

use tensorwright::{DType, NormOrder, Tensor, keep};

use super::Apply;
use super::conv::per_channel;
use crate::onnx::call::{Call, Results, axes, axis, natural, one, sizes};
use crate::onnx::dtype;
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("BatchNormalization", batch_norm),
    ("InstanceNormalization", instance_norm),
    ("LayerNormalization", layer_norm),
    ("RMSNormalization", rms_norm),
    ("GroupNormalization", group_norm),
    ("LRN", local_response_norm),
    ("LpNormalization", lp_norm),
    ("MeanVarianceNormalization", mean_variance_norm),
];

fn batch_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    let (rank, dtype) = (x.rank()?, x.dtype()?);
    let vector = |position: usize| call.tensor(position);
    let trains = call.flag("training_mode", false)?
        || (call.version() < 14 && call.wanted(1))
        || call.version() < 7 && !call.flag("is_test", false)?;
    if !trains {
        let (scale, offset, mean, variance) = (vector(1)?, vector(2)?, vector(3)?, vector(4)?);
        // One factor and one summand of each channel: of constants they are computed once.
        let wide = variance.dtype()?;
        let factor = scale.cast(wide) / (variance + epsilon).sqrt();
        let summand = offset.cast(wide) - mean * &factor;
        let (factor, summand) =
            (per_channel(&factor.cast(dtype), rank)?, per_channel(&summand.cast(dtype), rank)?);
        return one(x * factor + summand);
    }
    let away: Vec<usize> = (0..rank).filter(|&at| at != 1).collect();
    let wide = vector(3)?.dtype()?;
    let centre = x.cast(wide);
    let mean = centre.mean(&away[..]);
    let apart = &centre - per_channel(&mean, rank)?;
    let variance = (&apart * &apart).mean(&away[..]);
    let scale = per_channel(&(vector(1)?.cast(wide) / (&variance + epsilon).sqrt()), rank)?;
    let y = (apart * scale + per_channel(&vector(2)?.cast(wide), rank)?).cast(dtype);
    let momentum = call.float("momentum", 0.9)?;
    let moved = |old: &Tensor, new: &Tensor| old * momentum + new * (1.0 - momentum);
    let running = [moved(vector(3)?, &mean), moved(vector(4)?, &variance)];
    Ok([y].into_iter().chain(running).map(Into::into).collect())
}

fn instance_norm(call: &Call<'_>) -> Results {
    let (x, scale, offset) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    one(x.instance_norm(scale, offset, 1, call.float("epsilon", 1e-5)?))
}

/// The dtype in which a normalisation is computed, by its attribute `stash_type`.
pub(super) fn stash(call: &Call<'_>, own: DType) -> Result<DType, Reason> {
    let said = dtype::dtype(i32::try_from(call.int("stash_type", 1)?).unwrap_or(0))?;
    Ok(if own == DType::F64 { own } else { said })
}

/// How layers are normalised, from an axis on.
pub(super) struct Layer<'l> {
    pub(super) scale: &'l Tensor,
    pub(super) offset: Option<&'l Tensor>,
    pub(super) at: usize,
    pub(super) epsilon: f64,
    /// The dtype of the sums.
    pub(super) wide: DType,
}

impl Layer<'_> {
    fn along(&self, x: &Tensor) -> Result<Vec<usize>, Reason> {
        Ok((self.at..x.rank()?).collect())
    }

    /// Whether one op of the library does it.
    fn is_plain(&self, x: &Tensor) -> Result<bool, Reason> {
        Ok(x.dtype()? == self.wide && self.along(x)?.len() == 1 && self.scale.rank()? == 1)
    }

    pub(super) fn normed(&self, x: &Tensor) -> Result<Tensor, Reason> {
        if !self.is_plain(x)? {
            let [y, ..] = self.with_moments(x)?;
            return Ok(y);
        }
        let zero = || Tensor::zeros(self.scale.shape()?, self.wide).ok();
        let offset = self.offset.map_or_else(zero, |offset| Ok(offset.clone()))?;
        Ok(x.layer_norm(self.scale, offset, self.at, self.epsilon))
    }

    /// With the means and the inverses of the deviations.
    pub(super) fn with_moments(&self, x: &Tensor) -> Result<[Tensor; 3], Reason> {
        let (own, along) = (x.dtype()?, self.along(x)?);
        let x = x.cast(self.wide);
        let mean = x.mean(keep(&along[..]));
        let apart = x - &mean;
        let inverse = ((&apart * &apart).mean(keep(&along[..])) + self.epsilon).sqrt().reciprocal();
        let y = (apart * &inverse).cast(own) * self.scale;
        let y = if let Some(offset) = self.offset { y + offset } else { y };
        Ok([y, mean, inverse])
    }

    /// Without a mean that is taken away.
    pub(super) fn rms(&self, x: &Tensor) -> Result<Tensor, Reason> {
        if self.is_plain(x)? {
            return Ok(x.rms_norm(self.scale, self.at, self.epsilon));
        }
        let [y, _] = self.rms_with_moments(x)?;
        Ok(y)
    }

    /// With the inverses of the roots of mean squares.
    pub(super) fn rms_with_moments(&self, x: &Tensor) -> Result<[Tensor; 2], Reason> {
        let (own, along) = (x.dtype()?, self.along(x)?);
        let x = x.cast(self.wide);
        let inverse = ((&x * &x).mean(keep(&along[..])) + self.epsilon).sqrt().reciprocal();
        Ok([(x * &inverse).cast(own) * self.scale, inverse])
    }
}

pub(super) fn layer_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let layer = layer(call, x, call.maybe(2)?)?;
    if !call.wanted(1) && !call.wanted(2) {
        return one(layer.normed(x)?);
    }
    Ok(layer.with_moments(x)?.into_iter().map(Into::into).collect())
}

pub(super) fn layer<'c>(
    call: &Call<'c>,
    x: &Tensor,
    offset: Option<&'c Tensor>,
) -> Result<Layer<'c>, Reason> {
    let (at, wide) = (axis(call.int("axis", -1)?, x.rank()?)?, stash(call, x.dtype()?)?);
    Ok(Layer { scale: call.tensor(1)?, offset, at, epsilon: call.float("epsilon", 1e-5)?, wide })
}

fn rms_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(layer(call, x, None)?.rms(x)?)
}

fn group_norm(call: &Call<'_>) -> Results {
    let (x, scale, offset) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let groups = natural("num_groups", call.required_int("num_groups")?)?;
    let (own, dtype) = (sizes(x)?, x.dtype()?);
    let wide = if call.version() >= 21 { stash(call, dtype)? } else { dtype };
    let channels = *own.get(1).ok_or_else(|| Reason::other("there are no channels"))?;
    if groups == 0 || channels % groups != 0 {
        return Err(Reason::attribute("num_groups", format!("is {groups}, of {channels} channels")));
    }
    let rows = x.cast(wide).reshape([own[0] as i64, groups as i64, -1]);
    let mean = rows.mean(keep(-1));
    let apart = rows - mean;
    let variance = (&apart * &apart).mean(keep(-1));
    let found = (apart / (variance + call.float("epsilon", 1e-5)?).sqrt()).reshape(own.clone()).cast(dtype);
    // Before version 21 there is one number for each group.
    let spread = |vector: &Tensor| -> Result<Tensor, Reason> {
        let each = if vector.elements()? == channels {
            vector.clone()
        } else {
            vector.repeat([channels / groups], 0)
        };
        per_channel(&each, own.len())
    };
    one(found * spread(scale)? + spread(offset)?)
}

fn local_response_norm(call: &Call<'_>) -> Results {
    let size = natural("size", call.required_int("size")?)?;
    let (alpha, beta) = (call.float("alpha", 1e-4)?, call.float("beta", 0.75)?);
    one(call.tensor(0)?.local_response_norm(1, size, alpha, beta, call.float("bias", 1.0)?))
}

fn lp_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("axis", -1)?, x.rank()?)?;
    let order = match call.int("p", 2)? {
        1 => NormOrder::L1,
        2 => NormOrder::L2,
        other => return Err(Reason::attribute("p", format!("is {other}, and must be 1 or 2"))),
    };
    let norm = x.norm(order, keep(at));
    one(norm.eq(0).select(0, x / &norm))
}

fn mean_variance_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let along = axes(&call.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]), x.rank()?)?;
    let apart = x - x.mean(keep(&along[..]));
    let spread = (&apart * &apart).mean(keep(&along[..])).sqrt();
    one(apart / (spread + 1e-9))
}
