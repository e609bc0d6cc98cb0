//! Control flow: running the regions of an op.
//!
//! The state of a loop goes back and forth between the memory of the result and a spare buffer, so that an iteration copies
//! nothing; state that the body updates in place stays where it is. Slices of scanned tensors are read, and slices of stacked
//! results written, right where they are.
//!
//! A call has handles of its own of the lists among its operands: those that nobody needs afterwards, and second ones of the others.
//! Regions take the handles of their inputs. The condition of a loop gets second ones, and so does each run for invariants, so that
//! state, of which the body has the only handle, changes in place.

use std::sync::Mutex;

use smallvec::SmallVec;
use tensorwright_compiler::program::Control;
use tensorwright_compiler::program::control::{Workspace, workspace};
use tensorwright_ir::Type;
use tensorwright_ir::op::{Feed, Order, Ports, Runs, Selector};

use super::block::{Block, copy};
use super::list::{BorrowedLists, Cell, Cells};
use super::shared::{Addresses, Shared};
use super::task::share;
use super::{BuildExecutableError, RunError};
use crate::cancel::Limits;
use crate::workers::{Failure, with_scratch};

/// How often a loop runs whose count is not known, for estimates.
const GUESSED_ITERATIONS: u64 = 8;

/// An op with regions.
#[derive(Debug)]
pub(super) struct ControlTask {
    ports: Ports,
    pub(super) regions: Vec<Block>,
    operands: Vec<usize>,
    results: Vec<usize>,
    /// Bytes of the state of a loop.
    state_bytes: Vec<usize>,
    /// For each operand and each result the bytes of a slice along axis 0; 0 for what is not sliced.
    operand_steps: Vec<usize>,
    result_steps: Vec<usize>,
    workspace: Workspace,
    workspace_slot: usize,
    /// The operands that are lists, and whether nothing needs them afterwards.
    lists: SmallVec<[(usize, bool); 2]>,
}

type Pointers = SmallVec<[*mut u8; 8]>;

impl ControlTask {
    /// The op, and whether nothing needs a slot after it.
    pub(super) fn new(
        control: &Control,
        is_last_use: impl Fn(usize) -> bool,
    ) -> Result<ControlTask, BuildExecutableError> {
        let ports = control.op.ports().expect("an op that lowers to regions has ports");
        let is_sliced = |operand: usize| ports.feed(operand) == Feed::Sliced;
        let is_stacked = |result: usize| ports.stacks() && result >= ports.carried;
        Ok(ControlTask {
            ports,
            regions: control.regions.iter().map(Block::new).collect::<Result<_, _>>()?,
            operands: control.operands.clone(),
            results: control.results.clone(),
            state_bytes: control.result_types[..ports.carried].iter().map(Type::bytes).collect(),
            operand_steps: steps(&control.operand_types, is_sliced),
            result_steps: steps(&control.result_types, is_stacked),
            workspace: workspace(&control.op, &control.regions),
            workspace_slot: control.workspace,
            lists: lists(control, is_last_use),
        })
    }

    /// # Safety
    /// As of `Task::run`.
    pub(super) unsafe fn run(&self, memory: &[*mut u8], limits: Limits<'_>) -> Result<(), RunError> {
        let mut operands: Pointers = self.operands.iter().map(|&slot| memory[slot]).collect();
        let mut own = BorrowedLists::default();
        for &(operand, is_last_use) in &self.lists {
            // SAFETY: operands that are lists are cells.
            own.add(operand, unsafe { Cell::of(operands[operand], is_last_use) });
        }
        own.places().into_iter().for_each(|(operand, cell)| operands[operand] = cell);
        let results: Pointers = self.results.iter().map(|&slot| memory[slot]).collect();
        let call = Call { task: self, operands, results, workspace: memory[self.workspace_slot], limits };
        // SAFETY: operands and results are valid for their types, and regions take and give these (rules 6 and 14 of `program::verify`).
        // The workspace is large enough and for nothing else (rule 13).
        unsafe {
            match self.ports.runs {
                Runs::Once | Runs::Again => call.once(0),
                Runs::Selected(selector) => call.once(call.selected(selector)),
                Runs::While => call.repeat(),
                Runs::ForEach { length, order: Order::Any } => call.map(length),
                Runs::ForEach { length, order } => call.scan(length, order),
            }
        }
    }

    /// Whether this operand is a list.
    fn is_list(&self, operand: usize) -> bool {
        self.lists.iter().any(|&(list, _)| list == operand)
    }

    /// Estimated nanoseconds on one thread.
    pub(super) fn estimated_ns(&self) -> u64 {
        let each = self.regions.iter().map(Block::estimated_ns);
        let runs = match self.ports.runs {
            Runs::Once | Runs::Again | Runs::Selected(_) => return each.max().unwrap_or(0),
            Runs::While => GUESSED_ITERATIONS,
            Runs::ForEach { length, .. } => length as u64,
        };
        each.fold(0, u64::saturating_add).saturating_mul(runs)
    }
}

fn lists(control: &Control, is_last_use: impl Fn(usize) -> bool) -> SmallVec<[(usize, bool); 2]> {
    let lists = control.operand_types.iter().enumerate().filter(|(_, ty)| ty.as_list().is_some());
    lists.map(|(operand, _)| (operand, is_last_use(control.operands[operand]))).collect()
}

/// Bytes of a slice of the tensors that are sliced, 0 for the others.
fn steps(types: &[Type], is_sliced: impl Fn(usize) -> bool) -> Vec<usize> {
    let step = |(i, ty): (usize, &Type)| match ty {
        Type::Tensor(ty) if is_sliced(i) => ty.bytes() / ty.shape.size(0).max(1),
        _ => 0,
    };
    types.iter().enumerate().map(step).collect()
}

/// One run of a task. Its methods are sound if the pointers are valid for the types of the op. Operands that are lists are cells of
/// the call's own.
struct Call<'a> {
    task: &'a ControlTask,
    operands: Pointers,
    results: Pointers,
    workspace: *mut u8,
    limits: Limits<'a>,
}

// SAFETY: a task is read only, limits are numbers and a flag for all threads, the rest is raw pointers.
unsafe impl Addresses for &Call<'_> {}

impl Call<'_> {
    /// The region that operand 0 selects.
    unsafe fn selected(&self, selector: Selector) -> usize {
        let operand = self.operands[0];
        // SAFETY: operand 0 is a scalar of the selector's dtype.
        let value = unsafe {
            match selector {
                Selector::Predicate => i128::from(operand.read()),
                Selector::Index => i128::from(operand.cast::<i32>().read_unaligned()),
            }
        };
        selector.region(value, self.task.regions.len())
    }

    unsafe fn once(&self, region: usize) -> Result<(), RunError> {
        let (region, first) = (&self.task.regions[region], self.task.ports.selectors());
        // SAFETY: the region takes the operands but the selectors, and gives the results.
        unsafe {
            region.run_into(|i| self.operands[first + i], |o| self.results[o], self.workspace, self.limits)
        }
    }

    unsafe fn repeat(&self) -> Result<(), RunError> {
        let [condition, body] = &self.task.regions[..] else { unreachable!("while has two regions") };
        let flag = self.workspace.wrapping_add(self.task.workspace.flag);
        // SAFETY: the regions take state and invariants; the new state does not overlap what is read, but where the body
        // updates it in place (rule 14 of `program::verify`).
        unsafe {
            let mut state = State::new(self);
            loop {
                let mut borrowed = self.borrow_lists(&state, 0);
                let cells = borrowed.places();
                let input = |i| self.borrowed(&cells, i).unwrap_or_else(|| self.input(&state, i));
                condition.run_into(input, |_| flag, self.workspace, self.limits)?;
                drop(borrowed);
                if flag.read() == 0 {
                    break;
                }
                let mut borrowed = self.borrow_lists(&state, state.current.len());
                let cells = borrowed.places();
                let input = |i| self.borrowed(&cells, i).unwrap_or_else(|| self.input(&state, i));
                body.run_into(input, |o| state.next[o], self.workspace, self.limits)?;
                state.advance(self);
            }
            state.finish(self);
        }
        Ok(())
    }

    /// Second handles for a region of a loop: of the lists among its inputs from number `first` on.
    unsafe fn borrow_lists(&self, state: &State, first: usize) -> BorrowedLists {
        let mut borrowed = BorrowedLists::default();
        for &(input, _) in self.task.lists.iter().filter(|(input, _)| *input >= first) {
            // SAFETY: operands and state that are lists are cells.
            borrowed.add(input, unsafe { Cell::another(self.input(state, input)) });
        }
        borrowed
    }

    /// Input `i` of a region, if that is a borrowed list.
    fn borrowed(&self, cells: &[(usize, *mut u8)], i: usize) -> Option<*mut u8> {
        cells.iter().find(|(input, _)| *input == i).map(|&(_, cell)| cell)
    }

    /// Input `i` of a region of a loop without slices.
    fn input(&self, state: &State, i: usize) -> *mut u8 {
        state.current.get(i).copied().unwrap_or_else(|| self.operands[i])
    }

    unsafe fn scan(&self, length: usize, order: Order) -> Result<(), RunError> {
        let body = &self.task.regions[0];
        // SAFETY: as for `repeat`; slices lie within their tensors.
        unsafe {
            let mut state = State::new(self);
            for index in (0..length).map(|run| order.slice(run, length)) {
                let mut borrowed = self.borrow_lists(&state, state.current.len());
                let cells = borrowed.places();
                let input = |i| match state.current.get(i) {
                    Some(&current) => current,
                    None => self.borrowed(&cells, i).unwrap_or_else(|| self.operand_slice(i, index)),
                };
                let output = |o| state.next.get(o).copied().unwrap_or_else(|| self.result_slice(o, index));
                body.run_into(input, output, self.workspace, self.limits)?;
                state.advance(self);
            }
            state.finish(self);
        }
        Ok(())
    }

    /// Operand `i`, or its slice at `index` if it is sliced.
    fn operand_slice(&self, i: usize, index: usize) -> *mut u8 {
        self.operands[i].wrapping_add(index * self.task.operand_steps[i])
    }

    fn result_slice(&self, o: usize, index: usize) -> *mut u8 {
        self.results[o].wrapping_add(index * self.task.result_steps[o])
    }

    /// Runs the body for each slice: on several threads if there are slices enough, else each run may use them.
    unsafe fn map(&self, length: usize) -> Result<(), RunError> {
        let body = &self.task.regions[0];
        let together = length >= self.limits.threads && !body.has_effects();
        if !together {
            // SAFETY: without state a scan is a map.
            return unsafe { self.scan(length, Order::Forward) };
        }
        let failure: Mutex<Option<(usize, RunError)>> = Mutex::new(None);
        let no_memory = Failure::none();
        let shared = Shared::new(self);
        share(length as u64, body.estimated_ns().max(1), self.limits.threads, &|range| {
            let call: &Call<'_> = shared.get();
            no_memory.keep(with_scratch(body.arena_bytes, |arena| {
                for index in range.start as usize..range.end as usize {
                    // SAFETY: the call's lists are not changed while it runs.
                    let mut borrowed = unsafe { call.borrow_lists(&State::none(), 0) };
                    let cells = borrowed.places();
                    // SAFETY: slices lie within their tensors, and those of results do not overlap.
                    let outcome = unsafe {
                        body.run_into(
                            |i| call.borrowed(&cells, i).unwrap_or_else(|| call.operand_slice(i, index)),
                            |o| call.result_slice(o, index),
                            arena,
                            call.limits.on_one_thread(),
                        )
                    };
                    if let Err(error) = outcome {
                        let mut first = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        if first.as_ref().is_none_or(|(at, _)| index < *at) {
                            *first = Some((index, error));
                        }
                    }
                }
            }));
        });
        no_memory.outcome()?;
        let failure = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failure.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// Where the state of a loop is, and where its next value goes.
struct State {
    current: Pointers,
    next: Pointers,
    /// Spare buffers of lists.
    _spare: Cells,
}

impl State {
    /// No state.
    fn none() -> State {
        // SAFETY: there are no places.
        let spare = unsafe { Cells::start(std::iter::empty()) };
        State { current: Pointers::new(), next: Pointers::new(), _spare: spare }
    }

    /// The state before the first iteration. State that is updated in place is copied to the result now, lists are moved there,
    /// other state is read where the operand is.
    unsafe fn new(call: &Call<'_>) -> State {
        let task = call.task;
        let start = |(i, &bytes): (usize, &usize)| {
            if task.is_list(i) {
                // SAFETY: operand and result are cells.
                unsafe { Cell::take(call.operands[i]).put(call.results[i]) };
                return call.results[i];
            }
            if task.workspace.spare[i].is_some() {
                return call.operands[i];
            }
            // SAFETY: operand and result have the same type.
            unsafe { copy(call.operands[i], call.results[i], bytes) };
            call.results[i]
        };
        let current: Pointers = task.state_bytes.iter().enumerate().map(start).collect();
        let lists = (0..current.len()).filter(|&i| task.is_list(i)).filter_map(|i| task.workspace.spare[i]);
        // SAFETY: spare buffers are parts of the workspace, for nothing else.
        let spare = unsafe { Cells::start(lists.map(|offset| call.workspace.wrapping_add(offset))) };
        let mut state = State { current, next: Pointers::new(), _spare: spare };
        state.aim(call);
        state
    }

    /// Chooses where the next state goes.
    fn aim(&mut self, call: &Call<'_>) {
        let place = |(i, &current): (usize, &*mut u8)| match call.task.workspace.spare[i] {
            None => current,
            Some(offset) if current == call.results[i] => call.workspace.wrapping_add(offset),
            Some(_) => call.results[i],
        };
        self.next = self.current.iter().enumerate().map(place).collect();
    }

    /// Goes on to the next state. Of lists that are not in place no handle of the old state is left.
    unsafe fn advance(&mut self, call: &Call<'_>) {
        for &(i, _) in call.task.lists.iter().filter(|(i, _)| *i < self.current.len()) {
            if self.current[i] != self.next[i] {
                // SAFETY: state that is a list is a cell.
                drop(unsafe { Cell::take(self.current[i]) });
            }
        }
        std::mem::swap(&mut self.current, &mut self.next);
        self.aim(call);
    }

    /// Has the last state in the results.
    unsafe fn finish(&self, call: &Call<'_>) {
        for (i, &bytes) in call.task.state_bytes.iter().enumerate() {
            // SAFETY: both have the type of the state, and are cells if it is a list.
            unsafe {
                match call.task.is_list(i) {
                    true if self.current[i] == call.results[i] => {}
                    true => Cell::take(self.current[i]).put(call.results[i]),
                    false => copy(self.current[i], call.results[i], bytes),
                }
            }
        }
    }
}
