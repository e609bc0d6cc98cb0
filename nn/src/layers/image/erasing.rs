//! Images of which training hides a part (Zhong et al. 2020).

use serde_json::Value;
use tensorwright::{DType, Result, Tensor};

use super::pictures::augmentations;
use super::range::Range;
use super::sampling::pixels;
use crate::{Field, Scope, Setting};

/// What hides pixels: a number, or one for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill(Vec<f64>);

impl Setting<Option<Fill>> for f64 {
    fn setting(self) -> Option<Fill> {
        Some(Fill(vec![self]))
    }
}

impl<const N: usize> Setting<Option<Fill>> for [f64; N] {
    fn setting(self) -> Option<Fill> {
        Some(Fill(self.to_vec()))
    }
}

impl Field for Fill {
    fn to_json(&self) -> Value {
        if let [number] = self.0[..] { number.into() } else { self.0.clone().into() }
    }

    fn from_json(value: &Value) -> Result<Fill, String> {
        match value.as_f64() {
            Some(number) => Ok(Fill(vec![number])),
            None => Vec::from_json(value).map(Fill),
        }
    }
}

augmentations! {
    /// In training, some images with a rectangle of noise, or of one colour.
    RandomErasing() {
        /// How probable it is.
        factor: Range = Range::new(0.0, 1.0),
        /// Which parts of an image are hidden: the root of one number for each side.
        scale: Range = Range::new(0.02, 0.33),
        /// What hides them: noise if nothing is said.
        fill_value: Option<Fill> = None,
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) => {
        let happens = this.factor.chance(&x, scope)?;
        let [columns, rows] = pixels(&x)?;
        let scale = this.scale.at_least(0.0);
        let hidden = covered(&columns, x.extent(2)?, scale, &x, scope)?
            & covered(&rows, x.extent(1)?, scale, &x, scope)?;
        let fill = match &this.fill_value {
            Some(Fill(numbers)) => Tensor::from_slice(numbers, [numbers.len()]).cast(x.dtype()?),
            None => {
                let noise = scope.key()?.normal(x.shape()?.clone(), 0.0f32, 1.0).cast(x.dtype()?);
                noise * this.value_range.high()
            }
        };
        let fill = this.value_range.clamp(fill).broadcast_to(x.shape()?.clone());
        (happens & hidden.expand_dims(3)).select(fill, &x)
    };
}

/// Which of an axis's places lie in a section that is drawn for each image: `bool[b, ..]`.
fn covered(places: &Tensor, extent: usize, scale: Range, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
    let drawn = |range: Range| -> Result<Tensor> { Ok(range.draw(x, scope)?.cast(DType::F32).squeeze([3])) };
    let length = drawn(scale)?.sqrt() * extent as f64;
    let start = drawn(Range::new(0.0, 1.0))? * (extent as f64 - &length);
    let places = places.cast(DType::F32);
    (places.ge(&start) & places.lt(start + length)).ok()
}
