//! Visiting the leaves of a tree.

use std::fmt;

use super::fixed::StaticValue;
use super::spec::TensorSpec;
use crate::tensor::Tensor;

/// A tensor leaf: a tensor, or a spec that stands for tensors of its type.
#[derive(Clone, Copy)]
pub enum LeafRef<'t> {
    /// A tensor.
    Tensor(&'t Tensor),
    /// A spec.
    Spec(&'t TensorSpec),
}

/// One step of the path to a leaf.
#[derive(Clone, Copy)]
pub enum Segment<'s> {
    /// A field of a tuple.
    Position(usize),
    /// An element of an array or vector.
    Index(usize),
    /// A named field.
    Field(&'static str),
    /// A value of a map, by its key.
    Key(&'s dyn StaticValue),
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Position(i) => write!(f, ".{i}"),
            Segment::Index(i) => write!(f, "[{i}]"),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Key(key) => write!(f, "[{}]", key.text()),
        }
    }
}

/// What is done with each part of a tree. `enter` and `leave` say where in the tree it is.
pub trait Visitor<'t> {
    /// The parts up to the matching `leave` belong to this place.
    #[inline]
    fn enter(&mut self, segment: Segment<'_>) {
        let _ = segment;
    }

    /// Ends the place entered last.
    #[inline]
    fn leave(&mut self) {}

    /// A container has that many elements.
    fn length(&mut self, length: usize);

    /// An enum is this variant.
    fn variant(&mut self, index: usize, name: &'static str);

    /// A tensor leaf.
    fn tensor(&mut self, leaf: LeafRef<'t>);

    /// A plain value.
    fn fixed(&mut self, value: &dyn StaticValue);
}

impl<'t, V: Visitor<'t> + ?Sized> Visitor<'t> for &mut V {
    fn enter(&mut self, segment: Segment<'_>) {
        (**self).enter(segment);
    }

    fn leave(&mut self) {
        (**self).leave();
    }

    fn length(&mut self, length: usize) {
        (**self).length(length);
    }

    fn variant(&mut self, index: usize, name: &'static str) {
        (**self).variant(index, name);
    }

    fn tensor(&mut self, leaf: LeafRef<'t>) {
        (**self).tensor(leaf);
    }

    fn fixed(&mut self, value: &dyn StaticValue) {
        (**self).fixed(value);
    }
}
