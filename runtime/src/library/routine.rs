//! Routines: ops that run as a whole, prepared once for given types.

use smallvec::SmallVec;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::{Literal, Op, Type};

use crate::library::matmul::UnsupportedProduct;

/// Why there is no routine for an op.
#[derive(Debug, thiserror::Error)]
pub enum RoutineError {
    /// The library does not have it.
    #[error("the library has no routine for `{op}`")]
    Unknown {
        /// Mnemonic of the op.
        op: &'static str,
    },
    /// The element types of a matrix product do not go together.
    #[error(transparent)]
    Product(#[from] UnsupportedProduct),
}

/// An op on operands of known types.
#[derive(Debug)]
pub struct Routine {
    op: Op,
    operands: Vec<Type>,
    results: Vec<Type>,
}

impl Routine {
    /// Prepares an op. Fails if the library does not have it.
    pub fn prepare(op: &Op, operands: &[Type], results: &[Type]) -> Result<Routine, RoutineError> {
        if op.lowering() != Lowering::Library {
            return Err(RoutineError::Unknown { op: op.name() });
        }
        Ok(Routine { op: op.clone(), operands: operands.to_vec(), results: results.to_vec() })
    }

    /// Runs on dense operands and results.
    ///
    /// # Safety
    /// The pointers are to as many bytes as the types take; results are used by nobody else.
    pub unsafe fn run(&self, operands: &[*const u8], results: &[*mut u8], _threads: usize) {
        let read = |(ty, &from): (&Type, &*const u8)| {
            // SAFETY: the caller promises that many bytes.
            let bytes = unsafe { std::slice::from_raw_parts(from, ty.bytes()) };
            Literal::from_bytes(ty.clone(), bytes.to_vec()).expect("as many bytes as the type takes")
        };
        let values: Vec<Literal> = self.operands.iter().zip(operands).map(read).collect();
        let values: SmallVec<[&Literal; 4]> = values.iter().collect();
        for (value, &to) in self.op.eval(&values, &self.results).iter().zip(results) {
            // SAFETY: the caller promises that many bytes.
            unsafe { to.copy_from_nonoverlapping(value.bytes().as_ptr(), value.bytes().len()) };
        }
    }
}
