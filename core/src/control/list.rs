//! Lists of tensors whose length changes as a program runs.

use smallvec::smallvec;
use tensorwright_ir::op::composite::Stack;
use tensorwright_ir::op::control::{ListGet, ListLen, ListNew, ListPop, ListPush, ListSet, ListStack};
use tensorwright_ir::{DType, Op, Shape, TensorType, Type};

use crate::Tensor;
use crate::error::{CallSite, Error, Failure, caller};
use crate::interpret::{apply, one};
use crate::tensor::rows::Rows;
use crate::tensor::traced::is_tracing;
use crate::tensor::{Repr, Results};
use crate::tree::tensors::type_of;
use crate::tree::{LeafRef, Tree, TreeLike, Visitor};

/// A list of tensors of one type, its rows: as many as a loop makes of them. Immutable and cheap to clone; [`push`](TensorList::push)
/// gives another list.
///
/// A list can be state of [`while_loop`](crate::while_loop), [`fori_loop`](crate::fori_loop) and [`scan`](crate::scan()), and a result
/// of the branches of [`cond`](crate::cond) and [`case`](crate::case). In a compiled loop a list that nothing else has is changed in
/// place. Functions take and give tensors, so a list does not leave one: [`stack`](TensorList::stack) it, or take out what you need. As
/// with tensors, an op that does not accept its operands gives a result that carries the error.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // The Collatz sequence from n on: the sum of all its numbers, and how many they are.
/// let collatz = function(|n: Tensor| {
///     let list = TensorList::new([], DType::I32).push(&n);
///     let (_, list) = while_loop(
///         (n, list),
///         |(n, _)| n.gt(1),
///         |(n, list)| {
///             let even = (&n % 2).eq(0);
///             let n = cond(&even, || &n / 2, || &n * 3 + 1)?;
///             let list = list.push(&n);
///             Ok((n, list))
///         },
///     )?;
///     let count = list.len();
///     let (sum, _) = fori_loop(0i32, count.clone(), (Tensor::from(0i32), list), |i, (sum, list)| {
///         (sum + list.get(i), list)
///     })?;
///     Ok((sum, count))
/// });
/// let (sum, count) = collatz.call(6i32)?; // 6, 3, 10, 5, 16, 8, 4, 2, 1
/// assert_eq!((sum.item::<i32>()?, count.item::<i32>()?), (55, 9));
/// assert_eq!(collatz.call(27i32)?.1.item::<i32>()?, 112);
/// assert_eq!(collatz.trace_count(), 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TensorList(Tensor);

impl TensorList {
    /// An empty list of rows of this shape and dtype.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> TensorList {
        let at = caller();
        let row = TensorType::new(dtype, shape);
        let op = ListNew { dtype, shape: row.shape.clone() };
        TensorList(if is_tracing() {
            one(op, &[], at)
        } else {
            match Op::from(op).infer(&[], &[]) {
                Ok(_) => Tensor::rows(Rows::new(row)),
                Err(source) => Tensor::failed(Error::refused(at, "list_new", [], source)),
            }
        })
    }

    /// The list with the row `x` more at its end.
    #[track_caller]
    pub fn push(&self, x: impl AsRef<Tensor>) -> TensorList {
        let [list] = self.apply(ListPush {}, &[x.as_ref()], caller());
        TensorList(list)
    }

    /// The list without its last row, and that row: of an empty list itself, and zeros.
    #[track_caller]
    pub fn pop(&self) -> (TensorList, Tensor) {
        let [list, row] = self.apply(ListPop {}, &[], caller());
        (TensorList(list), row)
    }

    /// The row number `index`, an integer scalar that is clamped into range; zeros of an empty list.
    #[track_caller]
    pub fn get(&self, index: impl Into<Tensor>) -> Tensor {
        let [row] = self.apply(ListGet {}, &[&index.into()], caller());
        row
    }

    /// The list with the row `x` in the place of number `index`, an integer scalar that is clamped into range; of an empty list itself.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let list = TensorList::new([], DType::F32).push(&Tensor::from(1.0f32)).push(&Tensor::from(2.0f32));
    /// let set = list.set(0, &Tensor::from(5.0f32));
    /// assert_eq!(set.stack(2).to_vec::<f32>()?, [5.0, 2.0]);
    /// assert_eq!(list.stack(2).to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn set(&self, index: impl Into<Tensor>, x: impl AsRef<Tensor>) -> TensorList {
        let [list] = self.apply(ListSet {}, &[&index.into(), x.as_ref()], caller());
        TensorList(list)
    }

    /// How many rows there are, as an i32 scalar.
    #[track_caller]
    pub fn len(&self) -> Tensor {
        let [len] = self.apply(ListLen {}, &[], caller());
        len
    }

    /// All rows along a new axis 0. The list must have `length` rows: outside a traced function the result carries an error if it has
    /// not, and calls of a traced function fail with [`Error::Check`].
    #[track_caller]
    pub fn stack(&self, length: usize) -> Tensor {
        let [stack] = self.apply(ListStack { length }, &[], caller());
        stack
    }

    /// The type of the list, such as `list<f32[4]>`.
    ///
    /// # Errors
    /// The error that the list carries, if it does.
    pub fn ty(&self) -> Result<Type, Error> {
        type_of(&self.0)
    }

    /// The error that the list carries instead of a value, if it does.
    pub fn error(&self) -> Option<&Error> {
        self.0.error()
    }

    fn apply<const N: usize>(&self, op: impl Into<Op>, others: &[&Tensor], at: CallSite) -> [Tensor; N] {
        let results = self.results(&op.into(), others, at);
        match results.map(|results| <[Tensor; N]>::try_from(results.into_vec())) {
            Ok(Ok(results)) => results,
            Ok(Err(_)) => unreachable!("the op has that many results"),
            Err(failure) => std::array::from_fn(|_| Tensor::failed(failure.clone())),
        }
    }

    fn results(&self, op: &Op, others: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
        let operands: Vec<&Tensor> = std::iter::once(&self.0).chain(others.iter().copied()).collect();
        match self.0.repr() {
            Repr::List(rows) if !is_tracing() => {
                let types = operands.iter().map(|x| x.value_type()).collect::<Result<Vec<_>, _>>()?;
                for other in others {
                    other.value(at)?;
                }
                match op.infer(&types.iter().collect::<Vec<_>>(), &[]) {
                    Ok(_) => Ok(run(op, rows, others, at)?),
                    Err(source) => Err(Error::refused(at, op.name(), types, source).into()),
                }
            }
            _ => apply(op.clone(), &operands, at),
        }
    }
}

/// Applies an op of lists to a list with values and other operands, which have been checked.
fn run(op: &Op, list: &Rows<Tensor>, others: &[&Tensor], at: CallSite) -> Result<Results, Error> {
    let zeros = || Tensor::in_memory(list.row().clone(), at, |_| {});
    let results: Results = match op {
        Op::ListPush(_) => {
            smallvec![Tensor::rows(list.pushed(others[0].clone()))]
        }
        Op::ListPop(_) => {
            let (before, row) = list.popped();
            smallvec![Tensor::rows(before), row.unwrap_or_else(zeros)]
        }
        Op::ListGet(_) => {
            let index = others[0].scalar_value(at)?.to_i128();
            let row = ListGet::clamped(index, list.len()).and_then(|index| list.get(index));
            smallvec![row.cloned().unwrap_or_else(zeros)]
        }
        Op::ListSet(_) => {
            let index = others[0].scalar_value(at)?.to_i128();
            let set =
                ListGet::clamped(index, list.len()).map(|index| list.replaced(index, others[1].clone()));
            smallvec![Tensor::rows(set.unwrap_or_else(|| list.clone()))]
        }
        Op::ListStack(stack) => smallvec![stacked(list, stack.length, at)?],
        _ => {
            let len = i32::try_from(list.len()).unwrap_or(i32::MAX);
            smallvec![Tensor::scalar_in_memory(len.into(), at)]
        }
    };
    Ok(results)
}

fn stacked(list: &Rows<Tensor>, length: usize, at: CallSite) -> Result<Tensor, Error> {
    let found = list.len();
    if found != length {
        let message = format!("the list must have {length} rows to be stacked, found {found}");
        return Err(Error::Check { at: at.into(), message: message.into() });
    }
    if length == 0 {
        let row = list.row();
        return Ok(Tensor::zeros(row.shape.with_leading(0.into()), row.dtype));
    }
    // The op on rows is one that tapes know.
    one(Stack { axis: 0 }, &list.to_vec().iter().collect::<Vec<_>>(), at).ok()
}

impl TreeLike<TensorList> for TensorList {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.tensor(LeafRef::Tensor(&self.0));
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> TensorList {
        TensorList(tensor(LeafRef::Tensor(&self.0)))
    }
}

impl Tree for TensorList {}
