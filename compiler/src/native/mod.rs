//! Native loops: `while` and `scan` as a loop inside of a kernel, and `map` as one whose runs are points of the grid. State is in registers;
//! that of a wide `scan` over slices in scratch, where its points stay for themselves while the loop goes on to the next slice; and what a loop
//! reads and writes at computed places is in memory, where it changes in place.
//!
//! # Notation
//!
//! A *run* is one iteration of the graph's loop, a *point* one of the stage's innermost loop: each point makes all runs. A
//! *register* is an instruction of the kernel's body. *State* is carried from run to run, *invariants* are the same in each, *slices* are
//! what a `scan` takes one of in each run. A *cell* is an element at a computed place. A tensor in memory is a *version* of a buffer, which is
//! *current* until something is stored there, and *owned* by the last one who reads it. The *form* of a loop says how its tensors become registers:
//!
//! - *Wide*: the large tensors have the same number of elements, and the regions are element-wise on them. Each point of the kernel
//!   runs the loop for its elements; the condition, a scalar, is the same for all.
//! - *Beside*: the small results of a wide loop, in a kernel of their own with one point. Wide tensors have no registers in it.
//! - *Small*: all tensors are so small that each element is a register of its own, but for those in memory. Any movement of elements is
//!   a renaming, and reductions and products of small matrices are spelled out.
//!
//! An invariant of any size may be read at computed places. In a small form state of any size may be read and written there, one cell or a few at
//! a time: it lives in the memory of the loop's result, where a stage in front brings it, which donation leaves out where the memory is the
//! operand's own ([`Kernel::updating`]). What has no form runs region by region.
//!
//! # Invariant
//!
//! Behind each instruction that has been lowered, each tensor of the region that is known is either its registers (of a wide tensor the one
//! element of the point, of a small one all elements, row-major), or memory, or the one element that it is everywhere. Besides,
//!
//! - control flow is *uniform*: all points leave a loop in the same run, since vectors hold several of them, which the kernel's verifier
//!   wants. A loop that goes on as long as one element holds, and keeps the state of the others, as `vmap` makes them, lets each point go by
//!   itself, which gives the same ([`loops::is_frozen`]). Where points do not agree otherwise, or do what vectors do element by element, they run
//!   one by one ([`Points`]);
//! - memory is read as it was when the tensor was made: a tensor that is not current is not read, and the loop is not native. Who changes
//!   memory owns it, or changes a copy in scratch, and readers come first (`region`);
//! - a branch is computed whether it is taken or not, which nothing notices, because no instruction traps; only a loop in a branch
//!   that is not taken must not run on for ever, so its condition is joined with that of the branch (`Lowerer::runs`), and a store
//!   there puts back what it finds;
//! - bits are those of the ordinary kernels: sums in the order of folds, products as chains of fused multiply-adds.
//!
//! # Phases
//!
//! 1. `kernels` chooses the form from the sizes of what changes in a run, and tries the other one if it fails.
//! 2. `Build` makes params of operands and results, and loads of the operands' elements.
//! 3. `lower` walks the regions: `small` spells out ops on small tensors, `random` generators, `places` reads and `update` writes at computed
//!    places of `memory`; `repeat`, `slices` and `branches` are for regions inside. Equal instructions become one as long as the first is known,
//!    which one inside of a loop is not behind it, nor a load behind a store.
//! 4. `scan` makes three stages of a wide scan over slices: state to scratch, the runs, state to the results. `map` makes one over the grid.
//! 5. `tidy` leaves out what turns out to change nothing once all is there, and `forward` carries cells in registers that one run writes and
//!    the next one reads.
//! 6. A kernel in which control flow is not uniform, or that has too much vector math, is dropped.
//!
//! # Example
//!
//! A power by repeated multiplication. The tensor has eight elements, so the form is wide: `%y` is one register at each point, the
//! counter another one, and eight points run the loop, as two vectors.
//!
//! ```
//! # use tensorwright_compiler::{CompileOptions, compile, program::Untiled};
//! let graph = "graph @power(%x: f32[8], %n: i32[]) {
//!   %zero = constant() {value = 0:i32}
//!   %i, %y = while(%zero, %x, %n, %x) {carried = 2} (
//!     graph(%i: i32[], %y: f32[8], %n: i32[], %x: f32[8]) { %p = lt(%i, %n) return %p },
//!     graph(%i: i32[], %y: f32[8], %n: i32[], %x: f32[8]) {
//!       %one = constant() {value = 1:i32}
//!       %j = add(%i, %one)
//!       %z = mul(%y, %x)
//!       return %j, %z
//!     })
//!   return %y
//! }".parse()?;
//! let program = compile(&graph, &CompileOptions::default(), &Untiled)?;
//! assert_eq!(program.kernels[0].to_string(), "\
//! kernel {
//!   param p0: read f32[8]
//!   param p1: read i32[1]
//!   param p2: write f32[8]
//!   loop d0 < 8 {
//!     r0 = const i32 0
//!     r1 = load p0[d0]
//!     r2 = load p1[0]
//!     r3 = loop
//!     r4 = state r0
//!     r5 = state r1
//!     r6 = lt r4 r2
//!     r7 = while r6
//!     r8 = const i32 1
//!     r9 = add r4 r8
//!     r10 = mul r5 r1
//!     r11 = repeat r9 r10
//!     store p2[d0] = r5
//!   }
//! }
//! ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In its [nest](crate::nest) the counter, its comparison and the test are uniform, the power varies.

mod branches;
mod form;
mod forward;
mod lower;
mod map;
mod memory;
mod places;
mod random;
mod region;
mod repeat;
mod scan;
mod slices;
mod small;
mod tidy;
mod update;

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::CostClass;
use tensorwright_ir::op::{Feed, Order, Ports, Runs};
use tensorwright_ir::{Graph, Node, Op, Scalar, TensorType, Value};

use crate::cost;
use crate::fusion::access;
use crate::kernel::{
    Access, Affine, Buffer, Extent, Instr, Kernel, Loop, Param, Reg, Store, TileStage, Var, loops,
};
use crate::schedule::scalar::Instructions;
use form::{Form, MAX_SMALL, Places, Points, Residence};
use lower::{Elements, Lowerer, Tensor};
use memory::{Memory, Owner};

/// A kernel that computes results of a node.
#[derive(Clone, Debug)]
pub(crate) struct LoopKernel {
    pub(crate) kernel: Kernel,
    /// Values of the graph that are the params of the kernel, in order.
    pub(crate) params: Vec<Value>,
}

/// The kernels of a node, if there is a native loop for it: two, if a wide loop has a small result that is `used`.
pub(crate) fn kernels(graph: &Graph, node: &Node, used: impl Fn(Value) -> bool) -> Option<Vec<LoopKernel>> {
    let ports = node.op.ports().filter(Ports::is_loop)?;
    let mut values = node.operands.iter().chain(&node.results);
    let fills_registers = |&v: &Value| graph.ty(v).as_tensor().is_some_and(|ty| ty.elements() > 0);
    if !values.all(fills_registers) {
        return None;
    }
    let inside = node.regions.last()?;
    let runs = inside.inputs()[..ports.first_invariant()].iter().chain(inside.outputs());
    let widest = runs.map(|&v| inside.tensor(v).elements()).max()?;
    // What each run gives of a result, or the last one.
    let is_wide = |v: Value| {
        let at = node.results.iter().position(|&result| result == v).unwrap_or(0);
        inside.tensor(inside.outputs()[at]).elements() == widest
    };
    let build = |form, residence, stored: &dyn Fn(Value) -> bool| {
        Build::new(graph, node, form, residence).run(stored)
    };
    let small = || {
        let in_registers = || build(Form::Small, Residence::Registers, &used);
        Some(vec![build(Form::Small, Residence::Memory, &used).or_else(in_registers)?])
    };
    let wide_by = |points: Points| {
        let parts: [(Form, &dyn Fn(Value) -> bool); 2] = [
            (Form::Wide(widest, points), &|v| used(v) && is_wide(v)),
            (Form::Beside(widest), &|v| used(v) && !is_wide(v)),
        ];
        let needed = parts.into_iter().filter(|(_, stored)| node.results.iter().any(|&v| stored(v)));
        needed.map(|(form, stored)| build(form, Residence::Registers, stored)).collect::<Option<Vec<_>>>()
    };
    let wide = || {
        let together = wide_by(Points::Together);
        match together.as_ref().map(|kernels| leaving(kernels)) {
            Some(None) => together,
            Some(Some(Leaving::Vectors)) => wide_by(Points::Leaving),
            Some(Some(Leaving::Elements)) | None => wide_by(Points::Apart),
        }
    };
    match widest {
        _ if !ports.is_sequential() => small(),
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
    residence: Residence,
    params: Vec<Param>,
    /// What the params are.
    values: Vec<Value>,
    /// Stages that bring state to memory.
    first: Vec<TileStage>,
    lowerer: Lowerer,
}

impl<'g> Build<'g> {
    fn new(graph: &'g Graph, node: &'g Node, form: Form, residence: Residence) -> Build<'g> {
        let (params, values, first, lowerer) = (Vec::new(), Vec::new(), Vec::new(), Lowerer::new(form, 0));
        Build { graph, node, form, residence, params, values, first, lowerer }
    }

    /// The kernel that computes the results of which `stored` is true.
    fn run(mut self, stored: &dyn Fn(Value) -> bool) -> Option<LoopKernel> {
        let ports = self.node.op.ports()?;
        let mut grid = self.form.grid();
        let stages = match ports.runs {
            Runs::ForEach { length, order: Order::Any } => {
                grid = vec![form::unequal(length)];
                vec![map::stage(&mut self, &ports, stored)?]
            }
            Runs::ForEach { length, order } if has_slices(self.node, &ports) && self.form != Form::Small => {
                scan::stages(&mut self, &ports, scan::Slices { length, order }, stored)?
            }
            _ => vec![self.in_turns(&ports, stored)?],
        };
        let Build { params, values, form, first, lowerer, .. } = self;
        let mut kernel = Kernel { params, locals: lowerer.locals, grid, stages: [first, stages].concat() };
        tidy::tidy(&mut kernel);
        forward::carry(&mut kernel);
        (is_uniform(&kernel) && form.pays(&kernel)).then_some(LoopKernel { kernel, params: values })
    }

    /// A stage whose points run the loop, with state in registers and in the memory of results.
    fn in_turns(&mut self, ports: &Ports, stored: &dyn Fn(Value) -> bool) -> Option<TileStage> {
        let node = self.node;
        let load = |(i, &v)| match ports.feed(i) {
            Feed::Carried => self.state_in_memory(i).or_else(|| self.load(v, 0).map(Tensor::Registers)),
            Feed::Sliced => Some(self.in_memory(v)),
            Feed::Invariant => Some(self.invariant(v, 0)),
        };
        let operands: Vec<Tensor> = node.operands.iter().enumerate().map(load).collect::<Option<_>>()?;
        let stacks = node.results[ports.carried..].iter();
        let stacks: Vec<Option<Memory>> = stacks.map(|&v| stored(v).then(|| self.stack(v))).collect();
        let results = self.lowerer.in_turns(ports, &operands, &node.regions, &stacks)?;
        let mut stores = Vec::new();
        for (&result, tensor) in node.results.iter().zip(&results).filter(|(v, _)| stored(**v)) {
            if let Tensor::Registers(elements) = tensor {
                let places = self.form.places(self.graph.tensor(result), 0);
                stores.extend(self.store(result, places, elements));
            }
        }
        Some(self.stage(self.form.points(), stores, 0))
    }

    /// State that is read and written at computed places in the memory of its result, where a stage brings it; `None` for what is rather in
    /// registers.
    fn state_in_memory(&mut self, variable: usize) -> Option<Tensor> {
        let (operand, result) = (self.node.operands[variable], self.node.results[variable]);
        let ty = self.graph.tensor(operand);
        let addressed = || {
            let mut regions = self.node.regions.iter();
            regions.any(|region| form::is_addressed(region, region.inputs()[variable]))
        };
        if self.form != Form::Small || !self.residence.is_memory(ty, addressed) {
            return None;
        }
        let to = self.param(result, Access::Write);
        let point = Affine::var(Var::Dim(0));
        let element = match constant(self.graph, operand) {
            Some(scalar) => Instr::Const(scalar),
            None => Instr::Load { buffer: self.param(operand, Access::Read), index: point.clone() },
        };
        self.first.push(TileStage::Loop(Loop {
            dims: vec![Extent::Fixed(ty.elements() as u64)],
            body: vec![element],
            stores: vec![Store { buffer: to, index: point, value: Reg(0) }],
            folded: 0,
            folds: Vec::new(),
        }));
        Some(Tensor::Memory(Memory::whole(to, ty, Owner::Reader)))
    }

    /// A stage that runs what has been lowered. In the next one points are numbered by the loop `next`.
    fn stage(&mut self, dims: Vec<Extent>, stores: Vec<Store>, next: u32) -> TileStage {
        let mut next = Lowerer::new(self.form, next);
        next.locals = std::mem::take(&mut self.lowerer.locals);
        let body = std::mem::replace(&mut self.lowerer, next).finish();
        TileStage::Loop(Loop { dims, body, stores, folded: 0, folds: Vec::new() })
    }

    /// Stores of elements of a result.
    fn store(&mut self, result: Value, places: Places, elements: &[Reg]) -> Vec<Store> {
        let buffer = self.param(result, Access::Write);
        let store = |(index, &value)| Store { buffer, index, value };
        places.into_iter().zip(elements).map(store).collect()
    }

    /// An operand of which each run reads a slice.
    fn in_memory(&mut self, operand: Value) -> Tensor {
        match constant(self.graph, operand) {
            Some(scalar) => Tensor::Splat(self.lowerer.constant(scalar)),
            None => {
                let buffer = self.param(operand, Access::Read);
                Tensor::Memory(Memory::whole(buffer, self.graph.tensor(operand), Owner::Others))
            }
        }
    }

    /// The memory of a result of which each run gives a slice.
    fn stack(&mut self, result: Value) -> Memory {
        let buffer = self.param(result, Access::Write);
        Memory::whole(buffer, self.graph.tensor(result), Owner::Reader)
    }

    /// An operand that is the same in each run: registers, or memory if there are none for it.
    fn invariant(&mut self, operand: Value, dim: u32) -> Tensor {
        let ty = self.graph.tensor(operand);
        let load = |build: &mut Self| build.load(operand, dim).filter(|_| !build.is_table(operand));
        match load(self) {
            Some(elements) => Tensor::Registers(elements),
            None => match constant(self.graph, operand).filter(|_| self.form == Form::Small) {
                Some(scalar) => Tensor::Splat(self.lowerer.constant(scalar)),
                None => Tensor::Memory(Memory::whole(self.param(operand, Access::Read), ty, Owner::Others)),
            },
        }
    }

    /// Whether points of a wide loop read an operand at computed places, which has as many elements as there are points.
    fn is_table(&self, operand: Value) -> bool {
        let inputs =
            self.node.operands.iter().enumerate().filter(|(_, v)| **v == operand).map(|(input, _)| input);
        self.form.is_wide(self.graph.tensor(operand))
            && inputs
                .into_iter()
                .any(|i| self.node.regions.iter().any(|r| form::is_addressed(r, r.inputs()[i])))
    }

    /// The registers of an operand, in a stage whose points are numbered by the loop `dim`; `None` if it does not fit the form.
    fn load(&mut self, operand: Value, dim: u32) -> Option<Elements> {
        let ty = self.graph.tensor(operand);
        let registers = self.form.registers(ty)?;
        if let Some(scalar) = constant(self.graph, operand).filter(|_| registers > 0) {
            let reg = self.lowerer.instr(Instr::Const(scalar), ty.dtype);
            return Some(SmallVec::from_elem(reg, registers));
        }
        Some(self.load_at(operand, ty, self.form.places(ty, dim)))
    }

    fn load_at(&mut self, operand: Value, ty: &TensorType, places: Places) -> Elements {
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
            let ty = self.graph.tensor(value);
            self.params.push(Param { dtype: ty.dtype, len: ty.elements() as u64, access });
            self.values.push(value);
            self.values.len() - 1
        });
        Buffer::Param(at as u32)
    }
}

/// Whether a loop takes or gives slices.
fn has_slices(node: &Node, ports: &Ports) -> bool {
    ports.sliced > 0 || node.results.len() > ports.carried
}

/// Whether all points of a stage leave each loop together, or may as well, and read at the same computed places. Scalar state of a wide `scan` is in scratch,
/// once for each point, where nobody sees that it is the same for all.
fn is_uniform(kernel: &Kernel) -> bool {
    kernel.stages.iter().all(|stage| {
        let TileStage::Loop(stage) = stage else { return true };
        let Ok(spans) = loops::spans(&stage.body) else { return false };
        let varies = varying(stage, &spans);
        let is_frozen = |test: usize| {
            let mut spans = spans.iter();
            spans.any(|span| span.test == test && loops::is_frozen(&stage.body, span))
        };
        stage.body.iter().enumerate().all(|(at, instr)| match instr {
            Instr::While(reg) => !varies[reg.0 as usize] || is_frozen(at),
            Instr::LoadAt { at: reg, .. } => !varies[reg.0 as usize],
            _ => true,
        })
    })
}

/// For each instruction of a stage whether it differs from point to point.
fn varying(stage: &Loop, spans: &[loops::BodyLoop]) -> Vec<bool> {
    let inner = Var::Dim(stage.dims.len().saturating_sub(1) as u32);
    loops::varying(&stage.body, spans, inner)
}

/// What points do that leave a loop when each of them likes.
enum Leaving {
    /// What vectors do as well.
    Vectors,
    /// What is done element by element, so that a vector only waits for the last of its points.
    Elements,
}

/// What the points of kernels do in a loop that they do not leave together, if there is one.
fn leaving(kernels: &[LoopKernel]) -> Option<Leaving> {
    let mut found = None;
    for kernel in kernels.iter().map(|part| &part.kernel) {
        for stage in &kernel.stages {
            let TileStage::Loop(stage) = stage else { continue };
            let spans = loops::spans(&stage.body).unwrap_or_default();
            let varies = varying(stage, &spans);
            let tests = stage
                .body
                .iter()
                .filter(|instr| matches!(instr, Instr::While(reg) if varies[reg.0 as usize]));
            if tests.count() == 0 {
                continue;
            }
            let works = stage.body.iter().zip(kernel.dtypes(stage)).zip(&varies);
            let mut works =
                works.filter(|(_, varies)| **varies).map(|((instr, dtype), _)| cost::work(instr, dtype));
            match works.any(|work| work == CostClass::ByElement) {
                true => return Some(Leaving::Elements),
                false => found = Some(Leaving::Vectors),
            }
        }
    }
    found
}

/// Whether the value is the same scalar everywhere, by whatever constant and views it was made.
pub(crate) fn constant(graph: &Graph, value: Value) -> Option<Scalar> {
    let mut value = value;
    loop {
        let (_, node) = graph.producer(value)?;
        match &node.op {
            Op::Constant(c) => return c.value.splat(),
            _ if access::is_index_map(graph, node) => {
                value = node.operands[0];
            }
            _ => return None,
        }
    }
}
