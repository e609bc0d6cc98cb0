//! Where in a sequence its elements are, told to networks that do not see it otherwise.

use tensorwright::{DType, Result, Tensor};

use crate::{Initializer, Inputs, Layer, Outputs, Scope, layer};

/// The places of a call's steps, `i32[steps]`: those of the argument `positions`, else from the argument `start_index` on, else from where the
/// call is in its sequence.
fn places(inputs: &Inputs, steps: usize, scope: &Scope<'_>) -> Result<Tensor> {
    if let Some(given) = inputs.optional("positions") {
        return given.cast(DType::I32).ok();
    }
    let given = inputs.optional("start_index").or_else(|| Some(scope.decoding()?.position.clone()));
    let steps = Tensor::arange(steps, DType::I32);
    match given {
        Some(start) => (steps + start.cast(DType::I32)).ok(),
        None => Ok(steps),
    }
}

/// Steps and features of sequences `T[.., steps, features]`.
fn extents(x: &Tensor, scope: &Scope<'_>) -> Result<[usize; 2]> {
    match x.shape()?.sizes()[..] {
        [.., steps, features] => Ok([steps, features]),
        _ => Err(scope.refuse(format!("sequences of vectors are wanted, found {}", x.ty()?))),
    }
}

layer! {
    /// Sines and cosines of places, in the shape of the input, to be added to it (Vaswani et al. 2017): `T[.., steps, features] -> T[.., steps, features]`.
    pub struct SinePositionEncoding() {
        /// The wavelength of the slowest one is this times `2 pi`.
        max_wavelength: f64 = 10000.0,
    }
}

impl Layer for SinePositionEncoding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let [steps, features] = extents(&x, scope)?;
        let rate = |i: usize| self.max_wavelength.powf(-((i / 2 * 2) as f64) / features as f64);
        let rates: Vec<f64> = (0..features).map(rate).collect();
        let shifts: Vec<f64> = (0..features).map(|i| (i % 2) as f64).collect();
        let wide = if scope.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let [rates, odd] = [rates, shifts].map(|row| Tensor::from_slice(&row, [features]).cast(wide));
        let angles = places(inputs, steps, scope)?.cast(wide).expand_dims(-1) * rates;
        let waves = odd.gt(0.0).select(angles.cos(), angles.sin()).cast(scope.dtype());
        Ok(waves.broadcast_to(x.shape()?.clone()).ok()?.into())
    }
}

layer! {
    /// A vector for each place, which is learnt, in the shape of the input, to be added to it: `T[.., steps, features] -> T[.., steps, features]`.
    pub struct PositionEmbedding(
        /// How many places there are at most.
        sequence_length: usize,
    ) {
        /// The vectors before training.
        initializer: Initializer = Initializer::default(),
    }
}

impl Layer for PositionEmbedding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let [steps, features] = extents(&x, scope)?;
        if steps > self.sequence_length {
            let most = self.sequence_length;
            return Err(scope.refuse(format!("at most {most} steps are wanted, found {}", x.ty()?)));
        }
        let table = scope.weight("embeddings", [self.sequence_length, features], &self.initializer)?;
        let vectors = table.take(places(inputs, steps, scope)?, 0);
        Ok(vectors.broadcast_to(x.shape()?.clone()).ok()?.into())
    }
}

layer! {
    /// Queries or keys turned by angles that grow with their places, so that products tell how far apart they are (Su et al. 2021):
    /// `T[b, steps, .., features] -> T[b, steps, .., features]`, the number of features even.
    pub struct RotaryEmbedding() {
        /// The wavelength of the slowest turn is this times `2 pi`.
        max_wavelength: f64 = 10000.0,
        /// What places are divided by.
        scaling_factor: f64 = 1.0,
        /// The axis of the steps.
        sequence_axis: i64 = 1,
    }
}

impl Layer for RotaryEmbedding {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let rank = x.rank()? as i64;
        let axis = if self.sequence_axis < 0 { self.sequence_axis + rank } else { self.sequence_axis };
        if !(0..rank - 1).contains(&axis) || x.extent(-1)? % 2 != 0 {
            let what = format!("steps along axis {} of vectors of even length", self.sequence_axis);
            return Err(scope.refuse(format!("{what} are wanted, found {}", x.ty()?)));
        }
        let wide = if x.dtype()? == DType::F64 { DType::F64 } else { DType::F32 };
        let places = places(inputs, x.extent(axis)?, scope)?.cast(wide) / self.scaling_factor;
        let turned = x.move_axis(axis, -2).rotary_embedding(places, self.max_wavelength);
        Ok(inputs.masked_like(turned.move_axis(-2, axis).ok()?))
    }
}

layer! {
    /// Scores of attention minus something for each step between query and key, for each head another slope (Press et al. 2021): `T[b, heads, n, m]` to
    /// the same, before the softmax.
    pub struct AlibiBias() {
        /// The last head's slope is 2 to the power of minus this.
        alibi_bias_max: f64 = 8.0,
    }
}

impl AlibiBias {
    /// The slopes of so many heads: of a power of two, evenly spaced powers; else those of the next lower power of two, and every
    /// second one of the next higher.
    pub(crate) fn slopes(&self, heads: usize) -> Vec<f64> {
        let lower = 1 << heads.max(1).ilog2();
        let even =
            |count: usize| (1..=count).map(move |i| (-self.alibi_bias_max * i as f64 / count as f64).exp2());
        even(lower).chain(even(2 * lower).step_by(2)).take(heads).collect()
    }
}

impl Layer for AlibiBias {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let [_, heads, queries, keys] = x.shape()?.sizes()[..] else {
            return Err(scope.refuse(format!("scores for each head are wanted, found {}", x.ty()?)));
        };
        let slopes = Tensor::from_slice(&self.slopes(heads), [heads, 1, 1]).cast(x.dtype()?);
        let keys_at = Tensor::arange(keys, DType::I32);
        // The last query stands where the last key does, unless places are told.
        let queries_at = match (inputs.optional("positions"), scope.decoding()) {
            (None, None) => Tensor::arange(queries, DType::I32) + (keys as i32 - queries as i32),
            _ => places(inputs, queries, scope)?,
        };
        let distance = (queries_at.expand_dims(-1) - keys_at).abs().cast(x.dtype()?);
        Ok((x - slopes * distance).ok()?.into())
    }
}
