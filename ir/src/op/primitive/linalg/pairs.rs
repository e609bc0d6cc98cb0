//! Linear algebra of complex matrices as an op of real tensors.
//!
//! The compiler knows real tensors only (docs/decisions/031). An op on complex matrices becomes this one, whose complex operands and results are pairs of real
//! and imaginary parts along a last axis, which is how complex numbers lie in memory.

use smallvec::{SmallVec, smallvec};

use super::*;
use crate::builder::BuildError;
use crate::op::attribute::{AttrMap, AttrValue, Attribute, Attributes};
use crate::op::derivative::Differentiable;
use crate::op::{Arity, Batching, Derivative, Derivatives, Lowering, Op, OpDef, Primal, Sample, TensorTypes};
use crate::{Builder, Value, attributes, word_attribute};

word_attribute! {
    /// What stands for a complex number.
    pub enum Numbers {
        /// Operands are real numbers as they are; results that are complex are pairs.
        Real = "real",
        /// Complex numbers are pairs.
        Pairs = "pairs",
    }
}

attributes! {
    /// An op of complex matrices, with pairs along a last axis for complex numbers: for an op `C[.., m, n] -> C[.., m, n]` this is
    /// `F[.., m, n, 2] -> F[.., m, n, 2]`, f32 or f64.
    pub struct MatricesOfPairs {
        /// The op, with its attributes.
        pub op: MatrixOp,
        /// What operands hold.
        pub numbers: Numbers,
    }
}

macro_rules! matrix_ops {
    ($($op:ident)*) => {
        /// An op of the library of linear algebra.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is documented on its payload")]
        pub enum MatrixOp { $($op($op),)* }

        impl MatrixOp {
            /// The op of linear algebra; `None` for any other op.
            pub fn of(op: &Op) -> Option<MatrixOp> {
                match op {
                    $(Op::$op(op) => Some(MatrixOp::$op(op.clone())),)*
                    _ => None,
                }
            }

            /// The op itself.
            pub fn to_op(&self) -> Op {
                match self {
                    $(MatrixOp::$op(op) => op.clone().into(),)*
                }
            }

            fn draw(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MatrixOp> {
                let draws: &[fn(&mut Draw<'_>, &TensorType) -> Sample<MatrixOp>] =
                    &[$(|draw, hint| $op::sample($op::NAME, draw, hint).map(MatrixOp::$op)),*];
                draw.choose(draws)(draw, hint)
            }
        }

        impl Attribute for MatrixOp {
            const EXPECTED: &'static str = "the name of an op of linear algebra and its attributes, as a list";

            fn to_value(&self) -> AttrValue {
                let (name, attributes) = match self {
                    $(MatrixOp::$op(op) => ($op::NAME, op.to_attrs()),)*
                };
                let values = attributes.into_iter().map(|(_, value)| value);
                AttrValue::List([AttrValue::Word(name.to_owned())].into_iter().chain(values).collect())
            }

            fn from_value(value: &AttrValue) -> Option<MatrixOp> {
                let AttrValue::List(items) = value else { return None };
                let [AttrValue::Word(name), values @ ..] = &items[..] else { return None };
                $(if name == $op::NAME {
                    let mut attributes = AttrMap::default();
                    for (field, value) in $op::FIELDS.iter().zip(values) {
                        attributes.insert((*field).to_owned(), value.clone()).ok()?;
                    }
                    let all = values.len() == $op::FIELDS.len();
                    return $op::from_attrs(&mut attributes).ok().filter(|_| all).map(MatrixOp::$op);
                })*
                None
            }
        }
    };
}
matrix_ops! {
    Cholesky TriangularSolve LuFactor Qr Eigh Eigvalsh Eig Eigvals Svd Svdvals LinearSolve Inverse
}

/// The type of which pairs stand for the elements.
fn complex_type(ty: &TensorType, operand: usize) -> Result<TensorType, TypeError> {
    let dtype = complex_dtype(ty.dtype).filter(|_| ty.dtype.is_float());
    match (dtype, ty.shape.dims()) {
        (Some(dtype), [axes @ .., pair]) if pair.size() == 2 => {
            Ok(TensorType { dtype, shape: axes.iter().copied().collect() })
        }
        _ => Err(TypeError::Other(format!("operand {operand} must be pairs of f32 or f64, found {ty}"))),
    }
}

/// The type with pairs in place of complex numbers; real types as they are.
fn type_of_pairs(ty: &TensorType) -> TensorType {
    let pairs = || ty.shape.dims().iter().copied().chain([Dim::known(2)]).collect();
    match ty.dtype.is_complex() {
        true => TensorType { dtype: ty.dtype.part(), shape: pairs() },
        false => ty.clone(),
    }
}

fn literal_as(x: &Literal, ty: TensorType) -> Literal {
    Literal::from_bytes(ty, x.bytes().to_vec()).expect("as many bytes")
}

impl MatricesOfPairs {
    /// Types of the operands as the op within takes them.
    fn inner_types(&self, operands: &[&TensorType]) -> Result<SmallVec<[TensorType; 2]>, TypeError> {
        operands
            .iter()
            .enumerate()
            .map(|(operand, &ty)| match self.numbers {
                Numbers::Real => Ok(ty.clone()),
                Numbers::Pairs => complex_type(ty, operand),
            })
            .collect()
    }
}

impl OpDef for MatricesOfPairs {
    const NAME: &'static str = "matrices_of_pairs";
    const ARITY: Arity = Arity::AtLeast(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let types = self.inner_types(operands)?;
        let op = self.op.to_op();
        if !op.arity().accepts(types.len()) {
            let reason = format!("{} takes {} operands, found {}", op.name(), op.arity(), types.len());
            return Err(TypeError::Other(reason));
        }
        let types: SmallVec<[&TensorType; 2]> = types.iter().collect();
        Ok(op.infer_tensors(&types)?.iter().map(type_of_pairs).collect())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let given: SmallVec<[&TensorType; 2]> = operands.iter().map(|x| x.ty()).collect();
        let types = self.inner_types(&given).expect("checked by infer");
        let inner: Vec<Literal> = operands.iter().zip(types).map(|(x, ty)| literal_as(x, ty)).collect();
        let (types, inner): (Vec<&TensorType>, Vec<&Literal>) = inner.iter().map(|x| (x.ty(), x)).unzip();
        let op = self.op.to_op();
        let inner_results = op.infer_tensors(&types).expect("checked by infer");
        let found = op.eval(&inner, &inner_results).expect("an ordinary op");
        found.iter().zip(results).map(|(x, ty)| literal_as(x, ty.clone())).collect()
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    /// Matrices of one element at most: what operands of larger ones should be is said of complex numbers.
    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MatricesOfPairs> {
        let part = if hint.dtype.part() == DType::F32 { DType::C64 } else { DType::C128 };
        let sizes = hint.shape.sizes().into_iter().take(3).map(|size| size.min(1)).chain([1, 1]);
        let hint = TensorType { dtype: part, shape: sizes.collect() };
        let mut sample =
            MatrixOp::draw(draw, &hint).map(|op| MatricesOfPairs { op, numbers: Numbers::Pairs });
        for operand in &mut sample.operands {
            let ty = type_of_pairs(operand.ty.tensor());
            *operand = Operand::new(ty, Values::Range(1.0, 2.0));
        }
        sample
    }
}

/// That of the op within. A change by `Re(g z')` is one by `Re(g)` of the real part, and by `-Im(g)` of the imaginary part.
impl Differentiable for MatricesOfPairs {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let op = self.op.to_op();
        self.within(primal, &op, |primal, rule| {
            let tangents = tangents.iter().map(|&x| match (x, self.numbers) {
                (Some(x), Numbers::Pairs) => primal.b.as_complex(x).map(Some),
                (x, _) => Ok(x),
            });
            let tangents = tangents.collect::<Result<Vec<_>, _>>()?;
            let found = rule.jvp(primal, &tangents)?;
            found.into_iter().map(|x| x.map(|x| as_pairs(primal.b, x)).transpose()).collect()
        })
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let op = self.op.to_op();
        self.within(primal, &op, |primal, rule| {
            let mut inner = SmallVec::<[Option<Value>; 3]>::new();
            for (&cotangent, &result) in cotangents.iter().zip(primal.results) {
                inner.push(match (cotangent, primal.b.tensor(result).dtype.is_complex()) {
                    (Some(x), true) => {
                        let x = primal.b.as_complex(x)?;
                        Some(primal.b.conj(x)?)
                    }
                    (x, _) => x,
                });
            }
            let found = rule.vjp(primal, &inner)?;
            let mut outer = smallvec![];
            for cotangent in found {
                outer.push(match cotangent {
                    Some(x) => {
                        let x = primal.b.conjugate(x)?;
                        Some(as_pairs(primal.b, x)?)
                    }
                    None => None,
                });
            }
            Ok(outer)
        })
    }
}

fn as_pairs(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype.is_complex() { b.as_real(x) } else { Ok(x) }
}

impl MatricesOfPairs {
    /// Calls with the same node of the op within, of complex numbers, and its rule.
    fn within(
        &self,
        primal: &mut Primal<'_>,
        op: &Op,
        derive: impl FnOnce(&mut Primal<'_>, crate::op::Rule<'_>) -> Result<Derivatives, BuildError>,
    ) -> Result<Derivatives, BuildError> {
        let types: Vec<TensorType> = primal.operands.iter().map(|&x| primal.b.tensor(x).clone()).collect();
        let types = self.inner_types(&types.iter().collect::<Vec<_>>()).expect("checked by infer");
        let results = op.infer_tensors(&types.iter().collect::<Vec<_>>()).expect("checked by infer");
        let mut operands = Vec::new();
        for &x in primal.operands {
            operands.push(match self.numbers {
                Numbers::Real => x,
                Numbers::Pairs => primal.b.as_complex(x)?,
            });
        }
        let mut inner = Vec::new();
        for (&x, ty) in primal.results.iter().zip(&results) {
            inner.push(if ty.dtype.is_complex() { primal.b.as_complex(x)? } else { x });
        }
        let Derivative::Rule(rule) = op.derivative() else {
            unreachable!("ops of linear algebra have rules")
        };
        let (b, wanted) = (&mut *primal.b, primal.wanted);
        derive(&mut Primal { b, op, operands: &operands, results: &inner, wanted }, rule)
    }
}
