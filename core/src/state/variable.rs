//! The variable as plain data: an identity, a type, a value, and whose turn it is to assign it.
//!
//! A call that assigns variables is alone with them, so that no update is lost. There are two ways to be alone:
//!
//! - A call that overwrites old values holds the *locks* of the values while it runs, see [`Variable::lock`]: nobody may see a value
//!   that is half new. No code of the user's runs meanwhile.
//! - Any other call holds the *turns* of the variables, see [`Variable::take_turns`]: others may read the old values. While it runs, user
//!   code may be called on the same thread (a printer), so a thread that has a turn may take it again, and may lock the value.
//!
//! Turns are taken in the order of the variables' numbers. Who wants locks waits for a turn without holding any lock, and who holds
//! locks waits for nothing but locks of higher numbers, so that nobody waits in a circle.
//!
//! A call sees one moment of all its variables, and what it assigns is there at one moment: whoever reads or writes several values holds the
//! locks of all of them meanwhile, those that are only read included.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_runtime::buffer::SharedBuffer;

use crate::tensor::Tensor;
use crate::tensor::id::TensorId;

/// A tensor of fixed dtype and shape that can be assigned. Clones are the same variable.
///
/// Reads and assignments take effect in program order, in and out of traced functions. A traced function refers to the variables
/// that it uses: each call sees the values of all of them at one moment, and what it assigns is there, all at one moment, when the call
/// returns. Calls that assign the same variable come one after the other. What a traced function assigns is written over the old value where nobody else
/// has a handle of that: a step of training needs no second place for the parameters. As an argument, or in a struct that derives [`Tree`](crate::Tree), a variable
/// is a plain value: which variable it is, not what is in it, is part of the signature.
///
/// What [`set_printer`](crate::set_printer) is given runs while a call does, and may read variables, assign them and call functions: it
/// finds what variables were before the call, and what it assigns is there until the call assigns the same variable at its end. Two
/// threads must not assign each other's variables in this way: they would wait for each other.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let count = Variable::new(0i32)?;
/// let step = {
///     let count = count.clone();
///     function(move |by: Tensor| {
///         count.assign_add(&by)?;
///         Ok(count.value() * 10)
///     })
/// };
/// assert_eq!(step.call(1i32)?.item::<i32>()?, 10);
/// count.assign(5i32)?;
/// assert_eq!(step.call(2i32)?.item::<i32>()?, 70);
/// assert_eq!(step.trace_count(), 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Variable {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    name: String,
    ty: TensorType,
    /// Whether training changes it.
    trainable: AtomicBool,
    cell: Mutex<Cell>,
    /// Notified when a turn ends.
    ended: Condvar,
}

struct Cell {
    value: SharedBuffer,
    /// Which tensor that is: each assignment makes another one.
    id: TensorId,
    turn: Option<Turn>,
}

/// Whose turn it is, and how often it took it.
struct Turn {
    thread: ThreadId,
    depth: usize,
}

impl Cell {
    fn is_taken(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.thread != thread::current().id())
    }

    fn begin_turn(&mut self) {
        match &mut self.turn {
            Some(turn) => turn.depth += 1,
            None => self.turn = Some(Turn { thread: thread::current().id(), depth: 1 }),
        }
    }

    /// Ends a turn. Whether it is free now.
    fn end_turn(&mut self) -> bool {
        if let Some(turn) = &mut self.turn {
            turn.depth -= 1;
            if turn.depth == 0 {
                self.turn = None;
            }
        }
        self.turn.is_none()
    }
}

impl Variable {
    pub(crate) fn with_value(name: &str, ty: TensorType, value: SharedBuffer) -> Variable {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let cell = Mutex::new(Cell { value, id: TensorId::fresh(), turn: None });
        let trainable = AtomicBool::new(true);
        let inner = Inner { id, name: name.to_owned(), ty, trainable, cell, ended: Condvar::new() };
        Variable { inner: Arc::new(inner) }
    }

    /// Whether the variable is among the [`parameters`](crate::Module::parameters) of what holds it, unless its dtype is no float. Variables are
    /// trainable when they are made.
    pub fn trainable(&self) -> bool {
        self.inner.trainable.load(Ordering::Relaxed)
    }

    /// Makes the variable trainable or not. Trainers that are there already keep the parameters that they began with.
    #[doc(alias = "requires_grad")]
    pub fn set_trainable(&self, trainable: bool) {
        self.inner.trainable.store(trainable, Ordering::Relaxed);
    }

    /// The same variable, not trainable from now on: statistics, tables, layers that stay as they are.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// #[derive(Module)]
    /// struct Layer {
    ///     weight: Variable,
    ///     mean: Variable,
    /// }
    ///
    /// let layer = Layer { weight: Variable::new([1.0f32])?, mean: Variable::new([0.0f32])?.frozen() };
    /// let paths: Vec<String> = layer.parameters().into_iter().map(|(path, _)| path).collect();
    /// assert_eq!(paths, ["weight"]);
    /// assert_eq!(layer.variables().len(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "non_trainable")]
    pub fn frozen(self) -> Variable {
        self.set_trainable(false);
        self
    }

    /// The name; empty if it has none.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The dtype and shape.
    pub fn ty(&self) -> &TensorType {
        &self.inner.ty
    }

    /// The value now as a tensor, the same one until the next assignment.
    pub(crate) fn tensor(&self) -> Tensor {
        let cell = self.guard();
        Tensor::concrete(self.ty().clone(), cell.value.clone()).with_id(cell.id)
    }

    /// The values of variables at one moment, as tensors.
    pub(crate) fn tensors(variables: &[&Variable]) -> Vec<Tensor> {
        let cells = Variable::guards(variables);
        let tensor = |(variable, cell): (&&Variable, &MutexGuard<'_, Cell>)| {
            Tensor::concrete(variable.ty().clone(), cell.value.clone()).with_id(cell.id)
        };
        variables.iter().zip(&cells).map(tensor).collect()
    }

    /// The values of variables at one moment.
    pub(crate) fn buffers(variables: &[&Variable]) -> SmallVec<[SharedBuffer; 4]> {
        match variables {
            [one] => smallvec![one.guard().value.clone()],
            _ => Variable::guards(variables).iter().map(|cell| cell.value.clone()).collect(),
        }
    }

    /// Gives variables values of their types, all at one moment, when no other thread has the turn of one of them.
    pub(crate) fn set_all(
        variables: &[Variable],
        values: impl IntoIterator<Item = (SharedBuffer, TensorId)>,
    ) {
        Variable::lock(variables, &[]).0.assign(values);
    }

    /// The cells of distinct variables, all locked.
    fn guards<'v>(variables: &[&'v Variable]) -> SmallVec<[MutexGuard<'v, Cell>; 4]> {
        let mut guards: SmallVec<[Option<MutexGuard<'v, Cell>>; 4]> =
            variables.iter().map(|_| None).collect();
        for i in in_order(variables.len(), |i| variables[i]) {
            guards[i] = Some(variables[i].guard());
        }
        guards.into_iter().flatten().collect()
    }

    fn guard(&self) -> MutexGuard<'_, Cell> {
        self.inner.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread has the turn.
    fn wait<'v>(&self, guard: MutexGuard<'v, Cell>) -> MutexGuard<'v, Cell> {
        let is_taken = |cell: &mut Cell| cell.is_taken();
        self.inner.ended.wait_while(guard, is_taken).unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turns of variables.
    pub(crate) fn take_turns(variables: &[Variable]) -> Turns<'_> {
        let mut turns = Turns { variables: Vec::with_capacity(variables.len()) };
        for i in in_order(variables.len(), |i| &variables[i]) {
            variables[i].wait(variables[i].guard()).begin_turn();
            turns.variables.push(&variables[i]);
        }
        turns
    }

    /// Locks the values of variables, when no other thread has the turn of one of them, and gives those of others at the same moment. All
    /// are distinct.
    pub(crate) fn lock<'v>(
        variables: &'v [Variable],
        others: &[&'v Variable],
    ) -> (Locked<'v>, SmallVec<[SharedBuffer; 4]>) {
        let (locked, count) = (variables.len(), variables.len() + others.len());
        let variable = |i: usize| if i < locked { &variables[i] } else { others[i - locked] };
        let order = in_order(count, variable);
        'again: loop {
            let mut guards: SmallVec<[Option<MutexGuard<'v, Cell>>; 4]> = (0..count).map(|_| None).collect();
            for &i in &order {
                let guard = variable(i).guard();
                if i < locked && guard.is_taken() {
                    drop(guards);
                    drop(variable(i).wait(guard));
                    continue 'again;
                }
                guards[i] = Some(guard);
            }
            let mut guards = guards.into_iter().flatten();
            let own = Locked { guards: guards.by_ref().take(locked).collect() };
            return (own, guards.map(|cell| cell.value.clone()).collect());
        }
    }
}

/// Positions of so many variables in an order that is the same for all threads.
fn in_order<'v>(count: usize, variable: impl Fn(usize) -> &'v Variable) -> SmallVec<[usize; 8]> {
    let mut order: SmallVec<[usize; 8]> = (0..count).collect();
    order.sort_by_key(|&i| variable(i).inner.id);
    order
}

/// Turns of variables, until this is dropped.
pub(crate) struct Turns<'v> {
    variables: Vec<&'v Variable>,
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        for variable in &self.variables {
            if variable.guard().end_turn() {
                variable.inner.ended.notify_all();
            }
        }
    }
}

/// Values of variables that nobody else sees meanwhile.
pub(crate) struct Locked<'v> {
    guards: SmallVec<[MutexGuard<'v, Cell>; 4]>,
}

impl Locked<'_> {
    /// The values of the variables.
    pub(crate) fn values(&mut self) -> impl Iterator<Item = &mut SharedBuffer> {
        self.guards.iter_mut().map(|guard| &mut guard.value)
    }

    /// Gives the variables these values, which are these tensors. The old ones are dropped after the locks.
    pub(crate) fn assign(mut self, values: impl IntoIterator<Item = (SharedBuffer, TensorId)>) {
        let swap = |(cell, (value, id)): (&mut MutexGuard<'_, Cell>, (SharedBuffer, TensorId))| {
            cell.id = id;
            std::mem::replace(&mut cell.value, value)
        };
        let old: SmallVec<[SharedBuffer; 4]> = self.guards.iter_mut().zip(values).map(swap).collect();
        drop(self);
        drop(old);
    }
}

/// The same variable, not an equal one.
impl PartialEq for Variable {
    fn eq(&self, other: &Variable) -> bool {
        self.inner.id == other.inner.id
    }
}

impl Eq for Variable {}

impl Hash for Variable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.id.hash(state);
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({}: {})", self.name(), self.ty())
    }
}
