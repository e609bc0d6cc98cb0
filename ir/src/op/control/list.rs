//! Lists of tensors, as loops keep them: a stack with random access.

use smallvec::smallvec;

use super::rule;
use super::slices::Stack;
use crate::eval::{EvalError, Evaluator};
use crate::op::rule::{one, require_class, require_scalar};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, ControlDef, Lowering, Sample, TypeError, Types};
use crate::{DType, DTypeClass, Graph, Literal, Scalar, Shape, Type, attributes};

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
                operands: &[&Literal],
                _regions: &[Graph],
                results: &[Type],
            ) -> Result<Vec<Literal>, EvalError> {
                self.values(operands, results)
            }

            fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<$op> {
                $op::drawn(draw, &hint.row())
            }
        }
    };
}

list_op!(ListNew, "list_new", 0);
list_op!(ListPush, "list_push", 2);
list_op!(ListPop, "list_pop", 1);
list_op!(ListGet, "list_get", 2);
list_op!(ListLen, "list_len", 1);
list_op!(ListStack, "list_stack", 1);

impl ListNew {
    fn types(&self, _operands: &[&Type]) -> Result<Types, TypeError> {
        let row = one(self.dtype, self.shape.clone())?.remove(0);
        match row.is_list() {
            true => Err(TypeError::attribute("shape", "rows of a list are tensors")),
            false => Ok(smallvec![Type::list_of(&row)]),
        }
    }

    fn values(&self, _operands: &[&Literal], results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        Ok(Literal::list(&results[0].row(), []).into_iter().collect())
    }

    fn drawn(_draw: &mut Draw<'_>, row: &Type) -> Sample<ListNew> {
        Sample::exact(ListNew { dtype: row.dtype, shape: row.shape.clone() }, [])
    }
}

impl ListPush {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        rule::operand_is(operands, 1, "the row", row)?;
        Ok(smallvec![operands[0].clone()])
    }

    fn values(&self, operands: &[&Literal], _results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        let mut list = operands[0].clone();
        list.push(operands[1]);
        Ok(vec![list])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &Type) -> Sample<ListPush> {
        Sample::exact(ListPush {}, [Operand::any(Type::list_of(row)), Operand::any(row.clone())])
    }
}

impl ListPop {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        Ok([operands[0].clone(), row].into_iter().collect())
    }

    fn values(&self, operands: &[&Literal], results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        let mut list = operands[0].clone();
        let last = list.pop().unwrap_or_else(|| zeros(&results[1]));
        Ok(vec![list, last])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &Type) -> Sample<ListPop> {
        Sample::exact(ListPop {}, [Operand::any(Type::list_of(row))])
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
        if operands[1].is_list() {
            return Err(TypeError::List { operand: 1, found: operands[1].clone().into() });
        }
        require_class(operands, 1, DTypeClass::Index)?;
        require_scalar(operands, 1)?;
        Ok(smallvec![row])
    }

    fn values(&self, operands: &[&Literal], results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        let index = ListGet::clamped(operands[1].get(0).to_i128(), operands[0].rows());
        let row = index.and_then(|index| operands[0].row(index));
        Ok(vec![row.unwrap_or_else(|| zeros(&results[0]))])
    }

    fn drawn(draw: &mut Draw<'_>, row: &Type) -> Sample<ListGet> {
        let members: Vec<DType> = DTypeClass::Index.members().collect();
        let index = Operand { ty: Type::scalar(draw.choose(&members)), values: Values::Index(3) };
        Sample::exact(ListGet {}, [Operand::any(Type::list_of(row)), index])
    }
}

impl ListLen {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        row(operands)?;
        Ok(smallvec![Type::scalar(DType::I32)])
    }

    fn values(&self, operands: &[&Literal], _results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        Ok(vec![Literal::scalar(i32::try_from(operands[0].rows()).unwrap_or(i32::MAX))])
    }

    fn drawn(_draw: &mut Draw<'_>, row: &Type) -> Sample<ListLen> {
        Sample::exact(ListLen {}, [Operand::any(Type::list_of(row))])
    }
}

impl ListStack {
    fn types(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let row = row(operands)?;
        rule::stacks(&[row], self.length)
    }

    fn values(&self, operands: &[&Literal], results: &[Type]) -> Result<Vec<Literal>, EvalError> {
        let (expected, found) = (self.length, operands[0].rows());
        if expected != found {
            return Err(EvalError::ListLength { expected, found, location: None });
        }
        let mut stack = Stack::new(&results[0]);
        for index in 0..found {
            stack.put(index, &operands[0].row(index).expect("an index below their number"));
        }
        Ok(vec![stack.finish()])
    }

    fn drawn(draw: &mut Draw<'_>, row: &Type) -> Sample<ListStack> {
        let length = draw.below(4);
        let list = Operand { ty: Type::list_of(row), values: Values::Rows(length) };
        Sample::exact(ListStack { length }, [list])
    }
}

/// The type of the rows of operand 0, which must be a list.
fn row(operands: &[&Type]) -> Result<Type, TypeError> {
    match operands[0].is_list() {
        true => Ok(operands[0].row()),
        false => Err(TypeError::Other(format!("operand 0 must be a list, found {}", operands[0]))),
    }
}

fn zeros(ty: &Type) -> Literal {
    Literal::full(ty.shape.clone(), Scalar::zero(ty.dtype))
}
