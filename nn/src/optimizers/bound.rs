//! An optimiser with its state in variables, for the parameters of a model.

use std::sync::{Mutex, PoisonError};

use tensorwright::module::Path;
use tensorwright::{DType, Error, Module, Output, Result, Tensor, Variable, value_and_grad_of_used};

use super::{Optimizer, Parameter};
use crate::constraints::Constraint;

/// An optimiser that improves variables in place: its state are variables too, so that all of a step is one compiled graph.
///
/// As a module it is its state.
pub struct BoundOptimizer {
    optimizer: Optimizer,
    parameters: Vec<Parameter>,
    variables: Vec<Variable>,
    constraints: Vec<Option<Constraint>>,
    state: Vec<Slot>,
    /// Paths of parameters on which the last loss does not depend.
    unused: Mutex<Vec<String>>,
}

/// What is remembered, and of which parameter.
struct Slot {
    path: String,
    parameter: Option<usize>,
    variable: Variable,
}

impl Optimizer {
    /// The optimiser before its first step, for the [`parameters`](Module::parameters) of a module.
    ///
    /// # Errors
    /// As [`Optimizer::bind_to`].
    #[track_caller]
    pub fn bind(self, module: &impl Module) -> Result<BoundOptimizer> {
        self.bind_to(module.parameters())
    }

    /// The optimiser before its first step, for these variables with their paths.
    ///
    /// # Errors
    /// In a traced function; when the settings contradict each other, or a pattern is no regular expression.
    #[track_caller]
    pub fn bind_to(self, parameters: Vec<(String, Variable)>) -> Result<BoundOptimizer> {
        let named = |(path, variable): &(String, Variable)| {
            let path = if path.is_empty() { variable.name() } else { path };
            Parameter { path: path.to_owned(), ty: variable.ty().clone() }
        };
        let (of, variables): (Vec<Parameter>, Vec<Variable>) =
            parameters.into_iter().map(|pair| (named(&pair), pair.1)).unzip();
        let values: Vec<Tensor> = variables.iter().map(Variable::value).collect();
        let slots = self.slots(&of)?.into_iter().map(|slot| {
            let variable = Variable::named(&slot.path, slot.begin(&values))?.frozen();
            Ok(Slot { parameter: slot.parameter(), path: slot.path, variable })
        });
        let state = slots.collect::<Result<_>>()?;
        let constraints = vec![None; variables.len()];
        Ok(BoundOptimizer {
            optimizer: self,
            parameters: of,
            variables,
            constraints,
            state,
            unused: Mutex::default(),
        })
    }
}

impl BoundOptimizer {
    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The variables that it improves, in the order of gradients.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// What the parameter of this path becomes after each step.
    ///
    /// # Errors
    /// When there is no such parameter.
    #[track_caller]
    pub fn constrain(&mut self, path: &str, constraint: impl Into<Constraint>) -> Result<()> {
        let at = self.parameters.iter().position(|parameter| parameter.path == path);
        let at = at.ok_or_else(|| Error::other(format!("there is no parameter `{path}`")))?;
        self.constraints[at] = Some(constraint.into());
        Ok(())
    }

    /// Computes a loss and its gradients, and improves the parameters; those on which the loss does not depend stay as they are, and so does what is remembered of
    /// them. Gives the loss before the step.
    ///
    /// # Errors
    /// When the loss is no float scalar, depends on no parameter, or carries an error.
    #[track_caller]
    pub fn minimize<L: Output<Tree = Tensor>>(&self, loss: impl Fn() -> L) -> Result<Tensor> {
        let variables: Vec<&Variable> = self.variables.iter().collect();
        let Some(scale) = self.loss_scale()? else {
            let (loss, gradients) = value_and_grad_of_used(&variables, loss)?;
            self.apply_used(gradients)?;
            return Ok(loss);
        };
        let scaled = || {
            let loss = loss().into_result()?;
            (&loss * scale.cast(loss.dtype()?)).ok()
        };
        let (loss, gradients) = value_and_grad_of_used(&variables, scaled)?;
        self.apply_used(gradients)?;
        (&loss / scale.cast(loss.dtype()?)).ok()
    }

    /// The paths of the parameters on which the last loss that was traced does not depend.
    pub fn unused(&self) -> Vec<String> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Improves those parameters that have a gradient.
    fn apply_used(&self, gradients: Vec<Option<Tensor>>) -> Result<()> {
        let is_used: Vec<bool> = gradients.iter().map(Option::is_some).collect();
        let paths = self.parameters.iter().map(|parameter| parameter.path.clone());
        let unused: Vec<String> =
            paths.zip(&is_used).filter(|(_, is_used)| !**is_used).map(|(path, _)| path).collect();
        if unused.len() == gradients.len() && !gradients.is_empty() {
            return Err(Error::other(format!("the loss depends on no parameter, of {}", unused.join(", "))));
        }
        *self.unused.lock().unwrap_or_else(PoisonError::into_inner) = unused;
        let zeros = |variable: &Variable| Tensor::zeros(variable.ty().shape.clone(), variable.ty().dtype);
        let gradients: Vec<Tensor> = gradients
            .into_iter()
            .zip(&self.variables)
            .map(|(gradient, variable)| gradient.unwrap_or_else(|| zeros(variable)))
            .collect();
        self.apply_where(&gradients, &is_used)
    }

    /// What a loss is multiplied by before its gradients are taken; [`minimize`](BoundOptimizer::minimize) does that.
    ///
    /// # Errors
    /// When a group of parameters has a scale of its own.
    pub fn loss_scale(&self) -> Result<Option<Tensor>> {
        self.optimizer.scale(&self.parameters, &self.values_of_state())
    }

    /// Improves the parameters by gradients, of the scaled loss if there is a scale, in the order of [`variables`](BoundOptimizer::variables).
    ///
    /// # Errors
    /// When there is not one gradient for each parameter, of its shape.
    #[track_caller]
    pub fn apply(&self, gradients: &[Tensor]) -> Result<()> {
        self.apply_where(gradients, &vec![true; self.variables.len()])
    }

    /// Improves some of the parameters; the others, and what is remembered of them, stay.
    fn apply_where(&self, gradients: &[Tensor], is_used: &[bool]) -> Result<()> {
        let values: Vec<Tensor> = self.variables.iter().map(Variable::value).collect();
        let state = self.values_of_state();
        let (values, state) = self.optimizer.update(&self.parameters, &values, gradients, &state)?;
        let parameters = self.variables.iter().zip(&self.constraints).zip(values).zip(is_used);
        for (((variable, constraint), value), _) in parameters.filter(|(_, is_used)| **is_used) {
            variable
                .assign(constraint.as_ref().map_or(value.clone(), |constraint| constraint.call(&value)))?;
        }
        let is_kept = |slot: &Slot| slot.parameter.is_some_and(|parameter| !is_used[parameter]);
        let slots = self.state.iter().zip(state).filter(|(slot, _)| !is_kept(slot));
        slots.into_iter().try_for_each(|(slot, value)| slot.variable.assign(value))
    }

    fn values_of_state(&self) -> Vec<Tensor> {
        self.state.iter().map(|slot| slot.variable.value()).collect()
    }

    fn slot(&self, name: &str) -> Option<&Variable> {
        let is_it = |path: &str| path == name || path.ends_with(&format!(".{name}"));
        self.state.iter().find(|slot| is_it(&slot.path)).map(|slot| &slot.variable)
    }

    /// How many steps there were: `i64[]`; of the first group if there are several.
    pub fn iterations(&self) -> Option<Tensor> {
        self.slot("iteration").map(Variable::value)
    }

    /// The learning rate of the next step: `f32[]`; of the first group if there are several.
    ///
    /// # Errors
    /// When a schedule says nothing.
    pub fn learning_rate(&self) -> Result<Tensor> {
        if let (Some(schedule), Some(step)) = (self.optimizer.schedule(), self.iterations()) {
            return schedule.rate(&step);
        }
        let rate = self.slot("learning_rate").map(Variable::value);
        rate.ok_or_else(|| Error::other("an optimiser without parameters has no learning rate"))
    }

    /// Sets the learning rate, in all groups, without tracing anything again.
    ///
    /// # Errors
    /// When a schedule says what it is.
    #[track_caller]
    pub fn set_learning_rate(&self, rate: f64) -> Result<()> {
        let is_rate = |path: &str| path == "learning_rate" || path.ends_with(".learning_rate");
        let rates: Vec<&Variable> =
            self.state.iter().filter(|slot| is_rate(&slot.path)).map(|slot| &slot.variable).collect();
        if rates.is_empty() {
            return Err(Error::other("the learning rate is a schedule's, and is not set"));
        }
        rates.into_iter().try_for_each(|variable| variable.assign(Tensor::from(rate).cast(DType::F32)))
    }

    /// Gives parameters their moving averages, if there are any: after training.
    ///
    /// # Errors
    /// When a value carries an error.
    #[track_caller]
    pub fn finalize(&self) -> Result<()> {
        for (parameter, variable) in self.parameters.iter().zip(&self.variables) {
            if let Some(average) = self.slot(&format!("{}.average", parameter.path)) {
                variable.assign(average.value())?;
            }
        }
        Ok(())
    }
}

/// The variables of the state.
impl Module for BoundOptimizer {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        for slot in &self.state {
            path.within(&slot.path, |path| slot.variable.visit_variables(path, visit));
        }
    }
}
