//! Images that training mixes with others of their batch, and their labels with them.

use tensorwright::{DType, Result, Tensor};

use super::pictures::{Company, Pictures, Reads};
use super::range::Range;
use super::sampling::pixels;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, Setting, layer};

layer! {
    /// In training, images each of which is mixed with another one of its batch (Zhang et al. 2018): `T[b, h, w, c]`. Called with the argument `labels`,
    /// `F[b, ..]`, such as one-hot vectors, it gives these too, mixed in the same way.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Context, Inputs, layers::MixUp};
    ///
    /// let images = RandomKey::new(1).uniform([4, 8, 8, 3], 0.0f32, 255.0);
    /// let labels = Tensor::arange(4, DType::I32).one_hot(4, -1, DType::F32);
    /// let call = Inputs::from(&images).with("labels", &labels);
    /// let mixed = MixUp::new().layer().call(call, &Context::training(RandomKey::new(2)))?.tensors();
    /// assert_eq!((mixed[0].shape()?, mixed[1].shape()?), (images.shape()?, labels.shape()?));
    /// assert!(mixed[1].sum(-1).allclose([1.0f32; 4], 1e-6, 0.0).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    pub struct MixUp() {
        /// Both parameters of the beta distribution of the weights: the smaller, the more an image stays itself.
        alpha: f64 = 0.2,
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

layer! {
    /// In training, images each of which shows a rectangle of another one of its batch (Yun et al. 2019): `T[b, h, w, c]`. Called with the argument
    /// `labels`, `F[b, ..]`, such as one-hot vectors, it gives these too, mixed by how much of the image is the other's.
    pub struct CutMix() {
        /// Where both parameters of the beta distribution of the weights lie.
        factor: Range = Setting::<Range>::setting((0.0, 1.0)),
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

/// What goes with so many images; labels are floats for each.
fn company(inputs: &Inputs, images: usize, scope: &Scope<'_>) -> Result<Company> {
    let company = Company::of(inputs);
    let Some(labels) = &company.labels else { return Ok(company) };
    let is_row = labels.rank()? > 0 && labels.extent(0)? == images;
    match is_row && labels.dtype()?.is_float() {
        true => Ok(company),
        false => Err(scope.refuse(format!(
            "labels are mixed, and so floats for each of {images} images, found {}: one-hot vectors are",
            labels.ty()?
        ))),
    }
}

/// `weight * x + (1 - weight) * other`, with a weight `F[b]` for each example.
fn blended(x: &Tensor, other: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let axes: Vec<usize> = (1..x.rank()?).collect();
    let weights = weights.cast(x.dtype()?);
    let weights = if axes.is_empty() { weights } else { weights.expand_dims(axes) };
    (&weights * x + (1.0 - &weights) * other).ok()
}

/// The numbers of the examples that those of a batch are mixed with.
fn partners(batch: usize, scope: &Scope<'_>) -> Result<Tensor> {
    scope.key()?.shuffle(Tensor::arange(batch, DType::I32), 0).ok()
}

/// Weights of the beta distribution with both parameters the same, `f32[b]`.
fn weights(batch: usize, parameter: impl Into<Tensor>, scope: &Scope<'_>) -> Result<Tensor> {
    let parameter = parameter.into().cast(DType::F32);
    scope.key()?.beta([batch], &parameter, &parameter).ok()
}

impl Layer for MixUp {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Reads::FloatsInTraining.pictures(inputs, self.data_format, scope)?;
        let x = given.batch()?;
        let batch = x.extent(0)?;
        let company = company(inputs, batch, scope)?;
        if !scope.is_training() {
            return Ok(company.behind(given.unchanged()));
        }
        if self.alpha <= 0.0 {
            return Err(scope.refuse(format!("`alpha` is more than 0, found {}", self.alpha)));
        }
        let (others, weights) = (partners(batch, scope)?, weights(batch, self.alpha, scope)?);
        let mixed = |x: &Tensor| blended(x, &x.take(&others, 0), &weights);
        let company = company.moved(self.data_format, scope, |masks| mixed(&masks))?;
        Ok(company.labelled(|labels| mixed(&labels))?.behind(given.back(mixed(&x)?)?))
    }
}

/// From where to where a rectangle reaches along an axis, `F[b]` each, if its length is this part of the side.
fn reach(side: usize, part: &Tensor, scope: &Scope<'_>) -> Result<[Tensor; 2]> {
    let length = part * side as f64;
    let start = scope.key()?.uniform(part.shape()?.clone(), 0.0f32, 1.0) * (side as f64 - &length);
    Ok([start.clone(), start + length])
}

impl Layer for CutMix {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Pictures::read(inputs, self.data_format, scope)?;
        let x = given.batch()?;
        let (batch, height, width) = (x.extent(0)?, x.extent(1)?, x.extent(2)?);
        let company = company(inputs, batch, scope)?;
        if !scope.is_training() {
            return Ok(company.behind(given.unchanged()));
        }
        let parameter = self.factor.at_least(0.0).draw_in(&[], scope)? + 1e-6;
        let side = (1.0 - weights(batch, parameter, scope)?).sqrt();
        let [left, right] = reach(width, &side, scope)?;
        let [top, bottom] = reach(height, &side, scope)?;
        let [columns, rows] = pixels(&x)?.map(|places| places.cast(DType::F32));
        let between = |places: &Tensor, [low, high]: [&Tensor; 2]| {
            let [low, high] = [low, high].map(|bound| bound.expand_dims([1, 2]));
            places.ge(low) & places.lt(high)
        };
        let cut = between(&columns, [&left, &right]) & between(&rows, [&top, &bottom]);
        let others = partners(batch, scope)?;
        let cut = cut.expand_dims(3);
        let pasted = |x: Tensor| cut.select(x.take(&others, 0), &x).ok();
        let company = company.moved(self.data_format, scope, pasted)?;
        // What is left of each image: by lengths, as Keras has it, and not by whole pixels.
        let left_over = 1.0 - (right - left) * (bottom - top) / (height * width) as f64;
        let mixed = |labels: Tensor| blended(&labels, &labels.take(&others, 0), &left_over);
        Ok(company.labelled(mixed)?.behind(given.back(pasted(x)?)?))
    }
}
