//! Settings that are one of few words.

/// Declares an enum whose variants have names in JSON.
macro_rules! keyword {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $crate::Field for $name {
            fn to_json(&self) -> serde_json::Value {
                match self { $($name::$variant => $word.into(),)* }
            }

            fn from_json(value: &serde_json::Value) -> Result<$name, String> {
                match value.as_str() {
                    $(Some($word) => Ok($name::$variant),)*
                    _ => Err(format!("one of {:?} is wanted, found {value}", [$($word),*])),
                }
            }
        }
    };
}
pub(crate) use keyword;

keyword! {
    /// Where the channels of images are.
    pub enum DataFormat {
        /// Behind the pixels: `[n, h, w, c]`.
        ChannelsLast = "channels_last",
        /// Before the pixels: `[n, c, h, w]`.
        ChannelsFirst = "channels_first",
    }
}

impl DataFormat {
    /// The axis of channels, of tensors of this rank.
    pub(crate) fn channel_axis(self, rank: usize) -> usize {
        match self {
            DataFormat::ChannelsLast => rank.saturating_sub(1),
            DataFormat::ChannelsFirst => 1,
        }
    }

    /// The first of the axes of pixels.
    pub(crate) fn first_pixel_axis(self) -> usize {
        match self {
            DataFormat::ChannelsLast => 1,
            DataFormat::ChannelsFirst => 2,
        }
    }

    pub(crate) fn layout(self) -> tensorwright::ImageLayout {
        match self {
            DataFormat::ChannelsLast => tensorwright::ImageLayout::Nhwc,
            DataFormat::ChannelsFirst => tensorwright::ImageLayout::Nchw,
        }
    }
}

keyword! {
    /// What is around an image.
    pub enum PaddingMode {
        /// Nothing: results only where the whole window is inside.
        Valid = "valid",
        /// As much as it takes for as many results as there are pixels, divided by the stride.
        Same = "same",
        /// All of it before the sequence: results see nothing that comes later.
        Causal = "causal",
    }
}

impl From<PaddingMode> for tensorwright::Padding {
    fn from(mode: PaddingMode) -> tensorwright::Padding {
        match mode {
            PaddingMode::Valid => tensorwright::Padding::Valid,
            PaddingMode::Same => tensorwright::Padding::Same,
            PaddingMode::Causal => tensorwright::Padding::Causal,
        }
    }
}
