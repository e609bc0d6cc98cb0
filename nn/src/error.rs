//! What can go wrong with layers and models.

/// A result whose error is, unless said otherwise, an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with layers and models, beside what goes wrong with tensors.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of a layer is not what it may be.
    #[error("{class}: `{field}`: {reason}")]
    Setting {
        /// The class of the layer.
        class: String,
        /// The setting.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No class of layers has this name.
    #[error("no layer is called `{0}`; layers of one's own are registered first")]
    UnknownClass(String),
    /// A layer was called with something that it does not take.
    #[error("{layer}: {reason}")]
    Inputs {
        /// The name of the layer.
        layer: String,
        /// What is wrong.
        reason: String,
    },
    /// A model is not what it is used as.
    #[error("{0}")]
    Model(String),
    /// An element of a dataset cannot be a step.
    #[error("element {number} of the dataset: {source}")]
    Element {
        /// The number of the element, from 0, in its pass.
        number: u64,
        /// Why not.
        source: Box<Error>,
    },
    /// What a pipeline says.
    #[error(transparent)]
    Data(#[from] tensorwright_data::DataError),
    /// What a file of weights says.
    #[error(transparent)]
    Weights(#[from] tensorwright_formats::weights::WeightsError),
    /// What a tensor says.
    #[error(transparent)]
    Tensor(#[from] tensorwright::Error),
}

/// Within a traced function: the error of the closure.
impl From<Error> for tensorwright::Error {
    fn from(error: Error) -> tensorwright::Error {
        match error {
            Error::Tensor(error) => error,
            other => tensorwright::Error::other(other),
        }
    }
}
