//! What a signature compiles to: one subgraph, or a tree of subgraphs if data decide sizes.
//!
//! A function that asks for such a size is cut there (`crate::interpret::trace`). Its first subgraph depends on the signature alone; each further one also
//! on the sizes that the subgraphs before it have found, so that subgraphs form a tree, whose leaves give results. A call goes down the tree, and
//! carries what a subgraph has computed to those that use it. Where there is no subgraph for a size yet, the closure is traced again: what is known of the
//! way is recorded and thrown away, nothing of it runs twice, and from there on subgraphs are compiled and run as they are found.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_compiler::lower::Promises;
use tensorwright_ir::{Builder, Copier, Graph, Literal, Location, Value};
use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::{Executable, RunError};

use super::capture::Capture;
use super::config::Config;
use crate::error::{CallSite, Error, Failure, Result};
use crate::interpret::trace::{Outside, Recording, Subgraphs};
use crate::state::Variable;
use crate::tensor::Tensor;
use crate::tensor::id::TensorId;
use crate::tree::erased::Erased;

/// What the runtime gives, buffer by buffer.
pub(super) type Outputs = SmallVec<[SharedBuffer; 2]>;

/// A graph of a signature, compiled.
pub(super) struct Subgraph {
    pub(super) executable: Executable,
    /// What the closure uses from outside: values of the last inputs.
    pub(super) captures: Vec<Outside>,
    /// The variables that it assigns: their new values are the last outputs.
    pub(super) assigned: Vec<Variable>,
    pub(super) then: Then,
}

/// What follows a subgraph.
pub(super) enum Then {
    /// Nothing. The result as it was traced: its tensors are replaced by those of each call.
    Result(Erased),
    /// Another subgraph: the first output decides which one, the others are carried.
    Cut(Cut),
}

/// The end of a subgraph.
pub(super) struct Cut {
    /// The line that asks for the size.
    at: Location,
    subgraphs: Mutex<HashMap<usize, Arc<Subgraph>>>,
    /// Of the first subgraph: the variables that it or subgraphs behind it read, and whether one assigns them.
    variables: Mutex<Vec<(Variable, bool)>>,
}

impl Cut {
    fn new(at: CallSite) -> Cut {
        Cut { at: at.into(), subgraphs: Mutex::default(), variables: Mutex::default() }
    }

    fn subgraphs(&self) -> MutexGuard<'_, HashMap<usize, Arc<Subgraph>>> {
        lock(&self.subgraphs)
    }

    /// The sizes for which there is a subgraph, in order, with these subgraphs.
    fn known(&self) -> Vec<(usize, Arc<Subgraph>)> {
        let mut known: Vec<_> =
            self.subgraphs().iter().map(|(&size, subgraph)| (size, Arc::clone(subgraph))).collect();
        known.sort_by_key(|&(size, _)| size);
        known
    }
}

/// What is locked is whole, whatever panics elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subgraph {
    pub(super) fn whole(executable: Executable, recording: Recording, template: Erased) -> Subgraph {
        let Recording { captures, assigned, .. } = recording;
        Subgraph { executable, captures, assigned, then: Then::Result(template) }
    }

    /// What the subgraph gives, if it is the last one.
    pub(super) fn template(&self) -> Option<&Erased> {
        match &self.then {
            Then::Result(template) => Some(template),
            Then::Cut(_) => None,
        }
    }

    /// What its last inputs stand for; it is the only subgraph.
    pub(super) fn captured(&self) -> Vec<Capture> {
        let graph = self.executable.graph();
        let first = graph.inputs().len() - self.captures.len();
        let capture = |(outside, &input): (&Outside, &Value)| match outside {
            Outside::Buffer(buffer) => {
                Capture::Tensor(Tensor::concrete(graph.tensor(input).clone(), buffer.clone()))
            }
            Outside::Variable(variable) => Capture::Variable(variable.clone()),
            Outside::Assigned(at) => Capture::Variable(self.assigned[*at].clone()),
            Outside::Carried(_) => unreachable!("a function in one subgraph carries nothing"),
        };
        self.captures.iter().zip(&graph.inputs()[first..]).map(capture).collect()
    }

    /// The graph with constants in the place of captured tensors and of variables.
    pub(super) fn frozen(&self, at: CallSite) -> Result<Graph> {
        let graph = self.executable.graph();
        let failed = |error| Error::op(at, error);
        let mut b = Builder::new(graph.name());
        let first = graph.inputs().len() - self.captures.len();
        let mut copier = Copier::new(graph);
        for &input in &graph.inputs()[..first] {
            copier.declare(graph, &mut b, input);
        }
        for (&input, outside) in graph.inputs()[first..].iter().zip(&self.captures) {
            let literal = match outside {
                Outside::Buffer(buffer) => {
                    let bytes = buffer.as_bytes().to_vec();
                    Literal::from_bytes(graph.tensor(input).clone(), bytes)
                        .expect("a captured tensor has a value")
                }
                Outside::Variable(variable) => variable.tensor().to_literal()?,
                Outside::Assigned(_) | Outside::Carried(_) => unreachable!("the caller has asked"),
            };
            copier.set(input, b.literal(literal));
        }
        for node in graph.nodes() {
            copier.copy_named(graph, &mut b, node).map_err(failed)?;
        }
        Ok(b.finish(&copier.values(graph.outputs())))
    }

    /// Bytes of the subgraph and of those behind it: executables with their graphs, and captured tensors that nobody else has.
    pub(super) fn bytes(&self) -> usize {
        let own = self.captures.iter().filter_map(|outside| match outside {
            Outside::Buffer(buffer) if buffer.is_unique() => Some(buffer.capacity()),
            _ => None,
        });
        let further = match &self.then {
            Then::Result(_) => 0,
            Then::Cut(cut) => {
                cut.known().iter().map(|(_, subgraph)| subgraph.bytes() + size_of::<Subgraph>()).sum()
            }
        };
        self.executable.held_bytes() + own.sum::<usize>() + further
    }

    /// Visits the subgraph and those behind it, each with the sizes on the way to it.
    pub(super) fn each(&self, sizes: &[usize], visit: &mut dyn FnMut(&[usize], &Subgraph)) {
        visit(sizes, self);
        if let Then::Cut(cut) = &self.then {
            for (size, subgraph) in cut.known() {
                subgraph.each(&[sizes, &[size]].concat(), visit);
            }
        }
    }

    /// The variables that this subgraph reads or assigns.
    fn own_variables(&self) -> impl Iterator<Item = &Variable> {
        let read = self.captures.iter().filter_map(|outside| outside.variable(&self.assigned));
        read.chain(&self.assigned)
    }

    /// The variables that this subgraph, the first one, and those behind it read or assign; and those that they assign.
    pub(super) fn variables(&self) -> (Vec<Variable>, Vec<Variable>) {
        match &self.then {
            Then::Result(_) => (Vec::new(), Vec::new()),
            Then::Cut(cut) => {
                let known = lock(&cut.variables);
                let assigned = known.iter().filter(|(_, assigned)| *assigned);
                (known.iter().map(|(v, _)| v.clone()).collect(), assigned.map(|(v, _)| v.clone()).collect())
            }
        }
    }

    /// Notes variables of a subgraph behind this one, the first, or of this one.
    fn add_variables(&self, subgraph: &Subgraph) {
        if let Then::Cut(cut) = &self.then {
            let mut known = lock(&cut.variables);
            for variable in subgraph.own_variables() {
                let assigned = subgraph.assigned.contains(variable);
                match known.iter_mut().find(|(other, _)| other == variable) {
                    Some((_, before)) => *before |= assigned,
                    None => known.push((variable.clone(), assigned)),
                }
            }
        }
    }
}

/// Where a call that goes through subgraphs has come to an end.
pub(super) enum End {
    /// At the last subgraph, with its outputs.
    Result(Arc<Subgraph>, Outputs),
    /// Where there is no subgraph for the last size yet.
    New(NewSize),
}

/// A size for which there is no subgraph yet.
pub(super) struct NewSize {
    /// The line that asks for it.
    pub(super) at: Location,
    pub(super) size: usize,
    /// The sizes for which there are subgraphs.
    pub(super) known: Vec<usize>,
}

/// A call that goes through subgraphs.
pub(super) struct Run {
    inputs: Vec<SharedBuffer>,
    threads: usize,
    /// The subgraphs behind it, each with the size that it gave.
    way: Vec<(Arc<Subgraph>, usize)>,
    carried: Vec<SharedBuffer>,
    /// The variables, with their values at the beginning of the call, or when a new subgraph first asked for them.
    moment: Vec<(Variable, SharedBuffer)>,
}

impl Run {
    pub(super) fn new(inputs: &[&SharedBuffer], threads: usize) -> Run {
        let inputs = inputs.iter().map(|&input| input.clone()).collect();
        Run { inputs, threads, way: Vec::new(), carried: Vec::new(), moment: Vec::new() }
    }

    /// Goes down the tree, as far as there are subgraphs. Nobody else may assign the variables meanwhile that the function assigns.
    pub(super) fn descend(
        &mut self,
        first: &Arc<Subgraph>,
        variables: &[Variable],
        config: &Config,
        at: CallSite,
    ) -> Result<End> {
        let values = Variable::buffers(&variables.iter().collect::<Vec<_>>());
        self.moment = variables.iter().cloned().zip(values.iter().cloned()).collect();
        let mut subgraph = Arc::clone(first);
        loop {
            let outputs = self.run(&subgraph, at)?;
            let Then::Cut(cut) = &subgraph.then else { return Ok(End::Result(subgraph, outputs)) };
            let size = self.carry(&subgraph, outputs, config, at)?;
            let next = cut.subgraphs().get(&size).cloned();
            match next {
                Some(next) => subgraph = next,
                None => {
                    let known = cut.known().into_iter().map(|(size, _)| size).collect();
                    return Ok(End::New(NewSize { at: cut.at.clone(), size, known }));
                }
            }
        }
    }

    /// Drops all subgraphs but those that it has gone through.
    pub(super) fn forget_others(&self) {
        for (subgraph, size) in &self.way {
            if let Then::Cut(cut) = &subgraph.then {
                let others = cut.subgraphs().extract_if(|known, _| known != size).collect::<Vec<_>>();
                // Code is freed without the lock.
                drop(others);
            }
        }
    }

    /// Runs a subgraph.
    fn run(&mut self, subgraph: &Subgraph, at: CallSite) -> Result<Outputs> {
        let mut operands = if self.way.is_empty() { self.inputs.clone() } else { Vec::new() };
        for outside in &subgraph.captures {
            operands.push(match outside {
                Outside::Buffer(buffer) => buffer.clone(),
                Outside::Carried(at) => self.carried[*at].clone(),
                Outside::Variable(variable) => self.value(variable),
                Outside::Assigned(own) => self.value(&subgraph.assigned[*own]),
            });
        }
        let operands: Vec<&SharedBuffer> = operands.iter().collect();
        let outputs: Result<Outputs, RunError> = subgraph.executable.run(&operands, self.threads);
        outputs.map_err(|error| Error::run(at, error))
    }

    fn value(&mut self, variable: &Variable) -> SharedBuffer {
        if let Some((_, value)) = self.moment.iter().find(|(known, _)| known == variable) {
            return value.clone();
        }
        let value = Variable::buffers(&[variable])[0].clone();
        self.moment.push((variable.clone(), value.clone()));
        value
    }

    /// Notes what a subgraph that is cut has given; the size, rounded as the function is set up.
    fn carry(
        &mut self,
        subgraph: &Arc<Subgraph>,
        outputs: Outputs,
        config: &Config,
        at: CallSite,
    ) -> Result<usize> {
        let mut outputs = outputs.into_iter();
        let number = outputs.next().expect("a subgraph gives a size");
        let found = i64::from_le_bytes(number.as_bytes().try_into().expect("eight bytes of an i64"));
        let size =
            usize::try_from(found).map_err(|_| Error::NoSize { at: at.into(), found: found.into() })?;
        let size = config.rounding.round(size);
        self.carried.extend(outputs);
        self.way.push((Arc::clone(subgraph), size));
        Ok(size)
    }

    /// Gives variables what the last subgraph has made of them, and leaves the outputs that are the result.
    pub(super) fn assign(subgraph: &Subgraph, outputs: &mut Outputs) {
        if !subgraph.assigned.is_empty() {
            let new = outputs.drain(outputs.len() - subgraph.assigned.len()..);
            Variable::set_all(&subgraph.assigned, new.map(|value| (value, TensorId::fresh())));
        }
    }
}

/// A trace of a function while it is called: runs its subgraphs as they end.
pub(super) struct Tracing {
    config: Config,
    at: CallSite,
    run: RefCell<Run>,
    /// How many cuts the trace has come to, those behind the run among them.
    cuts: Cell<usize>,
    /// Why a subgraph did not give a size. Nothing comes behind it, whatever the closure does with the error.
    failed: RefCell<Option<Failure>>,
}

impl Tracing {
    /// A trace that goes on where a run has come to, or one from the beginning.
    pub(super) fn new(config: &Config, run: Run, at: CallSite) -> Rc<Tracing> {
        let (cuts, failed) = (Cell::new(0), RefCell::new(None));
        Rc::new(Tracing { config: config.clone(), at, run: RefCell::new(run), cuts, failed })
    }

    /// Whether the function has been cut.
    pub(super) fn is_cut(&self) -> bool {
        self.cuts.get() > 0
    }

    /// The first subgraph.
    pub(super) fn first(&self) -> Arc<Subgraph> {
        Arc::clone(&self.run.borrow().way[0].0)
    }

    /// Compiles and runs the last subgraph.
    pub(super) fn finish(&self, recording: Recording, template: Erased) -> Result<(Arc<Subgraph>, Outputs)> {
        if let Some(failure) = &*self.failed.borrow() {
            return Err((**failure).clone());
        }
        let subgraph =
            self.add(recording, |executable, recording| Subgraph::whole(executable, recording, template))?;
        let outputs = self.run.borrow_mut().run(&subgraph, self.at)?;
        Ok((subgraph, outputs))
    }

    /// Compiles what was traced, behind the subgraph before it.
    fn add(
        &self,
        recording: Recording,
        subgraph: impl FnOnce(Executable, Recording) -> Subgraph,
    ) -> Result<Arc<Subgraph>> {
        // New values of variables are in new memory: subgraphs behind may need the old ones.
        let promises = Promises { donated: Vec::new(), ..recording.promises() };
        let executable = Executable::compile_promised(&recording.graph, &self.config.options, &promises)
            .map_err(|error| Error::compile(self.at, &recording.graph, error))?;
        let subgraph = Arc::new(subgraph(executable, recording));
        let run = self.run.borrow();
        if let Some((before, size)) = run.way.last()
            && let Then::Cut(cut) = &before.then
        {
            cut.subgraphs().insert(*size, Arc::clone(&subgraph));
        }
        let first = run.way.first().map_or(&subgraph, |(first, _)| first);
        first.add_variables(&subgraph);
        Ok(subgraph)
    }

    /// The size that a subgraph gave that was run before, if what is traced now is that subgraph.
    fn known(&self, recording: &Recording, at: CallSite) -> Option<Result<usize, Failure>> {
        let run = self.run.borrow();
        let (subgraph, size) = run.way.get(self.cuts.get())?;
        Some(match recording.graph == *subgraph.executable.graph() {
            true => Ok(*size),
            false => Err(Error::TracedOtherwise { at: at.into() }.into()),
        })
    }
}

impl Subgraphs for Tracing {
    fn run(&self, recording: Recording, at: CallSite) -> Result<usize, Failure> {
        let known = self.failed.borrow().clone();
        let found = known.map_or_else(|| self.size(recording, at), Err);
        if let Err(failure) = &found {
            *self.failed.borrow_mut() = Some(failure.clone());
        }
        found
    }
}

impl Tracing {
    /// The size that the subgraph gives, of an earlier run or of one now.
    fn size(&self, recording: Recording, at: CallSite) -> Result<usize, Failure> {
        let known = self.known(&recording, at);
        self.cuts.set(self.cuts.get() + 1);
        if let Some(known) = known {
            return known;
        }
        let then = |executable, Recording { captures, assigned, .. }| Subgraph {
            executable,
            captures,
            assigned,
            then: Then::Cut(Cut::new(at)),
        };
        let subgraph = self.add(recording, then)?;
        let mut run = self.run.borrow_mut();
        let outputs = run.run(&subgraph, self.at)?;
        Ok(run.carry(&subgraph, outputs, &self.config, at)?)
    }
}
