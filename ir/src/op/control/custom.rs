//! Functions that say themselves how they are differentiated, and functions whose values are computed again on the way back.

use super::rule::Expected;
use super::{call, rule, sample};
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Derivative, Ports, RegionDef, RegionDefinition, RegionName, RegionRule, Results, Runs, Sample,
    TypeError,
};
use crate::{Builder, Graph, Op, Type, Value, attributes, word_attribute};

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

/// The floats among the types.
fn floats(types: &[Expected], what: &str) -> Vec<Expected> {
    let float = types.iter().enumerate().filter(|(_, (ty, _))| ty.is_differentiable());
    float.map(|(i, (ty, _))| (ty.clone(), format!("{what} {i}"))).collect()
}

impl RegionDef for CustomGradient {
    const NAME: &'static str = "custom_gradient";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(2);

    fn ports(&self) -> Ports {
        Ports { hidden: self.saved, ..Ports::plain(Runs::Once) }
    }

    /// Its attributes count the operands, so that none can come or go.
    fn with_counts(&self, _carried: usize, _sliced: usize) -> Option<Op> {
        None
    }

    fn check(&self, operands: &[&Type], regions: &[Graph]) -> Result<(), TypeError> {
        rule::has_operands("arguments", Some(self.arguments), operands)?;
        let [forward, backward] = regions else { unreachable!("regions have been counted") };
        let outputs = rule::of_outputs(forward, RegionName::Body);
        let given = outputs.len() - self.saved;
        if given < self.results {
            let what = format!("the body gives {given} results, fewer than have cotangents");
            return Err(TypeError::attribute("results", what));
        }
        let all = rule::of_operands(operands, 0);
        let of_results = floats(&outputs[..self.results], "result");
        let inputs = [&all[self.arguments..], &outputs[given..], &of_results].concat();
        rule::takes(backward, RegionName::Backward, &inputs)?;
        rule::gives(backward, RegionName::Backward, &floats(&all[..self.arguments], "operand"))
    }

    fn derivative(&self) -> Derivative<'_> {
        let CustomGradient { arguments, results, saved } = *self;
        Derivative::Region(RegionRule { arguments, results, saved })
    }

    fn definition(&self) -> Option<&dyn RegionDefinition> {
        Some(self)
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
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
        let types = |types: &[Type]| -> Vec<Type> {
            types.iter().filter(|ty| ty.is_differentiable()).cloned().collect()
        };
        let taken = [&inputs[arguments..], &saved, &types(&given[..results])].concat();
        let backward = sample::region(draw, "backward", &taken, &types(&inputs[..arguments]));
        let op = CustomGradient { arguments, results, saved: saved.len() };
        Sample::exact(op, inputs.into_iter().map(Operand::any)).with_regions([forward, backward])
    }
}

impl RegionDefinition for CustomGradient {
    fn expand(&self, b: &mut Builder, operands: &[Value], regions: &[Graph]) -> Result<Results, TypeError> {
        let mut outputs: Results = b.inline(&regions[0], operands)?.into();
        outputs.truncate(outputs.len() - self.saved);
        Ok(outputs)
    }
}

word_attribute! {
    /// Which run of a checkpoint's region.
    pub enum CheckpointRun {
        /// The run on the way forward.
        First = "false",
        /// The run on the way back: it stays apart from what is around it, for else it would be merged with the first run, whose values
        /// would then be kept after all.
        Again = "true",
    }
}

attributes! {
    /// Runs its region once, as [`Call`](super::Call) does: `A, B.. -> R..`. Going back through it keeps the operands alone and runs the
    /// region again.
    pub struct Checkpoint {
        /// What the sub-graph is called.
        pub name: String,
        /// Which run this is.
        pub again: CheckpointRun,
    }
}

impl RegionDef for Checkpoint {
    const NAME: &'static str = "checkpoint";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(1);

    fn ports(&self) -> Ports {
        Ports::plain(match self.again {
            CheckpointRun::First => Runs::Once,
            CheckpointRun::Again => Runs::Again,
        })
    }

    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        (carried + sliced == 0).then(|| self.clone().into())
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Again { name: &self.name }
    }

    /// The first run has nothing to stay apart from.
    fn definition(&self) -> Option<&dyn RegionDefinition> {
        match self.again {
            CheckpointRun::First => Some(self),
            CheckpointRun::Again => None,
        }
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        call::eval(evaluator, operands, regions)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Checkpoint> {
        let inputs = sample::types(draw, hint);
        let outputs = sample::some_of(draw, &inputs);
        let body = sample::region(draw, "body", &inputs, &outputs);
        let op = Checkpoint {
            name: draw.choose(&["f", "layer"]).to_owned(),
            again: draw.choose(CheckpointRun::ALL),
        };
        Sample::exact(op, inputs.into_iter().map(Operand::any)).with_regions([body])
    }
}

impl RegionDefinition for Checkpoint {
    fn expand(&self, b: &mut Builder, operands: &[Value], regions: &[Graph]) -> Result<Results, TypeError> {
        Ok(b.inline(&regions[0], operands)?.into())
    }
}
