//! Scheduling: from a cluster to a kernel.
//!
//! 1. [`expression`]: the scalar expression DAG of the cluster, with affine loads and stores.
//! 2. [`layout`]: axes that are contiguous together are merged; kept axes are cut into tiles that fit into L1.
//! 3. [`stages`]: terms get a *phase* (a fold or a vector math call ends a phase), and each phase becomes loops over the tile;
//!    what a later phase needs is kept in scratch, or computed again if that is cheap.
//!
//! A reduction that fusion cut in two goes through [`pieces`] first, which makes ordinary ones of it.
//!
//! Everything is decided from shapes and dtypes alone, never from the number of threads.

mod body;
mod columns;
mod expression;
mod layout;
mod pieces;
pub(crate) mod scalar;
mod stages;

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{Concat, Pad};
use tensorwright_ir::{NodeId, Op, Shape, TensorType, Value};

use crate::fusion::access::{self, Access};
use crate::fusion::{Form, Fusion};
use crate::kernel::{Affine, Buffer, GridDim, Instr, Kernel};
use expression::{Expression, Puller, Term};
use layout::{Layout, Loops};
use pieces::Part;

/// A kernel and what its params are, in order.
#[derive(Debug)]
pub(crate) struct Scheduled {
    pub(crate) kernel: Kernel,
    pub(crate) memory: Vec<Memory>,
}

/// Memory that a kernel reads or writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Memory {
    /// That of a value.
    Value(Value),
    /// Memory between the kernels of one cluster.
    Temporary {
        /// Which cluster.
        cluster: usize,
        /// Which of its temporaries.
        number: usize,
        /// What it holds.
        ty: TensorType,
    },
}

/// The kernels of a cluster, in order; several only for assemblies and cut reductions, and none if there is nothing to compute.
pub(crate) fn schedule(fusion: &Fusion<'_>, index: usize) -> Vec<Scheduled> {
    let cluster = &fusion.clusters[index];
    match cluster.form {
        Form::Assembly => assemble(fusion, index),
        form => {
            let expression = expression::of_cluster(fusion, index);
            let sizes = cluster.shape.sizes();
            let parts = match cluster.cut {
                Some(cut) => pieces::parts(&expression, index, &sizes, &cluster.reduced, cut),
                None => vec![Part { expression, loops: Loops::new(&sizes, &cluster.reduced) }],
            };
            let lower = |part: Part| lower(fusion, part.expression, form, &part.loops, None);
            parts.into_iter().filter_map(lower).collect()
        }
    }
}

/// The kernel of an element-wise cluster with its tiles given: one grid dim per axis, to go along with the tiles of a matmul.
pub(crate) fn schedule_on_tiles(
    fusion: &Fusion<'_>,
    index: usize,
    grid: &[GridDim],
    tiled: Value,
) -> Option<Scheduled> {
    let cluster = &fusion.clusters[index];
    let expression = expression::of_cluster(fusion, index);
    if !reads_in_place(&expression, tiled, &cluster.shape) {
        return None;
    }
    let loops = Loops::new(&cluster.shape.sizes(), &cluster.reduced);
    lower(fusion, expression, cluster.form, &loops, Some(grid))
}

/// Whether each point reads the value at the point's own index: through a transpose it would read what another tile has, or nobody yet.
fn reads_in_place(expression: &Expression, value: Value, shape: &Shape) -> bool {
    let own = access::flat(&access::identity(shape.rank()), shape);
    expression.terms.iter().all(|term| match term {
        Term::Instr(Instr::Load { buffer: Buffer::Param(param), index }) => {
            expression.memory[*param as usize] != Memory::Value(value) || *index == own
        }
        _ => true,
    })
}

fn lower(
    fusion: &Fusion<'_>,
    expression: Expression,
    form: Form,
    loops: &Loops,
    grid: Option<&[GridDim]>,
) -> Option<Scheduled> {
    if loops.kept_elements() == 0 || expression.stores.is_empty() {
        return None;
    }
    let type_of = |memory: &Memory| match memory {
        Memory::Value(value) => fusion.graph.tensor(*value).clone(),
        Memory::Temporary { ty, .. } => ty.clone(),
    };
    let types: Vec<TensorType> = expression.memory.iter().map(type_of).collect();
    let memory = expression.memory.clone();
    let layout = match grid {
        Some(grid) => Layout::on_tiles(&expression, &loops.sizes, grid),
        None => Layout::choose(&expression, form, loops),
    };
    let kernel = stages::build(expression, layout, form, &types);
    Some(Scheduled { kernel, memory })
}

/// A concatenation or padding: each part is computed right into its place.
fn assemble(fusion: &Fusion<'_>, index: usize) -> Vec<Scheduled> {
    let roots = fusion.roots(index);
    let [root] = roots[..] else { unreachable!("an assembly has one result") };
    let Some((id, node)) = fusion.graph.producer(root) else { unreachable!("an assembly is computed") };
    match &node.op {
        Op::Concat(concat) => concatenation(fusion, index, id, concat, root),
        Op::Pad(pad) => padding(fusion, index, id, pad, root),
        op => unreachable!("{} is not assembled", op.name()),
    }
}

fn concatenation(
    fusion: &Fusion<'_>,
    index: usize,
    id: NodeId,
    concat: &Concat,
    root: Value,
) -> Vec<Scheduled> {
    let shape = &fusion.graph.tensor(root).shape;
    let mut start = 0i64;
    let mut parts = Vec::new();
    for &operand in &fusion.graph.node(id).operands {
        let sizes = fusion.graph.tensor(operand).shape.sizes();
        let mut place = access::identity(sizes.len());
        place[concat.axis] = place[concat.axis].shifted(start);
        start += sizes[concat.axis] as i64;
        parts.extend(part(
            fusion,
            index,
            operand,
            access::identity(sizes.len()),
            root,
            access::flat(&place, shape),
            &sizes,
        ));
    }
    parts
}

fn padding(fusion: &Fusion<'_>, index: usize, id: NodeId, pad: &Pad, root: Value) -> Vec<Scheduled> {
    let ty = fusion.graph.tensor(root);
    let [x, value] = fusion.graph.node(id).operands[..] else { unreachable!("pad has two operands") };
    let whole = access::flat(&access::identity(ty.rank()), &ty.shape);
    let mut parts: Vec<Scheduled> =
        part(fusion, index, value, Access::new(), root, whole, &ty.shape.sizes()).into_iter().collect();
    // Along each axis the elements of the operand that are not cut off: the first of them, its place, how many.
    let from = &fusion.graph.tensor(x).shape;
    let mut read = Access::new();
    let mut place = Access::new();
    let mut sizes: SmallVec<[usize; 6]> = SmallVec::new();
    for axis in 0..from.rank() {
        let step = pad.interior[axis] as i64 + 1;
        let last = ty.shape.size(axis) as i64 - 1;
        let first = ((-pad.low[axis]).max(0) + step - 1) / step;
        let end =
            ((last - pad.low[axis]).div_euclid(step) + 1).clamp(first, (from.size(axis) as i64).max(first));
        let var = Affine::var(crate::kernel::Var::Dim(axis as u32));
        read.push(var.shifted(first));
        place.push(var.scaled(step).shifted(pad.low[axis] + first * step));
        sizes.push((end - first) as usize);
    }
    parts.extend(part(fusion, index, x, read, root, access::flat(&place, &ty.shape), &sizes));
    parts
}

/// The kernel that stores `value`, read at `access` for all points below `sizes`, to `index` of the memory of `to`.
fn part(
    fusion: &Fusion<'_>,
    cluster: usize,
    value: Value,
    access: Access,
    to: Value,
    index: Affine,
    sizes: &[usize],
) -> Option<Scheduled> {
    let mut puller = Puller::new(fusion, cluster);
    puller.store(value, access, to, index);
    lower(fusion, puller.finish(), Form::Elementwise, &Loops::new(sizes, &[]), None)
}
