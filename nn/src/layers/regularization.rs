//! Layers that only training knows: dropout, noise, penalties.

use tensorwright::{DType, RandomKey, Result, Shape, Tensor};

use crate::{DataFormat, Field, Inputs, Layer, Outputs, Regularizer, Scope, layer};

/// A bool for each element: true with this probability.
fn kept(key: &RandomKey, shape: impl Into<Shape>, probability: f64) -> Tensor {
    key.bernoulli(shape, probability)
}

/// Normally distributed numbers of the type of `x`.
fn normal_like(key: &RandomKey, x: &Tensor, mean: f64, deviation: f64) -> Result<Tensor> {
    let ty = x.ty()?;
    Ok(match ty.dtype {
        DType::F64 => key.normal(ty.shape.clone(), mean, deviation),
        dtype => key.normal(ty.shape.clone(), mean as f32, deviation as f32).cast(dtype),
    })
}

/// Zeros for a part of the elements, and the others larger in turn; one decision for all elements along axes of extent 1 in `shape`.
fn dropped(x: &Tensor, rate: f64, shape: impl Into<Shape>, scope: &Scope<'_>) -> Result<Tensor> {
    let keep = kept(&scope.key()?, shape, 1.0 - rate);
    Ok(keep.select(x / (1.0 - rate), 0.0))
}

fn check_rate(rate: f64, scope: &Scope<'_>) -> Result<()> {
    match (0.0..1.0).contains(&rate) {
        true => Ok(()),
        false => Err(scope.refuse(format!("a rate is at least 0 and less than 1, found {rate}"))),
    }
}

layer! {
    /// In training, zeros in the place of a part of the elements; the others grow in turn.
    pub struct Dropout(
        /// The part that is dropped, less than 1.
        rate: f64,
    ) {
        /// The shape of the decisions: 1 along axes that share theirs, null as the input.
        noise_shape: Option<Vec<Option<usize>>> = None,
    }
}

impl Layer for Dropout {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        check_rate(self.rate, scope)?;
        if !scope.is_training() || self.rate == 0.0 {
            return Ok(inputs.masked_like(x));
        }
        let shape = noise_shape(&self.noise_shape, x.shape()?);
        Ok(inputs.masked_like(dropped(&x, self.rate, shape, scope)?))
    }
}

fn noise_shape(given: &Option<Vec<Option<usize>>>, shape: &Shape) -> Vec<usize> {
    let sizes = shape.sizes();
    match given {
        Some(given) if given.len() == sizes.len() => {
            given.iter().zip(sizes).map(|(given, size)| given.unwrap_or(size)).collect()
        }
        _ => sizes.to_vec(),
    }
}

/// Dropout of whole channels.
fn spatial(inputs: &Inputs, rate: f64, format: DataFormat, scope: &Scope<'_>) -> Result<Outputs> {
    let x = inputs.tensor()?;
    check_rate(rate, scope)?;
    if !scope.is_training() || rate == 0.0 {
        return Ok(inputs.masked_like(x));
    }
    let sizes = x.shape()?.sizes();
    let channels = format.channel_axis(sizes.len());
    let shape: Vec<usize> =
        (0..sizes.len()).map(|axis| if axis == 0 || axis == channels { sizes[axis] } else { 1 }).collect();
    Ok(inputs.masked_like(dropped(&x, rate, shape, scope)?))
}

layer! {
    /// [`Dropout`] of whole channels of sequences, `T[n, steps, channels]`.
    pub struct SpatialDropout1D(
        /// The part that is dropped, less than 1.
        rate: f64,
    ) {}
}

impl Layer for SpatialDropout1D {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        spatial(inputs, self.rate, DataFormat::ChannelsLast, scope)
    }
}

layer! {
    /// [`Dropout`] of whole channels of images.
    pub struct SpatialDropout2D(
        /// The part that is dropped, less than 1.
        rate: f64,
    ) {
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for SpatialDropout2D {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        spatial(inputs, self.rate, self.data_format, scope)
    }
}

layer! {
    /// [`Dropout`] of whole channels of volumes.
    pub struct SpatialDropout3D(
        /// The part that is dropped, less than 1.
        rate: f64,
    ) {
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for SpatialDropout3D {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        spatial(inputs, self.rate, self.data_format, scope)
    }
}

layer! {
    /// In training, elements times normally distributed numbers around 1, whose variance is that of dropout.
    pub struct GaussianDropout(
        /// The rate of the dropout that it stands for, less than 1.
        rate: f64,
    ) {}
}

impl Layer for GaussianDropout {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        check_rate(self.rate, scope)?;
        if !scope.is_training() || self.rate == 0.0 {
            return Ok(inputs.masked_like(x));
        }
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        let factors = normal_like(&scope.key()?, &x, 1.0, deviation)?;
        Ok(inputs.masked_like(x * factors))
    }
}

layer! {
    /// In training, elements plus normally distributed numbers.
    pub struct GaussianNoise(
        /// Their standard deviation.
        stddev: f64,
    ) {}
}

impl Layer for GaussianNoise {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        if !scope.is_training() || self.stddev == 0.0 {
            return Ok(inputs.masked_like(x));
        }
        let noise = normal_like(&scope.key()?, &x, 0.0, self.stddev)?;
        Ok(inputs.masked_like(x + noise))
    }
}

layer! {
    /// In training, dropout that keeps mean and variance of what `selu` gives: what is dropped becomes its least value (Klambauer et al. 2017).
    pub struct AlphaDropout(
        /// The part that is dropped, less than 1.
        rate: f64,
    ) {
        /// The shape of the decisions: 1 along axes that share theirs, null as the input.
        noise_shape: Option<Vec<Option<usize>>> = None,
    }
}

impl Layer for AlphaDropout {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        check_rate(self.rate, scope)?;
        if !scope.is_training() || self.rate == 0.0 {
            return Ok(inputs.masked_like(x));
        }
        let least = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;
        let a = ((1.0 - self.rate) * (1.0 + self.rate * least * least)).powf(-0.5);
        let b = -a * least * self.rate;
        let keep = kept(&scope.key()?, noise_shape(&self.noise_shape, x.shape()?), 1.0 - self.rate);
        Ok(inputs.masked_like(keep.select(&x, least) * a + b))
    }
}

layer! {
    /// What it is given, which adds to the loss.
    pub struct ActivityRegularization() {
        /// The factor of the sum of magnitudes.
        l1: f64 = 0.0,
        /// The factor of the sum of squares.
        l2: f64 = 0.0,
    }
}

impl Layer for ActivityRegularization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let row = serde_json::json!({"class_name": "L1L2", "config": {"l1": self.l1, "l2": self.l2}});
        let rule = Regularizer::from_json(&row).map_err(|reason| scope.refuse(reason))?;
        scope.regularize(&Some(rule), &x)?;
        Ok(inputs.masked_like(x))
    }
}
