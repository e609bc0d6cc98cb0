//! One signature of a function, compiled.

use std::sync::Arc;

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::Value;
use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::cache::{Signature, Weigh};
use tensorwright_runtime::executable::Operand;
use tensorwright_runtime::{Executable, RunError};

use super::describe::tensor_paths;
use super::flatten::leaf_type;
use crate::error::{CallSite, Error, Failure};
use crate::interpret::trace::{Outside, Recording, Session};
use crate::state::Variable;
use crate::tensor::Tensor;
use crate::tensor::id::TensorId;
use crate::tree::{LeafRef, StaticValue, Tree, TreeLike, Visitor};

/// One signature, compiled.
pub(super) struct Compiled<R> {
    pub(super) signature: Signature,
    pub(super) executable: Executable,
    /// What the closure uses from outside: values of the last inputs.
    captures: Vec<Outside>,
    /// The variables that it assigns: their new values are the last outputs.
    assigned: Vec<Variable>,
    /// The result as it was traced: its tensors are replaced by those of each call.
    template: R,
}

impl<R> Weigh for Compiled<R> {
    /// The executable with its graph, what describes them, and captured tensors that nobody else has. Scratch
    /// memory and results belong to the buffer pool, which has a budget of its own.
    fn bytes(&self) -> usize {
        let own = self.captures.iter().filter_map(|outside| match outside {
            Outside::Buffer(buffer) if buffer.is_unique() => Some(buffer.capacity()),
            _ => None,
        });
        let described = size_of::<Self>() + self.signature.bytes();
        self.executable.held_bytes() + described + own.sum::<usize>()
    }
}

impl<R: Tree> Compiled<R> {
    /// Traces and compiles `body` for the leaves of `argument`.
    pub(super) fn new<A, H: TreeLike<A>>(
        name: &str,
        signature: Signature,
        argument: &H,
        body: &dyn Fn(A) -> Result<R, Error>,
        options: &CompileOptions,
        at: CallSite,
    ) -> Result<Compiled<R>, Error> {
        let session = Session::begin(name);
        let argument = traced_argument(&session, &signature, argument, at);
        let template = body(argument)?;
        let outputs = outputs(&session, &template, at)?;
        let recording = session.finish(&outputs);
        let executable = Executable::compile_donating(&recording.graph, options, &recording.donations())
            .map_err(|error| Error::compile(at, error))?;
        let Recording { captures, assigned, .. } = recording;
        Ok(Compiled { signature, executable, captures, assigned, template })
    }

    /// Runs on the argument's buffers, to which it appends.
    #[inline]
    pub(super) fn run<'t>(
        &'t self,
        inputs: &mut Vec<&'t SharedBuffer>,
        threads: usize,
    ) -> Result<R, RunError> {
        if self.uses_variables() {
            return self.run_with_variables(inputs, threads);
        }
        inputs.extend(self.captures.iter().filter_map(|outside| match outside {
            Outside::Buffer(buffer) => Some(buffer),
            Outside::Variable(_) | Outside::Assigned(_) => None,
        }));
        Ok(self.rebuilt(self.executable.run(inputs, threads)?.into_iter()))
    }

    #[inline]
    fn uses_variables(&self) -> bool {
        self.captures.iter().any(|outside| !matches!(outside, Outside::Buffer(_)))
    }

    /// As [`Compiled::run`]. Calls that assign the same variables come one after the other.
    fn run_with_variables(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<R, RunError> {
        match self.executable.program().overwritten.is_empty() {
            true => self.run_beside_readers(inputs, threads),
            false => self.run_in_place(inputs, threads),
        }
    }

    /// A run that leaves the old values of variables alone. Others may read them meanwhile, and so may what the run calls: programs
    /// with effects overwrite nothing.
    fn run_beside_readers(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<R, RunError> {
        let _turns = Variable::take_turns(&self.assigned);
        let value = |outside: &Outside| match outside {
            Outside::Buffer(buffer) => buffer.clone(),
            Outside::Variable(variable) => variable.buffer(),
            Outside::Assigned(own) => self.assigned[*own].buffer(),
        };
        let captured: Vec<SharedBuffer> = self.captures.iter().map(value).collect();
        let operands: Vec<&SharedBuffer> = inputs.iter().copied().chain(&captured).collect();
        let mut outputs = self.executable.run(&operands, threads)?;
        let new = outputs.drain(outputs.len() - self.assigned.len()..);
        self.assigned.iter().zip(new).for_each(|(variable, new)| variable.set(new, TensorId::fresh()));
        Ok(self.rebuilt(outputs.into_iter()))
    }

    /// A run that donates the old values of the variables that it assigns: new ones take their place in memory if nobody else has
    /// handles of them. The variables are locked meanwhile.
    fn run_in_place(&self, inputs: &[&SharedBuffer], threads: usize) -> Result<R, RunError> {
        let read_only = |outside: &Outside| match outside {
            Outside::Buffer(_) | Outside::Assigned(_) => None,
            Outside::Variable(variable) => Some(variable.buffer()),
        };
        // Before the locks: who holds some waits for no other variable, or two calls could wait for each other.
        let read_only: Vec<Option<SharedBuffer>> = self.captures.iter().map(read_only).collect();
        let mut locked = Variable::lock(&self.assigned);
        let mut donated: Vec<Option<&mut SharedBuffer>> = locked.values().map(Some).collect();
        let captured = self.captures.iter().zip(&read_only).map(|(outside, known)| match (outside, known) {
            (Outside::Buffer(buffer), _) | (Outside::Variable(_), Some(buffer)) => Operand::Borrowed(buffer),
            (Outside::Assigned(own), _) => {
                Operand::Donated(donated[*own].take().expect("a variable is captured once"))
            }
            (Outside::Variable(_), None) => unreachable!("what is only read was read"),
        });
        let mut operands: Vec<Operand<'_>> =
            inputs.iter().map(|&input| Operand::Borrowed(input)).chain(captured).collect();
        let mut outputs = self.executable.run_donating(&mut operands, threads)?;
        drop(operands);
        locked.assign(outputs.drain(outputs.len() - self.assigned.len()..));
        Ok(self.rebuilt(outputs.into_iter()))
    }

    /// The result with the tensors of a run.
    #[inline]
    fn rebuilt(&self, mut outputs: impl Iterator<Item = SharedBuffer>) -> R {
        self.template.rebuild(&mut |leaf| match (leaf, outputs.next()) {
            (LeafRef::Tensor(traced), Some(buffer)) => match traced.known_type() {
                Ok(ty) => Tensor::concrete(ty.clone(), buffer),
                Err(failure) => Tensor::failed(failure.clone()),
            },
            _ => unreachable!("the graph has one output for each tensor of the result"),
        })
    }
}

fn traced_argument<A, H: TreeLike<A>>(
    session: &Session,
    signature: &Signature,
    argument: &H,
    at: CallSite,
) -> A {
    let mut names = tensor_paths(signature).into_iter();
    argument.rebuild(&mut |leaf| {
        let name = names.next().unwrap_or_default();
        match leaf_type(leaf, at) {
            Ok(ty) => session.input(ty, name, at),
            Err(error) => Tensor::failed(error),
        }
    })
}

/// The values of a result's tensors. Fails with the first error that one of them carries.
fn outputs<R: Tree>(session: &Session, result: &R, at: CallSite) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let mut failure: Option<Failure> = None;
    each_tensor(result, |tensor| match session.output(tensor, at) {
        Ok(value) => found.push(value),
        Err(error) => drop(failure.get_or_insert(error)),
    });
    failure.map_or(Ok(found), |failure| Err(Arc::unwrap_or_clone(failure)))
}

/// Fails with the first error that a tensor of the result carries.
pub(super) fn checked<R: Tree>(result: R) -> Result<R, Error> {
    let mut failure: Option<Error> = None;
    each_tensor(&result, |tensor| {
        if let Some(error) = tensor.error() {
            failure.get_or_insert(error.clone());
        }
    });
    failure.map_or(Ok(result), Err)
}

fn each_tensor<R: Tree>(result: &R, work: impl FnMut(&Tensor)) {
    struct Each<F>(F);

    impl<'t, F: FnMut(&Tensor)> Visitor<'t> for Each<F> {
        fn length(&mut self, _: usize) {}

        fn variant(&mut self, _: usize, _: &'static str) {}

        fn tensor(&mut self, leaf: LeafRef<'t>) {
            if let LeafRef::Tensor(tensor) = leaf {
                (self.0)(tensor);
            }
        }

        fn fixed(&mut self, _: &dyn StaticValue) {}
    }

    result.visit(&mut Each(work));
}
