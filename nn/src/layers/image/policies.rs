//! Images that training changes in ways that are drawn.

use tensorwright::{RandomKey, Result, Tensor, case};

use super::color::{
    RandomBrightness, RandomColorDegeneration, RandomContrast, RandomPosterization, RandomSharpness,
    Solarization,
};
use super::moved::{RandomRotation, RandomShear, RandomTranslation};
use super::pictures::augmentations;
use super::range::Range;
use super::sampling::PixelMethod;
use super::tones::{AutoContrast, Equalization};
use crate::{Context, LayerRef, Scope, Setting};

/// How strong changes are, and of which images.
#[derive(Clone, Copy)]
struct Changes {
    factor: Range,
    values: Range,
    interpolation: PixelMethod,
}

impl Changes {
    /// Changes of places: sheared, moved, turned.
    fn of_places(self) -> Vec<LayerRef> {
        let Changes { factor, interpolation, .. } = self;
        vec![
            RandomShear::new().x_factor(factor).y_factor(factor).interpolation(interpolation).layer(),
            RandomTranslation::new(factor, factor).interpolation(interpolation).layer(),
            RandomRotation::new(factor).interpolation(interpolation).layer(),
        ]
    }

    /// Changes of tones of all kinds.
    fn of_tones(self) -> Vec<LayerRef> {
        let Changes { factor, values, .. } = self;
        let bits = (8.0 * factor.high()).floor().max(1.0);
        vec![
            RandomPosterization::new(Range::new(-bits, bits)).value_range(values).layer(),
            Solarization::new().addition_factor(factor).threshold_factor(factor).value_range(values).layer(),
            AutoContrast::new().value_range(values).layer(),
            Equalization::new().value_range(values).layer(),
        ]
    }

    /// Changes that look like what images are spoilt with.
    fn of_light(self) -> Vec<LayerRef> {
        let Changes { factor, values, .. } = self;
        vec![
            RandomBrightness::new(factor).value_range(values).layer(),
            RandomColorDegeneration::new(factor).value_range(values).layer(),
            RandomContrast::new(factor).value_range(values).layer(),
            RandomSharpness::new(factor).value_range(values).layer(),
        ]
    }
}

/// Images as one of several layers changes them: which one the number says, an i32 scalar; the last layers may be none. What a layer draws is decided by its number and
/// the key alone.
fn changed(
    x: &Tensor,
    layers: &[LayerRef],
    number: &Tensor,
    key: &RandomKey,
    scope: &Scope<'_>,
) -> Result<Tensor> {
    let ways: Vec<Box<dyn Fn() -> Result<Tensor>>> = (0..=layers.len())
        .map(|i| -> Box<dyn Fn() -> Result<Tensor>> {
            let (x, layer, key, policy) = (x.clone(), layers.get(i).cloned(), key.fold_in(i), scope.policy());
            Box::new(move || match &layer {
                Some(layer) => layer.call_with_policy(&x, &Context::training(key.clone()), policy)?.tensor(),
                None => Ok(x.clone()),
            })
        })
        .collect();
    let ways: Vec<&dyn Fn() -> Result<Tensor>> = ways.iter().map(|way| &**way as _).collect();
    case(number, &ways)
}

/// Numbers from 0 to one less than `count`.
fn numbers(count: usize, shape: &[usize], scope: &Scope<'_>) -> Result<Tensor> {
    scope.key()?.randint(shape, 0i32, count as i32).ok()
}

augmentations! {
    /// In training, images that a few layers change one after the other, drawn for the whole batch from eleven: shear, translation, rotation, brightness,
    /// degeneration of colours, contrast, sharpness, posterisation, solarisation, spread of tones, and equalisation (Cubuk et al. 2020).
    RandAugment() {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
        /// How many layers.
        num_ops: usize = 2,
        /// How strong they are, at most 1.
        factor: Range = Setting::<Range>::setting((0.0, 0.5)),
        /// What is between pixels.
        interpolation: PixelMethod = PixelMethod::Bilinear,
    } (this, x, scope) moves Err(scope.refuse("masks do not move with layers that are drawn")) => {
        let (values, interpolation) = (this.value_range, this.interpolation);
        let changes = Changes { factor: this.factor.at_least(0.0), values, interpolation };
        let layers = [changes.of_places(), changes.of_light(), changes.of_tones()].concat();
        let (key, drawn) = (scope.key()?, numbers(layers.len(), &[this.num_ops], scope)?);
        let mut x = x;
        for i in 0..this.num_ops {
            x = changed(&x, &layers, &drawn.i(i), &key, scope)?;
        }
        x
    };
    /// In training, images mixed with what several chains of layers make of them, each of up to so many layers that are drawn for the whole batch
    /// (Hendrycks et al. 2020).
    AugMix() {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
        /// How many chains.
        num_chains: usize = 3,
        /// How many layers a chain has at most.
        chain_depth: usize = 3,
        /// How strong they are, at most 1.
        factor: Range = Setting::<Range>::setting((0.0, 0.3)),
        /// The parameters of the distributions of the weights of chains, and of the image.
        alpha: f64 = 1.0,
        /// Whether there are also layers that change images as those are spoilt: brightness, degeneration of colours, contrast, sharpness.
        all_ops: bool = true,
        /// What is between pixels.
        interpolation: PixelMethod = PixelMethod::Bilinear,
    } (this, x, scope) moves Err(scope.refuse("masks do not move with layers that are drawn")) => {
        if this.num_chains == 0 || this.alpha <= 0.0 {
            return Err(scope.refuse("there is at least one chain, and `alpha` is more than 0"));
        }
        let (values, interpolation) = (this.value_range, this.interpolation);
        let changes = Changes { factor: this.factor.at_least(0.0), values, interpolation };
        let light = if this.all_ops { changes.of_light() } else { Vec::new() };
        let layers = [changes.of_places(), changes.of_tones(), light].concat();
        let parameters = Tensor::full([this.num_chains], this.alpha as f32);
        let of_chains = scope.key()?.dirichlet(Vec::new(), &parameters).cast(x.dtype()?);
        let of_image = scope.key()?.beta(Vec::new(), this.alpha as f32, this.alpha as f32).cast(x.dtype()?);
        let mut mixed = x.zeros_like();
        for chain in 0..this.num_chains {
            let mut own = x.clone();
            // The number behind the last layer stands for none.
            let drawn = numbers(layers.len() + 1, &[this.chain_depth], scope)?;
            for i in 0..this.chain_depth {
                own = changed(&own, &layers, &drawn.i(i), &scope.key()?, scope)?;
            }
            mixed += own * of_chains.i(chain);
        }
        values.clamp(&of_image * &x + (1.0 - &of_image) * mixed)
    };
}
