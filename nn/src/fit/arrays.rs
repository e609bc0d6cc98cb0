//! What is trained on: tensors whose first axis are the examples.

use tensorwright::Tensor;

use super::batch::Batch;
use crate::error::Result;

/// Inputs, targets and weights of examples, all with the examples along their first axis.
#[derive(Clone)]
pub struct Arrays(pub(super) Batch);

impl Arrays {
    /// Inputs and targets.
    pub fn new(inputs: Vec<Tensor>, targets: Vec<Tensor>) -> Arrays {
        Arrays(Batch { inputs, targets, ..Batch::default() })
    }

    /// The same examples with a weight for each, in the loss of each output.
    #[must_use]
    pub fn weighted(self, weights: &Tensor) -> Arrays {
        Arrays(Batch { weights: vec![weights.clone()], ..self.0 })
    }

    /// The same examples with a weight for each in the loss of the first output, of the second one, and so on.
    #[must_use]
    pub fn weighted_by_output(self, weights: Vec<Tensor>) -> Arrays {
        Arrays(Batch { weights, ..self.0 })
    }

    /// How many examples there are.
    ///
    /// # Errors
    /// When there are no inputs, or tensors do not agree.
    pub fn count(&self) -> Result<usize> {
        self.0.count()
    }
}

impl From<(&Tensor, &Tensor)> for Arrays {
    fn from((input, target): (&Tensor, &Tensor)) -> Arrays {
        Arrays::new(vec![input.clone()], vec![target.clone()])
    }
}

impl From<(Tensor, Tensor)> for Arrays {
    fn from((input, target): (Tensor, Tensor)) -> Arrays {
        Arrays::new(vec![input], vec![target])
    }
}

impl From<(Vec<Tensor>, Tensor)> for Arrays {
    fn from((inputs, target): (Vec<Tensor>, Tensor)) -> Arrays {
        Arrays::new(inputs, vec![target])
    }
}

impl From<(Vec<Tensor>, Vec<Tensor>)> for Arrays {
    fn from((inputs, targets): (Vec<Tensor>, Vec<Tensor>)) -> Arrays {
        Arrays::new(inputs, targets)
    }
}

impl From<&Tensor> for Arrays {
    fn from(input: &Tensor) -> Arrays {
        Arrays::new(vec![input.clone()], Vec::new())
    }
}

impl From<Tensor> for Arrays {
    fn from(input: Tensor) -> Arrays {
        Arrays::new(vec![input], Vec::new())
    }
}

impl From<Vec<Tensor>> for Arrays {
    fn from(inputs: Vec<Tensor>) -> Arrays {
        Arrays::new(inputs, Vec::new())
    }
}

impl From<&Arrays> for Arrays {
    fn from(arrays: &Arrays) -> Arrays {
        arrays.clone()
    }
}
