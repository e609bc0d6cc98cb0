//! Branches inside of bodies: all are computed, the results of one are chosen.
//!
//! Memory stays as it is where a branch is not taken, since its stores put back what is there ([`Lowerer::write`]). So one branch after
//! the other finds the memory as it was before all of them, and behind them it is what the one that was taken left there.

use hashbrown::HashMap;
use tensorwright_ir::op::Selector;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{DType, Graph, Node, Scalar};

use super::lower::{Elements, Lowerer, Tensor};
use super::memory::{Memory, Owner};
use crate::kernel::{Buffer, Instr, Reg};
use crate::schedule::scalar::Instructions;

/// A region that may run, and whether it does.
struct Branch<'g> {
    holds: Reg,
    region: &'g Graph,
}

impl Lowerer {
    /// The results of the region that is selected.
    pub(super) fn selected(
        &mut self,
        selector: Selector,
        value: Reg,
        operands: &[Tensor],
        regions: &[Graph],
    ) -> Option<Vec<Tensor>> {
        let branches = match selector {
            Selector::Predicate => self.branches(value, regions),
            Selector::Index => self.cases(value, regions)?,
        };
        let before = self.versions.clone();
        let mut changed: Vec<Buffer> = Vec::new();
        let mut results: Vec<Vec<Tensor>> = Vec::new();
        for branch in &branches {
            changed.iter().for_each(|&buffer| self.forget(buffer));
            self.versions.clone_from(&before);
            let given = self.guarded(branch, operands)?;
            if !given.iter().all(|tensor| tensor.memory().is_none_or(|memory| self.is_current(memory))) {
                return None;
            }
            changed.extend(self.changes_since(&before));
            results.push(given);
        }
        changed.iter().for_each(|&buffer| self.forget(buffer));
        self.last_version += 1;
        self.versions = before;
        changed.into_iter().for_each(|buffer| {
            self.versions.insert(buffer, self.last_version);
        });
        self.choose(&branches, &results)
    }

    /// Two branches: of these the first has the last word.
    fn branches<'g>(&mut self, holds: Reg, regions: &'g [Graph]) -> Vec<Branch<'g>> {
        let not = self.instr(Instr::Unary(UnaryFn::Not, holds), DType::Bool);
        let [then, otherwise] = [&regions[0], &regions[1]];
        vec![Branch { holds: not, region: otherwise }, Branch { holds, region: then }]
    }

    /// All regions: the last one first, which is meant unless another one is.
    fn cases<'g>(&mut self, index: Reg, regions: &'g [Graph]) -> Option<Vec<Branch<'g>>> {
        let (last, others) = regions.split_last()?;
        let mut branches: Vec<Branch<'g>> = Vec::new();
        let mut none = self.constant(Scalar::Bool(true));
        for (number, region) in others.iter().enumerate() {
            let number = self.constant(Scalar::from_i128(DType::I32, number as i128));
            let holds = self.compare(CompareFn::Eq, index, number);
            let not = self.instr(Instr::Unary(UnaryFn::Not, holds), DType::Bool);
            none = self.binary(BinaryFn::And, none, not, DType::Bool);
            branches.push(Branch { holds, region });
        }
        branches.insert(0, Branch { holds: none, region: last });
        Some(branches)
    }

    /// A region of which the results matter only if it is chosen: no loop in it may run on if it is not.
    fn guarded(&mut self, branch: &Branch<'_>, operands: &[Tensor]) -> Option<Vec<Tensor>> {
        let outside = self.runs;
        self.runs = Some(match outside {
            Some(runs) if has_loop(branch.region) || writes(operands) => {
                self.binary(BinaryFn::And, runs, branch.holds, DType::Bool)
            }
            _ => branch.holds,
        });
        let results = self.region(branch.region, operands);
        self.runs = outside;
        results
    }

    /// Buffers that hold something else than they did.
    fn changes_since(&self, before: &HashMap<Buffer, u32>) -> Vec<Buffer> {
        let changed = self.versions.iter().filter(|(buffer, version)| before.get(*buffer) != Some(*version));
        changed.map(|(&buffer, _)| buffer).collect()
    }

    /// For each result that of the branch that is taken.
    fn choose(&mut self, branches: &[Branch<'_>], results: &[Vec<Tensor>]) -> Option<Vec<Tensor>> {
        let results_at = |position: usize| results.iter().map(|given| &given[position]).collect::<Vec<_>>();
        let positions = 0..results[0].len();
        positions.map(|position| self.choose_one(branches, &results_at(position))).collect()
    }

    fn choose_one(&mut self, branches: &[Branch<'_>], tensors: &[&Tensor]) -> Option<Tensor> {
        if let Some(memory) = self.common_memory(tensors) {
            return Some(Tensor::Memory(memory));
        }
        if tensors.iter().all(|&tensor| tensor == tensors[0]) {
            return Some(tensors[0].clone());
        }
        let like = tensors.iter().find_map(|tensor| match tensor {
            Tensor::Registers(elements) => Some(elements.clone()),
            Tensor::Memory(_) | Tensor::Splat(_) => None,
        })?;
        let mut chosen = self.behind(tensors[0], &like)?;
        for (branch, tensor) in branches.iter().zip(tensors).skip(1) {
            let these = self.behind(tensor, &like)?;
            for (chosen, &this) in chosen.iter_mut().zip(&these) {
                if *chosen != this {
                    let dtype = self.dtype(this);
                    *chosen = self.instr(Instr::Select(branch.holds, this, *chosen), dtype);
                }
            }
        }
        Some(Tensor::Registers(chosen))
    }

    /// The memory in which the result is, whichever branch is taken.
    fn common_memory(&self, tensors: &[&Tensor]) -> Option<Memory> {
        let first = tensors[0].memory()?;
        let mut owner = Owner::Reader;
        for tensor in tensors {
            let memory = tensor.memory().filter(|memory| memory.buffer == first.buffer)?;
            if memory.first.is_some() {
                return None;
            }
            if memory.owner == Owner::Others {
                owner = Owner::Others;
            }
        }
        Some(Memory { version: self.version(first.buffer), owner, ..first })
    }

    /// The registers of a result behind all branches, as many as those of another one. What is in memory is right if the branch was taken.
    fn behind(&mut self, tensor: &Tensor, like: &Elements) -> Option<Elements> {
        match tensor {
            Tensor::Registers(elements) => Some(elements.clone()),
            Tensor::Memory(memory) => Some(self.loaded(*memory, like.len(), self.dtype(*like.first()?))),
            Tensor::Splat(_) => None,
        }
    }
}

/// Whether a region may store to one of its operands.
fn writes(operands: &[Tensor]) -> bool {
    operands.iter().any(|tensor| !matches!(tensor, Tensor::Registers(_)))
}

fn has_loop(graph: &Graph) -> bool {
    let is_loop = |node: &Node| node.op.ports().is_some_and(|ports| ports.is_loop());
    graph.nodes().iter().any(|node| is_loop(node) || node.regions.iter().any(has_loop))
}
