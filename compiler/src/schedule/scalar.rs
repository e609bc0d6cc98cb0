//! Element-wise ops as scalar instructions. Arithmetic on f16 and bf16 happens in f32.

use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::{DType, Op};

use crate::kernel::{Instr, Reg};

/// What instructions are appended to.
pub(crate) trait Instructions {
    /// The register of an instruction with a result of `dtype`.
    fn instr(&mut self, instr: Instr, dtype: DType) -> Reg;

    /// The dtype of a register.
    fn dtype(&self, reg: Reg) -> DType;

    /// The code of an element-wise op with a result of `dtype`.
    fn scalar_code(&mut self, op: &Op, x: &[Reg], dtype: DType) -> Reg {
        match op {
            Op::Cast(_) => self.cast(x[0], dtype),
            Op::Bitcast(_) if self.dtype(x[0]) == dtype => x[0],
            Op::Bitcast(_) => self.instr(Instr::Bitcast(dtype, x[0]), dtype),
            Op::Select(_) => self.instr(Instr::Select(x[0], x[1], x[2]), dtype),
            Op::Unary(f) => {
                let (x, wide) = (self.widened(x[0]), widened(dtype));
                let y = self.instr(Instr::Unary(*f, x), wide);
                self.cast(y, dtype)
            }
            Op::Binary(f) => self.binary(*f, x[0], x[1], dtype),
            Op::Special(f) => {
                let x = x.iter().map(|&x| self.special_operand(x)).collect();
                let y = self.instr(Instr::Special(*f, x), widened(dtype));
                self.cast(y, dtype)
            }
            Op::Compare(f) => self.compare(*f, x[0], x[1]),
            Op::Clamp(_) => {
                let low = self.binary(BinaryFn::Maximum, x[1], x[0], dtype);
                self.binary(BinaryFn::Minimum, low, x[2], dtype)
            }
            Op::Fma(_) => {
                let [a, b, c] = [0, 1, 2].map(|i| self.widened(x[i]));
                let y = self.instr(Instr::Fma(a, b, c), widened(dtype));
                self.cast(y, dtype)
            }
            op => unreachable!("{} is not element-wise", op.name()),
        }
    }

    /// `x * y + z`, of a dtype in which arithmetic happens: rounded once, or wrapped.
    fn times_plus(&mut self, x: Reg, y: Reg, z: Reg, dtype: DType) -> Reg {
        match dtype {
            DType::F32 | DType::F64 => self.instr(Instr::Fma(x, y, z), dtype),
            _ => {
                let product = self.binary(BinaryFn::Mul, x, y, dtype);
                self.binary(BinaryFn::Add, product, z, dtype)
            }
        }
    }

    /// A function of two operands.
    fn binary(&mut self, function: BinaryFn, x: Reg, y: Reg, dtype: DType) -> Reg {
        let (x, y) = (self.widened(x), self.widened(y));
        let z = self.instr(Instr::Binary(function, x, y), widened(dtype));
        self.cast(z, dtype)
    }

    /// Widening keeps every order, also the total one, in which NaNs do not differ.
    fn compare(&mut self, function: CompareFn, x: Reg, y: Reg) -> Reg {
        let (x, y) = (self.widened(x), self.widened(y));
        self.instr(Instr::Compare(function, x, y), DType::Bool)
    }

    /// Random bits are given to special functions as those of a float.
    fn special_operand(&mut self, x: Reg) -> Reg {
        match self.dtype(x) {
            DType::U64 => self.instr(Instr::Bitcast(DType::F64, x), DType::F64),
            _ => self.widened(x),
        }
    }

    /// In the dtype in which arithmetic happens.
    fn widened(&mut self, x: Reg) -> Reg {
        self.cast(x, widened(self.dtype(x)))
    }

    /// Converted, if it has another dtype.
    fn cast(&mut self, x: Reg, dtype: DType) -> Reg {
        if self.dtype(x) == dtype { x } else { self.instr(Instr::Cast(dtype, x), dtype) }
    }
}

/// The dtype in which arithmetic on `dtype` happens.
pub(crate) fn widened(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        other => other,
    }
}
