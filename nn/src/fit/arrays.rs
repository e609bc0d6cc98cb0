//! What is trained on: tensors whose first axis are the examples.

use tensorwright::Tensor;

use crate::error::{Error, Result};

/// Inputs, targets and weights of examples, all with the examples along their first axis.
#[derive(Clone)]
pub struct Arrays {
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) targets: Vec<Tensor>,
    pub(crate) weights: Option<Tensor>,
}

impl Arrays {
    /// Inputs and targets.
    pub fn new(inputs: Vec<Tensor>, targets: Vec<Tensor>) -> Arrays {
        Arrays { inputs, targets, weights: None }
    }

    /// The same examples with a weight for each.
    #[must_use]
    pub fn weighted(self, weights: &Tensor) -> Arrays {
        Arrays { weights: Some(weights.clone()), ..self }
    }

    fn all(&self) -> impl Iterator<Item = &Tensor> {
        self.inputs.iter().chain(&self.targets).chain(&self.weights)
    }

    /// How many examples there are.
    ///
    /// # Errors
    /// When there are no inputs, or tensors do not agree.
    pub fn count(&self) -> Result<usize> {
        let counts = self.all().map(|x| x.extent(0)).collect::<Result<Vec<usize>, _>>()?;
        match counts.first() {
            Some(&count) if counts.iter().all(|&own| own == count) => Ok(count),
            Some(_) => Err(Error::Model(format!("inputs, targets and weights have {counts:?} examples"))),
            None => Err(Error::Model("there are no inputs".to_owned())),
        }
    }

    /// The examples before a place, and those from it on.
    pub(crate) fn split(&self, at: usize) -> [Arrays; 2] {
        let part = |cut: &dyn Fn(&Tensor) -> Tensor| Arrays {
            inputs: self.inputs.iter().map(cut).collect(),
            targets: self.targets.iter().map(cut).collect(),
            weights: self.weights.as_ref().map(cut),
        };
        [part(&|x| x.i(..at)), part(&|x| x.i(at..))]
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

impl From<&Arrays> for Arrays {
    fn from(arrays: &Arrays) -> Arrays {
        arrays.clone()
    }
}
