//! Planning: from units in order to the steps of a program, and from values to slots.

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::{DType, Graph, Node, NodeId, Op, Source, TensorType, Type, Value};

use super::{CompileError, Context, Part};
use crate::fusion::{Form, Fusion, Unit, is_alias, tiled};
use crate::kernel::{GridDim, Kernel};
use crate::native::LoopKernel;
use crate::program::{
    Control, KernelCall, OperandForm, Place, Program, Slot, Step, Target, Tiled, TiledCall, TiledOperand,
};
use crate::schedule::{self, Memory, Scheduled};

/// The program of a graph about which everything is decided, with the programs of its regions. Slots have no places in the arena yet,
/// workspaces no bytes.
pub(super) fn plan(
    part: &Part<'_>,
    regions: HashMap<NodeId, Vec<Program>>,
    cx: &mut Context<'_>,
) -> Result<Program, CompileError> {
    let mut planner = Planner::new(part, regions, cx)?;
    for &unit in &part.order {
        planner.add(unit)?;
    }
    let program = planner.finish();
    cx.count("steps", program.steps.len() as u64);
    cx.count("kernels", program.kernels.len() as u64);
    Ok(program)
}

struct Planner<'a, 'g> {
    fusion: &'a Fusion<'g>,
    loops: &'a HashMap<NodeId, Vec<LoopKernel>>,
    regions: HashMap<NodeId, Vec<Program>>,
    target: &'a dyn Target,
    reassociate: bool,
    /// Tiled routines that run as part of the cluster that finishes their tiles.
    finished_by: HashMap<usize, NodeId>,
    finished: HashSet<NodeId>,
    slot_of: Vec<Option<usize>>,
    /// Slots of memory between the kernels of a cluster.
    temporaries: HashMap<Memory, usize>,
    kernel_ids: HashMap<Kernel, usize>,
    program: Program,
}

impl<'a, 'g> Planner<'a, 'g> {
    fn new(
        part: &'a Part<'g>,
        regions: HashMap<NodeId, Vec<Program>>,
        cx: &Context<'a>,
    ) -> Result<Planner<'a, 'g>, CompileError> {
        let (fusion, graph) = (part.fusion()?, part.graph);
        let program = Program {
            name: graph.name().to_owned(),
            inputs: graph.input_types(),
            outputs: Vec::new(),
            slots: Vec::new(),
            kernels: Vec::new(),
            steps: Vec::new(),
            overwritten: Vec::new(),
            arena_bytes: 0,
            lasting: Vec::new(),
            ahead: 0,
            kept_bytes: 0,
        };
        let slot_of = vec![None; graph.values().len()];
        let finished_by = epilogues(fusion, cx);
        let finished = finished_by.values().copied().collect();
        let mut planner = Planner {
            fusion,
            loops: &part.loops,
            regions,
            target: cx.target,
            reassociate: cx.reassociate,
            finished_by,
            finished,
            slot_of,
            temporaries: HashMap::new(),
            kernel_ids: HashMap::new(),
            program,
        };
        for &input in graph.inputs() {
            planner.slot(input);
        }
        Ok(planner)
    }

    /// The slot of a stored value. A reshape of stored memory is the same slot.
    fn slot(&mut self, value: Value) -> usize {
        let memory = same_memory(self.fusion, value);
        if let Some(slot) = self.slot_of[memory.index()] {
            return slot;
        }
        let graph = self.fusion.graph;
        let place = match (graph.source(memory), graph.op(memory)) {
            (Source::Input(position), _) => Place::Input(position),
            (_, Some(Op::Constant(c))) if self.is_constant(memory) => Place::Constant(c.value.clone()),
            _ => Place::Unplaced,
        };
        let slot = self.program.slots.len();
        self.program.slots.push(Slot { ty: graph.ty(memory).clone(), place });
        self.slot_of[memory.index()] = Some(slot);
        slot
    }

    fn memory(&mut self, memory: &Memory) -> usize {
        let slots = &mut self.program.slots;
        match memory {
            Memory::Value(value) => self.slot(*value),
            Memory::Temporary { ty, .. } => *self.temporaries.entry(memory.clone()).or_insert_with(|| {
                slots.push(Slot { ty: ty.into(), place: Place::Unplaced });
                slots.len() - 1
            }),
        }
    }

    fn is_constant(&self, value: Value) -> bool {
        let producer = self.fusion.graph.producer(value);
        producer.is_some_and(|(id, _)| self.fusion.cluster_of(id).is_none())
    }

    fn add(&mut self, unit: Unit) -> Result<(), CompileError> {
        match unit {
            Unit::Cluster(cluster) => match self.finished_by.get(&cluster) {
                Some(&tiled) => self.add_tiled(tiled, Some(cluster))?,
                None => self.add_cluster(cluster),
            },
            Unit::Node(id) => {
                let node = self.fusion.graph.node(id);
                match &node.op {
                    op if op.lowering() == Lowering::Tiled => {
                        if !self.finished.contains(&id) {
                            self.add_tiled(id, None)?;
                        }
                    }
                    _ if is_alias(self.fusion.graph, node) => {
                        self.slot(node.results[0]);
                        if node.op.lowering() == Lowering::Mark {
                            self.add_node(id, node)?;
                        }
                    }
                    _ => match self.loops.get(&id) {
                        Some(kernels) => self.add_native(kernels),
                        None => self.add_node(id, node)?,
                    },
                }
            }
        }
        Ok(())
    }

    /// A node that is a step of its own.
    fn add_node(&mut self, id: NodeId, node: &Node) -> Result<(), CompileError> {
        let graph = self.fusion.graph;
        let types = |values: &[Value]| values.iter().map(|&v| graph.ty(v).clone()).collect();
        let (operand_types, result_types): (Vec<Type>, Vec<Type>) =
            (types(&node.operands), types(&node.results));
        let operands: Vec<usize> = node.operands.iter().map(|&v| self.slot(v)).collect();
        let results = node.results.iter().map(|&v| self.slot(v)).collect();
        let (op, location) = (node.op.clone(), node.location.clone());
        let step = match op.lowering() {
            Lowering::Region => {
                let regions = self.regions.remove(&id);
                let regions = regions.ok_or(CompileError::Internal { what: "regions are planned first" })?;
                // How large it must be is known when its regions have their places.
                let workspace = self.scratch(0);
                Step::Control(Box::new(Control {
                    op,
                    regions,
                    operands,
                    operand_types,
                    results,
                    result_types,
                    workspace,
                    location,
                }))
            }
            Lowering::Effect | Lowering::Mark => Step::Effect { op, operands, operand_types, location },
            Lowering::List => Step::List { op, operands, operand_types, results, result_types, location },
            Lowering::Token => return Ok(()),
            _ => {
                let tensors = |types: Vec<Type>| types.iter().map(|ty| ty.tensor().clone()).collect();
                let (operand_types, result_types) = (tensors(operand_types), tensors(result_types));
                Step::Routine { op, operands, operand_types, results, result_types, location }
            }
        };
        self.program.steps.push(step);
        Ok(())
    }

    /// A slot of the arena for bytes that are no value.
    fn scratch(&mut self, bytes: usize) -> usize {
        let ty = TensorType::new(DType::U8, [bytes]).into();
        self.program.slots.push(Slot { ty, place: Place::Unplaced });
        self.program.slots.len() - 1
    }

    /// A routine that runs tile by tile; where a cluster cannot finish the tiles, its kernels come after.
    fn add_tiled(&mut self, id: NodeId, finisher: Option<usize>) -> Result<(), CompileError> {
        let node = self.fusion.graph.node(id);
        let what = "an op that lowers to a tiled routine has one";
        let (routine, read) =
            routine(self.fusion.graph, node, self.reassociate).ok_or(CompileError::Internal { what })?;
        let operand = |value| TiledOperand { slot: self.slot(value), form: OperandForm::Strided };
        let operands = read.into_iter().map(operand).collect();
        let out = self.slot(node.results[0]);
        let on_tiles = finisher.and_then(|cluster| {
            let grid = tiles_of(self.fusion, self.target, &routine, node.results[0])?;
            schedule::schedule_on_tiles(self.fusion, cluster, &grid, node.results[0])
        });
        let after = finisher.filter(|_| on_tiles.is_none());
        let epilogue = on_tiles.map(|scheduled| self.call(scheduled));
        self.program.steps.push(Step::Tiled(Box::new(TiledCall { routine, operands, out, epilogue })));
        after.into_iter().for_each(|cluster| self.add_cluster(cluster));
        Ok(())
    }

    fn add_cluster(&mut self, cluster: usize) {
        for scheduled in schedule::schedule(self.fusion, cluster) {
            let call = self.call(scheduled);
            self.program.steps.push(Step::Kernel(call));
        }
    }

    /// A loop that is kernels.
    fn add_native(&mut self, kernels: &[LoopKernel]) {
        for LoopKernel { kernel, params } in kernels {
            let memory = params.iter().map(|&value| Memory::Value(value)).collect();
            let call = self.call(Scheduled { kernel: kernel.clone(), memory });
            self.program.steps.push(Step::Kernel(call));
        }
    }

    fn call(&mut self, scheduled: Scheduled) -> KernelCall {
        let args = scheduled.memory.iter().map(|memory| self.memory(memory)).collect();
        let kernels = &mut self.program.kernels;
        let kernel = *self.kernel_ids.entry(scheduled.kernel).or_insert_with_key(|kernel| {
            kernels.push(kernel.clone());
            kernels.len() - 1
        });
        KernelCall { kernel, args }
    }

    fn finish(mut self) -> Program {
        let graph = self.fusion.graph;
        for &output in graph.outputs() {
            let slot = self.slot(output);
            if self.program.slots[slot].is_in_arena() {
                self.program.slots[slot].place = Place::Output;
            }
            self.program.outputs.push((graph.ty(output).clone(), slot));
        }
        self.program
    }
}

/// The value whose memory a stored value names: aliases of memory are the same memory.
fn same_memory(fusion: &Fusion<'_>, value: Value) -> Value {
    let mut memory = value;
    while let Some((id, node)) = fusion.graph.producer(memory)
        && is_alias(fusion.graph, node)
        && fusion.cluster_of(id).is_none()
    {
        memory = node.operands[0];
    }
    memory
}

/// The tiles of a routine as a grid over the axes of its result, if there is one axis for each dim; a first dim of one needs none.
fn tiles_of(
    fusion: &Fusion<'_>,
    target: &dyn Target,
    routine: &Tiled,
    result: Value,
) -> Option<Vec<GridDim>> {
    let shape = &fusion.graph.tensor(result).shape;
    let grid = routine.grid(&target.tile(routine)?)?;
    let extra = grid.len() == shape.rank() + 1 && grid[0].extent == 1;
    let grid = &grid[usize::from(extra)..];
    grid.iter().map(|dim| dim.extent as usize).eq(shape.sizes()).then(|| grid.to_vec())
}

/// The routine that computes a node, as it may be computed, and the values whose memory it reads.
fn routine(graph: &Graph, node: &Node, reassociate: bool) -> Option<(Tiled, SmallVec<[Value; 2]>)> {
    let (routine, read) = tiled::routine(graph, node)?;
    Some((if reassociate { routine.reassociated() } else { routine }, read))
}

/// For element-wise clusters the tiled routine whose tiles they finish: its result is read by nobody else, element by element.
fn epilogues(fusion: &Fusion<'_>, cx: &Context<'_>) -> HashMap<usize, NodeId> {
    let mut found = HashMap::new();
    for (id, node) in fusion.graph.iter().filter(|(_, node)| node.op.lowering() == Lowering::Tiled) {
        if !fusion.is_inlined(id)
            && let Some(cluster) = finisher(fusion, node.results[0])
            && let Some((routine, _)) = routine(fusion.graph, node, cx.reassociate)
            && tiles_of(fusion, cx.target, &routine, node.results[0]).is_some()
        {
            found.entry(cluster).or_insert(id);
        }
    }
    found
}

fn finisher(fusion: &Fusion<'_>, result: Value) -> Option<usize> {
    let graph: &Graph = fusion.graph;
    let cluster = fusion.cluster_of(*fusion.users(result).first()?)?;
    let fits = fusion.clusters[cluster].form == Form::Elementwise
        && fusion.clusters[cluster].shape == graph.tensor(result).shape
        && !fusion.is_output(result)
        && fusion.users(result).iter().all(|&u| {
            fusion.cluster_of(u) == Some(cluster) && !fusion.is_index_map(u) && !fusion.is_inlined(u)
        });
    fits.then_some(cluster)
}
