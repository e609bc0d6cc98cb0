//! Loops over the slices of tensors, without state.

use super::slices::{StackBuilder, slice};
use super::{Scan, sample};
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::sample::{Draw, Operand, tensor_hint};
use crate::op::{Arity, Order, Ports, RegionDef, Runs, Sample};
use crate::{DTypeClass, Graph, Op, Type, attributes};

attributes! {
    /// Runs a region once for each slice along axis 0, in any order: `X[length, ..].., I.. -> Y[length, ..]..`.
    ///
    /// The first `mapped` operands are mapped, the rest are invariants. The body takes one slice of each mapped operand, and the
    /// invariants. Its outputs are stacked along a new axis 0.
    pub struct Map {
        /// How many operands are mapped.
        pub mapped: usize,
        /// How often the body runs: the extent of axis 0 of what is mapped and of what is stacked.
        pub length: usize,
    }
}

impl RegionDef for Map {
    const NAME: &'static str = "map";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(1);

    fn ports(&self) -> Ports {
        let runs = Runs::ForEach { length: self.length, order: Order::Any };
        Ports { sliced: self.mapped, ..Ports::plain(runs) }
    }

    /// Runs that hand on state are in order.
    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        let length = self.length;
        Some(match carried {
            0 => Map { mapped: sliced, length }.into(),
            _ => Scan { carried, scanned: sliced, length, reverse: false }.into(),
        })
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        let (mapped, invariants) = operands.split_at(self.mapped);
        let mut stacks: Vec<StackBuilder> = results.iter().map(|ty| StackBuilder::new(ty.tensor())).collect();
        for index in 0..self.length {
            let slices = mapped.iter().map(|x| slice(x.tensor(), index).into());
            let inputs = slices.chain(invariants.iter().map(|&x| x.clone())).collect();
            for (stack, slice) in stacks.iter_mut().zip(evaluator.run(&regions[0], inputs)?) {
                stack.put(index, slice.tensor());
            }
        }
        Ok(stacks.into_iter().map(|stack| stack.finish().into()).collect())
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Map> {
        let x = draw.like(&tensor_hint(hint), DTypeClass::Any, 1);
        let (length, slice) = (x.shape.size(0), x.with_shape(x.shape.without(&[0])));
        let (x, slice) = (Type::Tensor(x), Type::Tensor(slice));
        let (mapped, invariants) = (1 + draw.below(2), draw.below(2));
        let inputs = vec![slice.clone(); mapped + invariants];
        let outputs = vec![slice.clone(); draw.below(3)];
        let body = sample::region(draw, "body", &inputs, &outputs);
        let operands = std::iter::repeat_n(x, mapped).chain(std::iter::repeat_n(slice, invariants));
        Sample::exact(Map { mapped, length }, operands.map(Operand::any)).with_regions([body])
    }
}
