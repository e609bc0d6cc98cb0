//! Variables: tensors that change.

use std::borrow::Borrow;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BinaryFn, Scatter, ScatterKind, UnaryFn};

use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::{self, one};
use crate::ops::Operand;
pub use crate::state::Variable;
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;

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

    /// A new variable with a name for messages and saved models.
    ///
    /// # Errors
    /// As [`Variable::new`].
    #[track_caller]
    pub fn named(name: &str, value: impl Into<Tensor>) -> Result<Variable> {
        Variable::made_at(name, value.into(), caller())
    }

    pub(crate) fn made_at(name: &str, value: Tensor, at: CallSite) -> Result<Variable> {
        if is_tracing() {
            return Err(Error::VariableInTrace { at: at.into() });
        }
        let (ty, buffer) = value.value(at)?;
        Ok(Variable::with_value(name, ty.clone(), buffer.clone()))
    }

    /// The value now: inside a traced function, at this place of the program.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        self.value_at(caller())
    }

    pub(crate) fn value_at(&self, at: CallSite) -> Tensor {
        interpret::read(self, at)
    }

    /// Gives the variable another value.
    ///
    /// # Errors
    /// When the value carries an error, or has another dtype or shape.
    #[track_caller]
    pub fn assign(&self, value: impl Operand) -> Result<()> {
        self.assign_at(value, caller())
    }

    pub(crate) fn assign_at(&self, value: impl Operand, at: CallSite) -> Result<()> {
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

    fn scatter(&self, kind: ScatterKind, indices: &Tensor, updates: &Tensor, at: CallSite) -> Result<()> {
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
        at: CallSite,
        new: impl FnOnce(&Tensor) -> Tensor,
    ) -> Result<()> {
        let checked = |now: &Tensor| {
            let new = new(now);
            self.check(op, &new, at).map(|()| new)
        };
        interpret::update(self, checked, at)
    }

    fn check(&self, op: &'static str, new: &Tensor, at: CallSite) -> Result<()> {
        let found = new.ty()?;
        if found == self.ty() {
            return Ok(());
        }
        let name = if self.name().is_empty() { String::new() } else { format!(" `{}`", self.name()) };
        let wanted = format!("the variable{name} is {}, found {found}", self.ty());
        Err(Error::refused(at, op, [self.ty().into(), found.into()], TypeError::Other(wanted)))
    }
}
