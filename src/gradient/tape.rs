//! Gradients of code that runs op by op.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use hashbrown::{HashMap, HashSet};
use tensorwright_compiler::differentiate;
use tensorwright_compiler::passes::without_effects;
use tensorwright_ir::op::control::Call;
use tensorwright_ir::{Builder, Graph, Op, Scalar, Value};

use super::linear::{failed, zeros_like};
use crate::error::{Error, Place, Result, caller};
use crate::trace::{Captured, Source, source};
use crate::{Tensor, replay};

/// Records what is computed from tensors that it [watches](GradientTape::watch), and differentiates that afterwards.
///
/// A tape records the ops of its thread, those of functions that are called among them, from when it is made until it is dropped or, if it
/// is not [persistent](GradientTape::persistent), asked for a gradient. Tapes nest: an outer tape records what an inner one
/// computes, so that it gives second derivatives. Inside a traced function a tape records what is being traced. What was
/// printed and checked while it recorded is not once more for a gradient.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let x = Tensor::from(3.0f64);
/// let outer = GradientTape::new();
/// outer.watch(&x);
/// let inner = GradientTape::new();
/// inner.watch(&x);
/// let y = &x * &x * &x;
/// let slope = inner.gradient(&y, &[&x])?.remove(0).expect("y depends on x");
/// let curvature = outer.gradient(&slope, &[&x])?.remove(0).expect("the slope depends on x");
/// assert_eq!((slope.item::<f64>()?, curvature.item::<f64>()?), (27.0, 18.0));
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub struct GradientTape {
    tape: Rc<RefCell<Tape>>,
    persistent: bool,
}

#[derive(Default)]
struct Tape {
    records: Vec<Record>,
    /// What is watched, or was computed from it.
    active: HashSet<Source>,
    /// Keeps watched tensors alive, so that their memory names nothing else.
    watched: Vec<Tensor>,
    stopped: bool,
}

impl Tape {
    /// What the target depends on, in order. What else there is may be of traces that have ended, such as the branches of a `cond`.
    fn records_for(&self, target: &Tensor) -> Vec<&Record> {
        let mut needed: HashSet<Source> = source(target).into_iter().collect();
        let mut records = Vec::new();
        for record in self.records.iter().rev() {
            if record.results.iter().filter_map(source).any(|result| needed.contains(&result)) {
                needed.extend(record.operands.iter().filter_map(source));
                records.push(record);
            }
        }
        records.reverse();
        records
    }
}

/// An op, or a graph, that was applied to tensors.
#[derive(Clone)]
struct Record {
    op: Op,
    regions: Vec<Graph>,
    operands: Vec<Tensor>,
    results: Vec<Tensor>,
    at: Place,
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

/// Tells the tapes of an op, if one of them watches an operand.
pub(crate) fn note(op: &Op, regions: &[Graph], operands: &[&Tensor], results: &[Tensor], at: Place) {
    let tapes: Vec<Rc<RefCell<Tape>>> =
        TAPES.with_borrow(|tapes| tapes.iter().filter_map(Weak::upgrade).collect());
    for tape in tapes {
        let tape = &mut *tape.borrow_mut();
        let is_watched = |x: &&Tensor| source(x).is_some_and(|source| tape.active.contains(&source));
        if tape.stopped || !operands.iter().any(is_watched) {
            continue;
        }
        tape.active.extend(results.iter().filter_map(source));
        tape.records.push(Record {
            op: op.clone(),
            regions: regions.to_vec(),
            operands: operands.iter().map(|&x| x.clone()).collect(),
            results: results.to_vec(),
            at,
        });
    }
}

/// As [`note`], of a graph.
pub(crate) fn note_graph(graph: &Graph, operands: &[&Tensor], results: &[Tensor], at: Place) {
    let op = Call { name: graph.name().to_owned() }.into();
    note(&op, std::slice::from_ref(graph), operands, results, at);
}

impl Default for GradientTape {
    fn default() -> GradientTape {
        GradientTape::new()
    }
}

impl GradientTape {
    /// A tape that gives one gradient.
    pub fn new() -> GradientTape {
        GradientTape::start(false)
    }

    /// A tape that gives any number of gradients, and goes on recording.
    pub fn persistent() -> GradientTape {
        GradientTape::start(true)
    }

    fn start(persistent: bool) -> GradientTape {
        let tape = Rc::new(RefCell::new(Tape::default()));
        TAPES.with_borrow_mut(|tapes| tapes.push(Rc::downgrade(&tape)));
        COUNT.set(COUNT.get() + 1);
        GradientTape { tape, persistent }
    }

    /// Records from now on what is computed from this tensor.
    pub fn watch(&self, x: &Tensor) {
        let mut tape = self.tape.borrow_mut();
        tape.active.extend(source(x));
        tape.watched.push(x.clone());
    }

    /// The derivatives of `target` (of the sum of its elements) by each of `sources`; `None` for those that it does not depend on
    /// differentiably, see [`GradientTape::explain`].
    ///
    /// # Errors
    /// When the target is no float, a tensor carries an error, an op on the way has no derivative, or this is not the first gradient
    /// of a tape that is not persistent.
    #[track_caller]
    pub fn gradient(&self, target: &Tensor, sources: &[&Tensor]) -> Result<Vec<Option<Tensor>>> {
        let at = caller();
        let ty = target.ty()?.clone();
        if !ty.dtype.is_float() {
            return Err(self.error(at, format!("the target is {ty}, and only floats have gradients")));
        }
        let recorded = self.recorded(target, sources, at)?;
        let wrt: Vec<usize> = (0..sources.len()).filter(|&i| recorded.is_float(i)).collect();
        let derived = differentiate::vjp(&recorded.graph, &wrt).map_err(|e| failed(e, at))?;
        let one = Tensor::full(ty.shape.clone(), Scalar::one(ty.dtype));
        let inputs: Vec<Captured> = recorded.inputs.into_iter().chain([one]).map(Captured::Tensor).collect();
        self.tape.borrow_mut().stopped = !self.persistent;
        let outputs = replay::run_captured(&derived.graph, &inputs, &[], 0, at)?;
        let mut gradients = vec![None; sources.len()];
        for (&input, derivative) in wrt.iter().zip(&derived.derivatives) {
            gradients[input] = derivative.map(|output| outputs[output].clone());
        }
        Ok(gradients)
    }

    /// As [`GradientTape::gradient`], with zeros for what is not connected.
    ///
    /// # Errors
    /// As [`GradientTape::gradient`].
    #[track_caller]
    pub fn gradient_or_zero(&self, target: &Tensor, sources: &[&Tensor]) -> Result<Vec<Tensor>> {
        let gradients = self.gradient(target, sources)?.into_iter().zip(sources);
        gradients.map(|(gradient, x)| gradient.map_or_else(|| zeros_like(x), Ok)).collect()
    }

    /// Why `target` does not depend differentiably on `x`: which ops are in the way, and the lines that wrote them. `None` if it
    /// does depend on it.
    ///
    /// # Errors
    /// When a tensor carries an error.
    #[track_caller]
    pub fn explain(&self, target: &Tensor, x: &Tensor) -> Result<Option<String>> {
        let at = caller();
        let is_watched = source(x).is_some_and(|source| self.tape.borrow().active.contains(&source));
        if !is_watched {
            return Ok(Some("the tape does not watch it".to_owned()));
        }
        let recorded = self.recorded(target, &[x], at)?;
        let unconnected = differentiate::explain(&recorded.graph, 0).map_err(|e| failed(e, at))?;
        Ok(unconnected.map(|unconnected| unconnected.to_string()))
    }

    fn error(&self, at: Place, what: String) -> Error {
        Error::NotDifferentiable { at: at.into(), what }
    }

    /// What was recorded as a graph from the sources, and whatever else the ops took, to the target.
    fn recorded(&self, target: &Tensor, sources: &[&Tensor], at: Place) -> Result<Recorded> {
        let tape = self.tape.borrow();
        if tape.stopped {
            let what = "the tape has given its gradient; use GradientTape::persistent for several".to_owned();
            return Err(self.error(at, what));
        }
        let mut building = Building { b: Builder::new("tape"), values: HashMap::new(), inputs: Vec::new() };
        for x in sources {
            building.input(x)?;
        }
        for record in tape.records_for(target) {
            building.record(record).map_err(|error| Error::op(record.at, error))?;
        }
        let output = building.value(target)?;
        let graph = building.b.finish(&[output]);
        // What has been printed and checked is not once more.
        let graph = without_effects(&graph).map_err(|error| Error::op(at, error))?;
        Ok(Recorded { graph, inputs: building.inputs })
    }
}

impl Drop for GradientTape {
    fn drop(&mut self) {
        // A thread that ends may have dropped its list of tapes first.
        let own = Rc::as_ptr(&self.tape);
        let _ = TAPES.try_with(|tapes| tapes.borrow_mut().retain(|tape| tape.as_ptr() != own));
        let _ = COUNT.try_with(|count| count.set(count.get() - 1));
    }
}

/// A graph with the values of its inputs.
struct Recorded {
    graph: Graph,
    inputs: Vec<Tensor>,
}

impl Recorded {
    fn is_float(&self, input: usize) -> bool {
        self.graph.ty(self.graph.inputs()[input]).dtype.is_float()
    }
}

struct Building {
    b: Builder,
    values: HashMap<Source, Value>,
    inputs: Vec<Tensor>,
}

impl Building {
    fn input(&mut self, x: &Tensor) -> Result<Value> {
        let value = self.b.input(x.ty()?.clone());
        self.values.extend(source(x).map(|source| (source, value)));
        self.inputs.push(x.clone());
        Ok(value)
    }

    fn value(&mut self, x: &Tensor) -> Result<Value> {
        let known = source(x).and_then(|source| self.values.get(&source).copied());
        known.map_or_else(|| self.input(x), Ok)
    }

    fn record(&mut self, record: &Record) -> Result<(), tensorwright_ir::BuildError> {
        let operands: Vec<Value> =
            record.operands.iter().map(|x| self.value(x).expect("recorded tensors have types")).collect();
        self.b.set_location(Some(record.at.into()));
        let results = match (&record.op, &record.regions[..]) {
            (Op::Call(_), [graph]) => self.b.inline(graph, &operands)?,
            (op, []) => {
                let operands = crate::tensor::broadcast::operands(&mut self.b, op, operands.into())?;
                self.b.push(op.clone(), &operands)?.into_vec()
            }
            (op, regions) => self.b.push_with_regions(op.clone(), &operands, regions.to_vec())?.into_vec(),
        };
        let sources = record.results.iter().map(source);
        self.values.extend(sources.zip(results).filter_map(|(source, value)| Some((source?, value))));
        Ok(())
    }
}
