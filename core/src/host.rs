//! Calls of the program from functions: of closures, and of kernels that are registered under a name.
//!
//! | | what it is for | what a traced function keeps |
//! |---|---|---|
//! | [`host_callback`] | what the closure does | the closure; it runs in its turn among prints and checks |
//! | [`pure_callback`] | what the closure gives | the closure; it runs if somebody needs what it gives |
//! | [`custom_call`] | what the kernel gives | its name, which can be written down and read |
//!
//! Code that is called gets tensors with values, whatever is traced or compiled around it, and may compute with them as it likes. It gets copies
//! and gives copies. Loops over slices may call it on several threads.

use std::any::Any;
use std::sync::Arc;

use tensorwright_ir::host::{CustomKernel, HostError, HostFunction, register_kernel, registered_kernel};
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::control::{CallBatching, CustomCall, HostCallback, PureCallback};
use tensorwright_ir::op::{CallAttribute, CallAttributes};
use tensorwright_ir::{Literal, Op, TensorType};

use crate::control::effect;
use crate::error::{CallSite, Error, Result, caller};
use crate::gradient::custom_at;
use crate::interpret::{apply, eagerly};
use crate::tensor::Tensor;

/// Calls a closure with the values of tensors, for what it does. In a traced function it is called whenever the compiled function runs, after
/// earlier effects, once for each time that a loop comes by.
///
/// By [`vmap`](crate::vmap()) it is called for one example after the other. It takes no part in gradients.
///
/// # Errors
/// When a value carries an error, or the closure fails or panics, in a call of a compiled function too: the error has this line.
///
/// ```
/// use std::sync::Mutex;
/// use tensorwright::prelude::*;
///
/// static SEEN: Mutex<Vec<f32>> = Mutex::new(Vec::new());
/// let f = function(|x: Tensor| {
///     host_callback(&[&x], |values| {
///         SEEN.lock().unwrap().push(values[0].item()?);
///         Ok(())
///     })?;
///     Ok(x + 1.0)
/// });
/// f.call(2.0f32)?;
/// f.call(3.0f32)?;
/// assert_eq!(*SEEN.lock().unwrap(), [2.0, 3.0]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("debug_callback", "io_callback", "py_function", "numpy_function"))]
#[track_caller]
pub fn host_callback(
    values: &[&Tensor],
    callback: impl Fn(&[Tensor]) -> Result<()> + Send + Sync + 'static,
) -> Result<()> {
    let callback = closure(move |values| callback(values).map(|()| Vec::new()));
    effect(HostCallback { callback, pairs: Axes::new() }.into(), values, caller())
}

/// Tensors of these types that a closure computes of the values of others. It must give the same each time for the same values: how often it is
/// called is not said, and not at all if nobody needs what it gives.
///
/// By [`vmap`](crate::vmap()) it is called for each example; where branches differ from example to example, for those too that do not take its
/// branch. A gradient through it is an error: [`custom_gradient`](crate::custom_gradient) around it says what the gradient is.
///
/// # Errors
/// When an input carries an error; and when the closure fails, panics or gives other types, in a call of a compiled function too: the error has
/// this line.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::TensorType;
///
/// let f = function(|x: Tensor| {
///     let types = [TensorType::new(DType::F32, [2])];
///     let mut sorted = pure_callback(&types, &[&x], |values| {
///         let mut numbers = values[0].to_vec::<f32>()?;
///         numbers.sort_by(f32::total_cmp);
///         Ok(vec![Tensor::from(numbers)])
///     })?;
///     Ok(sorted.remove(0) * 2.0)
/// });
/// assert_eq!(f.call([3.0f32, 1.0])?.to_vec::<f32>()?, [2.0, 6.0]);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn pure_callback(
    results: &[TensorType],
    inputs: &[&Tensor],
    callback: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + Send + Sync + 'static,
) -> Result<Vec<Tensor>> {
    pure(results, inputs, closure(callback), CallBatching::Sequential, caller())
}

/// As [`pure_callback`], with a closure that [`vmap`](crate::vmap()) calls once for all examples: all inputs have a new axis 0 then, along which the
/// examples are, and so must have the results.
///
/// # Errors
/// As [`pure_callback`].
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::{TensorType, pure_callback_batched};
///
/// let double = |x: Tensor| {
///     let types = [TensorType::new(DType::F32, [])];
///     Ok(pure_callback_batched(&types, &[&x], |values| Ok(vec![&values[0] * 2.0]))?.remove(0))
/// };
/// assert_eq!(vmap(double).call([1.0f32, 2.0])?.to_vec::<f32>()?, [2.0, 4.0]);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn pure_callback_batched(
    results: &[TensorType],
    inputs: &[&Tensor],
    callback: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + Send + Sync + 'static,
) -> Result<Vec<Tensor>> {
    pure(results, inputs, closure(callback), CallBatching::BroadcastAll, caller())
}

fn pure(
    results: &[TensorType],
    inputs: &[&Tensor],
    callback: HostFunction,
    batching: CallBatching,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let results = results.iter().cloned().collect();
    applied(PureCallback { callback, results, batching, pairs: Axes::new() }.into(), inputs, at)
}

fn applied(op: Op, inputs: &[&Tensor], at: CallSite) -> Result<Vec<Tensor>> {
    apply(op, inputs, at).map(|results| results.into_vec()).map_err(Arc::unwrap_or_clone)
}

/// The closure as graphs call it.
fn closure(f: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + Send + Sync + 'static) -> HostFunction {
    HostFunction::new(move |values| called(values, &f))
}

/// What code of tensors gives for values: it runs outside of whatever is traced.
fn called(
    values: &[Literal],
    f: &dyn Fn(&[Tensor]) -> Result<Vec<Tensor>>,
) -> Result<Vec<Literal>, HostError> {
    let at = caller();
    eagerly(|| {
        let values: Vec<Tensor> =
            values.iter().map(|literal| Tensor::literal_in_memory(literal, at)).collect();
        let literal = |tensor: &Tensor| -> Result<Literal> {
            let (ty, buffer) = tensor.value(at)?;
            Ok(Literal::from_bytes(ty.clone(), buffer.as_bytes().to_vec())
                .expect("it has the bytes of its type"))
        };
        Ok(f(&values)?.iter().map(literal).collect::<Result<_>>()?)
    })
}

type ResultTypes = dyn Fn(&[TensorType], &CallAttributes) -> Result<Vec<TensorType>> + Send + Sync;
type Run = dyn Fn(&[Tensor], &CallAttributes) -> Result<Vec<Tensor>> + Send + Sync;
type GradientRule =
    dyn Fn(&[Tensor], &[Tensor], &[Tensor], &CallAttributes) -> Result<Vec<Tensor>> + Send + Sync;

/// A kernel to be registered under a name, for [`custom_call`].
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::HostKernel;
///
/// HostKernel::new(
///     |types, _| Ok(vec![types[0].clone()]),
///     |inputs, attributes| {
///         assert!(attributes.get("by").is_some());
///         let tripled = inputs[0].to_vec::<f64>()?.iter().map(|x| 3.0 * x).collect::<Vec<_>>();
///         Ok(vec![Tensor::from(tripled)])
///     },
/// )
/// .gradient(|_inputs, _outputs, cotangents, _| Ok(vec![&cotangents[0] * 3.0]))
/// .register("triple")?;
///
/// let f = function(|x: Tensor| Ok(custom_call("triple", &[&x], &[("by", 3.into())])?.remove(0)));
/// assert_eq!(f.call([1.0f64, 2.0])?.to_vec::<f64>()?, [3.0, 6.0]);
/// let slope = grad(|x: Tensor| Ok(custom_call("triple", &[&x], &[("by", 3.into())])?.remove(0).sum(..)));
/// assert_eq!(slope.call([1.0f64, 2.0])?.to_vec::<f64>()?, [3.0, 3.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct HostKernel {
    result_types: Arc<ResultTypes>,
    run: Arc<Run>,
    gradient: Option<Arc<GradientRule>>,
    batching: CallBatching,
}

impl std::fmt::Debug for HostKernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostKernel").field("batching", &self.batching).finish_non_exhaustive()
    }
}

impl HostKernel {
    /// A kernel that gives results of the types that the first closure says, for operands of these types; `run` must give the same each time for the
    /// same operands and attributes, and how often it is called is not said. See [`HostKernel`] for an example.
    pub fn new(
        result_types: impl Fn(&[TensorType], &CallAttributes) -> Result<Vec<TensorType>> + Send + Sync + 'static,
        run: impl Fn(&[Tensor], &CallAttributes) -> Result<Vec<Tensor>> + Send + Sync + 'static,
    ) -> HostKernel {
        HostKernel {
            result_types: Arc::new(result_types),
            run: Arc::new(run),
            gradient: None,
            batching: CallBatching::Sequential,
        }
    }

    /// With a gradient: of operands, results, and a cotangent for each float result it makes a cotangent for each operand, of its type; for one that
    /// is no float anything of its type will do. It is made of ops, like the closures of [`custom_gradient`](crate::custom_gradient). Without one,
    /// a gradient through the kernel is an error. See [`HostKernel`] for an example.
    #[must_use]
    pub fn gradient(
        self,
        rule: impl Fn(&[Tensor], &[Tensor], &[Tensor], &CallAttributes) -> Result<Vec<Tensor>>
        + Send
        + Sync
        + 'static,
    ) -> HostKernel {
        HostKernel { gradient: Some(Arc::new(rule)), ..self }
    }

    /// Called once for all examples by [`vmap`](crate::vmap()), with a new axis 0 of all operands and results, instead of for each example.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::HostKernel;
    ///
    /// HostKernel::new(|types, _| Ok(types.to_vec()), |inputs, _| Ok(vec![-&inputs[0]])).batched().register("negated")?;
    /// let f = vmap(|x: Tensor| Ok(custom_call("negated", &[&x], &[])?.remove(0)));
    /// assert_eq!(f.call([1.0f32, 2.0])?.to_vec::<f32>()?, [-1.0, -2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn batched(self) -> HostKernel {
        HostKernel { batching: CallBatching::BroadcastAll, ..self }
    }

    /// Registers the kernel for the rest of the process. See [`HostKernel`] for an example.
    ///
    /// # Errors
    /// When the name is taken.
    #[track_caller]
    pub fn register(self, name: &str) -> Result<()> {
        let at = caller();
        let taken = |error| Error::Other { at: at.into(), source: Arc::new(error) };
        register_kernel(name, Arc::new(self)).map_err(taken)
    }
}

impl CustomKernel for HostKernel {
    fn result_types(
        &self,
        operands: &[TensorType],
        attributes: &CallAttributes,
    ) -> Result<Vec<TensorType>, HostError> {
        Ok((self.result_types)(operands, attributes)?)
    }

    fn run(&self, operands: &[Literal], attributes: &CallAttributes) -> Result<Vec<Literal>, HostError> {
        called(operands, &|values| (self.run)(values, attributes))
    }
}

/// Results of the kernel that is registered under this name, see [`HostKernel`]. A graph has the kernel's name, the attributes and the types of the
/// results: its text can be read by a program that registers the kernel, and says so when it is compiled by one that does not.
///
/// # Errors
/// When no such kernel is registered, it does not take inputs of these types, or an input carries an error; and when it fails, panics or gives
/// other types, in a call of a compiled function too: the error has this line.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // `identity` is there from the start.
/// let x = Tensor::from([1.0f32, 2.0]);
/// assert_eq!(custom_call("identity", &[&x], &[])?[0].to_vec::<f32>()?, [1.0, 2.0]);
/// let error = custom_call("unheard of", &[&x], &[]).unwrap_err();
/// assert!(error.to_string().contains("no kernel is registered as `unheard of`"), "{error}");
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("ffi_call", "load_op_library"))]
#[track_caller]
pub fn custom_call(
    name: &str,
    inputs: &[&Tensor],
    attributes: &[(&str, CallAttribute)],
) -> Result<Vec<Tensor>> {
    let at = caller();
    let attributes: CallAttributes = attributes.iter().cloned().collect();
    let types = inputs.iter().map(|input| input.ty().cloned()).collect::<Result<Vec<_>>>()?;
    let says = |message: String| Error::Other { at: at.into(), source: Arc::from(HostError::from(message)) };
    let Some(kernel) = registered_kernel(name) else {
        return Err(says(format!("no kernel is registered as `{name}`: see `HostKernel`")));
    };
    let results = kernel.result_types(&types, &attributes);
    let results = results.map_err(|error| says(format!("`{name}` does not take these inputs: {error}")))?;
    let any: Arc<dyn Any + Send + Sync> = kernel;
    let own = any.downcast::<HostKernel>().ok();
    let batching = own.as_ref().map_or(CallBatching::Sequential, |own| own.batching);
    let op = Op::from(CustomCall {
        name: name.to_owned(),
        attributes: attributes.clone(),
        results: results.into_iter().collect(),
        batching,
        pairs: Axes::new(),
    });
    let Some(rule) = own.and_then(|own| own.gradient.clone()) else { return applied(op, inputs, at) };
    with_gradient(&op, &*rule, &attributes, inputs, at)
}

/// The call, differentiated by the kernel's rule.
fn with_gradient(
    op: &Op,
    rule: &GradientRule,
    attributes: &CallAttributes,
    inputs: &[&Tensor],
    at: CallSite,
) -> Result<Vec<Tensor>> {
    custom_at(
        &|inputs: Vec<Tensor>| {
            let results = applied(op.clone(), &inputs.iter().collect::<Vec<_>>(), at)?;
            Ok((results.clone(), (inputs, results)))
        },
        &|(inputs, results): (Vec<Tensor>, Vec<Tensor>), cotangents: Vec<Tensor>| {
            rule(&inputs, &results, &cotangents, attributes)
        },
        inputs.iter().map(|&input| input.clone()).collect(),
        at,
    )
}
