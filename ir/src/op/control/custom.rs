//! Functions that say themselves how they are differentiated, and functions whose values are computed again on the way back.

use super::{call, rule, sample};
use crate::eval::{EvalError, Evaluator};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, ControlDef, Lowering, RegionName, Sample, TypeError, Types};
use crate::{Graph, Literal, Type, attributes};

attributes! {
    /// Runs its first region once: `A.., C.. -> R.., T..`. The second one is its derivative in reverse mode.
    ///
    /// The first `arguments` operands are what it is differentiated by, the rest it has captured. The first region takes all operands and
    /// gives the results, then `saved` values for the way back. The second region takes what was captured, what was saved, and a
    /// cotangent for each float among the first `results` results; it gives a cotangent for each float argument. Other results carry
    /// no derivative.
    ///
    /// Differentiation is all that it is there for: the optimiser replaces it by its first region.
    pub struct CustomGradient {
        /// How many operands have cotangents.
        pub arguments: usize,
        /// How many results have cotangents.
        pub results: usize,
        /// How many values the first region gives for the second one.
        pub saved: usize,
    }
}

impl CustomGradient {
    /// How many outputs of the first region are results.
    fn given(&self, forward: &Graph) -> Option<usize> {
        forward.outputs().len().checked_sub(self.saved).filter(|&given| given >= self.results)
    }
}

fn floats(types: &[Type], what: &str) -> Vec<(Type, String)> {
    let float = types.iter().enumerate().filter(|(_, ty)| ty.dtype.is_float());
    float.map(|(i, ty)| (ty.clone(), format!("{what} {i}"))).collect()
}

impl ControlDef for CustomGradient {
    const NAME: &'static str = "custom_gradient";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Region;

    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        rule::has_operands("arguments", Some(self.arguments), operands)?;
        let [forward, backward] = regions else { unreachable!("regions have been counted") };
        let all = rule::of_operands(operands, 0);
        rule::takes(forward, RegionName::Body, &all)?;
        let outputs = forward.output_types();
        let Some(given) = self.given(forward) else {
            let what =
                format!("the body gives {} values, fewer than results and what is saved", outputs.len());
            return Err(TypeError::attribute("saved", what));
        };
        let mut inputs = all[self.arguments..].to_vec();
        let saved = outputs[given..].iter().enumerate();
        inputs.extend(saved.map(|(i, ty)| (ty.clone(), format!("output {} of the body", given + i))));
        inputs.extend(floats(&outputs[..self.results], "result"));
        rule::takes(backward, RegionName::Backward, &inputs)?;
        let arguments: Vec<Type> = operands[..self.arguments].iter().map(|&ty| ty.clone()).collect();
        rule::gives(backward, RegionName::Backward, &floats(&arguments, "operand"))?;
        Ok(outputs[..given].into())
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Literal],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Literal>, EvalError> {
        let mut outputs = call::eval(evaluator, operands, regions)?;
        outputs.truncate(results.len());
        Ok(outputs)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<CustomGradient> {
        let inputs = sample::types(draw, hint);
        let arguments = 1 + draw.below(inputs.len());
        let given = sample::some_of(draw, &inputs);
        let saved = sample::some_of(draw, &inputs);
        let results = draw.below(given.len() + 1);
        let forward = sample::region(draw, "forward", &inputs, &[&given[..], &saved].concat());
        let types = |types: &[Type]| floats(types, "").into_iter().map(|(ty, _)| ty).collect::<Vec<Type>>();
        let taken = [&inputs[arguments..], &saved, &types(&given[..results])].concat();
        let backward = sample::region(draw, "backward", &taken, &types(&inputs[..arguments]));
        let op = CustomGradient { arguments, results, saved: saved.len() };
        Sample::exact(op, inputs.into_iter().map(Operand::any)).with_regions([forward, backward])
    }
}

attributes! {
    /// Runs its region once, as [`Call`](super::Call) does: `A, B.. -> R..`. Going back through it keeps the operands alone and runs the
    /// region again.
    pub struct Checkpoint {
        /// What the sub-graph is called.
        pub name: String,
        /// Whether this is a run on the way back: it stays apart from what is around it, for else it would be merged with the first run,
        /// whose values would then be kept after all.
        pub again: bool,
    }
}

impl ControlDef for Checkpoint {
    const NAME: &'static str = "checkpoint";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Region;

    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        call::infer(operands, regions)
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Literal],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Literal>, EvalError> {
        call::eval(evaluator, operands, regions)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Checkpoint> {
        let inputs = sample::types(draw, hint);
        let outputs = sample::some_of(draw, &inputs);
        let body = sample::region(draw, "body", &inputs, &outputs);
        let op = Checkpoint { name: draw.choose(&["f", "layer"]).to_owned(), again: draw.flip() };
        Sample::exact(op, inputs.into_iter().map(Operand::any)).with_regions([body])
    }
}
