//! What models are trained on, evaluated and called with: arrays, or datasets of batches.

use tensorwright_data::Dataset;

use super::{Arrays, Names};
use crate::error::Result;
use crate::fit::elements::Elements;
use crate::fit::feed::{Feed, Rows};

/// What a model is trained on, evaluated or called with: [`Arrays`] of all examples, or a [`Dataset`] of batches.
///
/// An element of the dataset is a batch: inputs, `(inputs, targets)` or `(inputs, targets, weights)`. Each of these is a tensor, or, where a model has several
/// inputs or outputs, a tuple of tensors in their order, or tensors by their names.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::data::Dataset;
/// use tensorwright::nn::layers::Dense;
/// use tensorwright::nn::losses::MeanSquaredError;
/// use tensorwright::nn::optimizers::Sgd;
/// use tensorwright::nn::{Fit, Model};
///
/// let x = RandomKey::new(1).normal((64, 4), 0.0f32, 1.0);
/// let pairs = Dataset::from_slices((x.clone(), x.sum(-1).expand_dims(-1))).shuffle((64, 7)).batch(16);
/// let model = Model::new(Dense::new(1));
/// model.compile(Sgd::default(), MeanSquaredError, &[]);
/// let history = model.fit(&pairs, Fit::new().epochs(3).validation_data(pairs.take(1)))?;
/// assert!(history.curve("val_loss")[2] < history.curve("val_loss")[0]);
/// assert_eq!(model.predict(&pairs)?.shape()?, &[64, 1].into());
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
#[derive(Clone)]
pub enum Examples {
    /// All examples along the first axis of tensors.
    Arrays(Arrays),
    /// Batches.
    Batches(Dataset),
}

impl Examples {
    /// What gives the batches, of this size where there are arrays; shuffled in each pass if there is a seed.
    pub(super) fn feed(self, names: &Names, size: usize, seed: Option<u64>) -> Result<Box<dyn Feed>> {
        Ok(match self {
            Examples::Arrays(arrays) => Box::new(Rows::new(arrays.0, size, seed)?),
            Examples::Batches(dataset) => Box::new(Elements::new(dataset, names.clone())?),
        })
    }
}

impl<A: Into<Arrays>> From<A> for Examples {
    fn from(arrays: A) -> Examples {
        Examples::Arrays(arrays.into())
    }
}

impl From<Dataset> for Examples {
    fn from(dataset: Dataset) -> Examples {
        Examples::Batches(dataset)
    }
}

impl From<&Dataset> for Examples {
    fn from(dataset: &Dataset) -> Examples {
        Examples::Batches(dataset.clone())
    }
}
