//! Drawn numbers and tensors.

use tensorwright_ir::eval::{Datum, List};
use tensorwright_ir::op::{Operand, Random, Values};
use tensorwright_ir::{DType, Literal, Scalar, TensorType, Type};

/// Literals of random elements.
pub(crate) struct Numbers(pub(crate) Random);

impl Numbers {
    pub(crate) fn datum(&mut self, operand: &Operand) -> Datum {
        match &operand.ty {
            Type::Tensor(ty) => self.literal(ty, operand.values).into(),
            Type::List(row) => {
                let count = match operand.values {
                    Values::Rows(count) => count,
                    _ => self.0.below(4),
                };
                let rows: Vec<Literal> = (0..count).map(|_| self.literal(row, Values::Any)).collect();
                List::of(row.clone(), &rows).expect("rows of one type").into()
            }
            Type::Token => Datum::Token,
        }
    }

    fn literal(&mut self, ty: &TensorType, values: Values) -> Literal {
        Literal::from_fn(ty.clone(), |flat| match values {
            Values::Dominant(_) => {
                let mut off = || (self.0.unit() * 2.0 - 1.0) * Values::SLIGHT;
                let re = Scalar::from_f64(ty.dtype.part(), values.about(&ty.shape, flat) + off());
                match ty.dtype.is_complex() {
                    true => Scalar::complex(re, Scalar::from_f64(ty.dtype.part(), off())),
                    false => re,
                }
            }
            _ => self.scalar(ty.dtype, values),
        })
    }

    fn scalar(&mut self, dtype: DType, values: Values) -> Scalar {
        if dtype.is_complex() {
            let [re, im] = [(); 2].map(|()| self.scalar(dtype.part(), values));
            return Scalar::complex(re, im);
        }
        let unit = self.0.unit();
        match values {
            Values::Any | Values::Rows(_) | Values::Dominant(_) => match self.0.bits() % 4 {
                0 if dtype.is_float() => {
                    Scalar::from_f64(dtype, [f64::NAN, f64::INFINITY, -0.0, 1.0][(unit * 4.0) as usize])
                }
                1 => [Scalar::zero(dtype), Scalar::one(dtype), Scalar::lowest(dtype), Scalar::highest(dtype)]
                    [(unit * 4.0) as usize],
                _ => Scalar::from_bits(dtype, self.0.bits()),
            },
            Values::Moderate => Scalar::from_f64(dtype, unit * 8.0 - 4.0),
            Values::Range(low, high) => Scalar::from_f64(dtype, low + unit * (high - low)),
            Values::Index(bound) => Scalar::from_i128(dtype, (unit * (bound as f64 + 4.0)) as i128 - 2),
        }
    }
}
