//! Loops that go on while a condition holds.

use super::sample;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, Ports, RegionDef, Runs, Sample};
use crate::{DType, Graph, Op, Scalar, TensorType, Type, attributes};

attributes! {
    /// Runs a region as long as another gives true: `S.., I.. -> S..`.
    ///
    /// The first `carried` operands are the state of the loop, the rest are invariants. Both regions take all of them. The first
    /// region, the condition, gives one bool scalar; the second, the body, gives the new state. The condition comes first: the
    /// body may run never. Results are the last state.
    pub struct While {
        /// How many operands are state.
        pub carried: usize,
    }
}

impl RegionDef for While {
    const NAME: &'static str = "while";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(2);

    fn ports(&self) -> Ports {
        Ports { carried: self.carried, ..Ports::plain(Runs::While) }
    }

    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        (sliced == 0).then(|| While { carried }.into())
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        let [condition, body] = regions else { unreachable!("infer has counted the regions") };
        let mut all: Vec<Datum> = operands.iter().map(|&x| x.clone()).collect();
        while evaluator.run(condition, all.clone())?[0].tensor().get(0).to_bool() {
            let state = evaluator.run(body, all.clone())?;
            all.splice(..self.carried, state);
        }
        all.truncate(self.carried);
        Ok(all)
    }

    /// A counted loop: the first state is the counter.
    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<While> {
        let counter = Type::from(TensorType::scalar(DType::I32));
        let limit = draw.below(5);
        let mut types = vec![counter.clone()];
        types.extend(sample::types(draw, hint));
        let carried = 1 + draw.below(types.len());
        let condition = sample::built("condition", &types, |b, x| {
            let limit = b.scalar(Scalar::from_i128(DType::I32, limit as i128));
            Ok(vec![b.lt(x[0], limit)?])
        });
        let state = types[1..carried].to_vec();
        let body = sample::built("body", &types, |b, x| {
            let one = b.scalar(1i32);
            let mut results = vec![b.add(x[0], one)?];
            results.extend(sample::elementwise(draw, b, x, &state)?);
            Ok(results)
        });
        let start = Operand::new(counter, Values::Index(limit));
        let rest = types[1..].iter().cloned().map(Operand::any);
        Sample::exact(While { carried }, [start].into_iter().chain(rest)).with_regions([condition, body])
    }
}
