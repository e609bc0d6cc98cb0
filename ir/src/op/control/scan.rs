//! Loops over the slices of tensors, with state.

use super::sample;
use super::slices::{StackBuilder, slice};
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand, tensor_hint};
use crate::op::{Arity, Order, Ports, RegionDef, Runs, Sample};
use crate::{DTypeClass, Graph, Op, Type, attributes};

attributes! {
    /// Runs a region once for each slice along axis 0: `S.., X[length, ..].., I.. -> S.., Y[length, ..]..`.
    ///
    /// The first `carried` operands are the state of the loop, the next `scanned` are scanned, the rest are invariants. The body
    /// takes the state, one slice of each scanned operand, and the invariants. It gives the new state, then slices of the
    /// stacked results. Results are the last state and the stacks.
    pub struct Scan {
        /// How many operands are state.
        pub carried: usize,
        /// How many operands are scanned.
        pub scanned: usize,
        /// How often the body runs: the extent of axis 0 of what is scanned and of what is stacked.
        pub length: usize,
        /// Whether the last slices come first. Results of a run are stacked at the place of its slices.
        pub reverse: bool,
    }
}

impl Scan {
    /// The index of the slices of each run, in the order of the runs.
    pub fn indices(&self) -> impl Iterator<Item = usize> + use<> {
        let (length, reverse) = (self.length, self.reverse);
        (0..length).map(move |i| if reverse { length - 1 - i } else { i })
    }
}

impl RegionDef for Scan {
    const NAME: &'static str = "scan";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(1);

    fn ports(&self) -> Ports {
        let order = if self.reverse { Order::Backward } else { Order::Forward };
        let runs = Runs::ForEach { length: self.length, order };
        Ports { carried: self.carried, sliced: self.scanned, ..Ports::plain(runs) }
    }

    fn with_counts(&self, carried: usize, scanned: usize) -> Option<Op> {
        Some(Scan { carried, scanned, ..self.clone() }.into())
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        let (state, rest) = operands.split_at(self.carried);
        let (scanned, invariants) = rest.split_at(self.scanned);
        let mut state: Vec<Datum> = state.iter().map(|&x| x.clone()).collect();
        let mut stacks: Vec<StackBuilder> =
            results[self.carried..].iter().map(|ty| StackBuilder::new(ty.tensor())).collect();
        for index in self.indices() {
            let mut inputs = state;
            inputs.extend(scanned.iter().map(|x| slice(x.tensor(), index).into()));
            inputs.extend(invariants.iter().map(|&x| x.clone()));
            state = evaluator.run(&regions[0], inputs)?;
            for (stack, slice) in stacks.iter_mut().zip(state.drain(self.carried..)) {
                stack.put(index, slice.tensor());
            }
        }
        Ok(state.into_iter().chain(stacks.into_iter().map(|stack| stack.finish().into())).collect())
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Scan> {
        let x = draw.like(&tensor_hint(hint), DTypeClass::Any, 1);
        let (length, slice) = (x.shape.size(0), x.with_shape(x.shape.without(&[0])));
        let scanned = draw.below(3).min(if length <= 16 { 2 } else { 1 }).max(usize::from(length > 16));
        let length = if scanned == 0 { draw.below(4) } else { length };
        let list = Type::List(slice.clone());
        let (x, slice) = (Type::Tensor(x), Type::Tensor(slice));
        let mut state = vec![slice.clone(); draw.below(3)];
        if draw.below(4) == 3 {
            state.push(list);
        }
        let invariants = vec![slice.clone(); draw.below(2)];
        let slices = vec![slice.clone(); scanned];
        let inputs: Vec<Type> = [&state[..], &slices, &invariants].concat();
        let mut outputs = state.clone();
        outputs.extend(std::iter::repeat_n(slice, draw.below(3)));
        let body = sample::region(draw, "body", &inputs, &outputs);
        let operands: Vec<Type> = [&state[..], &vec![x; scanned], &invariants].concat();
        let op = Scan { carried: state.len(), scanned, length, reverse: draw.flip() };
        Sample::exact(op, operands.into_iter().map(Operand::any)).with_regions([body])
    }
}
