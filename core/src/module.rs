//! Modules: structs that hold variables, which are found by their paths.

use hashbrown::HashSet;

use crate::error::Result;
use crate::tree::tensors::{tensors, with_tensors};
use crate::{Tensor, Tree, Variable};

pub use tensorwright_macros::Module;

/// A value with variables in it.
///
/// Structs derive it. Variables, options, boxes, vectors, arrays and tuples of modules are modules.
///
/// ```
/// use tensorwright::prelude::*;
///
/// #[derive(Module)]
/// struct Dense {
///     weight: Variable,
///     bias: Option<Variable>,
///     #[module(skip)]
///     activation: fn(&Tensor) -> Tensor,
/// }
///
/// #[derive(Module)]
/// struct Network {
///     layers: Vec<Dense>,
/// }
///
/// let dense = |bias: bool| -> Result<Dense> {
///     let bias = bias.then(|| Variable::new([0.0f32; 3])).transpose()?;
///     Ok(Dense { weight: Variable::new([[1.0f32; 3]; 3])?, bias, activation: Tensor::relu })
/// };
/// let network = Network { layers: vec![dense(true)?, dense(false)?] };
/// let paths: Vec<String> = network.variables().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["layers.0.weight", "layers.0.bias", "layers.1.weight"]);
/// # let _ = network.layers[0].activation;
/// # Ok::<(), Error>(())
/// ```
pub trait Module {
    /// Calls `visit` with each variable and its path, always in the same order.
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable));

    /// The variables with their paths, in order.
    fn variables(&self) -> Vec<(String, Variable)>
    where
        Self: Sized,
    {
        let mut found = Vec::new();
        self.visit_variables(&mut Path::default(), &mut |path, variable| {
            found.push((path.to_owned(), variable.clone()));
        });
        found
    }

    /// The variables that training changes, with their paths, in order, each once: those that are [`trainable`](Variable::trainable), of floats or complex numbers.
    fn parameters(&self) -> Vec<(String, Variable)>
    where
        Self: Sized,
    {
        let mut seen = HashSet::new();
        let is_parameter =
            |variable: &Variable| variable.trainable() && variable.ty().dtype.is_differentiable();
        let mut found = self.variables();
        found.retain(|(_, variable)| is_parameter(variable) && seen.insert(variable.clone()));
        found
    }
}

/// Where in a module the visit is.
#[derive(Debug, Default)]
pub struct Path {
    text: String,
}

impl Path {
    /// Runs `work` one step further down.
    pub fn within(&mut self, step: &str, work: impl FnOnce(&mut Path)) {
        let length = self.text.len();
        if length > 0 {
            self.text.push('.');
        }
        self.text.push_str(step);
        work(self);
        self.text.truncate(length);
    }
}

impl Module for Variable {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        visit(&path.text, self);
    }
}

impl<M: Module> Module for Option<M> {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        if let Some(module) = self {
            module.visit_variables(path, visit);
        }
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        (**self).visit_variables(path, visit);
    }
}

impl<M: Module> Module for [M] {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        for (i, module) in self.iter().enumerate() {
            path.within(&i.to_string(), |path| module.visit_variables(path, visit));
        }
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        self[..].visit_variables(path, visit);
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        self[..].visit_variables(path, visit);
    }
}

macro_rules! tuple_modules {
    ($($($name:ident $position:tt),+;)*) => {$(
        impl<$($name: Module),+> Module for ($($name,)+) {
            fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
                $(path.within(stringify!($position), |path| self.$position.visit_variables(path, visit));)+
            }
        }
    )*};
}
tuple_modules! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
}

/// Variables in the shape of a tree, such as an optimiser's state: read and assigned as a whole.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::module::Variables;
///
/// let counts = Variables::new((Tensor::from(0i32), vec![Tensor::from(1.5f32)]))?;
/// let (steps, means) = counts.value();
/// counts.assign(&(steps + 1, means))?;
/// assert_eq!(counts.value().0.item::<i32>()?, 1);
/// # Ok::<(), Error>(())
/// ```
pub struct Variables<P> {
    template: P,
    variables: Vec<Variable>,
}

impl<P: Tree> Variables<P> {
    /// One variable for each tensor of the tree.
    ///
    /// # Errors
    /// As [`Variable::new`].
    #[track_caller]
    pub fn new(tree: P) -> Result<Variables<P>> {
        let at = crate::error::caller();
        let variables: Vec<Variable> =
            tensors(&tree).into_iter().map(|x| Variable::made_at("", x, at)).collect::<Result<_>>()?;
        // Only the structure is needed: the values are the variables' alone.
        let nothing = Tensor::from(false);
        let template = with_tensors(&tree, vec![nothing; variables.len()]);
        Ok(Variables { template, variables })
    }

    /// The tree with the values now.
    #[track_caller]
    pub fn value(&self) -> P {
        let at = crate::error::caller();
        with_tensors(&self.template, self.variables.iter().map(|variable| variable.value_at(at)).collect())
    }

    /// Gives all variables other values.
    ///
    /// # Errors
    /// When a tensor carries an error, or has another dtype or shape than its variable.
    #[track_caller]
    pub fn assign(&self, tree: &P) -> Result<()> {
        let at = crate::error::caller();
        let mut pairs = self.variables.iter().zip(tensors(tree));
        pairs.try_for_each(|(variable, value)| variable.assign_at(value, at))
    }
}

impl<P> Module for Variables<P> {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        self.variables.visit_variables(path, visit);
    }
}
