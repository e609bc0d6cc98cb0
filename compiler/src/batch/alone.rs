//! A `while` that each example runs by itself: the body of a `map`.
//!
//! All examples together run such a loop until the last one leaves it, and keep the state of the others. One number of state for each example
//! is a lane of a vector, and native loops leave by themselves. But what is three numbers for one example is a tensor whose elements belong together in threes, which is
//! no lane: that is a native loop only for each example by itself.

use tensorwright_ir::op::Results;
use tensorwright_ir::op::control::Map;
use tensorwright_ir::{BuildError, Builder, DType, Node, TensorType, Type, Value};

use super::control::{as_asked, items};
use super::rules::Site;
use super::{BatchError, Item, Loops, with_axis};
use crate::native;
use crate::passes::{PassOptions, run_pipeline};

impl Site<'_> {
    /// The results of a `while` as the body of a `map`, if that is native and not all state is one number for each example.
    pub(super) fn alone(&mut self, taken: &[bool]) -> Result<Option<Vec<Item>>, BatchError> {
        let body = &self.node.regions[1];
        let states = body.output_types();
        let is_vector = |ty: &Type| ty.as_tensor().is_some_and(|ty| ty.elements() > 1);
        let is_alone = taken[..states.len()].iter().all(|&taken| taken) && states.iter().any(is_vector);
        if self.many.loops != Loops::ByExample || !is_alone || !self.is_native(taken)? {
            return Ok(None);
        }
        let operands = self.x.iter().zip(taken).map(|(&item, &own)| as_asked(self.b, self.size, item, own));
        let operands = operands.collect::<Result<Vec<_>, _>>()?;
        let results = Self::appended(self.node, self.size, self.b, self.active, &operands, taken)?;
        Ok(Some(items(&results, &taken[..states.len()])))
    }

    /// Whether the `map` is a kernel.
    fn is_native(&mut self, taken: &[bool]) -> Result<bool, BatchError> {
        let mut b = Builder::new("alone");
        let mut inputs = Vec::new();
        for (&input, &own) in self.node.regions[1].inputs().iter().zip(taken) {
            let Type::Tensor(ty) = self.node.regions[1].ty(input) else { return Ok(false) };
            inputs.push(b.input(if own { with_axis(ty, self.size) } else { ty.clone() }));
        }
        let active = self.active.map(|_| b.input(TensorType::new(DType::Bool, [self.size])));
        let results = Self::appended(self.node, self.size, &mut b, active, &inputs, taken)?;
        let Ok(graph) = run_pipeline(b.finish(&results), &PassOptions::default()) else { return Ok(false) };
        let mut loops = graph.nodes().iter().filter(|node| node.op.ports().is_some());
        Ok(loops.all(|node| native::kernels(&graph, node, |_| true).is_some()))
    }

    /// Appends the `map`, in which an example that is not active does not run the loop.
    fn appended(
        node: &Node,
        size: usize,
        b: &mut Builder,
        active: Option<Value>,
        operands: &[Value],
        taken: &[bool],
    ) -> Result<Results, BuildError> {
        let carried = node.regions[1].outputs().len();
        let (mapped, shared): (Vec<usize>, Vec<usize>) = (0..operands.len()).partition(|&i| taken[i]);
        let order = [&mapped[..], &shared].concat();
        let given: Vec<Value> = active.into_iter().chain(order.iter().map(|&i| operands[i])).collect();
        let count = given.len() - shared.len();
        b.map(Map { mapped: count, length: size }, &given, |b, x| {
            let (active, x) = x.split_at(x.len() - order.len());
            let mut own = x.to_vec();
            order.iter().zip(x).for_each(|(&i, &value)| own[i] = value);
            let run =
                |b: &mut Builder, x: &[Value]| b.push_with_regions(node.op.clone(), x, node.regions.clone());
            match *active {
                [active] => b.cond(active, &own, run, |_, x| Ok(x[..carried].to_vec())),
                _ => run(b, &own),
            }
        })
    }
}
