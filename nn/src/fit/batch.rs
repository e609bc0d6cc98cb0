//! What a step is given.

use tensorwright::{DType, Tensor, Tree};

use crate::error::{Error, Result};

/// The examples of a step.
#[derive(Clone, Default, Tree)]
pub(super) struct Batch {
    pub(super) inputs: Vec<Tensor>,
    pub(super) targets: Vec<Tensor>,
    /// Weights of examples: none, one tensor for all targets, or one for each.
    pub(super) weights: Vec<Tensor>,
    /// Which rows of all these make the batch; all if nothing is said.
    pub(super) rows: Option<Tensor>,
}

impl Batch {
    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.inputs.iter().chain(&self.targets).chain(&self.weights)
    }

    /// How many examples there are.
    ///
    /// # Errors
    /// When there are no inputs, or tensors do not agree.
    pub(super) fn count(&self) -> Result<usize> {
        let counts = self.tensors().map(|x| x.extent(0)).collect::<Result<Vec<usize>, _>>()?;
        match counts.first() {
            Some(&count) if counts.iter().all(|&own| own == count) => Ok(count),
            Some(_) => Err(Error::Model(format!("inputs, targets and weights have {counts:?} examples"))),
            None => Err(Error::Model("there are no inputs".to_owned())),
        }
    }

    /// The batch with its rows taken out of the arrays.
    #[must_use]
    pub(super) fn taken(self) -> Batch {
        let Some(rows) = &self.rows else { return self };
        let take = |list: &[Tensor]| list.iter().map(|x| x.take(rows, 0)).collect();
        Batch {
            inputs: take(&self.inputs),
            targets: take(&self.targets),
            weights: take(&self.weights),
            rows: None,
        }
    }

    /// The examples before a place, and those from it on.
    pub(super) fn split(&self, at: usize) -> [Batch; 2] {
        let part = |cut: &dyn Fn(&Tensor) -> Tensor| Batch {
            inputs: self.inputs.iter().map(cut).collect(),
            targets: self.targets.iter().map(cut).collect(),
            weights: self.weights.iter().map(cut).collect(),
            rows: None,
        };
        [part(&|x| x.i(..at)), part(&|x| x.i(at..))]
    }

    /// The same examples, whose weights are multiplied by those of their classes.
    ///
    /// # Errors
    /// When there is not one target of classes, or a class has no weight.
    pub(super) fn class_weighted(self, weights: &[f32]) -> Result<Batch> {
        let [target] = &self.targets[..] else {
            let count = self.targets.len();
            return Err(Error::Model(format!("weights of classes are for one target, found {count}")));
        };
        let classes = classes(target)?;
        let table = Tensor::from_slice(weights, [weights.len()]);
        if let Some(wrong) = classes.iter().find(|class| !(0..weights.len() as i32).contains(class)) {
            return Err(Error::Model(format!("class {wrong} has none of the {} weights", weights.len())));
        }
        let own = table.take(Tensor::from_slice(&classes, [classes.len()]), 0);
        let weights = match &self.weights[..] {
            [] => vec![own.ok()?],
            all => all.iter().map(|weights| (weights * &own).ok()).collect::<Result<_, _>>()?,
        };
        Ok(Batch { weights, ..self })
    }
}

/// The class of each example: targets are numbers of classes, or rows with a 1 for the class.
fn classes(target: &Tensor) -> Result<Vec<i32>> {
    let shape = target.shape()?.sizes().to_vec();
    let numbers = match shape[..] {
        [_] => target.clone(),
        [count, 1] => target.reshape([count]),
        [_, _] => target.argmax(-1),
        _ => return Err(Error::Model(format!("targets of shape {shape:?} are no classes"))),
    };
    Ok(numbers.cast(DType::I32).to_vec::<i32>()?)
}
