//! What can go wrong, and where the user wrote it.

use std::sync::Arc;

use tensorwright_compiler::kernel::verify::MAX_LEN;
use tensorwright_ir::eval::EvalError;
use tensorwright_ir::op::TypeError;
use tensorwright_ir::{BuildError, DType, Graph, Location, Scalar, Shape, TensorType, Type};
use tensorwright_runtime::buffer::OutOfMemory;
use tensorwright_runtime::cancel::StopReason;
use tensorwright_runtime::dump::DumpError;
use tensorwright_runtime::{BuildExecutableError, RunError};

/// A result whose error is, unless said otherwise, [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. Each error knows the line of the user's source that caused it.
///
/// Ops do not fail at once: they return a tensor that carries the error, later ops pass the *first* error on,
/// and it comes out where a value is asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An op does not accept its operands or attributes.
    #[error("{at}: {error}")]
    Op {
        /// The line that wrote the op.
        at: Location,
        /// The op, its operands' types, and what is wrong.
        error: Box<BuildError>,
    },
    /// A Rust number next to a tensor is not a value of the tensor's dtype.
    #[error("{at}: `{op}`: the literal {literal:?} does not fit the tensor's dtype, {dtype}")]
    Literal {
        /// The line that wrote the op.
        at: Location,
        /// The op.
        op: &'static str,
        /// The number.
        literal: Scalar,
        /// The dtype that it should have adopted.
        dtype: DType,
    },
    /// A tensor is used after the trace that made it.
    #[error(
        "{used}: a tensor that was made while tracing, at {made}, is used outside that trace; \
         return it from the traced function to get its value"
    )]
    Escaped {
        /// The line that made the tensor.
        made: Location,
        /// The line that used it.
        used: Location,
    },
    /// A tensor of one trace is used in another.
    #[error(
        "{used}: a tensor of another trace, made at {made}, is used here; \
         pass it to the traced function as an argument"
    )]
    TwoTraces {
        /// The line that made the tensor.
        made: Location,
        /// The line that used it.
        used: Location,
    },
    /// The value of a tensor is asked for while it is being traced.
    #[error(
        "{used}: the tensor made at {made} has no value while it is traced; \
         return it, or run the function eagerly (`run_eagerly(true)`) to look at it"
    )]
    NoValue {
        /// The line that made the tensor.
        made: Location,
        /// The line that asked.
        used: Location,
    },
    /// How large a tensor becomes is decided by data that have no value here.
    #[error(
        "{at}: how large this becomes is decided by the tensor made at {made}, which has no value in {inside}; \
         use the form with a bound there (such as `nonzero_within`), or take this outside"
    )]
    UnknownSize {
        /// The line that asked for the size.
        at: Location,
        /// The line that made the tensor.
        made: Location,
        /// The code that is traced.
        inside: String,
    },
    /// A list is used behind an op whose size data decide.
    #[error(
        "{used}: the list made at {made} is used behind an op whose size data decide, and lists are not kept that long; \
         stack it before, or begin it here"
    )]
    ListOverCut {
        /// The line that made the list.
        made: Location,
        /// The line that used it.
        used: Location,
    },
    /// A function did something else when it was traced again, for a size that data decide.
    #[error(
        "{at}: the function is traced again, for another size, and does something else up to here than before: \
         what it does may depend on its arguments alone"
    )]
    TracedOtherwise {
        /// The line that asked for the size.
        at: Location,
    },
    /// A number that is to be a size is none.
    #[error("{at}: a size is to be at least 0, found {found}")]
    NoSize {
        /// The line that asked for the size.
        at: Location,
        /// The number.
        found: i128,
    },
    /// The elements are asked for as another type than they have.
    #[error("{at}: the elements are {found}, not {expected}; cast the tensor first")]
    DType {
        /// The line that asked.
        at: Location,
        /// What was asked for.
        expected: DType,
        /// What the tensor has.
        found: DType,
    },
    /// One element is asked for, and there is not just one.
    #[error("{at}: `item` needs a tensor of one element, found {found}")]
    NotOneElement {
        /// The line that asked.
        at: Location,
        /// The tensor's type.
        found: TensorType,
    },
    /// The number of elements does not fit the shape.
    #[error("{at}: shape {shape} needs {} elements, found {found}", shape.elements())]
    ElementCount {
        /// The line that made the tensor.
        at: Location,
        /// The shape.
        shape: Shape,
        /// How many elements were given.
        found: usize,
    },
    /// Nested vectors of different lengths.
    #[error("{at}: the nested vectors have different lengths: they make no tensor")]
    Ragged {
        /// The line that made the tensor.
        at: Location,
    },
    /// Two values of a program's control flow that must be alike are not.
    #[error("{at}: {what}: {left}, {right}")]
    Disagreement {
        /// The line of the control flow.
        at: Location,
        /// What is to agree.
        what: String,
        /// The one side: its type, and where it was made.
        left: String,
        /// The other side.
        right: String,
    },
    /// A variable is made while a function is traced.
    #[error(
        "{at}: a variable is made inside a traced function, which runs once per signature; \
         make it outside and use it inside"
    )]
    VariableInTrace {
        /// The line that made it.
        at: Location,
    },
    /// Something has no derivative.
    #[error("{at}: {what}")]
    NotDifferentiable {
        /// The line that asked for the derivative, or that wrote the op that has none.
        at: Location,
        /// What has none, and why.
        what: String,
    },
    /// Memory could not be had.
    #[error("{at}: out of memory: {bytes} bytes were asked for")]
    OutOfMemory {
        /// The line that asked.
        at: Location,
        /// The size asked for.
        bytes: usize,
    },
    /// An assertion or a check of the program failed while it ran.
    #[error("{at}: {message}")]
    Check {
        /// The line that wrote the check, or that called the function.
        at: Location,
        /// What failed.
        message: Arc<str>,
    },
    /// The traced graph could not be compiled.
    #[error("{at}: the graph could not be compiled: {source}")]
    Compile {
        /// The line that called the function or wrote the op.
        at: Location,
        /// What the compiler says.
        source: Arc<BuildExecutableError>,
    },
    /// A stage of compilation cannot be shown.
    #[error("{at}: {source}")]
    Dump {
        /// The line that asked.
        at: Location,
        /// Why not.
        source: Arc<DumpError>,
    },
    /// An argument is not what the function's declared signature says.
    #[error("{at}: argument{} must be {expected}, found {found}", quoted(argument))]
    Signature {
        /// The line of the call.
        at: Location,
        /// Path of the argument; empty for a single unnamed one.
        argument: String,
        /// What was declared.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A spec with unknown extents where a whole type is needed.
    #[error("{at}: the extents of {spec} must all be known here")]
    UnknownDims {
        /// The line of the call.
        at: Location,
        /// The spec.
        spec: String,
    },
    /// A traced function calls itself without end.
    #[error("{at}: function calls are nested {depth} deep while tracing: is this recursion without end?")]
    Recursion {
        /// The line of the innermost call.
        at: Location,
        /// How deep.
        depth: usize,
    },
    /// A token or a limit of time stopped the run; see [`CancellationToken`](crate::CancellationToken).
    #[error("{at}: the run was stopped: {reason}")]
    Stopped {
        /// The line that called the function or wrote the op.
        at: Location,
        /// Who stopped it.
        reason: StopReason,
    },
    /// Something that a closure says.
    #[error("{at}: {source}")]
    Other {
        /// The line that says it.
        at: Location,
        /// What it says.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// There is nothing to show yet.
    #[error("{at}: nothing has been compiled yet; call the function first, or use `concrete`")]
    NothingCompiled {
        /// The line that asked.
        at: Location,
    },
}

fn quoted(argument: &str) -> String {
    if argument.is_empty() { String::new() } else { format!(" `{argument}`") }
}

impl Error {
    /// An error of a closure's own, with the line that makes it: closures of functions and of control flow give back errors of this type alone.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let f = function(|x: Tensor| match x.rank()? {
    ///     1 => Ok(x * 2.0),
    ///     rank => Err(Error::other(format!("a vector is wanted, not rank {rank}"))),
    /// });
    /// assert!(f.call([[1.0f64]]).unwrap_err().to_string().contains("a vector is wanted"));
    /// ```
    #[track_caller]
    pub fn other(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Other { at: caller().into(), source: Arc::from(source.into()) }
    }

    /// What a closure said, if it said an `E` by [`Error::other`].
    pub fn other_as<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Error::Other { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// The line of the user's source that caused the error.
    pub fn location(&self) -> &Location {
        match self {
            Error::Op { at, .. }
            | Error::Literal { at, .. }
            | Error::DType { at, .. }
            | Error::NotOneElement { at, .. }
            | Error::ElementCount { at, .. }
            | Error::Ragged { at }
            | Error::Disagreement { at, .. }
            | Error::NotDifferentiable { at, .. }
            | Error::VariableInTrace { at }
            | Error::OutOfMemory { at, .. }
            | Error::Check { at, .. }
            | Error::Compile { at, .. }
            | Error::Dump { at, .. }
            | Error::Signature { at, .. }
            | Error::UnknownDims { at, .. }
            | Error::Recursion { at, .. }
            | Error::Stopped { at, .. }
            | Error::UnknownSize { at, .. }
            | Error::TracedOtherwise { at }
            | Error::NoSize { at, .. }
            | Error::Other { at, .. }
            | Error::NothingCompiled { at } => at,
            Error::Escaped { used, .. }
            | Error::TwoTraces { used, .. }
            | Error::ListOverCut { used, .. }
            | Error::NoValue { used, .. } => used,
        }
    }

    /// An op's refusal, with the line that wrote the op.
    pub(crate) fn op(at: CallSite, error: BuildError) -> Error {
        Error::Op { at: at.into(), error: Box::new(error) }
    }

    /// Why this graph, of this line, has no code.
    pub(crate) fn compile(at: CallSite, graph: &Graph, error: BuildExecutableError) -> Error {
        match too_large(graph) {
            Some((bytes, location)) => {
                Error::OutOfMemory { at: location.unwrap_or_else(|| at.into()), bytes }
            }
            None => Error::Compile { at: at.into(), source: error.into() },
        }
    }

    /// Why a stage that was asked for at this line is not shown.
    pub(crate) fn dump(at: CallSite, error: DumpError) -> Error {
        Error::Dump { at: at.into(), source: error.into() }
    }

    /// Why a run failed that was started at this line.
    pub(crate) fn run(at: CallSite, error: RunError) -> Error {
        let at: Location = at.into();
        match error {
            RunError::Memory(OutOfMemory { bytes }) => Error::OutOfMemory { at, bytes },
            RunError::Effect(EvalError::Assertion { message, location }) => Error::Check {
                at: location.unwrap_or(at),
                message: format!("assertion failed: {message}").into(),
            },
            RunError::Effect(EvalError::NotFinite { message, index, element, location }) => Error::Check {
                at: location.unwrap_or(at),
                message: format!("{message}: element {index} is {element}").into(),
            },
            RunError::Effect(EvalError::Host { op, message, location }) => Error::Check {
                at: location.unwrap_or(at),
                message: format!("`{op}` failed: {message}").into(),
            },
            RunError::Stopped(reason) => Error::Stopped { at, reason },
            RunError::Effect(other) => Error::Check { at, message: other.to_string().into() },
        }
    }

    /// A refusal that was found before there was a node.
    pub(crate) fn refused(
        at: CallSite,
        op: &'static str,
        operands: impl IntoIterator<Item = Type>,
        source: TypeError,
    ) -> Error {
        let operands = operands.into_iter().collect();
        Error::op(at, BuildError { op, operands, location: Some(at.into()), source: Box::new(source) })
    }
}

/// The size of the first tensor of a graph that no kernel could write, and the line that makes it.
fn too_large(graph: &Graph) -> Option<(usize, Option<Location>)> {
    let results =
        graph.nodes().iter().flat_map(|node| node.results.iter().map(move |&result| (node, result)));
    results
        .filter_map(|(node, result)| Some((node, graph.ty(result).as_tensor()?)))
        .find_map(|(node, ty)| (ty.elements() as u64 > MAX_LEN).then(|| (ty.bytes(), node.location.clone())))
}

/// A line of the user's source, as `#[track_caller]` gives it.
pub(crate) type CallSite = &'static std::panic::Location<'static>;

/// An error that tensors carry and share.
pub(crate) type Failure = Arc<Error>;

/// The line that called the function that called this one, if both are `#[track_caller]`.
#[track_caller]
#[inline]
pub(crate) fn caller() -> CallSite {
    std::panic::Location::caller()
}
