//! Images that training distorts as if they were of rubber (Simard et al. 2003).

use tensorwright::{Result, Tensor};

use super::blur::{bell, blurred};
use super::pictures::augmentations;
use super::range::Range;
use super::sampling::{FillMode, PixelMethod, Sampling, pixels, place_dtype};
use crate::Scope;

augmentations! {
    /// In training, some images whose pixels move by numbers that are alike for neighbours.
    RandomElasticTransform() {
        /// How probable it is.
        factor: Range = Range::new(0.0, 1.0),
        /// How strong it is, at most 1.
        scale: Range = Range::new(0.0, 1.0),
        /// What is between pixels.
        interpolation: PixelMethod = PixelMethod::Bilinear,
        /// What is outside an image.
        fill_mode: FillMode = FillMode::Reflect,
        /// The number of what is outside.
        fill_value: f64 = 0.0,
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) moves Ok(RandomElasticTransform { interpolation: PixelMethod::Nearest, ..this.clone() }) => {
        let happens = this.factor.chance(&x, scope)?;
        let scale = this.scale.at_least(0.0);
        let strength = scale.draw_in(&[], scope)?.cast(place_dtype(&x)?);
        let [height, width] = [x.extent(1)?, x.extent(2)?];
        let reach = &strength * (0.1 * height.max(width) as f64);
        let neighbours = Neighbours::new(0.05 * height.min(width) as f64, &strength, scale.high());
        let [columns, rows] = pixels(&x)?;
        let rows = rows + &reach * neighbours.moves(&x, scope)?;
        let columns = columns + &reach * neighbours.moves(&x, scope)?;
        let (fill_mode, method) = (this.fill_mode, this.interpolation);
        let sampling = Sampling { fill_mode, method, fill_value: this.fill_value };
        this.value_range.clamp(happens.select(sampling.at(&x, &rows, &columns)?, &x))
    };
}

/// How far pixels look alike: a standard deviation that is drawn, and as many pixels as it can be at most.
struct Neighbours {
    deviation: Tensor,
    size: usize,
}

impl Neighbours {
    fn new(deviation: f64, strength: &Tensor, most: f64) -> Neighbours {
        let size = 6 * (deviation * most) as usize + 1;
        Neighbours { deviation: strength * deviation, size }
    }

    /// How far pixels move along an axis, `F[b, h, w]`.
    fn moves(&self, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let shape = [x.extent(0)?, x.extent(1)?, x.extent(2)?, 1];
        let noise = scope.key()?.normal(shape, 0.0f32, 1.0).cast(place_dtype(x)?) * &self.deviation;
        let reach = self.deviation.floor() * 3.0;
        let weights = bell(self.size, &self.deviation.maximum(1e-6), Some(&reach))?;
        blurred(&noise, &(weights.expand_dims(1) * weights))?.squeeze([3]).ok()
    }
}
