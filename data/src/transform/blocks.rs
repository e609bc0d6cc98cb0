//! Functions of tensors over many elements at once, by `vmap`, so that small elements need no call each.
//!
//! That takes place where it gives the same bits (but for those of NaN) as element by element: for functions of element-wise ops and movement alone, of elements whose sizes are known. Others, such
//! as sums and products, whose order may depend on how many there are, and functions with effects, random numbers or control flow go element by element.
//! A block is always of one size, so that one more signature is compiled, not one for each rest: it is filled up with its last element.

use std::collections::VecDeque;

use tensorwright::{Function, Graph, Tensor, vmap};
use tensorwright_ir::op::{Batching, Lowering};

use super::function::{ItemFn, Noted, refilled};
use crate::error::Result;
use crate::item::{Item, stack};
use crate::pipeline::Outcome;
use crate::spec::{ElementKind, Spec};

/// A block has at most so many elements, and so many bytes, that stay in the first cache.
const MOST_ELEMENTS: usize = 256;
const MOST_BYTES: usize = 1 << 15;
/// Blocks of fewer are not worth while.
const LEAST_ELEMENTS: usize = 4;

/// A function of a block of elements.
pub(crate) struct Blocks {
    size: usize,
    spec: Spec,
    function: Function<Vec<Tensor>, Vec<Tensor>>,
    /// The structure of results.
    noted: Noted,
}

impl Blocks {
    /// The function of one element, whose graph is given, over blocks. `None` where elements are large, or bits would not be the same.
    pub(super) fn new(
        spec: &Spec,
        one: &Function<Vec<Tensor>, Vec<Tensor>>,
        graph: &Graph,
        noted: &Noted,
    ) -> Option<Blocks> {
        let bytes = bytes_of(spec)?.max(1);
        let size = (MOST_BYTES / bytes).min(MOST_ELEMENTS);
        let fits = size >= LEAST_ELEMENTS && graph.nodes().iter().all(|node| keeps_bits(&node.op));
        fits.then(|| Blocks { size, spec: spec.clone(), function: vmap(one.clone()), noted: noted.clone() })
    }

    /// The most elements of a block.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The results of at most so many elements as a block has.
    fn apply(&self, mut items: Vec<Item>) -> Result<Vec<Item>> {
        let count = items.len();
        if let Some(last) = items.last().cloned() {
            items.resize(self.size, last);
        }
        let block = stack(&self.spec, &items)?;
        let tensors = block.components().into_iter().map(Item::to_tensor).collect::<Result<Vec<_>>>()?;
        let results = refilled(&self.noted, self.function.call_with_threads(1, &tensors)?)?;
        (0..count).map(|row| results.row(row)).collect()
    }
}

/// How many bytes an element has, if its sizes are known.
fn bytes_of(spec: &Spec) -> Option<usize> {
    let bytes = |spec: &Spec| match spec {
        Spec::Dense(ElementKind::Number(dtype), shape) => {
            Some(shape.sizes()?.iter().product::<usize>() * dtype.size())
        }
        _ => None,
    };
    spec.components().into_iter().map(bytes).sum()
}

fn keeps_bits(op: &tensorwright_ir::Op) -> bool {
    op.lowering() == Lowering::View || matches!(op.batching(1), Batching::ElementWise | Batching::Shared)
}

/// A function of elements, and of blocks of them where that is the same.
#[derive(Clone)]
pub(crate) struct MapFn {
    pub(super) one: ItemFn,
    pub(super) blocks: Option<std::sync::Arc<Blocks>>,
}

impl MapFn {
    /// Results in the place of elements, of which the first has this number; errors stay where they are.
    pub(super) fn apply(&self, outcomes: Vec<Outcome>, first: u64) -> VecDeque<Outcome> {
        match &self.blocks {
            None => self.one_by_one(outcomes, first),
            Some(blocks) => {
                let mut results = VecDeque::with_capacity(outcomes.len());
                let mut outcomes = outcomes.into_iter().peekable();
                while outcomes.peek().is_some() {
                    let number = first + results.len() as u64;
                    results.extend(self.block(
                        blocks,
                        outcomes.by_ref().take(blocks.size()).collect(),
                        number,
                    ));
                }
                results
            }
        }
    }

    fn block(&self, blocks: &Blocks, outcomes: Vec<Outcome>, first: u64) -> VecDeque<Outcome> {
        let items: Vec<Item> = outcomes.iter().flatten().cloned().collect();
        if items.is_empty() {
            return outcomes.into();
        }
        match blocks.apply(items) {
            Ok(results) => {
                let mut results = results.into_iter();
                outcomes
                    .into_iter()
                    .map(|outcome| {
                        outcome.map(|_| results.next().expect("a block gives a result for each element"))
                    })
                    .collect()
            }
            // Whichever element it is says so itself.
            Err(_) => self.one_by_one(outcomes, first),
        }
    }

    fn one_by_one(&self, outcomes: Vec<Outcome>, first: u64) -> VecDeque<Outcome> {
        let one = |(outcome, number): (Outcome, u64)| {
            outcome.and_then(|item| (self.one)(item).map_err(|error| error.of_element("map", number)))
        };
        outcomes.into_iter().zip(first..).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use tensorwright::prelude::*;

    use super::super::function::Typed;
    use crate::spec::Spec;

    fn has_blocks(spec: Spec, f: impl Fn(Tensor) -> Tensor + Send + Sync + 'static) -> Option<usize> {
        let typed = Typed::new(&spec, f).expect("it accepts the elements");
        typed.blocks.map(|blocks| blocks.size())
    }

    #[test]
    fn functions_that_keep_bits_go_in_blocks() {
        let vector = || Spec::number(DType::F32, [64]);
        assert_eq!(has_blocks(Spec::scalar(DType::I64), |x| x * 2 + 1), Some(256));
        assert_eq!(has_blocks(vector(), |x| (x.exp() / 2.0).erf()), Some(128));
        let bias = Tensor::ones(8, DType::F32);
        assert_eq!(has_blocks(vector(), move |x| x.reshape((8, 8)).t() + &bias), Some(128));
    }

    #[test]
    fn others_go_element_by_element() {
        let vector = || Spec::number(DType::F32, [64]);
        assert_eq!(has_blocks(vector(), |x| x.sum(..)), None);
        assert_eq!(has_blocks(vector(), |x| x.softmax(0)), None);
        assert_eq!(has_blocks(vector(), |x| x.reshape((8, 8)).matmul(x.reshape((8, 8)))), None);
        assert_eq!(
            has_blocks(vector(), |x| cond(x.i(0).gt(0.0), || x.clone(), || -&x).expect("it is traced")),
            None
        );
        assert_eq!(has_blocks(Spec::number(DType::F32, [None]), |x| x * 2.0), None, "sizes are not known");
        assert_eq!(has_blocks(Spec::number(DType::F32, [28, 28, 3]), |x| x * 2.0), None, "too large");
    }
}
