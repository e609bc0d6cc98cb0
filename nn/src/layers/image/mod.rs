//! Images in other sizes and colours, before a network sees them.
//!
//! - [`size`]: resized, cropped and turned round; [`tones`] and [`adaptive`]: tones spread out;
//! - what training does: [`color`] and [`hue`] to colours, [`blur`] and [`erasing`] to details, [`moved`] and [`elastic`] to places;
//!   [`mixing`] with other images, [`policies`] in several of these ways;
//! - [`pictures`]: what these have in common; [`range`]: ranges of random numbers; [`sampling`]: pixels at computed places.

mod adaptive;
mod blur;
mod color;
mod elastic;
mod erasing;
mod hue;
mod mixing;
mod moved;
mod pictures;
mod policies;
mod range;
mod sampling;
mod size;
mod tones;

pub use adaptive::ContrastLimitedAdaptiveHistogramEqualization;
pub use blur::RandomGaussianBlur;
pub use color::{
    RandomBrightness, RandomColorDegeneration, RandomContrast, RandomGrayscale, RandomInvert,
    RandomPosterization, RandomSharpness, Solarization,
};
pub use elastic::RandomElasticTransform;
pub use erasing::RandomErasing;
pub use hue::{RandomColorJitter, RandomHue, RandomSaturation};
pub use mixing::{CutMix, MixUp};
pub use moved::{RandomPerspective, RandomRotation, RandomShear, RandomTranslation, RandomZoom};
pub use policies::{AugMix, RandAugment};
pub use sampling::{FillMode, PixelMethod};
pub use size::{CenterCrop, RandomCrop, RandomFlip, Resizing};
pub use tones::{AutoContrast, Equalization};
