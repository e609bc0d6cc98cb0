//! Native loops: `while`, and `scan` over no slices, as a loop inside of a kernel, with its state in registers.
//!
//! There are two forms.
//! - *Wide*: all tensors have the same number of elements, or one, and the regions are element-wise. Each point of the kernel
//!   runs the loop for its elements; the condition, a scalar, is the same for all.
//! - *Small*: all tensors are so small that each element is a register of its own. Any movement of elements is a renaming, and
//!   reductions and products of small matrices are spelled out.
//!
//! What has neither form runs region by region.

mod lower;
mod small;

use smallvec::SmallVec;
use tensorwright_ir::{Graph, Node, Op, Scalar, Type, Value};

use crate::fusion::access;
use crate::kernel::{Access, Affine, Buffer, Extent, GridDim, Instr, Kernel, Loop, Param, Stage, Store, Var};
use crate::schedule::scalar::Instructions;
use lower::{Elements, Lowerer};

/// Elements of a tile of a wide loop.
const TILE: u64 = 1024;
/// Elements of a small tensor.
const MAX_SMALL: usize = 16;

/// A kernel that computes results of a node.
#[derive(Clone, Debug)]
pub(crate) struct Native {
    pub(crate) kernel: Kernel,
    /// What its params are, in order.
    pub(crate) params: Vec<Value>,
}

/// How tensors become registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One register stands for all these elements of a tensor, or for its only one.
    Wide(usize),
    /// The scalars of a wide loop. Other tensors have no registers: no scalar depends on them.
    Scalars,
    /// Each element is a register.
    Small,
}

/// The kernels of a node, if there is a native loop for it: two, if a wide loop has a scalar result that is `used`.
pub(crate) fn kernels(graph: &Graph, node: &Node, used: impl Fn(Value) -> bool) -> Option<Vec<Native>> {
    if !matches!(node.op, Op::While(_) | Op::Scan(_)) {
        return None;
    }
    let types = || node.operands.iter().map(|&v| graph.ty(v));
    if types().any(Type::is_list) || types().any(|ty| ty.elements() == 0) {
        return None;
    }
    let widest = types().map(Type::elements).max()?;
    let build = |form| Build { graph, node, form, reads: Vec::new(), lowerer: Lowerer::new(form) };
    let is_scalar = |v: Value| graph.ty(v).elements() == 1;
    if widest > 1
        && let Some(wide) = build(Form::Wide(widest)).run(|v| used(v) && !is_scalar(v))
    {
        let scalars = node.results.iter().any(|&v| used(v) && is_scalar(v));
        let second = scalars.then(|| build(Form::Scalars).run(|v| used(v) && is_scalar(v)));
        return match second {
            Some(second) => Some(vec![wide, second?]),
            None => Some(vec![wide]),
        };
    }
    build(Form::Small).run(used).map(|native| vec![native])
}

struct Build<'g> {
    graph: &'g Graph,
    node: &'g Node,
    form: Form,
    reads: Vec<Value>,
    lowerer: Lowerer,
}

impl Build<'_> {
    fn run(mut self, stored: impl Fn(Value) -> bool) -> Option<Native> {
        let (graph, node) = (self.graph, self.node);
        let operands: Vec<Elements> = node.operands.iter().map(|&v| self.load(v)).collect::<Option<_>>()?;
        let results = match &node.op {
            Op::While(op) => self.lowerer.while_loop(op, &operands, &node.regions)?,
            Op::Scan(op) => self.lowerer.counted_loop(op, &operands, &node.regions)?,
            _ => return None,
        };
        let param = |v: Value, access| {
            let ty = graph.ty(v);
            Param { dtype: ty.dtype, len: ty.elements() as u64, access }
        };
        let mut params: Vec<Param> = self.reads.iter().map(|&v| param(v, Access::Read)).collect();
        let (mut values, mut stores) = (self.reads, Vec::new());
        for (&result, elements) in node.results.iter().zip(&results).filter(|(v, _)| stored(**v)) {
            let buffer = Buffer::Param(params.len() as u32);
            params.push(param(result, Access::Write));
            values.push(result);
            let places = self.form.places(graph.ty(result).elements()).into_iter().zip(elements);
            stores.extend(places.map(|(index, &value)| Store { buffer, index, value }));
        }
        let (grid, dims) = self.form.loops();
        let body = self.lowerer.finish();
        let stage = Stage::Loop(Loop { dims, body, stores, folded: 0, folds: Vec::new() });
        let kernel = Kernel { params, locals: Vec::new(), grid, stages: vec![stage] };
        Some(Native { kernel, params: values })
    }

    /// The registers of an operand.
    fn load(&mut self, operand: Value) -> Option<Elements> {
        let ty = self.graph.ty(operand);
        let registers = self.form.registers(ty)?;
        if registers == 0 {
            return Some(Elements::new());
        }
        if let Some(scalar) = constant(self.graph, operand) {
            let reg = self.lowerer.instr(Instr::Const(scalar), ty.dtype);
            return Some(SmallVec::from_elem(reg, registers));
        }
        let at = self.reads.iter().position(|&read| read == operand).unwrap_or(self.reads.len());
        if at == self.reads.len() {
            self.reads.push(operand);
        }
        let buffer = Buffer::Param(at as u32);
        let loads = self.form.places(ty.elements()).into_iter().map(|index| Instr::Load { buffer, index });
        Some(loads.map(|load| self.lowerer.instr(load, ty.dtype)).collect())
    }
}

impl Form {
    /// How many registers a tensor has; `None` if it does not fit the form.
    fn registers(self, ty: &Type) -> Option<usize> {
        match (self, ty.elements()) {
            (_, 1) => Some(1),
            (Form::Wide(all), n) if n == all => Some(1),
            (Form::Scalars, n) if n > 1 => Some(0),
            (Form::Small, n) if (1..=MAX_SMALL).contains(&n) => Some(n),
            _ => None,
        }
    }

    /// The elements of memory that the registers of a tensor stand for.
    fn places(self, elements: usize) -> SmallVec<[Affine; 4]> {
        match self {
            Form::Wide(all) if all == elements && all as u64 > TILE => {
                SmallVec::from_elem(Affine::var(Var::Grid(0)).plus(Var::Dim(0), 1), 1)
            }
            Form::Wide(all) if all == elements => SmallVec::from_elem(Affine::var(Var::Dim(0)), 1),
            Form::Wide(_) => SmallVec::from_elem(Affine::default(), 1),
            Form::Small | Form::Scalars => (0..elements as i64).map(Affine::constant).collect(),
        }
    }

    fn loops(self) -> (Vec<GridDim>, Vec<Extent>) {
        match self {
            Form::Small | Form::Scalars => (Vec::new(), Vec::new()),
            Form::Wide(all) if all as u64 <= TILE => (Vec::new(), vec![Extent::Fixed(all as u64)]),
            Form::Wide(all) => (vec![GridDim { extent: all as u64, tile: TILE }], vec![Extent::Tile(0)]),
        }
    }
}

/// Whether the value is the same scalar everywhere, by whatever constant and views it was made.
pub(crate) fn constant(graph: &Graph, value: Value) -> Option<Scalar> {
    let mut value = value;
    loop {
        let (_, node) = graph.producer(value)?;
        match &node.op {
            Op::Constant(c) => return c.value.splat(),
            op if node.operands.len() == 1 && access::is_index_map(op, &graph.ty(node.operands[0]).shape) => {
                value = node.operands[0];
            }
            _ => return None,
        }
    }
}
