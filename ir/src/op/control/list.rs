//! Lists of tensors, as loops keep them: a stack with random access.

use smallvec::smallvec;

use super::rule;
use super::slices::StackBuilder;
use crate::eval::{Datum, EvalError, Evaluator, List};
use crate::op::rule::one;
use crate::op::sample::{Draw, Operand, Values, tensor_hint};
use crate::op::{Arity, ControlDef, Lowering, Sample, TypeError, Types};
use crate::{DType, DTypeClass, Graph, Literal, Scalar, Shape, TensorType, Type, attributes};

attributes! {
    /// An empty list: `-> list<T>`.
    pub struct ListNew {
        /// Dtype of the rows.
        pub dtype: DType,
        /// Extents of the rows.
        pub shape: Shape,
    }
}

attributes! {
    /// The list with one row more at its end: `list<T>, T -> list<T>`.
    pub struct ListPush {}
}

attributes! {
    /// The list without its last row, and that row: `list<T> -> list<T>, T`. Of an empty list itself, and zeros.
    pub struct ListPop {}
}

attributes! {
    /// One row: `list<T>, I[] -> T`, by an index that is clamped into range. Zeros if the list is empty.
    pub struct ListGet {}
}

attributes! {
    /// The list with another row in the place of one: `list<T>, I[], T -> list<T>`, by an index that is clamped into range. Of an empty list itself.
    pub struct ListSet {}
}

attributes! {
    /// How many rows there are: `list<T> -> i32[]`.
    pub struct ListLen {}
}

attributes! {
    /// All rows along a new axis 0: `list<T[..]> -> T[length, ..]`. Stops with an error if their number is another one.
    pub struct ListStack {
        /// How many rows there must be.
        pub length: usize,
    }
}

/// What the ops on lists have in common.
macro_rules! list_op {
    ($op:ident, $name:literal, $arity:literal) => {
        impl ControlDef for $op {
            const NAME: &'static str = $name;
            const ARITY: Arity = Arity::Exact($arity);
            const REGIONS: Arity = Arity::Exact(0);
            const LOWERING: Lowering = Lowering::List;

            fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
                self.types(operands)
            }

            fn eval(
                &self,
                _evaluator: &mut Evaluator<'_>,
                operands: &[&Datum],
                _regions: &[Graph],
                results: &[Type],
            ) -> Result<Vec<Datum>, EvalError> {
                self.values(operands, results)
            }

            fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<$op> {
                $op::drawn(draw, &tensor_hint(hint))
            }
        }
    };
}

list_op!(ListNew, "list_new", 0);
list_op!(ListPush, "list_push", 2);
list_op!(ListPop, "list_pop", 1);
list_op!(ListGet, "list_get", 2);
list_op!(ListSet, "list_set", 3);
list_op!(ListLen, "list_len", 1);
list_op!(ListStack, "list_stack", 1);

impl ListNew {
    fn types(&self, _operands: &[&Type]) -> Result<Types, TypeError> {
        Ok(one(self.dtype, self.shape.clone())?.into_iter().map(Type::List).collect())
    }

    fn values(&self, _operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        Ok(vec![List::new(TensorType::new(self.dtype, self.shape.clone())).into()])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListNew> {
        Sample::exact(ListNew { dtype: row.dtype, shape: row.shape.clone() }, [])
    }
}

impl ListPush {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        rule::operand_is(operands, 1, "the row", row(operands)?)?;
        Ok(smallvec![operands[0].clone()])
    }

    fn values(&self, operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let mut list = operands[0].list().clone();
        list.push(operands[1].tensor());
        Ok(vec![list.into()])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListPush> {
        Sample::exact(ListPush {}, [Operand::any(Type::List(row.clone())), Operand::any(row.clone())])
    }
}

impl ListPop {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        Ok([operands[0].clone(), row.into()].into_iter().collect())
    }

    fn values(&self, operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let mut list = operands[0].list().clone();
        let last = list.pop().unwrap_or_else(|| zeros(list.row_type()));
        Ok(vec![list.into(), last.into()])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListPop> {
        Sample::exact(ListPop {}, [Operand::any(Type::List(row.clone()))])
    }
}

impl ListGet {
    /// The row that an index means in a list of `rows`; `None` if the list is empty.
    pub fn clamped(index: i128, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?;
        Some(usize::try_from(index.max(0)).map_or(last, |index| index.min(last)))
    }

    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        index(operands)?;
        Ok(smallvec![row.into()])
    }

    fn values(&self, operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let (list, index) = (operands[0].list(), operands[1].tensor().get(0).to_i128());
        let row = ListGet::clamped(index, list.len()).and_then(|index| list.row(index));
        Ok(vec![row.unwrap_or_else(|| zeros(list.row_type())).into()])
    }

    fn drawn(draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListGet> {
        Sample::exact(ListGet {}, [Operand::any(Type::List(row.clone())), any_index(draw)])
    }
}

impl ListSet {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        index(operands)?;
        rule::operand_is(operands, 2, "the row", row(operands)?)?;
        Ok(smallvec![operands[0].clone()])
    }

    fn values(&self, operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let mut list = operands[0].list().clone();
        let index = operands[1].tensor().get(0).to_i128();
        if let Some(index) = ListGet::clamped(index, list.len()) {
            list.set(index, operands[2].tensor());
        }
        Ok(vec![list.into()])
    }

    fn drawn(draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListSet> {
        let list = Operand::any(Type::List(row.clone()));
        Sample::exact(ListSet {}, [list, any_index(draw), Operand::any(row.clone())])
    }
}

impl ListLen {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        row(operands)?;
        Ok(smallvec![TensorType::scalar(DType::I32).into()])
    }

    fn values(&self, operands: &[&Datum], _results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let rows = i32::try_from(operands[0].list().len()).unwrap_or(i32::MAX);
        Ok(vec![Literal::scalar(rows).into()])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListLen> {
        Sample::exact(ListLen {}, [Operand::any(Type::List(row.clone()))])
    }
}

impl ListStack {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        rule::stacks(&[row.into()], self.length)
    }

    fn values(&self, operands: &[&Datum], results: &[Type]) -> Result<Vec<Datum>, EvalError> {
        let list = operands[0].list();
        let (expected, found) = (self.length, list.len());
        if expected != found {
            return Err(EvalError::ListLength { expected, found, location: None });
        }
        let mut stack = StackBuilder::new(results[0].tensor());
        for index in 0..found {
            stack.put(index, &list.row(index).expect("an index below their number"));
        }
        Ok(vec![stack.finish().into()])
    }

    fn drawn(draw: &mut Draw<'_>, row: &TensorType) -> Sample<ListStack> {
        let length = draw.below(4);
        let list = Operand::new(Type::List(row.clone()), Values::Rows(length));
        Sample::exact(ListStack { length }, [list])
    }
}

/// The type of the rows of operand 0, which must be a list.
fn row<'a>(operands: &[&'a Type]) -> Result<&'a TensorType, TypeError> {
    let error = || TypeError::Other(format!("operand 0 must be a list, found {}", operands[0]));
    operands[0].as_list().ok_or_else(error)
}

/// The index that operand 1 must be.
fn index(operands: &[&Type]) -> Result<(), TypeError> {
    let index = rule::tensor_of(operands, 1, DTypeClass::Index)?;
    match index.rank() {
        0 => Ok(()),
        _ => Err(TypeError::Other(format!("operand 1 must be a scalar, found {index}"))),
    }
}

fn any_index(draw: &mut Draw<'_>) -> Operand {
    let members: Vec<DType> = DTypeClass::Index.members().collect();
    Operand::new(TensorType::scalar(draw.choose(&members)), Values::Index(3))
}

fn zeros(ty: &TensorType) -> Literal {
    Literal::full(ty.shape.clone(), Scalar::zero(ty.dtype))
}
