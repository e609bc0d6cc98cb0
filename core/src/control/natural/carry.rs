//! Variables, flags of jumps and slots of values, as drivers see them: without their types.

use std::any::Any;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Scalar, Shape};

use super::super::agree::Shown;
use crate::error::{CallSite, Error, Result, caller};
use crate::tree::tensors::{tensors, with_tensors};
use crate::{Tensor, Tree};

/// Something that blocks of a construct change.
pub struct Carrier<'v> {
    name: &'static str,
    /// Whether a block assigns to it, and does not only call methods that may change it.
    assigned: bool,
    value: Option<&'v mut dyn Carried>,
}

impl<'v> Carrier<'v> {
    /// A variable. `value` is there if it is a tree.
    pub fn new(name: &'static str, assigned: bool, value: Option<&'v mut dyn Carried>) -> Carrier<'v> {
        Carrier { name, assigned, value }
    }

    pub(super) fn is_raised(&self) -> Option<Decision> {
        self.value.as_ref().and_then(|value| value.raised())
    }

    /// A copy. Fails for a variable that is assigned and cannot be copied.
    pub(super) fn save(&self, at: CallSite) -> Result<Saved> {
        match &self.value {
            Some(value) => Ok(value.save(self.name, at)),
            None if !self.assigned => Ok(Saved(Content::Opaque)),
            None => {
                let message = format!(
                    "`{}` is assigned where a tensor decides, so it must be a tensor, a plain value, or a tree of those",
                    self.name
                );
                Err(Error::refused(at, "function", vec![], TypeError::Other(message)))
            }
        }
    }

    pub(super) fn load(&mut self, saved: &Saved) {
        if let Some(value) = &mut self.value {
            value.load(saved, None);
        }
    }

    pub(super) fn load_with(&mut self, saved: &Saved, tensors: Vec<Tensor>) {
        if let Some(value) = &mut self.value {
            value.load(saved, Some(tensors));
        }
    }

    pub(super) fn set_flag(&mut self, flag: Tensor) {
        self.load(&Saved(Content::Flag(flag)));
    }

    /// What a block that runs finds: no jump has been taken, so that slots hold nothing yet.
    pub(super) fn clear(&mut self) {
        if let Some(value) = &mut self.value {
            value.clear();
        }
    }
}

/// How far a flag is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Yes,
    No,
    Open,
}

/// A variable, flag or slot.
pub trait Carried {
    #[doc(hidden)]
    fn save(&self, name: &str, at: &'static std::panic::Location<'static>) -> Saved;
    /// Puts back what was saved, with other tensors if there are some.
    #[doc(hidden)]
    fn load(&mut self, saved: &Saved, tensors: Option<Vec<Tensor>>);
    #[doc(hidden)]
    fn clear(&mut self) {}
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "drivers alone ask")]
    fn raised(&self) -> Option<Decision> {
        None
    }
}

/// A copy of what was carried.
pub struct Saved(pub(super) Content);

impl Saved {
    /// The tensors in it.
    pub(super) fn tensors(&self) -> &[Tensor] {
        match &self.0 {
            Content::Flag(tensor) => std::slice::from_ref(tensor),
            Content::Full(copied) | Content::Variable(copied) => &copied.tensors,
            Content::Opaque | Content::Known(_) | Content::Empty => &[],
        }
    }
}

pub(super) enum Content {
    /// No tree; left alone.
    Opaque,
    /// A flag whose value is known.
    Known(bool),
    /// A flag that a run decides.
    Flag(Tensor),
    /// A slot without a value.
    Empty,
    /// A slot with a value.
    Full(Copied),
    /// A variable.
    Variable(Copied),
}

pub(super) struct Copied {
    value: Box<dyn Any>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) shown: Shown,
}

impl Copied {
    fn new<T: Tree>(value: &T, name: &str, at: CallSite) -> Copied {
        let tensors = tensors(value);
        let copy: T = with_tensors(value, tensors.clone());
        Copied { value: Box::new(copy), tensors, shown: Shown::new(value, at).named(name) }
    }

    fn get<T: Tree>(&self, other: Option<Vec<Tensor>>) -> T {
        let value: &T = self.value.downcast_ref().expect("a variable keeps its type");
        with_tensors(value, other.unwrap_or_else(|| self.tensors.clone()))
    }
}

impl<T: Tree> Carried for T {
    fn save(&self, name: &str, at: CallSite) -> Saved {
        Saved(Content::Variable(Copied::new(self, name, at)))
    }

    fn load(&mut self, saved: &Saved, tensors: Option<Vec<Tensor>>) {
        if let Content::Variable(copied) = &saved.0 {
            *self = copied.get(tensors);
        }
    }
}

/// Finds out whether a variable is a tree.
pub struct Probe<'v, T>(pub &'v mut T);

/// Finds out whether what a slot holds is a tree.
pub struct SlotProbe<'v, T>(pub &'v mut Slot<T>);

/// Trees.
pub trait ViaTree<'v> {
    /// The variable.
    fn carried(self) -> Option<&'v mut dyn Carried>;
}

impl<'v, T: Tree> ViaTree<'v> for Probe<'v, T> {
    fn carried(self) -> Option<&'v mut dyn Carried> {
        Some(self.0)
    }
}

impl<'v, T: Tree> ViaTree<'v> for SlotProbe<'v, T> {
    fn carried(self) -> Option<&'v mut dyn Carried> {
        Some(self.0)
    }
}

/// All else: found after [`ViaTree`], because it takes one more reference.
pub trait ViaAny<'v> {
    /// Nothing.
    fn carried(self) -> Option<&'v mut dyn Carried>;
}

impl<'v, T> ViaAny<'v> for &Probe<'_, T> {
    fn carried(self) -> Option<&'v mut dyn Carried> {
        None
    }
}

impl<'v, T> ViaAny<'v> for &SlotProbe<'_, T> {
    fn carried(self) -> Option<&'v mut dyn Carried> {
        None
    }
}

/// Whether a jump was taken.
pub struct Flag(pub(super) Raised);

pub(super) enum Raised {
    Known(bool),
    Traced(Tensor),
}

impl Flag {
    /// Not taken.
    #[allow(clippy::new_without_default, reason = "a flag begins somewhere")]
    pub fn new() -> Flag {
        Flag(Raised::Known(false))
    }

    /// The jump is taken.
    pub fn set(&mut self) {
        self.0 = Raised::Known(true);
    }

    /// The jump was not taken, or this code would not run.
    pub fn reset(&mut self) {
        self.0 = Raised::Known(false);
    }

    /// The variable, for a driver.
    pub fn carried(&mut self) -> Option<&mut dyn Carried> {
        Some(self)
    }
}

impl Carried for Flag {
    fn save(&self, _: &str, _: CallSite) -> Saved {
        Saved(match &self.0 {
            Raised::Known(known) => Content::Known(*known),
            Raised::Traced(tensor) => Content::Flag(tensor.clone()),
        })
    }

    fn load(&mut self, saved: &Saved, _: Option<Vec<Tensor>>) {
        match &saved.0 {
            Content::Known(known) => self.0 = Raised::Known(*known),
            Content::Flag(tensor) => self.0 = Raised::Traced(tensor.clone()),
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.reset();
    }

    #[allow(private_interfaces, reason = "drivers alone ask")]
    fn raised(&self) -> Option<Decision> {
        Some(match self.0 {
            Raised::Known(true) => Decision::Yes,
            Raised::Known(false) => Decision::No,
            Raised::Traced(_) => Decision::Open,
        })
    }
}

/// Where a block puts its value.
pub struct Slot<T>(Option<T>);

impl<T> Slot<T> {
    /// Without a value.
    #[allow(clippy::new_without_default, reason = "a slot is empty for a reason")]
    pub fn new() -> Slot<T> {
        Slot(None)
    }

    /// Puts a value in.
    pub fn fill(&mut self, value: T) {
        self.0 = Some(value);
    }

    /// Takes the value out.
    ///
    /// # Errors
    /// When no path put one in.
    #[track_caller]
    pub fn take(&mut self, what: &str) -> Result<T> {
        self.0.take().ok_or_else(|| missing(what, caller()))
    }
}

impl<T: Clone> Slot<T> {
    /// A copy of the value.
    ///
    /// # Errors
    /// When no path put one in.
    #[track_caller]
    pub fn get(&self, what: &str) -> Result<T> {
        self.0.clone().ok_or_else(|| missing(what, caller()))
    }
}

fn missing(what: &str, at: CallSite) -> Error {
    let message = format!("{what} has no value: no path that is taken gives it one");
    Error::refused(at, "function", vec![], TypeError::Other(message))
}

impl<T: Tree> Carried for Slot<T> {
    fn save(&self, name: &str, at: CallSite) -> Saved {
        Saved(match &self.0 {
            None => Content::Empty,
            Some(value) => Content::Full(Copied::new(value, name, at)),
        })
    }

    fn load(&mut self, saved: &Saved, tensors: Option<Vec<Tensor>>) {
        match &saved.0 {
            Content::Full(copied) => self.0 = Some(copied.get(tensors)),
            Content::Empty => self.0 = None,
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.0 = None;
    }
}

/// The element of a filler and its shape, for a tensor of this dtype and shape that nobody reads.
pub(super) fn filler(tensor: &Tensor) -> Result<(Scalar, Shape)> {
    let ty = tensor.ty()?;
    Ok((Scalar::zero(ty.dtype), ty.shape.clone()))
}

/// A known flag as an element.
pub(super) fn flag_element(known: bool) -> (Scalar, Shape) {
    let element = if known { Scalar::one(DType::Bool) } else { Scalar::zero(DType::Bool) };
    (element, Shape::scalar())
}
