//! Choosing one of several regions.

use super::sample;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, Ports, RegionDef, Runs, Sample, Selector};
use crate::{DType, Graph, Op, TensorType, Type, attributes};

attributes! {
    /// Runs one of two regions: `bool[], A, B.. -> R..`.
    ///
    /// Operand 0 is the predicate. The first region runs if it holds, the second if not. Both take the other operands and give
    /// the results, of the same types.
    pub struct If {}
}

attributes! {
    /// Runs one of several regions: `i32[], A, B.. -> R..`.
    ///
    /// Operand 0 is the position of the region to run; if there is no such region the last one runs. All regions take the other
    /// operands and give the results, of the same types.
    pub struct Case {}
}

impl RegionDef for If {
    const NAME: &'static str = "if";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::Exact(2);

    fn ports(&self) -> Ports {
        Ports::plain(Runs::Selected(Selector::Predicate))
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
        let holds = operands[0].tensor().get(0).to_bool();
        evaluator.run(&regions[usize::from(!holds)], owned(&operands[1..]))
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<If> {
        let (operands, regions) = branches(draw, hint, 2);
        let predicate = Operand::any(TensorType::scalar(DType::Bool));
        Sample::exact(If {}, [predicate].into_iter().chain(operands)).with_regions(regions)
    }
}

impl RegionDef for Case {
    const NAME: &'static str = "case";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::AtLeast(1);

    fn ports(&self) -> Ports {
        Ports::plain(Runs::Selected(Selector::Index))
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
        let chosen = Selector::Index.region(operands[0].tensor().get(0).to_i128(), regions.len());
        evaluator.run(&regions[chosen], owned(&operands[1..]))
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Case> {
        let count = 1 + draw.below(3);
        let (operands, regions) = branches(draw, hint, count);
        let index = Operand::new(TensorType::scalar(DType::I32), Values::Index(count));
        Sample::exact(Case {}, [index].into_iter().chain(operands)).with_regions(regions)
    }
}

fn owned(operands: &[&Datum]) -> Vec<Datum> {
    operands.iter().map(|&x| x.clone()).collect()
}

fn branches(draw: &mut Draw<'_>, hint: &Type, count: usize) -> (Vec<Operand>, Vec<Graph>) {
    let inputs = sample::types(draw, hint);
    let outputs = sample::some_of(draw, &inputs);
    let regions = (0..count).map(|_| sample::region(draw, "branch", &inputs, &outputs)).collect();
    (inputs.into_iter().map(Operand::any).collect(), regions)
}
