//! The layers, by their names in Keras, with its settings and definitions.

mod activation;
mod attention;
mod audio;
mod border;
mod comparing;
mod conv;
mod dense;
mod einsum;
mod embedding;
mod image;
mod lambda;
mod merging;
mod norm;
mod pool;
mod positions;
mod preprocessing;
mod regularization;
mod reshaping;
mod rnn;

pub use activation::{ActivationLayer, ELU, LeakyReLU, PReLU, ReLU, Softmax};
pub use attention::{AdditiveAttention, Attention, GroupedQueryAttention, MultiHeadAttention};
pub use audio::{MelSpectrogram, STFTSpectrogram};
pub use border::{
    Cropping1D, Cropping2D, Cropping3D, ResizeMethod, UpSampling1D, UpSampling2D, UpSampling3D,
    ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
};
pub use comparing::{Any, NotEqual};
pub use conv::{
    Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, DepthwiseConv1D,
    DepthwiseConv2D, SeparableConv1D, SeparableConv2D,
};
pub use dense::Dense;
pub use einsum::EinsumDense;
pub use embedding::{Embedding, Masking, ReversibleEmbedding};
pub use image::{
    AugMix, AutoContrast, CenterCrop, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization,
    FillMode, MixUp, PixelMethod, RandAugment, RandomBrightness, RandomColorDegeneration, RandomColorJitter,
    RandomContrast, RandomCrop, RandomElasticTransform, RandomErasing, RandomFlip, RandomGaussianBlur,
    RandomGrayscale, RandomHue, RandomInvert, RandomPerspective, RandomPosterization, RandomRotation,
    RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Resizing, Solarization,
};
pub use lambda::Lambda;
pub use merging::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use norm::{
    BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization, SpectralNormalization,
    UnitNormalization, WeightNormalization,
};
pub use pool::{
    AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D,
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D,
    GlobalMaxPooling2D, GlobalMaxPooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D,
};
pub use positions::{AlibiBias, PositionEmbedding, RotaryEmbedding, SinePositionEncoding};
pub use preprocessing::{
    CategoryEncoding, Discretization, HashedCrossing, Hashing, IntegerLookup, Learned, Normalization,
    OutputMode, Rescaling, StringLookup, TextSplit, TextStandard, TextVectorization,
};
pub use regularization::{
    ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D,
    SpatialDropout2D, SpatialDropout3D,
};
pub use reshaping::{Flatten, Identity, Permute, RepeatVector, Reshape};
pub use rnn::{
    Bidirectional, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, GRU, GRUCell, LSTM, LSTMCell, MergeMode, RNN,
    SimpleRNN, SimpleRNNCell, StackedRNNCells, TimeDistributed,
};

use crate::layer::{Maker, maker};

/// Names classes with what makes them.
macro_rules! built_in {
    ($($name:ident),* $(,)?) => {
        /// All classes that are no models, by name.
        pub(crate) const BUILT_IN: &[(&str, Maker)] =
            &[$((<$name as crate::LayerClass>::CLASS, maker::<$name>)),*];
    };
}

#[rustfmt::skip]
built_in! {
    ActivationLayer, ELU, LeakyReLU, PReLU, ReLU, Softmax,
    Cropping1D, Cropping2D, Cropping3D, UpSampling1D, UpSampling2D, UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
    Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, DepthwiseConv1D, DepthwiseConv2D,
    SeparableConv1D, SeparableConv2D,
    Dense, EinsumDense, Embedding, Masking, ReversibleEmbedding,
    Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract,
    BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization, SpectralNormalization, UnitNormalization,
    WeightNormalization,
    AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
    AveragePooling1D, AveragePooling2D, AveragePooling3D,
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
    GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
    MaxPooling1D, MaxPooling2D, MaxPooling3D,
    ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise,
    SpatialDropout1D, SpatialDropout2D, SpatialDropout3D,
    Flatten, Identity, Permute, RepeatVector, Reshape,
    AdditiveAttention, Attention, GroupedQueryAttention, MultiHeadAttention,
    Bidirectional, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, GRU, GRUCell, LSTM, LSTMCell, RNN, SimpleRNN, SimpleRNNCell,
    StackedRNNCells, TimeDistributed,
    Any, NotEqual,
    AugMix, AutoContrast, CenterCrop, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization, MixUp, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform,
    RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
    RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom,
    Resizing, Solarization,
    MelSpectrogram, STFTSpectrogram,
    AlibiBias, PositionEmbedding, RotaryEmbedding, SinePositionEncoding,
    CategoryEncoding, Discretization, HashedCrossing, Hashing, IntegerLookup, Normalization, Rescaling,
    StringLookup, TextVectorization,
    Lambda,
}
