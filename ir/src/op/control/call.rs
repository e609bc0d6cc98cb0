//! Named sub-graphs.

use super::sample;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Ports, RegionDef, Runs, Sample};
use crate::{Graph, Op, Type, attributes};

attributes! {
    /// Runs its region once: `A, B.. -> R..`. The region takes the operands and gives the results.
    ///
    /// It is how a function called by another keeps its name.
    pub struct Call {
        /// What the sub-graph is called.
        pub name: String,
    }
}

impl RegionDef for Call {
    const NAME: &'static str = "call";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(1);

    fn ports(&self) -> Ports {
        Ports::plain(Runs::Once)
    }

    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        (carried + sliced == 0).then(|| self.clone().into())
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        eval(evaluator, operands, regions)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Call> {
        let inputs = sample::types(draw, hint);
        let outputs = sample::some_of(draw, &inputs);
        let body = sample::region(draw, "body", &inputs, &outputs);
        let name = draw.choose(&["f", "layer", "a b"]).to_owned();
        Sample::exact(Call { name }, inputs.into_iter().map(Operand::any)).with_regions([body])
    }
}

/// What the first region gives for the operands.
pub(super) fn eval(
    evaluator: &mut Evaluator<'_>,
    operands: &[&Datum],
    regions: &[Graph],
) -> Result<Vec<Datum>, EvalError> {
    evaluator.run(&regions[0], operands.iter().map(|&x| x.clone()).collect())
}
