//! Settings of layers: fields of a struct, methods that set them, and rows of JSON, all written once.
//!
//! - [`declare`]: the macro [`layer!`](crate::layer!); [`field`]: what a field can be; [`keyword`]: settings that are one of few words;
//! - [`axes`]: numbers for each axis.

mod axes;
mod declare;
mod field;
mod keyword;

pub use axes::{AxisList, Pairs, Sizes};
pub use field::{Field, Row, Setting};
#[allow(unused_imports)]
pub(crate) use keyword::keyword;
pub use keyword::{DataFormat, PaddingMode};
