//! One signature of a function, compiled.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_ir::Value;
use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::cache::{Leaf, LeafValue, Signature, Weigh};
use tensorwright_runtime::executable::Operand;
use tensorwright_runtime::{Executable, RunError};

use super::callable::Site;
use super::config::Config;
use super::subgraphs::{Outputs, Subgraph, Tracing};
use crate::error::{CallSite, Error, Failure};
use crate::interpret::trace::{Outside, Recording, Session, Subgraphs};
use crate::state::Variable;
use crate::tensor::Tensor;
use crate::tensor::id::TensorId;
use crate::tree::erased::Erased;
use crate::tree::{LeafRef, Tree};

/// A call, for code that knows no types.
pub(super) trait AnyCall {
    fn signature(&self, names: &[String], at: CallSite) -> Signature;

    /// Runs the closure on other tensors.
    fn trace(&self, tensors: Vec<Tensor>, site: Site<'_>) -> Result<Erased, Error>;
}

/// One signature, compiled.
pub(super) struct Compiled {
    pub(super) signature: Signature,
    /// All of it, or the first of its subgraphs.
    pub(super) first: Arc<Subgraph>,
}

impl Weigh for Compiled {
    /// The executables with their graphs, what describes them, and captured tensors that nobody else has. Scratch
    /// memory and results belong to the buffer pool, which has a budget of its own.
    fn bytes(&self) -> usize {
        self.first.bytes() + size_of::<Self>() + self.signature.bytes()
    }
}

/// What a trace has come to.
pub(super) struct Traced {
    recording: Recording,
    template: Erased,
}

impl Traced {
    /// Traces what is called, for the leaves of its argument. If the values of the argument are known, it may be cut.
    pub(super) fn new(
        config: &Config,
        signature: &Signature,
        call: &dyn AnyCall,
        tracing: Option<&Rc<Tracing>>,
        at: CallSite,
    ) -> Result<Traced, Error> {
        let session =
            Session::begin(&config.name, tracing.map(|tracing| Rc::clone(tracing) as Rc<dyn Subgraphs>));
        let inputs = inputs(&session, signature, at);
        let template = call.trace(inputs, Site { at, names: &config.argument_names })?;
        let outputs = outputs(&session, &template.tensors(), at)?;
        Ok(Traced { recording: session.finish(&outputs), template })
    }

    /// Compiles and runs the last subgraph of a function that has been cut.
    pub(super) fn finish(self, tracing: &Tracing) -> Result<(Arc<Subgraph>, Outputs), Error> {
        tracing.finish(self.recording, self.template)
    }
}

impl Compiled {
    /// A signature that is one graph.
    pub(super) fn whole(
        config: &Config,
        signature: Signature,
        traced: Traced,
        at: CallSite,
    ) -> Result<Compiled, Error> {
        let Traced { recording, template } = traced;
        let executable =
            Executable::compile_promised(&recording.graph, &config.options, &recording.promises())
                .map_err(|error| Error::compile(at, &recording.graph, error))?;
        Ok(Compiled { signature, first: Arc::new(Subgraph::whole(executable, recording, template)) })
    }

    /// Whether it is one graph.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.first.template().is_some()
    }
}

impl Subgraph {
    /// Runs on the argument's buffers, to which it appends.
    #[inline]
    pub(super) fn run<'t>(
        &'t self,
        inputs: &mut Vec<&'t SharedBuffer>,
        threads: usize,
    ) -> Result<Outputs, RunError> {
        if self.uses_variables() {
            return self.run_with_variables(inputs, threads);
        }
        inputs.extend(self.captures.iter().filter_map(|outside| match outside {
            Outside::Buffer(buffer) => Some(buffer),
            Outside::Variable(_) | Outside::Assigned(_) | Outside::Carried(_) => None,
        }));
        self.executable.run(inputs, threads)
    }

    #[inline]
    fn uses_variables(&self) -> bool {
        self.captures.iter().any(|outside| !matches!(outside, Outside::Buffer(_)))
    }

    /// As [`Compiled::run`]. Calls that assign the same variables come one after the other.
    fn run_with_variables(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<Outputs, RunError> {
        match self.executable.program().overwritten.is_empty() {
            true => self.run_beside_readers(inputs, threads),
            false => self.run_in_place(inputs, threads),
        }
    }

    /// A run that leaves the old values of variables alone. Others may read them meanwhile, and so may what the run calls: programs
    /// with effects overwrite nothing.
    fn run_beside_readers(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<Outputs, RunError> {
        let _turns = Variable::take_turns(&self.assigned);
        let variables = self.captures.iter().filter_map(|outside| outside.variable(&self.assigned));
        let variables: SmallVec<[&Variable; 8]> = variables.collect();
        let values = Variable::buffers(&variables);
        let mut values = values.iter();
        let captured = self.captures.iter().map(|outside| match outside {
            Outside::Buffer(buffer) => buffer,
            _ => values.next().expect("each variable has a value"),
        });
        let operands: Vec<&SharedBuffer> = inputs.iter().copied().chain(captured).collect();
        let mut outputs = self.executable.run(&operands, threads)?;
        if !self.assigned.is_empty() {
            let new = outputs.drain(outputs.len() - self.assigned.len()..);
            Variable::set_all(&self.assigned, new.map(|value| (value, TensorId::fresh())));
        }
        Ok(outputs)
    }

    /// A run that donates the old values of the variables that it assigns: new ones take their place in memory if nobody else has
    /// handles of them. The variables are locked meanwhile.
    fn run_in_place(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<Outputs, RunError> {
        let others = self.captures.iter().filter_map(Outside::read_only);
        let others: SmallVec<[&Variable; 8]> = others.collect();
        let (mut locked, read_only) = Variable::lock(&self.assigned, &others);
        let mut read_only = read_only.iter();
        let mut donated: Vec<Option<&mut SharedBuffer>> = locked.values().map(Some).collect();
        let captured = self.captures.iter().map(|outside| match outside {
            Outside::Buffer(buffer) => Operand::Borrowed(buffer),
            Outside::Variable(_) => Operand::Borrowed(read_only.next().expect("each variable has a value")),
            Outside::Carried(_) => unreachable!("a function in one subgraph carries nothing"),
            Outside::Assigned(own) => {
                Operand::Donated(donated[*own].take().expect("a variable is captured once"))
            }
        });
        let mut operands: Vec<Operand<'_>> =
            inputs.iter().map(|&input| Operand::Borrowed(input)).chain(captured).collect();
        let mut outputs = self.executable.run_donating(&mut operands, threads)?;
        drop(operands);
        let new = outputs.drain(outputs.len() - self.assigned.len()..);
        locked.assign(new.map(|value| (value, TensorId::fresh())));
        Ok(outputs)
    }

    /// The result with the tensors of a run.
    #[inline]
    pub(super) fn rebuilt<R: Tree>(&self, outputs: Outputs) -> R {
        let template: &dyn Any = &**self.template().expect("the last subgraph gives the result");
        let template = template.downcast_ref::<R>().expect("a function keeps what it gives");
        template.rebuild(&mut filled(outputs))
    }
}

/// Traced tensors with the values of a run. A function of its own, so that the closure's type is the same for all trees.
#[inline]
fn filled(outputs: Outputs) -> impl FnMut(LeafRef<'_>) -> Tensor {
    let mut outputs = outputs.into_iter();
    move |leaf| match (leaf, outputs.next()) {
        (LeafRef::Tensor(traced), Some(buffer)) => match traced.known_type() {
            Ok(ty) => Tensor::concrete(ty.clone(), buffer),
            Err(failure) => Tensor::failed(failure.clone()),
        },
        _ => unreachable!("the graph has one output for each tensor of the result"),
    }
}

/// One input for each tensor of the signature, of its name.
fn inputs(session: &Session, signature: &Signature, at: CallSite) -> Vec<Tensor> {
    let input = |leaf: &Leaf| match &leaf.value {
        LeafValue::Tensor(ty) => Some(session.input(ty.clone(), &leaf.path, at)),
        _ => None,
    };
    signature.leaves.iter().filter_map(input).collect()
}

/// The values of a result's tensors. Fails with the first error that one of them carries.
fn outputs(session: &Session, results: &[Tensor], at: CallSite) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let mut failure: Option<Failure> = None;
    for tensor in results {
        match session.output(tensor, at) {
            Ok(value) => found.push(value),
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    failure.map_or(Ok(found), |failure| Err(Arc::unwrap_or_clone(failure)))
}
