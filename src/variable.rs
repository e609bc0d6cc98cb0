//! Variables: tensors that change.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tensorwright_ir::Type;
use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BinaryFn, Scatter, ScatterKind, UnaryFn};
use tensorwright_runtime::buffer::SharedBuffer;

use crate::error::{Error, Place, Result, caller};
use crate::tensor::{Operand, one};
use crate::{Tensor, trace};

/// A tensor of fixed dtype and shape that can be assigned. Clones are the same variable.
///
/// Reads and assignments take effect in program order, in and out of traced functions. A traced function refers to the variables
/// that it uses: each call sees the values of that moment, and what it assigns is there when the call returns. Calls that
/// assign the same variable come one after the other. What a traced function assigns is written over the old value where nobody else
/// has a handle of that: a step of training needs no second place for the parameters. As an argument, or in a struct that derives [`Tree`](crate::Tree), a variable
/// is a plain value: which variable it is, not what is in it, is part of the signature.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let count = Variable::new(0i32)?;
/// let step = {
///     let count = count.clone();
///     function(move |by: Tensor| {
///         count.assign_add(&by)?;
///         Ok::<_, tensorwright::Error>(count.value() * 10)
///     })
/// };
/// assert_eq!(step.call(1i32)?.item::<i32>()?, 10);
/// count.assign(5i32)?;
/// assert_eq!(step.call(2i32)?.item::<i32>()?, 70);
/// assert_eq!(step.trace_count(), 1);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[derive(Clone)]
pub struct Variable {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    name: String,
    ty: Type,
    value: Mutex<SharedBuffer>,
}

impl Variable {
    /// A variable with this value.
    ///
    /// # Errors
    /// When the value carries an error, or inside a traced function: a variable would be made by each trace, so it is made
    /// outside and used inside.
    #[track_caller]
    pub fn new(value: impl Into<Tensor>) -> Result<Variable> {
        Variable::made_at("", value.into(), caller())
    }

    /// As [`Variable::new`], with a name for messages and saved models.
    ///
    /// # Errors
    /// As [`Variable::new`].
    #[track_caller]
    pub fn named(name: &str, value: impl Into<Tensor>) -> Result<Variable> {
        Variable::made_at(name, value.into(), caller())
    }

    pub(crate) fn made_at(name: &str, value: Tensor, at: Place) -> Result<Variable> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if trace::is_active() {
            return Err(Error::VariableInTrace { at: at.into() });
        }
        let (ty, buffer) = value.value(at)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (ty, value) = (ty.clone(), Mutex::new(buffer.clone()));
        Ok(Variable { inner: Arc::new(Inner { id, name: name.to_owned(), ty, value }) })
    }

    /// The name; empty if it has none.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The dtype and shape.
    pub fn ty(&self) -> &Type {
        &self.inner.ty
    }

    /// The value now: inside a traced function, at this place of the program.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        self.value_at(caller())
    }

    pub(crate) fn value_at(&self, at: Place) -> Tensor {
        if trace::is_active() {
            return trace::read(self, at);
        }
        Tensor::concrete(self.ty().clone(), self.buffer())
    }

    /// The value now, outside of traces.
    pub(crate) fn buffer(&self) -> SharedBuffer {
        self.guard().clone()
    }

    /// Gives the variable another value.
    ///
    /// # Errors
    /// When the value carries an error, or has another dtype or shape.
    #[track_caller]
    pub fn assign(&self, value: impl Operand) -> Result<()> {
        self.assign_at(value, caller())
    }

    pub(crate) fn assign_at(&self, value: impl Operand, at: Place) -> Result<()> {
        self.update("assign", at, |now| value.hold(now, "assign", at).borrow().clone())
    }

    /// Adds to the value.
    ///
    /// # Errors
    /// As [`Variable::assign`], of the sum.
    #[track_caller]
    pub fn assign_add(&self, difference: impl Operand) -> Result<()> {
        let at = caller();
        self.update("assign_add", at, |now| {
            one(BinaryFn::Add, &[now, difference.hold(now, "assign_add", at).borrow()], at)
        })
    }

    /// Subtracts from the value.
    ///
    /// # Errors
    /// As [`Variable::assign`], of the difference.
    #[track_caller]
    pub fn assign_sub(&self, difference: impl Operand) -> Result<()> {
        let at = caller();
        self.update("assign_sub", at, |now| {
            one(BinaryFn::Sub, &[now, difference.hold(now, "assign_sub", at).borrow()], at)
        })
    }

    /// Replaces slices along axis 0: the slice `indices[i]` by `updates[i]`, the last one if there are several; indices out of range
    /// are left out. `indices` is a vector of integers.
    ///
    /// # Errors
    /// When indices are no integers, or the updates are not slices of the variable.
    #[track_caller]
    pub fn scatter_update(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        self.scatter(ScatterKind::Set, indices.as_ref(), updates.as_ref(), caller())
    }

    /// Adds to slices along axis 0: `updates[i]` to the slice `indices[i]`; indices out of range are left out.
    ///
    /// # Errors
    /// As [`Variable::scatter_update`].
    #[track_caller]
    pub fn scatter_add(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        self.scatter(ScatterKind::Add, indices.as_ref(), updates.as_ref(), caller())
    }

    /// Subtracts from slices along axis 0, as [`Variable::scatter_add`] adds.
    ///
    /// # Errors
    /// As [`Variable::scatter_update`].
    #[track_caller]
    pub fn scatter_sub(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        let at = caller();
        let negated = one(UnaryFn::Neg, &[updates.as_ref()], at);
        self.scatter(ScatterKind::Add, indices.as_ref(), &negated, at)
    }

    /// Multiplies slices along axis 0, as [`Variable::scatter_add`] adds to them.
    ///
    /// # Errors
    /// As [`Variable::scatter_update`].
    #[track_caller]
    pub fn scatter_mul(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        self.scatter(ScatterKind::Mul, indices.as_ref(), updates.as_ref(), caller())
    }

    /// The larger of slices along axis 0 and updates, element by element, as [`Variable::scatter_add`] adds.
    ///
    /// # Errors
    /// As [`Variable::scatter_update`].
    #[track_caller]
    pub fn scatter_max(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        self.scatter(ScatterKind::Max, indices.as_ref(), updates.as_ref(), caller())
    }

    /// The smaller of slices along axis 0 and updates, element by element, as [`Variable::scatter_add`] adds.
    ///
    /// # Errors
    /// As [`Variable::scatter_update`].
    #[track_caller]
    pub fn scatter_min(&self, indices: impl AsRef<Tensor>, updates: impl AsRef<Tensor>) -> Result<()> {
        self.scatter(ScatterKind::Min, indices.as_ref(), updates.as_ref(), caller())
    }

    fn scatter(&self, kind: ScatterKind, indices: &Tensor, updates: &Tensor, at: Place) -> Result<()> {
        let count = indices.ty()?.elements();
        let op = Scatter {
            kind,
            offset_axes: (1..self.ty().rank()).collect(),
            collapsed: [0].into_iter().collect(),
            batch: Axes::default(),
            index_batch: Axes::default(),
            indexed: [0].into_iter().collect(),
        };
        let columns = indices.reshape([count, 1]);
        self.update("scatter", at, |now| one(op, &[now, &columns, updates], at))
    }

    /// Gives the variable the value that `new` makes of the current one.
    pub(crate) fn update(
        &self,
        op: &'static str,
        at: Place,
        new: impl FnOnce(&Tensor) -> Tensor,
    ) -> Result<()> {
        if trace::is_active() {
            let new = new(&trace::read(self, at));
            self.check(op, &new, at)?;
            return trace::assign(self, &new, at).map_err(|failure| (*failure).clone());
        }
        let mut value = self.guard();
        let new = new(&Tensor::concrete(self.ty().clone(), value.clone()));
        self.check(op, &new, at)?;
        *value = new.value(at)?.1.clone();
        Ok(())
    }

    fn check(&self, op: &'static str, new: &Tensor, at: Place) -> Result<()> {
        let found = new.ty()?;
        if found == self.ty() {
            return Ok(());
        }
        let name = if self.name().is_empty() { String::new() } else { format!(" `{}`", self.name()) };
        let wanted = format!("the variable{name} is {}, found {found}", self.ty());
        Err(Error::refused(at, op, vec![self.ty().clone(), found.clone()], TypeError::Other(wanted)))
    }

    fn guard(&self) -> MutexGuard<'_, SharedBuffer> {
        self.inner.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the variables, in an order of their own so that nobody waits in a circle.
    pub(crate) fn lock(variables: &[Variable]) -> Locked<'_> {
        let mut order: Vec<usize> = (0..variables.len()).collect();
        order.sort_by_key(|&i| variables[i].inner.id);
        let mut guards: Vec<Option<MutexGuard<'_, SharedBuffer>>> = variables.iter().map(|_| None).collect();
        for i in order {
            guards[i] = Some(variables[i].guard());
        }
        Locked { guards: guards.into_iter().flatten().collect() }
    }
}

/// Variables that a call is to assign.
pub(crate) struct Locked<'v> {
    guards: Vec<MutexGuard<'v, SharedBuffer>>,
}

impl Locked<'_> {
    /// The values of the variables.
    pub(crate) fn values(&mut self) -> impl Iterator<Item = &mut SharedBuffer> {
        self.guards.iter_mut().map(|guard| &mut **guard)
    }

    /// Gives the variables these values.
    pub(crate) fn assign(mut self, values: impl IntoIterator<Item = SharedBuffer>) {
        for (value, new) in self.values().zip(values) {
            *value = new;
        }
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
