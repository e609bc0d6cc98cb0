//! Optimisers: from parameters, gradients and a state to new ones, over trees of tensors.
//!
//! They are plain functions of tensors, so they run eagerly, or become part of a compiled training step.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::optimizer::{Adam, AdamState, Optimizer};
//!
//! let adam = Adam { learning_rate: 0.1, ..Adam::default() };
//! let step = {
//!     let gradient = grad(|x: Tensor| (x - 3.0).square().sum(..));
//!     function(move |(x, state): (Tensor, AdamState<Tensor>)| adam.update(x.clone(), &gradient.call(x)?, state))
//! };
//! let mut x = Tensor::from([0.0f32, 10.0]);
//! let mut state = adam.state(&x)?;
//! for _ in 0..300 {
//!     (x, state) = step.call((&x, &state))?;
//! }
//! assert!(x.to_vec::<f32>()?.iter().all(|x| (x - 3.0).abs() < 1e-2));
//! # Ok::<(), Error>(())
//! ```
//!
//! Gradients are a tree like the parameters, as [`grad`](crate::grad()) gives it. Integer and bool tensors among the parameters stay
//! as they are.

use crate::error::{Result, caller};
use crate::module::{Path, Variables};
use crate::tree::tensors::{tensors, types_of, with_tensors};
use crate::{DType, Module, Output, Tensor, Tree, Variable, value_and_grad_of};

/// A rule that improves parameters by gradients.
pub trait Optimizer {
    /// What the rule remembers of parameters `P` between steps.
    type State<P: Tree>: Tree;

    /// The state before the first step.
    ///
    /// # Errors
    /// When a parameter carries an error.
    fn state<P: Tree>(&self, parameters: &P) -> Result<Self::State<P>>;

    /// One step: new parameters and the new state.
    ///
    /// # Errors
    /// When a tensor carries an error, or gradients have other types than their parameters.
    fn update<P: Tree>(
        &self,
        parameters: P,
        gradients: &P,
        state: Self::State<P>,
    ) -> Result<(P, Self::State<P>)>;
}

/// A rule with its state, for variables that it improves: steps of training.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::optimizer::{Sgd, Trainer};
///
/// let w = Variable::new(0.0f64)?;
/// let trainer = Trainer::of(Sgd { learning_rate: 0.1, ..Sgd::default() }, &w)?;
/// let step = function(move |x: Tensor| trainer.step(|| (&x * &w - 6.0).square()));
/// let losses: Vec<f64> = (0..30).map(|_| step.call(2.0f64)?.item()).collect::<Result<_, _>>()?;
/// assert!(losses[0] == 36.0 && losses[29] < 1e-9);
/// # Ok::<(), Error>(())
/// ```
pub struct Trainer<O: Optimizer> {
    rule: O,
    parameters: Vec<Variable>,
    state: Variables<O::State<Vec<Tensor>>>,
}

impl<O: Optimizer> Trainer<O> {
    /// A rule before its first step, for the [`parameters`](Module::parameters) of a module.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    #[track_caller]
    pub fn of(rule: O, module: &impl Module) -> Result<Trainer<O>> {
        Trainer::new(rule, module.parameters().into_iter().map(|(_, variable)| variable).collect())
    }

    /// A rule before its first step, for these variables.
    ///
    /// # Errors
    /// In a traced function, as [`Variable::new`]: the state is made outside.
    #[track_caller]
    pub fn new(rule: O, parameters: Vec<Variable>) -> Result<Trainer<O>> {
        let state = Variables::new(rule.state(&values(&parameters))?)?;
        Ok(Trainer { rule, parameters, state })
    }

    /// Computes the loss and its gradient, and assigns the parameters and the state what the rule makes of them. Gives the loss
    /// before the step.
    ///
    /// # Errors
    /// When the loss is no float scalar, does not depend on a parameter, or carries an error.
    #[track_caller]
    pub fn step<L: Output<Tree = Tensor>>(&self, loss: impl Fn() -> L) -> Result<Tensor> {
        self.stepped(value_and_grad_of(&self.parameters.iter().collect::<Vec<_>>(), loss)?)
    }

    fn stepped(&self, (loss, gradients): (Tensor, Vec<Tensor>)) -> Result<Tensor> {
        let (new, state) = self.rule.update(values(&self.parameters), &gradients, self.state.value())?;
        self.state.assign(&state)?;
        self.parameters.iter().zip(new).try_for_each(|(parameter, new)| parameter.assign(new))?;
        Ok(loss)
    }
}

/// The variables of the state.
impl<O: Optimizer> Module for Trainer<O> {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        self.state.visit_variables(path, visit);
    }
}

#[track_caller]
fn values(parameters: &[Variable]) -> Vec<Tensor> {
    let at = caller();
    parameters.iter().map(|parameter| parameter.value_at(at)).collect()
}

/// Stochastic gradient descent, with momentum `v = momentum * v + g`, `x = x - learning_rate * v`, or, after Nesterov,
/// `x = x - learning_rate * (momentum * v + g)` (Sutskever et al. 2013).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Length of a step.
    pub learning_rate: f64,
    /// How much of the last step goes into the next, in `0.0..1.0`.
    pub momentum: f64,
    /// Whether the step looks ahead.
    pub nesterov: bool,
}

/// Learning rate 0.01, no momentum.
impl Default for Sgd {
    fn default() -> Sgd {
        Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false }
    }
}

/// The velocities of [`Sgd`]; none without momentum.
#[derive(Clone, Tree)]
pub struct SgdState<P: Tree> {
    /// One for each parameter.
    pub velocity: Option<P>,
}

impl Optimizer for Sgd {
    type State<P: Tree> = SgdState<P>;

    fn state<P: Tree>(&self, parameters: &P) -> Result<SgdState<P>> {
        let velocity = (self.momentum != 0.0).then(|| zeros_like(parameters)).transpose()?;
        Ok(SgdState { velocity })
    }

    fn update<P: Tree>(&self, parameters: P, gradients: &P, state: SgdState<P>) -> Result<(P, SgdState<P>)> {
        let rate = self.learning_rate;
        let Some(velocity) = state.velocity else {
            let new = zip([&parameters, gradients], |[x, g]| [x - g * rate])?;
            let [x] = split(&parameters, new);
            return Ok((x, SgdState { velocity: None }));
        };
        let new = zip([&parameters, gradients, &velocity], |[x, g, v]| {
            let v = v * self.momentum + g;
            let step = if self.nesterov { &v * self.momentum + g } else { v.clone() };
            [x - step * rate, v]
        })?;
        let [x, velocity] = split(&parameters, new);
        Ok((x, SgdState { velocity: Some(velocity) }))
    }
}

/// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) if there is weight decay: steps in units of the gradient's
/// running standard deviation, with bias correction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Length of a step.
    pub learning_rate: f64,
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients.
    pub beta2: f64,
    /// Added to the standard deviation.
    pub epsilon: f64,
    /// How much of a parameter goes in a step of length 1, apart from its gradient.
    pub weight_decay: f64,
}

/// The values of the paper: 0.001, 0.9, 0.999, 1e-8; no weight decay.
impl Default for Adam {
    fn default() -> Adam {
        Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl Adam {
    /// AdamW: Adam with a weight decay of 0.01.
    pub fn with_decay() -> Adam {
        Adam { weight_decay: 0.01, ..Adam::default() }
    }
}

/// The running means of [`Adam`].
#[derive(Clone, Tree)]
pub struct AdamState<P: Tree> {
    /// How many steps there were: `i32[]`.
    pub steps: Tensor,
    /// Means of gradients.
    pub mean: P,
    /// Means of squared gradients.
    pub square: P,
}

impl Optimizer for Adam {
    type State<P: Tree> = AdamState<P>;

    fn state<P: Tree>(&self, parameters: &P) -> Result<AdamState<P>> {
        let (mean, square) = (zeros_like(parameters)?, zeros_like(parameters)?);
        Ok(AdamState { steps: Tensor::from(0i32), mean, square })
    }

    fn update<P: Tree>(
        &self,
        parameters: P,
        gradients: &P,
        state: AdamState<P>,
    ) -> Result<(P, AdamState<P>)> {
        let steps = state.steps + 1;
        // 1 - beta^steps, in f64: the power is near 1 at first.
        let correction = |beta: f64| 1.0 - (steps.cast(DType::F64) * beta.ln()).exp();
        let (first, second) = (correction(self.beta1), correction(self.beta2));
        let new = zip([&parameters, gradients, &state.mean, &state.square], |[x, g, mean, square]| {
            let dtype = x.ty().map_or(DType::F64, |ty| ty.dtype);
            let (first, second) = (first.cast(dtype), second.cast(dtype));
            let mean = mean * self.beta1 + g * (1.0 - self.beta1);
            let square = square * self.beta2 + power(g) * (1.0 - self.beta2);
            let deviation = (&square / second).sqrt() + self.epsilon;
            let mut step = &mean / first / deviation;
            if self.weight_decay != 0.0 {
                step += x * self.weight_decay;
            }
            [x - step * self.learning_rate, mean, square]
        })?;
        let [x, mean, square] = split(&parameters, new);
        Ok((x, AdamState { steps, mean, square }))
    }
}

/// The square of the distance from 0, of a complex number as a complex one.
fn power(x: &Tensor) -> Tensor {
    if x.ty().is_ok_and(|ty| ty.dtype.is_complex()) { x * x.conj() } else { x * x }
}

fn zeros_like<P: Tree>(tree: &P) -> Result<P> {
    let zeros: Vec<Tensor> = tensors(tree).iter().map(Tensor::zeros_like).collect();
    types_of(&zeros)?;
    Ok(with_tensors(tree, zeros))
}

/// Applies a rule to the tensors of floats and of complex numbers at the same place of several trees, which have the structure of the first. For others it
/// gives what the first results stand for: the tensors themselves.
fn zip<P: Tree, const N: usize, const M: usize>(
    trees: [&P; N],
    rule: impl Fn([&Tensor; N]) -> [Tensor; M],
) -> Result<Vec<[Tensor; M]>> {
    let columns = trees.map(tensors);
    let row = |at: usize| {
        let row: [&Tensor; N] = std::array::from_fn(|tree| &columns[tree][at]);
        let changes = row[0].ty()?.dtype.is_differentiable();
        // Parameters come first; what follows them in a result are the last trees.
        let same = || std::array::from_fn(|m| if m == 0 { row[0].clone() } else { row[N - M + m].clone() });
        Ok(if changes { rule(row) } else { same() })
    };
    (0..columns[0].len()).map(row).collect()
}

fn split<P: Tree, const M: usize>(like: &P, rows: Vec<[Tensor; M]>) -> [P; M] {
    std::array::from_fn(|m| with_tensors(like, rows.iter().map(|row| row[m].clone()).collect()))
}
