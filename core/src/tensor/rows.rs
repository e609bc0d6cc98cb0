//! Lists with values: immutable, and cheap to make longer or shorter by a row.

use std::sync::Arc;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{TensorType, Type};

use crate::error::{CallSite, Error};

/// The rows of a list: a chain from the last row to the first.
#[derive(Clone)]
pub(crate) struct Rows<T> {
    /// The type of the rows.
    row: TensorType,
    last: Option<Arc<Link<T>>>,
}

struct Link<T> {
    row: T,
    /// How many rows there are up to this one.
    len: usize,
    before: Option<Arc<Link<T>>>,
}

impl<T> Drop for Link<T> {
    /// Drops links one after the other, not one inside the other.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.take();
        }
    }
}

impl<T: Clone> Rows<T> {
    /// No rows, which would have this type.
    pub(crate) fn new(row: TensorType) -> Rows<T> {
        Rows { row, last: None }
    }

    pub(crate) fn ty(&self) -> Type {
        Type::List(self.row.clone())
    }

    /// The type of the rows.
    pub(crate) fn row(&self) -> &TensorType {
        &self.row
    }

    pub(crate) fn len(&self) -> usize {
        self.last.as_ref().map_or(0, |link| link.len)
    }

    /// The rows in order.
    pub(crate) fn to_vec(&self) -> Vec<T> {
        let mut rows: Vec<T> = self.links().map(|link| link.row.clone()).collect();
        rows.reverse();
        rows
    }

    /// The row at `index`, if there is one.
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let from_end = (self.len().checked_sub(1)?).checked_sub(index)?;
        self.links().nth(from_end).map(|link| &link.row)
    }

    /// The list with one more row at its end.
    pub(crate) fn pushed(&self, row: T) -> Rows<T> {
        let link = Link { row, len: self.len() + 1, before: self.last.clone() };
        Rows { row: self.row.clone(), last: Some(link.into()) }
    }

    /// The list with another row at `index`, if there is one: rows behind it are put in links of their own.
    pub(crate) fn replaced(&self, index: usize, row: T) -> Rows<T> {
        let mut behind = Vec::new();
        let mut rest = self.clone();
        while rest.len() > index + 1 {
            let (before, last) = rest.popped();
            behind.extend(last);
            rest = before;
        }
        if rest.len() != index + 1 {
            return self.clone();
        }
        let set = rest.popped().0.pushed(row);
        behind.into_iter().rev().fold(set, |rows, row| rows.pushed(row))
    }

    /// The list without its last row, and that row; none of an empty list.
    pub(crate) fn popped(&self) -> (Rows<T>, Option<T>) {
        let (before, row) = match &self.last {
            Some(link) => (link.before.clone(), Some(link.row.clone())),
            None => (None, None),
        };
        (Rows { row: self.row.clone(), last: before }, row)
    }

    /// The links, from that of the last row on.
    fn links(&self) -> impl Iterator<Item = &Link<T>> {
        std::iter::successors(self.last.as_deref(), |link| link.before.as_deref())
    }
}

/// What is said of a list where a tensor must be.
pub(crate) fn no_tensor(ty: &Type, at: CallSite) -> Error {
    let reason =
        "a list has no value as a tensor, and functions take and give tensors: stack it, or take out rows";
    Error::refused(at, "list", [ty.clone()], TypeError::Other(reason.to_owned()))
}
