//! The weights of a layer.

use std::sync::{Arc, Mutex, PoisonError};

use tensorwright::module::Path;
use tensorwright::{DType, Module, RandomKey, Result, Shape, Tensor, Variable, eagerly};

use crate::constraints::Constraint;
use crate::error::Error;
use crate::initializers::Initializer;
use crate::regularizers::Regularizer;

/// A variable of a layer, with what training does to it.
#[derive(Clone)]
pub struct Weight {
    /// The name within its layer.
    pub name: String,
    /// The variable.
    pub variable: Variable,
    /// What it adds to the loss.
    pub regularizer: Option<Regularizer>,
    /// What is done to it after each step.
    pub constraint: Option<Constraint>,
    /// Whether training changes it at all, unless its layer is frozen.
    pub(crate) learnt: bool,
}

/// Makes the first value of a weight.
type First = Arc<dyn Fn(&Shape, DType, &RandomKey) -> Result<Tensor> + Send + Sync>;

/// How a weight is made.
#[derive(Clone)]
pub struct WeightSpec {
    pub(crate) first: First,
    pub(crate) regularizer: Option<Regularizer>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) trainable: bool,
    pub(crate) dtype: Option<DType>,
}

impl From<Initializer> for WeightSpec {
    fn from(initializer: Initializer) -> WeightSpec {
        WeightSpec::by(move |shape, dtype, key| initializer.draw(shape, dtype, key))
    }
}

impl From<&Initializer> for WeightSpec {
    fn from(initializer: &Initializer) -> WeightSpec {
        initializer.clone().into()
    }
}

impl Initializer {
    /// A weight that begins so, adds this to the loss, and has this done to it after each step.
    pub(crate) fn spec(
        &self,
        regularizer: &Option<Regularizer>,
        constraint: &Option<Constraint>,
    ) -> WeightSpec {
        WeightSpec::from(self).regularized(regularizer).constrained(constraint)
    }
}

impl WeightSpec {
    /// A weight whose first value this makes, of its shape, dtype and a key.
    pub fn by(
        first: impl Fn(&Shape, DType, &RandomKey) -> Result<Tensor> + Send + Sync + 'static,
    ) -> WeightSpec {
        let first = Arc::new(first);
        WeightSpec { first, regularizer: None, constraint: None, trainable: true, dtype: None }
    }

    /// The weight adds this to the loss.
    #[must_use]
    pub fn regularized(self, regularizer: &Option<Regularizer>) -> WeightSpec {
        WeightSpec { regularizer: regularizer.clone(), ..self }
    }

    /// This is done to the weight after each step.
    #[must_use]
    pub fn constrained(self, constraint: &Option<Constraint>) -> WeightSpec {
        WeightSpec { constraint: constraint.clone(), ..self }
    }

    /// The weight is not trained: a statistic, or a state.
    #[must_use]
    pub fn frozen(self) -> WeightSpec {
        WeightSpec { trainable: false, ..self }
    }

    /// The weight has this dtype whatever the policy is.
    #[must_use]
    pub fn dtype(self, dtype: DType) -> WeightSpec {
        WeightSpec { dtype: Some(dtype), ..self }
    }
}

/// The weights that a layer has asked for so far, in that order.
#[derive(Default)]
pub(crate) struct Weights {
    made: Mutex<Vec<Weight>>,
    /// What is kept from call to call, and is no weight.
    states: Mutex<Vec<(String, Variable)>>,
}

impl Weights {
    pub(crate) fn all(&self) -> Vec<Weight> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn states(&self) -> Vec<Variable> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().map(|(_, state)| state.clone()).collect()
    }

    /// The weight of this name, if it is made.
    pub(super) fn find(&self, name: &str) -> Option<Weight> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|weight| weight.name == name).cloned()
    }

    /// Training no longer changes the weight of this name.
    pub(super) fn freeze(&self, name: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for weight in made.iter_mut().filter(|weight| weight.name == name) {
            weight.learnt = false;
            weight.variable.set_trainable(false);
        }
    }

    /// The state of this name, zeros at first, and again if it gets another shape.
    pub(crate) fn state(&self, name: &str, dtype: DType, shape: Shape) -> Result<Variable> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let found = states.iter().find(|(own, state)| own == name && state.ty().shape == shape);
        if let Some((_, state)) = found {
            return Ok(state.clone());
        }
        let state = eagerly(|| Variable::named(name, Tensor::zeros(shape, dtype)))?.frozen();
        states.retain(|(own, _)| own != name);
        states.push((name.to_owned(), state.clone()));
        Ok(state)
    }

    /// The weight of this name, made if it is not there.
    pub(crate) fn get(
        &self,
        layer: &str,
        name: &str,
        (dtype, shape): (DType, Shape),
        trainable: bool,
        spec: impl FnOnce() -> WeightSpec,
    ) -> Result<Variable> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weight) = made.iter().find(|weight| weight.name == name) {
            return match weight.variable.ty().shape == shape {
                true => Ok(weight.variable.clone()),
                false => Err(misfit(layer, weight, &shape)),
            };
        }
        let spec = spec();
        let dtype = spec.dtype.unwrap_or(dtype);
        let value = || Variable::named(name, (spec.first)(&shape, dtype, &initial_key())?);
        let variable = eagerly(value)?;
        variable.set_trainable(spec.trainable && trainable);
        let WeightSpec { regularizer, constraint, trainable: learnt, .. } = spec;
        let variable_too = variable.clone();
        made.push(Weight { name: name.to_owned(), variable: variable_too, regularizer, constraint, learnt });
        Ok(variable)
    }
}

fn misfit(layer: &str, weight: &Weight, shape: &Shape) -> tensorwright::Error {
    let (name, found) = (&weight.name, &weight.variable.ty().shape);
    let reason = format!("`{name}` was made with shape {found}, and inputs now ask for {shape}");
    Error::Inputs { layer: layer.to_owned(), reason }.into()
}

impl Module for Weights {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        for weight in self.all() {
            path.within(&weight.name, |path| weight.variable.visit_variables(path, visit));
        }
    }
}

static SEED: Mutex<(u64, u64)> = Mutex::new((0, 0));

/// Lets all weights that are made from now on be drawn by this seed: the same program makes the same weights.
pub fn set_seed(seed: u64) {
    *SEED.lock().unwrap_or_else(PoisonError::into_inner) = (seed, 0);
}

/// A key for the next weight of the program.
fn initial_key() -> RandomKey {
    let mut state = SEED.lock().unwrap_or_else(PoisonError::into_inner);
    state.1 += 1;
    RandomKey::new(state.0).fold_in(state.1)
}
