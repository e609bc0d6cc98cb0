//! What a rule of improvement is.

use tensorwright::{DType, Result, Tensor, TensorType};

use super::Settings;

/// A rule that says what one parameter becomes in a step.
pub trait Rule {
    /// What the rule remembers of a parameter between steps, in an order of its own.
    fn slots(&self, parameter: &Parameter) -> Vec<Slot>;

    /// One step of one parameter; `slots` are in the order of [`Rule::slots`].
    ///
    /// # Errors
    /// When a tensor carries an error.
    fn step(
        &self,
        parameter: &Parameter,
        x: Tensor,
        g: &Tensor,
        slots: &[Tensor],
        now: &Moment,
    ) -> Result<Stepped>;

    /// What the settings are if nothing is said.
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// The weight decay of a parameter, where that of the settings is `shared`.
    fn weight_decay(&self, parameter: &Parameter, shared: Option<f64>) -> Option<f64> {
        let _ = parameter;
        shared
    }
}

/// A parameter, by its path in the model and its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The path.
    pub path: String,
    /// The type.
    pub ty: TensorType,
}

/// A tensor that is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its name.
    pub name: &'static str,
    /// What it is before the first step.
    pub start: Start,
}

/// What a tensor is before the first step.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// One number everywhere, of this type.
    Full(TensorType, f64),
    /// The parameter itself.
    Parameter,
}

impl Parameter {
    /// A slot of the parameter's type, 0 at first.
    pub fn zeros(&self, name: &'static str) -> Slot {
        self.full(name, 0.0)
    }

    /// A slot of the parameter's type, with one number everywhere at first.
    pub fn full(&self, name: &'static str, value: f64) -> Slot {
        Slot { name, start: Start::Full(self.ty.clone(), value) }
    }
}

/// What a step makes of a parameter and of what is remembered of it.
#[derive(Clone, Debug)]
pub struct Stepped {
    /// The new value.
    pub x: Tensor,
    /// The new slots.
    pub slots: Vec<Tensor>,
}

impl Stepped {
    pub(super) fn new<const N: usize>(x: Tensor, slots: [Tensor; N]) -> Result<Stepped> {
        Ok(Stepped { x: x.ok()?, slots: slots.into() })
    }
}

/// When a step is: the learning rate, and how many steps there were.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The learning rate: `f32[]`.
    pub rate: Tensor,
    /// The number of the step, from 1 on: `i64[]`.
    pub step: Tensor,
}

impl Moment {
    /// The learning rate in a dtype.
    pub fn rate(&self, dtype: DType) -> Tensor {
        self.rate.cast(dtype)
    }

    /// The number of the step in a dtype.
    pub fn step(&self, dtype: DType) -> Tensor {
        self.step.cast(dtype)
    }

    /// `1 - base^step`, computed in f64, for the power is near 1 at first, of a base that is rounded to f32 as Keras's is.
    pub fn correction(&self, base: f64, dtype: DType) -> Tensor {
        (1.0 - (self.step.cast(DType::F64) * single(base).ln()).exp()).cast(dtype)
    }
}

/// A number as Keras has it where it casts one to a parameter's dtype: rounded to f32 first.
pub(super) fn single(number: f64) -> f64 {
    f64::from(number as f32)
}

/// `mean + (x - mean) * (1 - beta)`.
pub(super) fn averaged(mean: &Tensor, x: &Tensor, beta: f64) -> Tensor {
    mean + (x - mean) * (1.0 - beta)
}
