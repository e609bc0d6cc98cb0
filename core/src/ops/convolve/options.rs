//! How a kernel slides.

use tensorwright_ir::DType;
use tensorwright_ir::op::composite::ImageLayout;

use super::layout::ConvLayout;
use super::spatial::{Padding, PerAxis};

/// How a kernel slides: strides, padding, dilation, groups, and the order of axes.
///
/// Without more it is stride 1, no padding, and channels last: images `[n, h, w, c]`, kernels `[h, w, c, o]`.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{ConvOptions, ImageLayout, Padding};
/// let x = Tensor::ones((2, 3, 8, 8), DType::F32);
/// let kernel = Tensor::ones((4, 3, 3, 3), DType::F32);
/// let options = ConvOptions::new().strides(2).padding(Padding::Same).layout(ImageLayout::Nchw);
/// assert_eq!(x.conv2d(&kernel, options).shape()?, &[2, 4, 4, 4].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvOptions {
    pub(super) strides: PerAxis,
    pub(super) padding: Padding,
    pub(super) dilation: PerAxis,
    pub(super) output_padding: PerAxis,
    pub(super) groups: usize,
    pub(super) layout: ConvLayout,
    pub(super) dtype: Option<DType>,
}

impl Default for ConvOptions {
    fn default() -> ConvOptions {
        ConvOptions {
            strides: 1.into(),
            padding: Padding::Valid,
            dilation: 1.into(),
            output_padding: 0.into(),
            groups: 1,
            layout: ImageLayout::Nhwc.into(),
            dtype: None,
        }
    }
}

impl ConvOptions {
    /// Stride 1, no padding, one group, channels last.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 2), DType::F32), Tensor::ones((3, 2, 4), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new()).shape()?, &[1, 7, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new() -> ConvOptions {
        ConvOptions::default()
    }

    /// How far the kernel moves from one result to the next, 1 if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 9, 2), DType::F32), Tensor::ones((3, 3, 2, 4), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().strides((2, 3))).shape()?, &[1, 4, 3, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn strides(self, strides: impl Into<PerAxis>) -> ConvOptions {
        ConvOptions { strides: strides.into(), ..self }
    }

    /// What is around the image, nothing if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 2), DType::F32), Tensor::ones((3, 2, 4), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().padding([(1, 2)])).shape()?, &[1, 10, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn padding(self, padding: impl Into<Padding>) -> ConvOptions {
        ConvOptions { padding: padding.into(), ..self }
    }

    /// The distance of the kernel's taps, 1 if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 2), DType::F32), Tensor::ones((3, 2, 4), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().dilation(2)).shape()?, &[1, 5, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> ConvOptions {
        ConvOptions { dilation: dilation.into(), ..self }
    }

    /// Parts into which channels are divided: each channel out sees the channels in of its own part.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 6), DType::F32), Tensor::ones((3, 2, 9), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().groups(3)).shape()?, &[1, 7, 9].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn groups(self, groups: usize) -> ConvOptions {
        ConvOptions { groups, ..self }
    }

    /// The order of axes: an [`ImageLayout`], or three words such as `("NCHW", "OIHW", "NCHW")`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 2, 9), DType::F32), Tensor::ones((4, 2, 3), DType::F32));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().layout(("NCW", "OIW", "NWC"))).shape()?, &[1, 7, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layout(self, layout: impl Into<ConvLayout>) -> ConvOptions {
        ConvOptions { layout: layout.into(), ..self }
    }

    /// For [`Tensor::conv_transpose`](crate::Tensor::conv_transpose) how many results there are besides, at the end of each axis.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 4, 5), DType::F32), Tensor::ones((3, 2, 5), DType::F32));
    /// assert_eq!(x.conv_transpose(&kernel, ConvOptions::new().strides(2).output_padding(1)).shape()?, &[1, 10, 2].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn output_padding(self, padding: impl Into<PerAxis>) -> ConvOptions {
        ConvOptions { output_padding: padding.into(), ..self }
    }

    /// The dtype in which products are added up, that of the image if nothing is said: `i8` may add up in `i32`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 9, 2), DType::I8), Tensor::ones((3, 2, 4), DType::I8));
    /// assert_eq!(x.conv(&kernel, ConvOptions::new().dtype(DType::I32)).shape()?, &[1, 7, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dtype(self, dtype: DType) -> ConvOptions {
        ConvOptions { dtype: Some(dtype), ..self }
    }
}
