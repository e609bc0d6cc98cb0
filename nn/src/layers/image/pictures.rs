//! What layers of images have in common: they take one image or a batch, channels first or last, and change batches with channels last.

use tensorwright::{Result, Tensor};

use crate::{DataFormat, Inputs, Outputs, Scope};

/// A batch of images, and in which form they came.
pub(super) struct Pictures {
    given: Tensor,
    format: DataFormat,
    single: bool,
}

impl Pictures {
    /// The images that a layer is applied to, in the dtype that it computes in.
    pub(super) fn read(inputs: &Inputs, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        let given = inputs.tensor()?.cast(scope.dtype());
        let sizes = given.shape()?.sizes().to_vec();
        let single = sizes.len() == 3;
        if !(3..=4).contains(&sizes.len()) || sizes[sizes.len() - 3..].contains(&0) {
            return Err(
                scope.refuse(format!("an image or a batch of images is wanted, found {}", given.ty()?))
            );
        }
        Ok(Pictures { given, format, single })
    }

    /// The images as `T[b, h, w, c]`.
    pub(super) fn batch(&self) -> Result<Tensor> {
        let batch = if self.single { self.given.expand_dims(0) } else { self.given.clone() };
        match self.format {
            DataFormat::ChannelsLast => batch.ok(),
            DataFormat::ChannelsFirst => batch.move_axis(1, -1).ok(),
        }
    }

    /// The images as they came.
    pub(super) fn unchanged(self) -> Outputs {
        self.given.into()
    }

    /// Other images, `T[b, h, w, c]`, in the form in which these came.
    pub(super) fn back(self, images: Tensor) -> Result<Outputs> {
        let images = match self.format {
            DataFormat::ChannelsLast => images,
            DataFormat::ChannelsFirst => images.move_axis(-1, 1),
        };
        Ok(if self.single { images.squeeze([0]) } else { images }.ok()?.into())
    }
}

/// Declares layers that change images in training alone, batches with channels last.
macro_rules! augmentations {
    ($($(#[$doc:meta])* $name:ident($($required:tt)*) { $($settings:tt)* } ($this:ident, $x:ident, $scope:ident) => $change:expr;)*) => {$(
        $crate::layer! {
            $(#[$doc])*
            pub struct $name($($required)*) {
                $($settings)*
                /// Where channels are.
                data_format: $crate::DataFormat = $crate::DataFormat::ChannelsLast,
            }
        }

        impl $crate::Layer for $name {
            fn call(&self, inputs: &$crate::Inputs, $scope: &$crate::Scope<'_>) -> tensorwright::Result<$crate::Outputs> {
                let given = $crate::layers::image::pictures::Pictures::read(inputs, self.data_format, $scope)?;
                if !$scope.is_training() {
                    return Ok(given.unchanged());
                }
                let ($this, $x) = (self, given.batch()?);
                let changed: tensorwright::Tensor = $change;
                given.back(changed)
            }
        }
    )*};
}
pub(super) use augmentations;
