//! Choosing one of several regions.

use super::{rule, sample};
use crate::eval::{EvalError, Evaluator};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, ControlDef, Lowering, RegionName, Sample, TypeError, Types};
use crate::{DType, Graph, Literal, Type, attributes};

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

impl ControlDef for If {
    const NAME: &'static str = "if";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Region;

    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        rule::operand_is(operands, 0, "the predicate", Type::scalar(DType::Bool))?;
        infer(operands, regions, |i| if i == 0 { RegionName::Then } else { RegionName::Else })
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Literal],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Literal>, EvalError> {
        let holds = operands[0].get(0).to_bool();
        evaluator.run(&regions[usize::from(!holds)], owned(&operands[1..]))
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<If> {
        let (operands, regions) = branches(draw, hint, 2);
        let predicate = Operand::any(Type::scalar(DType::Bool));
        Sample::exact(If {}, [predicate].into_iter().chain(operands)).with_regions(regions)
    }
}

impl Case {
    /// The region that runs for an index when there are `regions` of them.
    pub fn chosen(index: i128, regions: usize) -> usize {
        usize::try_from(index).unwrap_or(usize::MAX).min(regions.saturating_sub(1))
    }
}

impl ControlDef for Case {
    const NAME: &'static str = "case";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::AtLeast(1);
    const LOWERING: Lowering = Lowering::Region;

    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        rule::operand_is(operands, 0, "the index", Type::scalar(DType::I32))?;
        infer(operands, regions, RegionName::Branch)
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Literal],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Literal>, EvalError> {
        let chosen = Case::chosen(operands[0].get(0).to_i128(), regions.len());
        evaluator.run(&regions[chosen], owned(&operands[1..]))
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Case> {
        let count = 1 + draw.below(3);
        let (operands, regions) = branches(draw, hint, count);
        let index = Operand { ty: Type::scalar(DType::I32), values: Values::Index(count) };
        Sample::exact(Case {}, [index].into_iter().chain(operands)).with_regions(regions)
    }
}

fn infer(
    operands: &[&Type],
    regions: &[Graph],
    name: impl Fn(usize) -> RegionName,
) -> Result<Types, TypeError> {
    let inputs = rule::of_operands(&operands[1..], 1);
    let results = regions[0].output_types();
    let like = |i| format!("output {i} of region `{}`", name(0));
    let outputs: rule::Ports = results.iter().enumerate().map(|(i, ty)| (ty.clone(), like(i))).collect();
    for (i, region) in regions.iter().enumerate() {
        rule::takes(region, name(i), &inputs)?;
        rule::gives(region, name(i), &outputs)?;
    }
    Ok(results.into())
}

fn owned(operands: &[&Literal]) -> Vec<Literal> {
    operands.iter().map(|&x| x.clone()).collect()
}

fn branches(draw: &mut Draw<'_>, hint: &Type, count: usize) -> (Vec<Operand>, Vec<Graph>) {
    let inputs = sample::types(draw, hint);
    let outputs = sample::some_of(draw, &inputs);
    let regions = (0..count).map(|_| sample::region(draw, "branch", &inputs, &outputs)).collect();
    (inputs.into_iter().map(Operand::any).collect(), regions)
}
