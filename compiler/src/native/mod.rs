//! Native loops: `while` and `scan` as a loop inside of a kernel. State is in registers; that of a `scan` over slices in scratch, where
//! its points stay for themselves while the loop goes on to the next slice.
//!
//! There are two forms.
//! - *Wide*: the large tensors have the same number of elements, and the regions are element-wise on them. Each point of the kernel
//!   runs the loop for its elements; the condition, a scalar, is the same for all.
//! - *Small*: all tensors are so small that each element is a register of its own. Any movement of elements is a renaming, and
//!   reductions and products of small matrices are spelled out.
//!
//! An invariant of any size may be read at computed places.
//!
//! What has neither form runs region by region.

mod lower;
mod places;
mod scan;
mod small;

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::Work;
use tensorwright_ir::{Graph, Node, Op, Scalar, Type, Value};

use crate::cost;
use crate::fusion::access;
use crate::kernel::{
    Access, Affine, Buffer, Extent, GridDim, Instr, Kernel, Loop, Param, Reg, Stage, Store, Var, loops,
};
use crate::program::control::carried;
use crate::schedule::scalar::Instructions;
use lower::{Elements, Lowerer, Tensor};

/// Elements of a tile of a wide loop.
const TILE: u64 = 1024;
/// What a walk over the steps of a program costs, in steps of the cost model: strips of vector math must save more to be faster than
/// code in line.
const WALK: usize = 768;
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
    /// One register stands for all elements of a tensor of so many. Other tensors are small.
    Wide(usize),
    /// What is beside the wide tensors of a wide loop. These have no registers: nothing small depends on them.
    Beside(usize),
    /// Each element is a register.
    Small,
}

/// The kernels of a node, if there is a native loop for it: two, if a wide loop has a small result that is `used`.
pub(crate) fn kernels(graph: &Graph, node: &Node, used: impl Fn(Value) -> bool) -> Option<Vec<Native>> {
    if !matches!(node.op, Op::While(_) | Op::Scan(_)) {
        return None;
    }
    let types = || node.operands.iter().chain(&node.results).map(|&v| graph.ty(v));
    if types().any(Type::is_list) || types().any(|ty| ty.elements() == 0) {
        return None;
    }
    let inside = node.regions.last()?;
    let variants = match &node.op {
        Op::Scan(op) => op.carried + op.scanned,
        op => carried(op),
    };
    let runs = inside.inputs()[..variants].iter().chain(inside.outputs());
    let widest = runs.map(|&v| inside.ty(v).elements()).max()?;
    // What each run gives of a result, or the last one.
    let is_wide = |v: Value| {
        let at = node.results.iter().position(|&result| result == v).unwrap_or(0);
        inside.ty(inside.outputs()[at]).elements() == widest
    };
    let build = |form, stored: &dyn Fn(Value) -> bool| Build::new(graph, node, form).run(stored);
    let small = || Some(vec![build(Form::Small, &used)?]);
    let wide = || {
        let parts: [(Form, &dyn Fn(Value) -> bool); 2] = [
            (Form::Wide(widest), &|v| used(v) && is_wide(v)),
            (Form::Beside(widest), &|v| used(v) && !is_wide(v)),
        ];
        let needed = parts.into_iter().filter(|(_, stored)| node.results.iter().any(|&v| stored(v)));
        needed.map(|(form, stored)| build(form, stored)).collect::<Option<Vec<_>>>()
    };
    match widest {
        1 => small(),
        // Few points fill no vectors.
        2..=MAX_SMALL if !widest.is_multiple_of(4) => small().or_else(wide),
        _ => wide().or_else(small),
    }
}

/// A kernel under construction.
struct Build<'g> {
    graph: &'g Graph,
    node: &'g Node,
    form: Form,
    params: Vec<Param>,
    /// What the params are.
    values: Vec<Value>,
    lowerer: Lowerer,
}

impl<'g> Build<'g> {
    fn new(graph: &'g Graph, node: &'g Node, form: Form) -> Build<'g> {
        Build { graph, node, form, params: Vec::new(), values: Vec::new(), lowerer: Lowerer::new(form, 0) }
    }

    /// The kernel that computes the results of which `stored` is true.
    fn run(mut self, stored: &dyn Fn(Value) -> bool) -> Option<Native> {
        let (locals, stages) = match &self.node.op {
            Op::Scan(op) if op.scanned > 0 || self.node.results.len() > op.carried => {
                scan::stages(&mut self, op, stored)?
            }
            op => (Vec::new(), vec![self.registers(op, stored)?]),
        };
        let grid = self.form.grid();
        let Build { params, values, form, .. } = self;
        let kernel = Kernel { params, locals, grid, stages };
        (is_steady(&kernel) && form.pays(&kernel)).then_some(Native { kernel, params: values })
    }

    /// A stage whose points run the loop, with all state in registers.
    fn registers(&mut self, op: &Op, stored: &dyn Fn(Value) -> bool) -> Option<Stage> {
        let node = self.node;
        let state = carried(op);
        let load =
            |(i, &v)| if i < state { Some(Tensor::of(self.load(v, 0)?)) } else { Some(self.invariant(v, 0)) };
        let operands: Vec<Tensor> = node.operands.iter().enumerate().map(load).collect::<Option<_>>()?;
        let results = match op {
            Op::While(op) => self.lowerer.while_loop(op, &operands, &node.regions)?,
            Op::Scan(op) => self.lowerer.counted_loop(op, &operands, &node.regions)?,
            _ => return None,
        };
        let mut stores = Vec::new();
        for (&result, elements) in node.results.iter().zip(&results).filter(|(v, _)| stored(**v)) {
            let places = self.form.places(self.graph.ty(result), 0);
            stores.extend(self.store(result, places, elements));
        }
        Some(self.stage(self.form.points(), stores, 0))
    }

    /// A stage that runs what has been lowered. In the next one points are numbered by the loop `next`.
    fn stage(&mut self, dims: Vec<Extent>, stores: Vec<Store>, next: u32) -> Stage {
        let body = std::mem::replace(&mut self.lowerer, Lowerer::new(self.form, next)).finish();
        Stage::Loop(Loop { dims, body, stores, folded: 0, folds: Vec::new() })
    }

    /// Stores of elements of a result.
    fn store(&mut self, result: Value, places: Places, elements: &[Reg]) -> Vec<Store> {
        let buffer = self.param(result, Access::Write);
        let store = |(index, &value)| Store { buffer, index, value };
        places.into_iter().zip(elements).map(store).collect()
    }

    /// An operand that is the same in each run: registers, or memory if there are none for it.
    fn invariant(&mut self, operand: Value, dim: u32) -> Tensor {
        match self.load(operand, dim) {
            Some(elements) => Tensor::of(elements),
            None => Tensor::in_memory(self.param(operand, Access::Read)),
        }
    }

    /// The registers of an operand, in a stage whose points are numbered by the loop `dim`; `None` if it does not fit the form.
    fn load(&mut self, operand: Value, dim: u32) -> Option<Elements> {
        let ty = self.graph.ty(operand);
        let registers = self.form.registers(ty)?;
        if let Some(scalar) = constant(self.graph, operand).filter(|_| registers > 0) {
            let reg = self.lowerer.instr(Instr::Const(scalar), ty.dtype);
            return Some(SmallVec::from_elem(reg, registers));
        }
        Some(self.load_at(operand, ty, self.form.places(ty, dim)))
    }

    fn load_at(&mut self, operand: Value, ty: &Type, places: Places) -> Elements {
        if places.is_empty() {
            return Elements::new();
        }
        let buffer = self.param(operand, Access::Read);
        let load = |index| self.lowerer.instr(Instr::Load { buffer, index }, ty.dtype);
        places.into_iter().map(load).collect()
    }

    /// The param that is this value.
    fn param(&mut self, value: Value, access: Access) -> Buffer {
        let known = self.values.iter().position(|&v| v == value);
        let at = known.unwrap_or_else(|| {
            let ty = self.graph.ty(value);
            self.params.push(Param { dtype: ty.dtype, len: ty.elements() as u64, access });
            self.values.push(value);
            self.values.len() - 1
        });
        Buffer::Param(at as u32)
    }
}

/// The elements of memory that the registers of a tensor stand for.
type Places = SmallVec<[Affine; 4]>;

impl Form {
    /// Whether a tensor has a register at each point, which is one of its elements.
    fn is_wide(self, ty: &Type) -> bool {
        matches!(self, Form::Wide(all) if ty.elements() == all)
    }

    /// How many registers a tensor has; `None` if it does not fit the form.
    fn registers(self, ty: &Type) -> Option<usize> {
        match (self, ty.elements()) {
            (Form::Wide(all), n) if n == all => Some(1),
            (Form::Beside(all), n) if n == all => Some(0),
            (_, n) if (1..=MAX_SMALL).contains(&n) => Some(n),
            _ => None,
        }
    }

    /// Where the elements of a tensor are, in a stage whose points are numbered by the loop `dim`.
    fn places(self, ty: &Type, dim: u32) -> Places {
        match self.registers(ty) {
            Some(_) if self.is_wide(ty) => SmallVec::from_elem(self.point(dim), 1),
            registers => (0..registers.unwrap_or(0) as i64).map(Affine::constant).collect(),
        }
    }

    /// The element of each point of a wide loop.
    fn point(self, dim: u32) -> Affine {
        let point = Affine::var(Var::Dim(dim));
        if self.grid().is_empty() { point } else { point.plus(Var::Grid(0), 1) }
    }

    fn grid(self) -> Vec<GridDim> {
        match self {
            Form::Wide(all) if all as u64 > TILE => vec![GridDim { extent: all as u64, tile: TILE }],
            _ => Vec::new(),
        }
    }

    /// Whether vector math in line, at all points, costs less than a walk over steps in each run.
    fn pays(self, kernel: &Kernel) -> bool {
        let points = match self {
            Form::Wide(all) => all,
            Form::Small | Form::Beside(_) => 1,
        };
        let strips = kernel.stages.iter().map(|stage| match stage {
            Stage::Loop(nest) => {
                let works = nest.body.iter().zip(kernel.dtypes(nest)).map(|(i, dtype)| cost::work(i, dtype));
                works.filter(|&work| work == Work::VectorMath).count()
            }
            Stage::Math(_) => 0,
        });
        let dearer = cost::steps(Work::VectorMath) - cost::STRIP;
        points == 1 || (points * strips.sum::<usize>()).saturating_mul(dearer as usize) <= WALK
    }

    /// The loop over the points of a tile.
    fn points(self) -> Vec<Extent> {
        match self {
            Form::Small | Form::Beside(_) => Vec::new(),
            Form::Wide(all) if all as u64 <= TILE => vec![Extent::Fixed(all as u64)],
            Form::Wide(_) => vec![Extent::Tile(0)],
        }
    }
}

/// Whether all points of a stage leave each loop together and read at the same computed places. Scalar state of a wide `scan` is in scratch,
/// once for each point, where nobody sees that it is the same for all.
fn is_steady(kernel: &Kernel) -> bool {
    kernel.stages.iter().all(|stage| {
        let Stage::Loop(stage) = stage else { return true };
        let Ok(spans) = loops::spans(&stage.body) else { return false };
        let inner = Var::Dim(stage.dims.len().saturating_sub(1) as u32);
        let varies = loops::varying(&stage.body, &spans, inner);
        stage.body.iter().all(|instr| match instr {
            Instr::While(steady) | Instr::LoadAt { at: steady, .. } => !varies[steady.0 as usize],
            _ => true,
        })
    })
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
