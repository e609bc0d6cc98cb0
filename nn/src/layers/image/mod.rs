//! Images in other sizes and colours, before a network sees them.
//!
//! - [`size`]: resized and cropped; [`color`]: what training does to colours; [`moved`]: where it moves images.

mod color;
mod moved;
mod size;

pub use color::{
    RandomBrightness, RandomColorDegeneration, RandomContrast, RandomGrayscale, RandomInvert,
    RandomPosterization, RandomSharpness,
};
pub use moved::{FillMode, PixelMethod, RandomTranslation, RandomZoom};
pub use size::{CenterCrop, RandomFlip, Resizing};
