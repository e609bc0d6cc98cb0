//! Prefix folds.

use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Lowering, OpDef, Sample, TypeError, Types, rule};
use crate::{DType, Literal, Scalar, Type, attributes};

attributes! {
    /// Running folds along `axis`: element `i` of the result is the fold of elements `0..=i`: `T[s] -> T[s]`.
    ///
    /// An exclusive scan folds elements `0..i` and so begins with the identity of the monoid. A reverse scan runs from the
    /// last element to the first: element `i` is the fold of elements `i..`, or `i + 1..` if exclusive. As in `reduce`, sums and
    /// products of floats are of unspecified order, and those of f16 and bf16 are kept in f32 and rounded once per element.
    pub struct Cumulative {
        /// The monoid; `any` and `all` take bool, the others numbers.
        pub kind: ReduceKind,
        /// The axis along which to run.
        pub axis: usize,
        /// Whether an element's own value is left out.
        pub exclusive: bool,
        /// Whether to run from the last element to the first.
        pub reverse: bool,
    }
}

impl OpDef for Cumulative {
    const NAME: &'static str = "cumulative";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::check_axis(self.axis, operands[0].rank())?;
        rule::one(dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let Type { dtype, shape } = &results[0];
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = if dtype.is_float() { DType::F64 } else { *dtype };
        let fold = |a, b: Scalar| self.kind.function().eval(a, b.cast(wide));
        let mut elements = vec![Scalar::zero(*dtype); shape.elements()];
        for line in rule::lines(shape, self.axis) {
            let mut running = self.kind.identity(*dtype).cast(wide);
            for i in 0..line.len() {
                let at = line[if self.reverse { line.len() - 1 - i } else { i }];
                let before = running;
                running = fold(running, operands[0].get(at));
                elements[at] = if self.exclusive { before } else { running };
            }
        }
        vec![Literal::from_scalars(results[0].clone(), elements)]
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<Cumulative> {
        let kind = draw.choose(ReduceKind::ALL);
        let ty = draw.like(hint, kind.class(), 1);
        let axis = draw.axis(ty.rank());
        let op = Cumulative { kind, axis, exclusive: draw.flip(), reverse: draw.flip() };
        if kind.depends_on_order(ty.dtype) {
            Sample::epsilons(op, 64, [Operand::moderate(ty)])
        } else {
            Sample::exact(op, [Operand::any(ty)])
        }
    }
}
