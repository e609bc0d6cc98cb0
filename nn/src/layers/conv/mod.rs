//! Convolutions.
//!
//! - [`declare`]: settings that all have; [`direct`]: `Conv1D` to `Conv3D`; [`transposed`]: their transposes; [`depthwise`]: each channel by itself, and then perhaps mixed.

mod declare;
mod depthwise;
mod direct;
mod transposed;

pub use depthwise::{DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D};
pub use direct::{Conv1D, Conv2D, Conv3D};
pub use transposed::{Conv1DTranspose, Conv2DTranspose, Conv3DTranspose};

use tensorwright::{ConvLayout, Result, Tensor};

use crate::{DataFormat, Scope};

/// Images as they are, and kernels as Keras has them: pixels, channels in, channels out.
pub(super) fn layout(format: DataFormat, rank: usize) -> ConvLayout {
    let pixels = &"DHW"[3 - rank..];
    let images = match format {
        DataFormat::ChannelsLast => format!("N{pixels}C"),
        DataFormat::ChannelsFirst => format!("NC{pixels}"),
    };
    let kernels = format!("{pixels}IO");
    (&*images, &*kernels, &*images).into()
}

/// How many channels images of so many axes of pixels have.
pub(super) fn channels(x: &Tensor, format: DataFormat, rank: usize, scope: &Scope<'_>) -> Result<usize> {
    let found = x.rank()?;
    if found != rank + 2 {
        let wanted = rank + 2;
        return Err(scope.refuse(format!("images with {wanted} axes are wanted, found {}", x.ty()?)));
    }
    x.extent(format.channel_axis(found))
}

/// A bias for each channel, in the shape that broadcasts.
pub(super) fn biased(y: Tensor, bias: Tensor, format: DataFormat) -> Result<Tensor> {
    let channels = bias.extent(0)?;
    let mut shape = vec![1; y.rank()?];
    shape[format.channel_axis(y.rank()?)] = channels;
    Ok(y + bias.reshape(shape))
}

/// Applies what knows channels last to images of either format.
pub(super) fn with_channels_last(
    x: Tensor,
    format: DataFormat,
    work: impl FnOnce(Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    match format {
        DataFormat::ChannelsLast => work(x),
        DataFormat::ChannelsFirst => Ok(work(x.move_axis(1, -1))?.move_axis(-1, 1)),
    }
}
