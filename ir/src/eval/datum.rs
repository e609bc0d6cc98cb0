//! Values of a graph, as the evaluator has them.

use crate::{Literal, TensorType, Type};

/// A value of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// A tensor.
    Tensor(Literal),
    /// A list of tensors.
    List(List),
    /// A place in an order of effects.
    Token,
}

impl Datum {
    /// The type of the value.
    pub fn ty(&self) -> Type {
        match self {
            Datum::Tensor(literal) => literal.ty().into(),
            Datum::List(list) => Type::List(list.row_type().clone()),
            Datum::Token => Type::Token,
        }
    }

    /// Whether the value has this type.
    pub fn is_of(&self, ty: &Type) -> bool {
        match (self, ty) {
            (Datum::Tensor(literal), Type::Tensor(ty)) => literal.ty() == ty,
            (Datum::List(list), Type::List(row)) => list.row_type() == row,
            (Datum::Token, Type::Token) => true,
            _ => false,
        }
    }

    /// The tensor. Panics if it is none: where it may be none, match on it.
    #[track_caller]
    pub fn tensor(&self) -> &Literal {
        match self {
            Datum::Tensor(literal) => literal,
            Datum::List(_) | Datum::Token => panic!("a {} is no tensor", self.ty()),
        }
    }

    /// The list. Panics if it is none: where it may be none, match on it.
    #[track_caller]
    pub fn list(&self) -> &List {
        match self {
            Datum::List(list) => list,
            Datum::Tensor(_) | Datum::Token => panic!("a {} is no list", self.ty()),
        }
    }

    /// The tensor, if it is one.
    pub fn as_tensor(&self) -> Option<&Literal> {
        match self {
            Datum::Tensor(literal) => Some(literal),
            Datum::List(_) | Datum::Token => None,
        }
    }

    /// The tensor, or the value itself if it is none.
    pub fn into_tensor(self) -> Result<Literal, Datum> {
        match self {
            Datum::Tensor(literal) => Ok(literal),
            other => Err(other),
        }
    }

    /// Number of elements; of a list those of all its rows.
    pub fn elements(&self) -> usize {
        match self {
            Datum::Tensor(literal) => literal.len(),
            Datum::List(list) => list.len().saturating_mul(list.row_type().elements()),
            Datum::Token => 0,
        }
    }
}

impl From<Literal> for Datum {
    fn from(literal: Literal) -> Datum {
        Datum::Tensor(literal)
    }
}

impl From<List> for Datum {
    fn from(list: List) -> Datum {
        Datum::List(list)
    }
}

/// Any number of tensors of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    row: TensorType,
    /// Little-endian elements of all rows, one row after the other.
    bytes: Vec<u8>,
    len: usize,
}

impl List {
    /// A list without rows.
    pub fn new(row: TensorType) -> List {
        List { row, bytes: Vec::new(), len: 0 }
    }

    /// A list of tensors of the type `row`. `None` if one of them has another type.
    pub fn of<'l>(row: TensorType, rows: impl IntoIterator<Item = &'l Literal>) -> Option<List> {
        let mut list = List::new(row);
        rows.into_iter().all(|row| list.push(row)).then_some(list)
    }

    /// Type of each row.
    pub fn row_type(&self) -> &TensorType {
        &self.row
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A row; `None` if there is no such row.
    pub fn row(&self, index: usize) -> Option<Literal> {
        let bytes = self.row.bytes();
        let of_row = || self.bytes[index * bytes..(index + 1) * bytes].to_vec();
        (index < self.len).then(of_row).and_then(|bytes| Literal::from_bytes(self.row.clone(), bytes))
    }

    /// Adds a row at the end. False if it has another type.
    pub fn push(&mut self, row: &Literal) -> bool {
        let fits = self.row == *row.ty();
        if fits {
            self.bytes.extend_from_slice(row.bytes());
            self.len += 1;
        }
        fits
    }

    /// Puts another row in the place of one. False if there is no such row, or it has another type.
    pub fn set(&mut self, index: usize, row: &Literal) -> bool {
        let fits = self.row == *row.ty() && index < self.len;
        if fits {
            let bytes = self.row.bytes();
            self.bytes[index * bytes..(index + 1) * bytes].copy_from_slice(row.bytes());
        }
        fits
    }

    /// Takes away the last row, if there is one.
    pub fn pop(&mut self) -> Option<Literal> {
        let last = self.row(self.len.checked_sub(1)?)?;
        self.bytes.truncate(self.bytes.len() - last.bytes().len());
        self.len -= 1;
        Some(last)
    }
}
