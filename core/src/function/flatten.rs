//! An argument as a cache key and a row of buffers, without allocation once warm.

use std::cell::Cell;

use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::cache::KeyWriter;

use crate::error::{CallSite, Error};
use crate::tensor::Repr;
use crate::tree::{LeafRef, StaticValue, Visitor};

/// Memory that calls on one thread use in turn.
#[derive(Default)]
struct Scratch {
    key: KeyWriter,
    inputs: Vec<&'static SharedBuffer>,
}

thread_local! {
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// An argument taken apart.
pub(super) struct Flat<'t> {
    pub(super) key: KeyWriter,
    pub(super) inputs: Vec<&'t SharedBuffer>,
    /// The first leaf that cannot be called with: a traced or failed tensor, or a spec.
    refused: Option<LeafRef<'t>>,
}

impl<'t> Flat<'t> {
    /// Runs `work` with an empty row that has the memory of earlier ones.
    #[inline]
    pub(super) fn with<R>(work: impl FnOnce(&mut Flat<'t>) -> R) -> R {
        let scratch = SCRATCH.take().unwrap_or_default();
        // The vector is empty, so nothing of the shorter lifetime is in it.
        let mut flat = Flat { key: scratch.key, inputs: scratch.inputs, refused: None };
        let result = work(&mut flat);
        flat.key.clear();
        SCRATCH.set(Some(Scratch { key: flat.key, inputs: emptied(flat.inputs) }));
        result
    }

    /// Runs `work` with the buffers, to which it may append some that live shorter. The row is empty afterwards.
    #[inline]
    pub(super) fn with_inputs<'s, R>(&mut self, work: impl FnOnce(&mut Vec<&'s SharedBuffer>) -> R) -> R
    where
        't: 's,
    {
        let mut inputs: Vec<&'s SharedBuffer> = std::mem::take(&mut self.inputs);
        let result = work(&mut inputs);
        self.inputs = emptied(inputs);
        result
    }

    /// The argument's first leaf that cannot be called with, as an error.
    pub(super) fn error(&self, at: CallSite) -> Option<Error> {
        Some(match self.refused? {
            LeafRef::Spec(spec) => Error::UnknownDims { at: at.into(), spec: spec.to_string() },
            LeafRef::Tensor(tensor) => match tensor.value(at) {
                Err(error) => error,
                Ok(_) => unreachable!("concrete tensors are not refused"),
            },
        })
    }
}

/// The memory of a vector of references, without the references.
fn emptied(mut inputs: Vec<&SharedBuffer>) -> Vec<&'static SharedBuffer> {
    inputs.clear();
    // Collecting a vector's own iterator into a vector of the same layout keeps the memory.
    inputs.into_iter().map(|_| -> &'static SharedBuffer { unreachable!("the vector is empty") }).collect()
}

impl<'t> Visitor<'t> for Flat<'t> {
    #[inline]
    fn length(&mut self, length: usize) {
        self.key.length(length);
    }

    #[inline]
    fn variant(&mut self, index: usize, _: &'static str) {
        self.key.length(index);
    }

    #[inline]
    fn tensor(&mut self, leaf: LeafRef<'t>) {
        match leaf {
            LeafRef::Tensor(tensor) => match tensor.repr() {
                Repr::Concrete(ty, buffer) => {
                    self.key.tensor(ty);
                    self.inputs.push(buffer);
                }
                _ => self.refuse(leaf),
            },
            LeafRef::Spec(_) => self.refuse(leaf),
        }
    }

    #[inline]
    fn fixed(&mut self, value: &dyn StaticValue) {
        value.write(&mut self.key);
    }
}

impl<'t> Flat<'t> {
    #[cold]
    fn refuse(&mut self, leaf: LeafRef<'t>) {
        self.refused.get_or_insert(leaf);
    }
}

/// The key alone, of an argument whose tensors may be specs.
pub(super) struct KeyOf {
    pub(super) key: KeyWriter,
    pub(super) at: CallSite,
    pub(super) error: Option<Error>,
}

impl<'t> Visitor<'t> for KeyOf {
    fn length(&mut self, length: usize) {
        self.key.length(length);
    }

    fn variant(&mut self, index: usize, _: &'static str) {
        self.key.length(index);
    }

    fn tensor(&mut self, leaf: LeafRef<'t>) {
        match leaf_type(leaf, self.at) {
            Ok(ty) => self.key.tensor(&ty),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
    }

    fn fixed(&mut self, value: &dyn StaticValue) {
        value.write(&mut self.key);
    }
}

/// The whole type of a leaf.
pub(super) fn leaf_type(leaf: LeafRef<'_>, at: CallSite) -> Result<tensorwright_ir::TensorType, Error> {
    match leaf {
        LeafRef::Tensor(tensor) => tensor.ty().cloned(),
        LeafRef::Spec(spec) => {
            spec.ty().ok_or_else(|| Error::UnknownDims { at: at.into(), spec: spec.to_string() })
        }
    }
}
