//! Gradients of code that runs op by op.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use tensorwright_compiler::differentiate::{self, Unconnected};
use tensorwright_compiler::passes::without_effects;
use tensorwright_ir::{BuildError, Builder, Graph, Op, Type, Value};

use super::traced::{failed, ones, zeros_like};
use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::tape::{self, Maker, Record, Tape};
use crate::interpret::trace::Captured;
use crate::interpret::{broadcast, graph};
use crate::tensor::Tensor;
use crate::tensor::id::TensorId;
use crate::tree::tensors::type_of;

/// Records what is computed from variables and from tensors that it [watches](GradientTape::watch), and differentiates that afterwards.
///
/// It watches the values of [trainable](crate::Variable::trainable) variables that are read while it records. A variable's value is one
/// tensor until the next assignment, so that `w.value()` names the source afterwards:
///
/// ```
/// use tensorwright::prelude::*;
///
/// let w = Variable::new([1.0f32, 2.0])?;
/// let tape = GradientTape::new();
/// let loss = w.value().square().sum(..);
/// let slope = tape.gradient_or_error(&loss, &[&w.value()])?.remove(0);
/// w.assign_sub(slope * 0.25)?;
/// assert_eq!(w.value().to_vec::<f32>()?, [0.5, 1.0]);
/// # Ok::<(), Error>(())
/// ```
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
/// # Ok::<(), Error>(())
/// ```
pub struct GradientTape {
    tape: Rc<RefCell<Tape>>,
    persistent: bool,
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
        tape::add(&tape);
        GradientTape { tape, persistent }
    }

    /// Records from now on what is computed from this tensor.
    pub fn watch(&self, x: &Tensor) {
        self.tape.borrow_mut().watch(x);
    }

    /// The derivatives of `target` (of the sum of its elements) by each of `sources`; `None` for those that are not watched or that it does not
    /// depend on differentiably, see [`GradientTape::explain`].
    ///
    /// # Errors
    /// When the target is no float, a tensor carries an error, an op on the way has no derivative, or this is not the first gradient
    /// of a tape that is not persistent.
    #[track_caller]
    pub fn gradient(&self, target: &Tensor, sources: &[&Tensor]) -> Result<Vec<Option<Tensor>>> {
        let at = caller();
        let ty = target.ty()?.clone();
        if !ty.dtype.is_differentiable() {
            return Err(self.error(at, format!("the target is {ty}, and only floats have gradients")));
        }
        let groups = self.groups(target, sources, at)?;
        let recorded = groups.iter().map(|group| self.recorded(target, group, at));
        let recorded = recorded.collect::<Result<Vec<Recorded>>>()?;
        self.tape.borrow_mut().stopped = !self.persistent;
        let one = ones(&ty);
        let mut gradients: HashMap<TensorId, Option<Tensor>> = HashMap::new();
        for (group, recorded) in groups.iter().zip(recorded) {
            let found = recorded.gradient(group.len(), &one, at)?;
            gradients.extend(group.iter().map(|x| x.id()).zip(found));
        }
        Ok(sources.iter().map(|x| gradients.get(&x.id()).cloned().flatten()).collect())
    }

    /// The sources that are watched, each once, by graphs that give their gradients: those that nothing recorded has made have one in common. A source in the middle
    /// of the computation has one of its own, which begins there: it is what others are computed from, and is not computed itself.
    fn groups<'x>(
        &self,
        target: &Tensor,
        sources: &[&'x Tensor],
        at: CallSite,
    ) -> Result<Vec<Vec<&'x Tensor>>> {
        self.check_running(at)?;
        let tape = self.tape.borrow();
        let records = tape.records_for(target);
        let made: HashSet<TensorId> =
            records.iter().flat_map(|record| record.results.iter().map(Tensor::id)).collect();
        let mut seen = HashSet::new();
        let sources = sources.iter().copied().filter(|x| tape.is_watched(x) && seen.insert(x.id()));
        let (middle, first): (Vec<&Tensor>, Vec<&Tensor>) = sources.partition(|x| made.contains(&x.id()));
        let groups = middle.into_iter().map(|x| vec![x]);
        Ok(groups.chain((!first.is_empty()).then_some(first)).collect())
    }

    fn check_running(&self, at: CallSite) -> Result<()> {
        if self.tape.borrow().stopped {
            let what = "the tape has given its gradient; use GradientTape::persistent for several".to_owned();
            return Err(self.error(at, what));
        }
        Ok(())
    }

    /// The derivatives as [`GradientTape::gradient`] gives them, with zeros for what is not connected.
    ///
    /// # Errors
    /// As [`GradientTape::gradient`].
    #[track_caller]
    pub fn gradient_or_zero(&self, target: &Tensor, sources: &[&Tensor]) -> Result<Vec<Tensor>> {
        let gradients = self.gradient(target, sources)?.into_iter().zip(sources);
        gradients.map(|(gradient, x)| gradient.map_or_else(|| zeros_like(x), Ok)).collect()
    }

    /// The derivatives as [`GradientTape::gradient`] gives them, all of which there must be.
    ///
    /// # Errors
    /// As [`GradientTape::gradient`], and for a source on which the target does not depend differentiably: the message says why.
    #[track_caller]
    pub fn gradient_or_error(&self, target: &Tensor, sources: &[&Tensor]) -> Result<Vec<Tensor>> {
        let at = caller();
        // Before a tape that gives one gradient has given it.
        for (i, x) in sources.iter().enumerate() {
            if let Some(why) = self.unconnected(target, x, &format!("source {i}"), at)? {
                return Err(self.error(at, why));
            }
        }
        Ok(self.gradient(target, sources)?.into_iter().flatten().collect())
    }

    /// Why `target` does not depend differentiably on `x`: which ops are in the way, and the lines that wrote them. `None` if it
    /// does depend on it.
    ///
    /// # Errors
    /// When a tensor carries an error.
    #[track_caller]
    pub fn explain(&self, target: &Tensor, x: &Tensor) -> Result<Option<String>> {
        self.unconnected(target, x, "the source", caller())
    }

    fn unconnected(&self, target: &Tensor, x: &Tensor, name: &str, at: CallSite) -> Result<Option<String>> {
        if !self.tape.borrow().is_watched(x) {
            return Ok(Some(format!("the tape does not watch {name}")));
        }
        let recorded = self.recorded(target, &[x], at)?;
        let unconnected = differentiate::explain(&recorded.graph, 0).map_err(|e| failed(e, at))?;
        Ok(unconnected.map(|found| Unconnected { input: name.to_owned(), ..found }.to_string()))
    }

    fn error(&self, at: CallSite, what: String) -> Error {
        Error::NotDifferentiable { at: at.into(), what }
    }

    /// What was recorded as a graph from the sources, and whatever else the ops took, to the target.
    fn recorded(&self, target: &Tensor, sources: &[&Tensor], at: CallSite) -> Result<Recorded> {
        self.check_running(at)?;
        let tape = self.tape.borrow();
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
        tape::remove(&self.tape);
    }
}

/// A graph with the values of its inputs.
struct Recorded {
    graph: Graph,
    inputs: Vec<Tensor>,
}

impl Recorded {
    /// The gradients by the first inputs, which are so many; none by those that are not connected.
    fn gradient(self, sources: usize, one: &Tensor, at: CallSite) -> Result<Vec<Option<Tensor>>> {
        let wrt: Vec<usize> = (0..sources).filter(|&i| self.is_float(i)).collect();
        let derived = differentiate::vjp(&self.graph, &wrt).map_err(|e| failed(e, at))?;
        let inputs = self.inputs.into_iter().chain([one.clone()]).map(Captured::Tensor);
        let outputs = graph::run_captured(&derived.graph, &inputs.collect::<Vec<_>>(), &[], 0, at)?;
        let mut gradients = vec![None; sources];
        for (&input, derivative) in wrt.iter().zip(&derived.derivatives) {
            gradients[input] = derivative.map(|output| outputs[output].clone());
        }
        Ok(gradients)
    }

    fn is_float(&self, input: usize) -> bool {
        self.graph.tensor(self.graph.inputs()[input]).dtype.is_differentiable()
    }
}

struct Building {
    b: Builder,
    /// The sources before all, which nothing recorded computes again.
    values: HashMap<TensorId, Value>,
    inputs: Vec<Tensor>,
}

impl Building {
    fn input(&mut self, x: &Tensor) -> Result<Value> {
        let value = self.b.input(type_of(x)?);
        self.values.insert(x.id(), value);
        self.inputs.push(x.clone());
        Ok(value)
    }

    fn value(&mut self, x: &Tensor) -> Result<Value> {
        let known = self.values.get(&x.id()).copied();
        known.map_or_else(|| self.input(x), Ok)
    }

    fn record(&mut self, record: &Record) -> Result<(), BuildError> {
        if record.results.iter().all(|result| self.values.contains_key(&result.id())) {
            return Ok(());
        }
        let operands: Vec<Value> =
            record.operands.iter().map(|x| self.value(x).expect("recorded tensors have types")).collect();
        self.b.set_location(Some(record.at.into()));
        let results = match &record.maker {
            Maker::Assignment => operands,
            Maker::Op(op, regions) => self.op(op, regions, operands)?,
        };
        for (result, value) in record.results.iter().zip(results) {
            self.values.entry(result.id()).or_insert(value);
        }
        Ok(())
    }

    fn op(&mut self, op: &Op, regions: &[Graph], operands: Vec<Value>) -> Result<Vec<Value>, BuildError> {
        Ok(match (op, regions) {
            (Op::Call(_), [graph]) => self.inline(graph, operands)?,
            (op, []) => {
                let operands = broadcast::operands(&mut self.b, op, operands.into())?;
                self.b.push(op.clone(), &operands)?.into_vec()
            }
            (op, regions) => self.b.push_with_regions(op.clone(), &operands, regions.to_vec())?.into_vec(),
        })
    }

    /// The nodes of a graph whose record is without tokens: its effects, which a gradient is without, have an order of their own.
    fn inline(&mut self, graph: &Graph, operands: Vec<Value>) -> Result<Vec<Value>, BuildError> {
        let mut operands = operands.into_iter();
        let inputs = graph.inputs().iter().map(|&input| match graph.ty(input) {
            Type::Token => self.b.token(),
            _ => operands.next().expect("there is an operand for each input that is no token"),
        });
        let inputs: Vec<Value> = inputs.collect();
        let mut results = self.b.inline(graph, &inputs)?;
        results.retain(|&result| !matches!(self.b.ty(result), Type::Token));
        Ok(results)
    }
}
