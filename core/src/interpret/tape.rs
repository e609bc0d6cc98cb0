//! Tapes: what watches ops go by, and notes those that compute something from what is watched.
//!
//! The tapes of a thread are a layer above the interpreter that applies an op. They change nothing: a
//! [`GradientTape`](crate::GradientTape) makes a graph of its records when it is asked for a gradient.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use hashbrown::HashSet;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::op::control::Call;
use tensorwright_ir::{Graph, Op, Type};

use super::application::Code;
use crate::error::CallSite;
use crate::tensor::Tensor;
use crate::tensor::id::TensorId;

/// What a [`GradientTape`](crate::GradientTape) has seen.
#[derive(Default)]
pub(crate) struct Tape {
    records: Vec<Record>,
    /// What is watched, or was computed from it.
    active: HashSet<TensorId>,
    /// Whether it records no more.
    pub(crate) stopped: bool,
}

impl Tape {
    /// Records from now on what is computed from this tensor.
    pub(crate) fn watch(&mut self, x: &Tensor) {
        self.active.insert(x.id());
    }

    /// Whether the tensor is watched, or was computed from one that is.
    pub(crate) fn is_watched(&self, x: &Tensor) -> bool {
        self.active.contains(&x.id())
    }

    /// What the target depends on, in order. What else there is may be of traces that have ended, such as the branches of a `cond`.
    pub(crate) fn records_for(&self, target: &Tensor) -> Vec<&Record> {
        let mut needed: HashSet<TensorId> = [target.id()].into_iter().collect();
        let mut records = Vec::new();
        for record in self.records.iter().rev() {
            if record.results.iter().any(|result| needed.contains(&result.id())) {
                needed.extend(record.operands.iter().map(Tensor::id));
                records.push(record);
            }
        }
        records.reverse();
        records
    }
}

/// What made tensors of others.
pub(crate) enum Maker {
    Op(Box<Op>, Vec<Graph>),
    /// Nothing: the result is another tensor of the same value.
    Assignment,
}

/// An op, or a graph, that was applied to tensors. Of a graph's operands and results these are without tokens.
pub(crate) struct Record {
    pub(crate) maker: Maker,
    pub(crate) operands: Vec<Tensor>,
    pub(crate) results: Vec<Tensor>,
    pub(crate) at: CallSite,
}

thread_local! {
    static TAPES: RefCell<Vec<Weak<RefCell<Tape>>>> = const { RefCell::new(Vec::new()) };
    /// Length of `TAPES`, where it costs nothing to read.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Whether a tape of this thread may record.
#[inline]
pub(crate) fn is_active() -> bool {
    COUNT.get() != 0
}

/// Lets a tape see the ops of this thread, until it is [removed](remove).
pub(crate) fn add(tape: &Rc<RefCell<Tape>>) {
    TAPES.with_borrow_mut(|tapes| tapes.push(Rc::downgrade(tape)));
    COUNT.set(COUNT.get() + 1);
}

/// Lets a tape see no more ops.
pub(crate) fn remove(tape: &Rc<RefCell<Tape>>) {
    // A thread that ends may have dropped its list of tapes first.
    let own = Rc::as_ptr(tape);
    let _ = TAPES.try_with(|tapes| tapes.borrow_mut().retain(|tape| tape.as_ptr() != own));
    let _ = COUNT.try_with(|count| count.set(count.get() - 1));
}

/// Lets the tapes of this thread watch a tensor.
pub(super) fn watch(x: &Tensor) {
    for tape in running() {
        tape.borrow_mut().watch(x);
    }
}

fn running() -> Vec<Rc<RefCell<Tape>>> {
    TAPES.with_borrow(|tapes| tapes.iter().filter_map(Weak::upgrade).collect())
}

/// Tells the tapes of an op, if one of them watches an operand.
pub(super) fn note(op: &Op, regions: &[Graph], operands: &[&Tensor], results: &[Tensor], at: CallSite) {
    note_made(|| Maker::Op(Box::new(op.clone()), regions.to_vec()), operands, results, at);
}

/// Tells the tapes that `new` is another tensor of the same value.
pub(super) fn note_assignment(value: &Tensor, new: &Tensor, at: CallSite) {
    note_made(|| Maker::Assignment, &[value], std::slice::from_ref(new), at);
}

fn note_made(maker: impl Fn() -> Maker, operands: &[&Tensor], results: &[Tensor], at: CallSite) {
    for tape in running() {
        let tape = &mut *tape.borrow_mut();
        if tape.stopped || !operands.iter().any(|x| tape.is_watched(x)) {
            continue;
        }
        tape.active.extend(results.iter().map(Tensor::id));
        tape.records.push(Record {
            maker: maker(),
            operands: operands.iter().map(|&x| x.clone()).collect(),
            results: results.to_vec(),
            at,
        });
    }
}

/// Tells the tapes of an application; see [`note`]. Effects are left out: nothing is computed by them. Of a graph so are tokens, which what runs at once
/// does without.
pub(super) fn note_code(code: &Code<'_>, operands: &[&Tensor], results: &[Tensor], at: CallSite) {
    match code {
        Code::Op(op, _) if op.lowering() == Lowering::Effect => {}
        Code::Op(op, regions) => note(op, regions, operands, results, at),
        Code::Graph(graph) => {
            let op = Call { name: graph.name().to_owned() }.into();
            let is_value = |x: &Tensor| !matches!(x.value_type(), Ok(Type::Token));
            let operands: Vec<&Tensor> = operands.iter().copied().filter(|x| is_value(x)).collect();
            let results: Vec<Tensor> = results.iter().filter(|x| is_value(x)).cloned().collect();
            note(&op, std::slice::from_ref(graph), &operands, &results, at);
        }
    }
}
