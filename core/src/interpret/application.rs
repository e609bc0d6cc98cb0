//! Applications: code that may have effects, or read and change state, with what it is applied to.

use std::ops::Range;

use tensorwright_ir::{Graph, Op};

use crate::error::CallSite;
use crate::state::{State, Variable};
use crate::tensor::Tensor;

/// What an application applies.
#[derive(Clone)]
pub(crate) enum Code<'c> {
    /// An effect, or an op with regions.
    Op(Box<Op>, Vec<Graph>),
    /// All ops of a graph.
    Graph(&'c Graph),
}

/// An operand of an application.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'t> {
    /// A tensor.
    Tensor(&'t Tensor),
    /// What a state is now.
    State(&'t State),
}

impl<'t> Operand<'t> {
    /// The variable, if it is one.
    pub(crate) fn variable(self) -> Option<&'t Variable> {
        match self {
            Operand::State(State::Variable(variable)) => Some(variable),
            Operand::State(State::Token) | Operand::Tensor(_) => None,
        }
    }
}

/// Code that may touch state.
pub(crate) struct Application<'a> {
    pub(crate) code: Code<'a>,
    pub(crate) operands: &'a [Operand<'a>],
    /// The states that it changes.
    pub(crate) states: &'a [State],
    /// The position among the results of the first new state; the others follow it.
    pub(crate) first_state: usize,
    pub(crate) at: CallSite,
}

/// Tensors in place of what an application took and gave: states are what they were, and what they are now. What runs at once has no
/// tokens.
pub(crate) struct Applied {
    pub(crate) operands: Vec<Tensor>,
    pub(crate) results: Vec<Tensor>,
    /// The positions of new states among the results.
    pub(crate) states: Range<usize>,
}
