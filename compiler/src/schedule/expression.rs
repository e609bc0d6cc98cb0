//! The scalar expression DAG that a cluster computes at each point of its iteration space.
//!
//! Values are pulled from the cluster's outputs back to memory. The same value read at the same place is computed once; read
//! through different index maps it is computed for each. Loop variable `Dim(i)` stands for axis `i` of the cluster's shape.

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{BinaryFn, ReduceKind};
use tensorwright_ir::{DType, Node, Op, Scalar, Value};

use super::Memory;
use super::scalar::{Instructions, widened};
use crate::fusion::access::{self, Access};
use crate::fusion::inline;
use crate::fusion::{Cluster, Fusion};
use crate::kernel::{Affine, Buffer, Instr, Reg, Var};

/// One term of the DAG.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Term {
    /// A scalar instruction; loads are of params, by their position among [`Expression::memory`].
    Instr(Instr),
    /// The fold of a value along the reduced axes.
    Fold(ReduceKind, Reg),
}

impl Term {
    /// Registers that the term reads.
    pub(super) fn operands(&self) -> SmallVec<[Reg; 3]> {
        match *self {
            Term::Fold(_, x) => smallvec![x],
            Term::Instr(ref instr) => instr.operands(),
        }
    }
}

/// An expression DAG with the memory that it reads and writes.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) terms: Vec<Term>,
    pub(super) dtypes: Vec<DType>,
    /// What is read or written, in the order of the kernel's params.
    pub(super) memory: Vec<Memory>,
    /// What is written: param, element, value.
    pub(super) stores: Vec<(u32, Affine, Reg)>,
}

impl Expression {
    /// The param that is this memory, which becomes the last one if there is none yet.
    pub(super) fn param(&mut self, memory: Memory) -> u32 {
        let at = self.memory.iter().position(|m| *m == memory).unwrap_or_else(|| {
            self.memory.push(memory);
            self.memory.len() - 1
        });
        at as u32
    }
}

/// Pulls values into an [`Expression`].
pub(super) struct Puller<'a, 'g> {
    fusion: &'a Fusion<'g>,
    cluster: usize,
    expression: Expression,
    known: HashMap<(Value, Access), Reg>,
    terms: HashMap<Term, Reg>,
}

impl<'a, 'g> Puller<'a, 'g> {
    pub(super) fn new(fusion: &'a Fusion<'g>, cluster: usize) -> Puller<'a, 'g> {
        Puller {
            fusion,
            cluster,
            expression: Expression::default(),
            known: HashMap::new(),
            terms: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> Expression {
        self.expression
    }

    /// Adds a store of `value`, read at `access`, to the element `index` of the memory of `to`.
    pub(super) fn store(&mut self, value: Value, access: Access, to: Value, index: Affine) {
        let reg = self.pull(value, access);
        let param = self.param(to);
        self.expression.stores.push((param, index, reg));
    }

    /// The register that holds `value` read at `access`. Depth first with an explicit stack.
    fn pull(&mut self, value: Value, access: Access) -> Reg {
        let wanted = (value, access);
        let mut open = vec![wanted.clone()];
        while let Some(top) = open.last().cloned() {
            if self.known.contains_key(&top) {
                open.pop();
                continue;
            }
            let needs = self.needs(&top);
            let before = open.len();
            open.extend(needs.iter().filter(|need| !self.known.contains_key(*need)).cloned());
            if open.len() == before {
                let operands: SmallVec<[Reg; 4]> = needs.iter().map(|need| self.known[need]).collect();
                let reg = self.term_of(&top, &operands);
                self.known.insert(top, reg);
                open.pop();
            }
        }
        self.known[&wanted]
    }

    /// The node that the cluster computes `value` with; `None` if it is loaded.
    fn computed_here(&self, value: Value) -> Option<&'g Node> {
        let (id, node) = self.fusion.graph.producer(value)?;
        let here = self.fusion.cluster_of(id) == Some(self.cluster);
        (here || !self.fusion.is_stored(value)).then_some(node)
    }

    /// Values that must be pulled first.
    fn needs(&self, (value, access): &(Value, Access)) -> SmallVec<[(Value, Access); 3]> {
        let Some(node) = self.computed_here(*value) else { return SmallVec::new() };
        let shape = |v: Value| &self.fusion.graph.tensor(v).shape;
        match &node.op {
            Op::Reduce(r) if !r.axes.is_empty() => {
                smallvec![(node.operands[0], access::identity(shape(node.operands[0]).rank()))]
            }
            Op::DotGeneral(dot) => inline::factors(self.fusion.graph, node, dot, access),
            op if access::is_index_map(self.fusion.graph, node) => {
                smallvec![(node.operands[0], access::through(op, shape(node.operands[0]), access))]
            }
            _ => node.operands.iter().map(|&v| (v, access.clone())).collect(),
        }
    }

    fn term_of(&mut self, (value, access): &(Value, Access), x: &[Reg]) -> Reg {
        let graph = self.fusion.graph;
        let dtype = graph.tensor(*value).dtype;
        let Some(node) = self.computed_here(*value) else {
            let index = access::flat(access, &graph.tensor(*value).shape);
            let buffer = Buffer::Param(self.param(*value));
            return self.instr(Instr::Load { buffer, index }, dtype);
        };
        match &node.op {
            Op::Constant(c) => {
                let value = c.value.splat().unwrap_or_else(|| Scalar::zero(dtype));
                self.instr(Instr::Const(value), dtype)
            }
            Op::Iota(iota) => {
                let wide = wide_index(dtype, iota.shape.size(iota.axis));
                let number = self.instr(Instr::Index { dtype: wide, index: access[iota.axis].clone() }, wide);
                self.cast(number, dtype)
            }
            Op::Reduce(r) if r.axes.is_empty() => x[0],
            Op::Reduce(r) => self.fold(r.kind, x[0], dtype),
            Op::DotGeneral(_) => {
                let inlined = graph.producer(*value).and_then(|(id, _)| self.fusion.inlined.get(&id));
                let inlined = inlined.expect("contractions in clusters are those that were chosen");
                self.contract(inlined.partial_sums, x, dtype)
            }
            op if op.lowering() == tensorwright_ir::op::Lowering::View => x[0],
            op => self.scalar_code(op, x, dtype),
        }
    }

    fn fold(&mut self, kind: ReduceKind, x: Reg, dtype: DType) -> Reg {
        let x = self.widened(x);
        let folded = self.term(Term::Fold(kind, x), widened(dtype));
        self.cast(folded, dtype)
    }

    /// The sum of products of neighbours, added up in `partials` partial sums as the library does ([`Target::partial_sums`]). One that is
    /// no chain ends with adding zero, so that it is never -0.
    ///
    /// [`Target::partial_sums`]: crate::program::Target::partial_sums
    fn contract(&mut self, partials: usize, factors: &[Reg], dtype: DType) -> Reg {
        let wide = widened(dtype);
        let zero = self.instr(Instr::Const(Scalar::zero(wide)), wide);
        let mut sums: SmallVec<[Reg; 16]> = SmallVec::new();
        for (term, pair) in factors.chunks_exact(2).enumerate() {
            let [l, r] = [pair[0], pair[1]].map(|factor| self.cast(factor, wide));
            match sums.get(term % partials).copied() {
                Some(sum) => sums[term % partials] = self.times_plus(l, r, sum, wide),
                None => sums.push(self.times_plus(l, r, zero, wide)),
            }
        }
        let mut half = partials / 2;
        while half > 0 {
            for lane in half..sums.len() {
                sums[lane - half] = self.binary(BinaryFn::Add, sums[lane - half], sums[lane], wide);
            }
            sums.truncate(half);
            half /= 2;
        }
        let sum = sums.first().copied().unwrap_or(zero);
        let sum = if partials > 1 { self.binary(BinaryFn::Add, sum, zero, wide) } else { sum };
        self.cast(sum, dtype)
    }

    fn term(&mut self, term: Term, dtype: DType) -> Reg {
        if let Some(&reg) = self.terms.get(&term) {
            return reg;
        }
        let reg = Reg(self.expression.terms.len() as u32);
        self.expression.terms.push(term.clone());
        self.expression.dtypes.push(dtype);
        self.terms.insert(term, reg);
        reg
    }

    fn param(&mut self, value: Value) -> u32 {
        self.expression.param(Memory::Value(value))
    }
}

impl Instructions for Puller<'_, '_> {
    fn instr(&mut self, instr: Instr, dtype: DType) -> Reg {
        self.term(Term::Instr(instr), dtype)
    }

    fn dtype(&self, reg: Reg) -> DType {
        self.expression.dtypes[reg.0 as usize]
    }
}

/// The dtype in which indices below `extent` become numbers of `dtype`: one that holds them exactly, so that they
/// round once.
fn wide_index(dtype: DType, extent: usize) -> DType {
    match widened(dtype) {
        DType::F32 if dtype != DType::F32 && extent > 1 << f32::MANTISSA_DIGITS => DType::F64,
        wide => wide,
    }
}

/// The expression of a cluster that is no assembly.
pub(super) fn of_cluster(fusion: &Fusion<'_>, index: usize) -> Expression {
    let cluster = &fusion.clusters[index];
    let mut puller = Puller::new(fusion, index);
    for root in fusion.roots(index) {
        let access = own_access(fusion, cluster, root);
        let to = access::flat(&access, &fusion.graph.tensor(root).shape);
        puller.store(root, access, root, to);
    }
    puller.finish()
}

/// The access that reads a value of a cluster at the point of the cluster's iteration space where it is computed.
fn own_access(fusion: &Fusion<'_>, cluster: &Cluster, value: Value) -> Access {
    match cluster.coordinates.get(&value) {
        None => access::identity(fusion.graph.tensor(value).rank()),
        Some(axes) => axes
            .iter()
            .map(|axis| axis.map_or(Affine::default(), |a| Affine::var(Var::Dim(a as u32))))
            .collect(),
    }
}
