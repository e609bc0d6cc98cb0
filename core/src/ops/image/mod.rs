//! Images: other sizes, regions, patches, places of maxima.

mod patches;
mod pools;
mod region;
mod resize;

pub use pools::PlaceOrder;
pub use region::RoiOptions;
pub use resize::{ResizeOptions, Scales};
