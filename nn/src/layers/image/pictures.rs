//! What layers of images have in common: they take one image or a batch, channels first or last, perhaps with labels and masks, and change batches with channels last.
//!
//! Images of whole numbers become floats of the dtype that the layer computes in. Some layers keep the dtype, as they do in Keras: always, or where they change nothing.

use tensorwright::{DType, Result, Tensor};

use crate::{DataFormat, Inputs, Outputs, Scope, Signal};

/// A batch of images, and in which form they came.
pub(super) struct Pictures {
    given: Tensor,
    format: DataFormat,
    single: bool,
}

impl Pictures {
    /// The images that a layer is applied to, in the dtype that it computes in.
    pub(super) fn read(inputs: &Inputs, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        Pictures::of(inputs.tensor()?, format, scope)
    }

    /// The images that a layer is applied to, whole numbers as they are, floats in the dtype that it computes in.
    pub(super) fn as_given(inputs: &Inputs, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        let images = inputs.tensor()?;
        let dtype = if images.dtype()?.is_int() { images.dtype()? } else { scope.dtype() };
        Pictures::in_dtype(images, dtype, format, scope)
    }

    /// Images of this format, in the dtype that a layer computes in.
    fn of(images: Tensor, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        Pictures::in_dtype(images, scope.dtype(), format, scope)
    }

    fn in_dtype(images: Tensor, dtype: DType, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        let given = images.cast(dtype);
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

/// What goes with images: the arguments `labels`, which stay as they are, and `segmentation_masks`, images too, which move as they do.
pub(super) struct Company {
    pub(super) labels: Option<Tensor>,
    masks: Option<Tensor>,
}

impl Company {
    pub(super) fn of(inputs: &Inputs) -> Company {
        Company { labels: inputs.optional("labels"), masks: inputs.optional("segmentation_masks") }
    }

    /// The images, and behind them labels and masks, if there are some.
    pub(super) fn behind(self, images: Outputs) -> Outputs {
        let others = [self.labels, self.masks].into_iter().flatten().map(Signal::from);
        images.signals().into_iter().chain(others).collect::<Vec<_>>().into()
    }

    /// The same with other labels.
    pub(super) fn labelled(self, change: impl FnOnce(Tensor) -> Result<Tensor>) -> Result<Company> {
        let labels = self.labels.map(change).transpose()?;
        Ok(Company { labels, ..self })
    }

    /// The same with masks that `change` moves.
    pub(super) fn moved(
        self,
        format: DataFormat,
        scope: &Scope<'_>,
        change: impl FnOnce(Tensor) -> Result<Tensor>,
    ) -> Result<Company> {
        let Some(masks) = self.masks.clone() else { return Ok(self) };
        let given = Pictures::of(masks, format, scope)?;
        let masks = given.batch().and_then(change)?;
        Ok(Company { masks: Some(given.back(masks)?.tensor()?), ..self })
    }
}

/// Whole numbers as numbers to compute with.
pub(super) fn widened(x: &Tensor) -> Result<Tensor> {
    Ok(if x.dtype()?.is_int() { x.cast(DType::F32) } else { x.clone() })
}

/// Numbers in a dtype: what is outside it becomes its ends, and of whole numbers the nearest, the even one of two.
pub(super) fn saturated(x: Tensor, dtype: DType) -> Result<Tensor> {
    if !dtype.is_int() {
        return x.cast(dtype).ok();
    }
    let (low, high) = match dtype {
        DType::U8 => (0.0, 255.0),
        DType::I8 => (-128.0, 127.0),
        DType::U16 => (0.0, 65535.0),
        DType::I16 => (-32768.0, 32767.0),
        // A conversion ends at the ends of the others.
        _ => return x.round_even().cast(dtype).ok(),
    };
    x.round_even().clamp(low, high).cast(dtype).ok()
}

/// In which dtype a layer of images reads what it is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// In that which it computes in.
    Floats,
    /// In that which it computes in, in training; else as it is.
    FloatsInTraining,
    /// Whole numbers as they are.
    Integers,
}

impl Reads {
    pub(super) fn pictures(self, inputs: &Inputs, format: DataFormat, scope: &Scope<'_>) -> Result<Pictures> {
        let keeps = match self {
            Reads::Floats => false,
            Reads::FloatsInTraining => !scope.is_training(),
            Reads::Integers => true,
        };
        if keeps { Pictures::as_given(inputs, format, scope) } else { Pictures::read(inputs, format, scope) }
    }
}

/// Declares layers that change images in training alone, batches with channels last. Those that move pixels say which layer moves masks in the same way, or why none does. Those
/// that keep whole numbers say how they are [read](Reads).
macro_rules! augmentations {
    ($($(#[$doc:meta])* $name:ident($($required:tt)*) { $($settings:tt)* } ($this:ident, $x:ident, $scope:ident) $(reads $reads:ident)? $(moves $masks:expr)? => $change:expr;)*) => {$(
        $crate::layer! {
            $(#[$doc])*
            pub struct $name($($required)*) {
                $($settings)*
                /// Where channels are.
                data_format: $crate::DataFormat = $crate::DataFormat::ChannelsLast,
            }
        }

        impl $name {
            fn changed(&self, $x: tensorwright::Tensor, $scope: &$crate::Scope<'_>) -> tensorwright::Result<tensorwright::Tensor> {
                let $this = self;
                Ok($change)
            }
        }

        impl $crate::Layer for $name {
            fn call(&self, inputs: &$crate::Inputs, $scope: &$crate::Scope<'_>) -> tensorwright::Result<$crate::Outputs> {
                use $crate::layers::image::pictures::{Company, Reads};
                let reads = [$(Reads::$reads,)? Reads::Floats][0];
                let (given, company) = (reads.pictures(inputs, self.data_format, $scope)?, Company::of(inputs));
                if !$scope.is_training() {
                    return Ok(company.behind(given.unchanged()));
                }
                // Only what moves pixels uses it.
                let _draws = $scope.context().draws();
                let images = self.changed(given.batch()?, $scope)?;
                $(
                    let $this = self;
                    let _ = $this;
                    let company = company.moved(self.data_format, $scope, |masks| {
                        let mover: tensorwright::Result<$name> = $masks;
                        $scope.context().draw_again(_draws);
                        mover?.changed(masks, $scope)
                    })?;
                )?
                Ok(company.behind(given.back(images)?))
            }
        }
    )*};
}
pub(super) use augmentations;
