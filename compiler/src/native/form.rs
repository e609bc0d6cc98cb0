//! How the tensors of a loop become registers, and what its points are.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::CostClass;
use tensorwright_ir::{Graph, Op, TensorType, Value};

use crate::cost;
use crate::kernel::{Affine, Extent, GridDim, Kernel, TileStage, Var};

/// Elements of a tile of a wide loop.
pub(super) const TILE: u64 = 1024;
/// Most points of a tile whose points take as long as each of them likes, and how many tiles there are rather than longer ones: threads share the
/// tiles.
const UNEQUAL_TILE: u64 = 32;
const UNEQUAL_TILES: u64 = 64;
/// Points of a tile that several vectors fill.
const VECTORS: u64 = 16;
/// What a walk over the steps of a program costs, in steps of the cost model: strips of vector math must save more to be faster than
/// code in line.
const WALK: usize = 768;
/// Elements of a small tensor.
pub(super) const MAX_SMALL: usize = 16;

/// Elements of a tensor that is rather chosen from in registers than read and written at computed places in memory.
const MAX_CHOSEN: usize = 2;

/// Where the state of a loop with small tensors is, if it may be in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Residence {
    /// In registers.
    Registers,
    /// In memory, if it is read or written at computed places.
    Memory,
}

impl Residence {
    /// Whether state of a type is in memory.
    pub(super) fn is_memory(self, ty: &TensorType, addressed: impl FnOnce() -> bool) -> bool {
        let is_small = ty.elements() <= MAX_SMALL;
        !is_small || (self == Residence::Memory && ty.elements() > MAX_CHOSEN && addressed())
    }
}

/// Whether a value is read or written at computed places, in the graph or in regions that take it.
pub(super) fn is_addressed(graph: &Graph, value: Value) -> bool {
    graph.nodes().iter().any(|node| match &node.op {
        Op::Gather(_) | Op::DynamicSlice(_) | Op::DynamicUpdateSlice(_) | Op::Scatter(_) => {
            node.operands[0] == value
        }
        op => op.ports().is_some_and(|ports| {
            let inputs = node.operands[ports.selectors()..].iter().enumerate();
            let taken = inputs.filter(|&(_, &operand)| operand == value).map(|(input, _)| input);
            let bodies = ports.bodies(&node.regions);
            taken.into_iter().any(|i| bodies.iter().any(|body| is_addressed(body, body.inputs()[i])))
        }),
    })
}

/// How tensors become registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One register stands for all elements of a tensor of so many. Other tensors are small.
    Wide(usize, Points),
    /// What is beside the wide tensors of a wide loop. These have no registers: nothing small depends on them.
    Beside(usize),
    /// Each element is a register.
    Small,
}

/// How the points of a wide loop run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Points {
    /// Vectors of them, all equally long.
    Together,
    /// Vectors of them that leave a loop with the last of their points.
    Leaving,
    /// One by one: each may leave loops and read where it likes.
    Apart,
}

/// A grid of so many points that take as long as each of them likes.
pub(super) fn unequal(points: usize) -> GridDim {
    let extent = points as u64;
    GridDim { extent, tile: (extent / UNEQUAL_TILES).clamp(1, UNEQUAL_TILE) }
}

/// The elements of memory that the registers of a tensor stand for.
pub(super) type Places = SmallVec<[Affine; 4]>;

impl Form {
    /// Whether a tensor has a register at each point, which is one of its elements.
    pub(super) fn is_wide(self, ty: &TensorType) -> bool {
        matches!(self, Form::Wide(all, _) if ty.elements() == all)
    }

    /// How many registers a tensor has; `None` if it does not fit the form.
    pub(super) fn registers(self, ty: &TensorType) -> Option<usize> {
        match (self, ty.elements()) {
            (Form::Wide(all, _), n) if n == all => Some(1),
            (Form::Beside(all), n) if n == all => Some(0),
            (_, n) if (1..=MAX_SMALL).contains(&n) => Some(n),
            _ => None,
        }
    }

    /// Where the elements of a tensor are, in a stage whose points are numbered by the loop `dim`.
    pub(super) fn places(self, ty: &TensorType, dim: u32) -> Places {
        match self.registers(ty) {
            Some(_) if self.is_wide(ty) => SmallVec::from_elem(self.point(dim), 1),
            registers => (0..registers.unwrap_or(0) as i64).map(Affine::constant).collect(),
        }
    }

    /// The element of each point of a wide loop.
    pub(super) fn point(self, dim: u32) -> Affine {
        let point = Affine::var(Var::Dim(dim));
        if self.grid().is_empty() { point } else { point.plus(Var::Grid(0), 1) }
    }

    pub(super) fn grid(self) -> Vec<GridDim> {
        match self {
            Form::Wide(all, Points::Apart) => vec![unequal(all)],
            Form::Wide(all, points) => {
                let extent = all as u64;
                let tile = match points {
                    Points::Leaving => unequal(all).tile.next_multiple_of(VECTORS),
                    Points::Together | Points::Apart => TILE,
                };
                if extent > tile { vec![GridDim { extent, tile }] } else { Vec::new() }
            }
            Form::Small | Form::Beside(_) => Vec::new(),
        }
    }

    /// Whether vector math in line, at all points, costs less than a walk over steps in each run.
    pub(super) fn pays(self, kernel: &Kernel) -> bool {
        let points = match self {
            Form::Wide(all, _) => all,
            Form::Small | Form::Beside(_) => 1,
        };
        let strips = kernel.stages.iter().map(|stage| match stage {
            TileStage::Loop(nest) => {
                let works = nest.body.iter().zip(kernel.dtypes(nest)).map(|(i, dtype)| cost::work(i, dtype));
                works.filter(|&work| work == CostClass::VectorMath).count()
            }
            TileStage::Math(_) => 0,
        });
        let dearer = cost::steps(CostClass::VectorMath) - cost::STRIP;
        points == 1 || (points * strips.sum::<usize>()).saturating_mul(dearer as usize) <= WALK
    }

    /// The loop over the points of a tile.
    pub(super) fn points(self) -> Vec<Extent> {
        match self {
            Form::Small | Form::Beside(_) => Vec::new(),
            // Of an innermost loop the points are independent of each other in all they do.
            Form::Wide(_, Points::Apart) => vec![Extent::Tile(0), Extent::Fixed(1)],
            Form::Wide(all, _) if self.grid().is_empty() => vec![Extent::Fixed(all as u64)],
            Form::Wide(..) => vec![Extent::Tile(0)],
        }
    }
}
