//! The kernel verifier: what makes a [`Kernel`] valid. Code generation and execution rely on it.
//!
//! 1. There are at most 2^40 elements in a buffer, 2^40 indices in a grid loop or a stage's loop, 16 grid loops, 16 loops in a
//!    stage, 2^20 tiles' worth of bytes in scratch (1 GiB), and no more than 2^62 tiles. A grid loop has at least one
//!    index and its tiles at least one.
//! 2. Each buffer, grid loop and stage loop that is named exists. A span starts at an index of grid variables only; so does
//!    what a fold stores, but for the loops that are not folded.
//! 3. An affine index has no coefficient 0, and its variables are in ascending order.
//! 4. Each operand is an earlier instruction of the same body.
//! 5. Operands have the dtypes that the instruction takes. f16 and bf16 are only constants, loaded, stored, cast, bitcast
//!    and selected; a bitcast keeps the width and does not involve bool; an index is a number and neither f16 nor
//!    bf16; a fused multiply-add is of f32 or f64.
//! 6. A stored value has the dtype of the buffer, and so has the result of a fold, whose monoid takes that dtype and which
//!    is neither f16 nor bf16.
//! 7. A stage has either stores and no folded loops, or folds and at least one.
//! 8. A param that is only read is not stored to. One that is written has been stored to by an earlier stage, or is by the same
//!    stage, when it is loaded.
//! 9. For each tile, the last one of each grid loop included, each load, store and span stays within its buffer.
//! 10. Different tiles do not touch the same element of a param, unless neither stores it.
//! 11. Along the innermost loop points are independent: no two of them store the same element, and none loads what another
//!     stores.
//! 12. A vector math function is one of floats, of as many operands as there are arguments, all buffers are of its dtype
//!     (f32 or f64), and the result is the same span as an argument or overlaps none.
//! 13. Loops inside of a body are complete and nest (see [`loops`]), none is in a stage with folds. What is computed inside
//!     is used inside, but for state variables; the next value of a state variable has its dtype; and whether a
//!     loop goes on is the same at all points of the innermost loop, unless its state is [frozen](loops::is_frozen) where it does not.
//! 14. A computed place is an i64 that is the same at all points of the innermost loop, below a count of at least 1; all places are in the
//!     buffer. The stage does not store to the buffer, unless its innermost loop has one point.
//! 15. A stage whose body stores at computed places has no folds, and its innermost loop has one point, so that everything happens in the
//!     order in which it is written. Where it stores what does not depend on that loop.

mod params;
mod places;

use std::fmt;

use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::CostClass;

use super::loops::{self, BodyLoop};
use super::range::{Space, Strip};
use super::{Affine, Buffer, Extent, Fold, Instr, Kernel, Loop, Math, MathOp, Reg, Span, TileStage, Var};

/// A rule that a kernel breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelViolation {
    /// The rule's number in the [module documentation](self).
    pub rule: u32,
    /// The stage, if it is in one.
    pub stage: Option<usize>,
    /// Description of what is wrong.
    pub message: String,
}

impl fmt::Display for KernelViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stage) = self.stage {
            write!(f, "stage {stage}: ")?;
        }
        write!(f, "{} (rule {})", self.message, self.rule)
    }
}

/// A kernel that breaks rules: all that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidKernel {
    /// The rules that are broken, at least one.
    pub violations: Vec<KernelViolation>,
}

impl fmt::Display for InvalidKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid kernel")?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

impl std::error::Error for InvalidKernel {}

/// Most loops of a grid or a stage.
pub const MAX_LOOPS: usize = 16;
/// Most elements of a buffer, and indices of a loop.
pub const MAX_LEN: u64 = 1 << 40;
/// Most bytes of scratch.
pub const MAX_SCRATCH: u64 = 1 << 30;
/// Limit of the number of tiles.
pub const MAX_TILES: u64 = 1 << 62;

/// Checks all rules of the kernel IR.
///
/// # Errors
///
/// All violations, if there are any.
pub fn verify(kernel: &Kernel) -> Result<(), InvalidKernel> {
    let mut verifier = Verifier { kernel, stage: None, violations: Vec::new() };
    verifier.sizes();
    if verifier.violations.is_empty() {
        for (number, stage) in kernel.stages.iter().enumerate() {
            verifier.stage = Some(number);
            match stage {
                TileStage::Loop(body) => verifier.loop_stage(body),
                TileStage::Math(math) => verifier.math_stage(math),
            }
        }
        verifier.stage = None;
    }
    // What follows speaks of indices and dtypes that are known to make sense.
    if verifier.violations.is_empty() {
        verifier.params_between_stages();
        verifier.params_between_tiles();
    }
    if verifier.violations.is_empty() {
        Ok(())
    } else {
        Err(InvalidKernel { violations: verifier.violations })
    }
}

struct Verifier<'k> {
    kernel: &'k Kernel,
    stage: Option<usize>,
    violations: Vec<KernelViolation>,
}

impl<'k> Verifier<'k> {
    fn complain(&mut self, rule: u32, message: impl Into<String>) {
        self.violations.push(KernelViolation { rule, stage: self.stage, message: message.into() });
    }

    fn require(&mut self, holds: bool, rule: u32, message: impl FnOnce() -> String) {
        if !holds {
            self.complain(rule, message());
        }
    }

    fn sizes(&mut self) {
        let kernel = self.kernel;
        let lens = kernel.params.iter().map(|p| p.len).chain(kernel.locals.iter().map(|l| l.len));
        for len in lens {
            self.require(len <= MAX_LEN, 1, || format!("a buffer of {len} elements is too large"));
        }
        let scratch: u128 = kernel
            .locals
            .iter()
            .map(|l| (u128::from(l.len) * l.dtype.size() as u128).next_multiple_of(64))
            .sum();
        self.require(scratch <= u128::from(MAX_SCRATCH), 1, || {
            format!("{scratch} bytes of scratch are too many")
        });
        self.require(kernel.grid.len() <= MAX_LOOPS, 1, || {
            format!("{} grid loops are too many", kernel.grid.len())
        });
        let mut tiles = 1u128;
        for (g, dim) in kernel.grid.iter().enumerate() {
            let valid = (1..=MAX_LEN).contains(&dim.extent) && (1..=MAX_LEN).contains(&dim.tile);
            self.require(valid, 1, || format!("g{g} has {} indices in tiles of {}", dim.extent, dim.tile));
            tiles = tiles.saturating_mul(u128::from(dim.extent.div_ceil(dim.tile.max(1))));
        }
        self.require(tiles <= u128::from(MAX_TILES), 1, || format!("{tiles} tiles are too many"));
    }

    fn extents(&mut self, dims: &[Extent]) {
        let kernel = self.kernel;
        self.require(dims.len() <= MAX_LOOPS, 1, || format!("{} loops are too many", dims.len()));
        for &extent in dims {
            match extent {
                Extent::Fixed(n) => {
                    self.require(n <= MAX_LEN, 1, || format!("a loop over {n} indices is too long"))
                }
                Extent::Tile(g) => {
                    self.require((g as usize) < kernel.grid.len(), 2, || {
                        format!("there is no grid loop g{g}")
                    });
                }
            }
        }
    }

    /// Whether the buffer exists.
    fn buffer(&mut self, buffer: Buffer) -> bool {
        let exists = match buffer {
            Buffer::Param(i) => (i as usize) < self.kernel.params.len(),
            Buffer::Local(i) => (i as usize) < self.kernel.locals.len(),
        };
        self.require(exists, 2, || format!("there is no buffer {buffer}"));
        exists
    }

    /// Whether the index is well formed, with stage loops below `dims`.
    fn affine(&mut self, index: &Affine, dims: usize) -> bool {
        let before = self.violations.len();
        let grid = self.kernel.grid.len();
        for &(var, coefficient) in &index.terms {
            let exists = match var {
                Var::Grid(g) => (g as usize) < grid,
                Var::Dim(d) => (d as usize) < dims,
            };
            self.require(exists, 2, || format!("there is no variable {var} here"));
            self.require(coefficient != 0, 3, || format!("{var} has coefficient 0"));
        }
        let ordered = index.terms.windows(2).all(|pair| pair[0].0 < pair[1].0);
        self.require(ordered, 3, || format!("the variables of {index} are out of order"));
        self.violations.len() == before
    }

    /// Checks a place: all of it must be inside its buffer.
    fn place(&mut self, space: &Space<'_>, buffer: Buffer, index: &Affine, dims: usize) {
        self.places(space, buffer, index, dims, 1);
    }

    /// Checks `count` places, from `index` on.
    fn places(&mut self, space: &Space<'_>, buffer: Buffer, index: &Affine, dims: usize, count: u64) {
        if !self.buffer(buffer) || !self.affine(index, dims) {
            return;
        }
        let Some(range) = space.interval(index) else { return };
        let range = range.widened(count);
        let len = self.kernel.len(buffer);
        let inside = range.low >= 0 && range.high < i128::from(len);
        self.require(inside, 9, || {
            format!(
                "{buffer}[{index}] reaches from {} to {}, but the buffer has {len} elements",
                range.low, range.high
            )
        });
    }
}

/// Loop stages.
impl<'k> Verifier<'k> {
    fn loop_stage(&mut self, body: &'k Loop) {
        let before = self.violations.len();
        self.extents(&body.dims);
        let folded = body.folded as usize;
        self.require(folded <= body.dims.len(), 7, || {
            format!("{folded} of {} loops are folded", body.dims.len())
        });
        let kinds = (folded > 0) != body.folds.is_empty() && (folded == 0 || body.stores.is_empty());
        self.require(kinds, 7, || "a stage either stores, or folds along at least one loop".to_owned());
        if self.violations.len() > before {
            return;
        }
        let space = Space::new(self.kernel, &body.dims);
        let kept = body.dims.len() - folded;
        let Some(dtypes) = self.body(&space, body) else { return };
        for store in &body.stores {
            self.place(&space, store.buffer, &store.index, body.dims.len());
            self.result(store.buffer, store.value, &dtypes);
        }
        let outside = Space::new(self.kernel, &body.dims[..kept]);
        for fold in &body.folds {
            self.place(&outside, fold.buffer, &fold.index, kept);
            self.result(fold.buffer, fold.value, &dtypes);
            self.fold(fold, &dtypes);
        }
        if self.violations.len() == before {
            self.loops(body, &dtypes);
            self.computed_places(&space, body);
            self.points(&space, body);
        }
    }

    /// Rule 13.
    fn loops(&mut self, body: &Loop, dtypes: &[DType]) {
        let spans = match loops::spans(&body.body) {
            Ok(spans) => spans,
            Err((at, message)) => return self.complain(13, format!("r{at}: {message}")),
        };
        if spans.is_empty() {
            return;
        }
        self.require(body.folds.is_empty(), 13, || "a stage with a fold has loops in its body".to_owned());
        let inner = Var::Dim(body.dims.len().saturating_sub(1) as u32);
        let varies = loops::varying(&body.body, &spans, inner);
        let has_value = |reg: Reg| body.body[reg.0 as usize].has_value();
        for (at, instr) in body.body.iter().enumerate() {
            for reg in instr.operands() {
                let inside = spans.iter().all(|span| may_use(span, reg.0 as usize, at));
                self.require(has_value(reg) && inside, 13, || format!("r{at}: {reg} has no value here"));
            }
            match instr {
                Instr::State(first) => {
                    let outside = spans
                        .iter()
                        .all(|span| !span.contains(first.0 as usize) || !span.state().any(|s| s == at));
                    self.require(outside, 13, || format!("r{at}: {first} is not known before the loop"));
                }
                Instr::While(x) => {
                    let dtype = dtypes[x.0 as usize];
                    self.require(dtype == DType::Bool, 13, || format!("r{at}: {x} is {dtype}, not a bool"));
                    let span = spans.iter().find(|span| span.test == at);
                    let frozen = span.is_some_and(|span| loops::is_frozen(&body.body, span));
                    self.require(!varies[x.0 as usize] || frozen, 13, || {
                        format!("r{at}: {x} differs from point to point")
                    });
                }
                Instr::Repeat(next) => {
                    let states = spans.iter().find(|span| span.end == at).map(BodyLoop::state);
                    for (state, reg) in states.into_iter().flatten().zip(next) {
                        let (was, is) = (dtypes[state], dtypes[reg.0 as usize]);
                        self.require(was == is, 13, || {
                            format!("r{at}: r{state} is {was}, but {reg} is {is}")
                        });
                    }
                }
                _ => {}
            }
        }
        for store in &body.stores {
            let known = spans.iter().all(|span| may_use(span, store.value.0 as usize, body.body.len()));
            self.require(has_value(store.value) && known, 13, || format!("{} has no value", store.value));
        }
    }

    /// The dtypes of the instructions, if all have one.
    fn body(&mut self, space: &Space<'_>, body: &Loop) -> Option<Vec<DType>> {
        let before = self.violations.len();
        let mut dtypes: Vec<DType> = Vec::with_capacity(body.body.len());
        for (number, instr) in body.body.iter().enumerate() {
            let dims = body.dims.len();
            match instr {
                Instr::Load { buffer, index } => self.place(space, *buffer, index, dims),
                Instr::LoadAt { buffer, index, count, .. } | Instr::StoreAt { buffer, index, count, .. } => {
                    self.require((1..=MAX_LEN).contains(count), 14, || format!("there are {count} places"));
                    self.places(space, *buffer, index, dims, (*count).clamp(1, MAX_LEN));
                }
                Instr::Index { index, .. } => {
                    self.affine(index, dims);
                }
                _ => {}
            }
            if self.violations.len() > before {
                return None;
            }
            match self.dtype(instr, &dtypes) {
                Ok(dtype) => dtypes.push(dtype),
                Err((rule, message)) => {
                    self.complain(rule, format!("r{number}: {message}"));
                    return None;
                }
            }
        }
        Some(dtypes)
    }

    fn dtype(&self, instr: &Instr, dtypes: &[DType]) -> Result<DType, (u32, String)> {
        let of = |reg: Reg| {
            dtypes
                .get(reg.0 as usize)
                .copied()
                .ok_or_else(|| (4, format!("{reg} is not an earlier instruction")))
        };
        let same = |x: Reg, y: Reg| match (of(x)?, of(y)?) {
            (a, b) if a == b => Ok(a),
            (a, b) => Err((5, format!("{x} is {a}, but {y} is {b}"))),
        };
        let wrong = |name: &str, dtype: DType| Err((5, format!("{name} does not take {dtype}")));
        let computed = |dtype: DType| !matches!(dtype, DType::F16 | DType::BF16);
        match *instr {
            Instr::Const(scalar) => Ok(scalar.dtype()),
            Instr::Index { dtype, .. } if dtype.is_number() && computed(dtype) => Ok(dtype),
            Instr::Index { dtype, .. } => wrong("index", dtype),
            Instr::Load { buffer, .. } => Ok(self.kernel.dtype(buffer)),
            Instr::LoadAt { buffer, at, .. } => is_place(at, of(at)?).map(|()| self.kernel.dtype(buffer)),
            Instr::StoreAt { buffer, at, value, .. } => {
                is_place(at, of(at)?)?;
                self.is_held(buffer, value, of(value)?).map(|()| DType::Bool)
            }
            Instr::Unary(f, x) => match of(x)? {
                dtype if !f.class().contains(dtype) || !computed(dtype) => wrong(f.name(), dtype),
                _ if f.is_predicate() => Ok(DType::Bool),
                dtype => Ok(dtype),
            },
            Instr::Binary(f, x, y) => match same(x, y)? {
                dtype if f.class().contains(dtype) && computed(dtype) => Ok(dtype),
                dtype => wrong(f.name(), dtype),
            },
            Instr::Special(f, ref x) if x.len() == f.operands() => {
                let dtype = x.iter().try_fold(of(x[0])?, |_, &other| same(x[0], other))?;
                if matches!(dtype, DType::F32 | DType::F64) { Ok(dtype) } else { wrong(f.name(), dtype) }
            }
            Instr::Special(f, ref x) => {
                Err((5, format!("{} takes {} registers, found {}", f.name(), f.operands(), x.len())))
            }
            Instr::Compare(f, x, y) => match same(x, y)? {
                dtype if computed(dtype) => Ok(DType::Bool),
                dtype => wrong(f.name(), dtype),
            },
            Instr::Select(c, x, y) => match of(c)? {
                DType::Bool => same(x, y),
                dtype => Err((5, format!("{c} is {dtype}, but select needs a bool"))),
            },
            Instr::Fma(x, y, z) => match (same(x, y)?, same(y, z)?) {
                (dtype @ (DType::F32 | DType::F64), _) => Ok(dtype),
                (dtype, _) => wrong("fma", dtype),
            },
            Instr::Cast(dtype, x) => of(x).map(|_| dtype),
            Instr::State(x) => of(x),
            // These have no value; rule 13 keeps others from using it.
            Instr::Loop => Ok(DType::Bool),
            Instr::While(x) => of(x).map(|_| DType::Bool),
            Instr::Repeat(ref next) => next.iter().try_fold(DType::Bool, |bool, &x| of(x).map(|_| bool)),
            Instr::Bitcast(to, x) => reinterpreted(of(x)?, to),
        }
    }

    fn is_held(&self, buffer: Buffer, value: Reg, is: DType) -> Result<(), (u32, String)> {
        match self.kernel.dtype(buffer) {
            holds if is == holds => Ok(()),
            holds => Err((6, format!("{value} is {is}, but {buffer} holds {holds}"))),
        }
    }

    fn result(&mut self, buffer: Buffer, value: Reg, dtypes: &[DType]) {
        let Some(&dtype) = dtypes.get(value.0 as usize) else {
            return self.complain(4, format!("{value} is not an instruction"));
        };
        let exists = match buffer {
            Buffer::Param(i) => (i as usize) < self.kernel.params.len(),
            Buffer::Local(i) => (i as usize) < self.kernel.locals.len(),
        };
        if exists && let Err((rule, message)) = self.is_held(buffer, value, dtype) {
            self.complain(rule, message);
        }
    }

    fn fold(&mut self, fold: &Fold, dtypes: &[DType]) {
        if let Some(&dtype) = dtypes.get(fold.value.0 as usize) {
            let taken = fold.kind.class().contains(dtype) && !matches!(dtype, DType::F16 | DType::BF16);
            self.require(taken, 6, || format!("{} does not fold {dtype}", fold.kind.word()));
        }
    }

    /// Rule 11.
    fn points(&mut self, space: &Space<'_>, body: &Loop) {
        let inner = Var::Dim(body.dims.len().saturating_sub(1) as u32);
        let count = body.dims.last().map_or(1, |&e| space.longest(e));
        for (k, store) in body.stores.iter().enumerate() {
            let step = store.index.coefficient(inner);
            self.require(step != 0 || count <= 1, 11, || {
                format!("all points of the innermost loop store {}[{}]", store.buffer, store.index)
            });
            let others = body.stores[k + 1..].iter().map(|s| (s.buffer, &s.index));
            let loads = body.body.iter().filter_map(load);
            for (buffer, index) in others.chain(loads).filter(|&(buffer, _)| buffer == store.buffer) {
                let clash = space.points_clash(&store.index, index, inner, count);
                self.require(!clash, 11, || {
                    format!(
                        "points of the innermost loop share {buffer}[{}] and {buffer}[{index}]",
                        store.index
                    )
                });
            }
        }
    }
}

/// Whether the instruction at `at` may use the value `reg`, as far as one loop is concerned.
fn may_use(span: &BodyLoop, reg: usize, at: usize) -> bool {
    !span.contains(reg) || span.contains(at) || span.state().any(|state| state == reg)
}

fn load(instr: &Instr) -> Option<(Buffer, &Affine)> {
    match instr {
        Instr::Load { buffer, index } | Instr::LoadAt { buffer, index, .. } => Some((*buffer, index)),
        _ => None,
    }
}

/// Math stages.
impl<'k> Verifier<'k> {
    fn math_stage(&mut self, math: &'k Math) {
        let before = self.violations.len();
        self.extents(&math.dims);
        let (name, arity, work) = match math.function {
            MathOp::Unary(f) => (f.name(), 1, f.work(math.dtype)),
            MathOp::Binary(f) => (f.name(), 2, f.work(math.dtype)),
        };
        let float = matches!(math.dtype, DType::F32 | DType::F64);
        self.require(float && work == CostClass::VectorMath, 12, || {
            format!("there is no {name} of strips of {}", math.dtype)
        });
        self.require(math.args.len() == arity, 12, || {
            format!("{name} has {arity} operands, not {}", math.args.len())
        });
        if self.violations.len() > before {
            return;
        }
        let strip = Strip::new(self.kernel, &math.dims);
        for span in math.args.iter().chain([&math.out]) {
            if !self.affine(&span.start, 0) {
                return;
            }
            self.place(&strip.space, span.buffer, &strip.index(&span.start), MAX_LOOPS);
            if self.violations.len() == before {
                let dtype = self.kernel.dtype(span.buffer);
                self.require(dtype == math.dtype, 12, || {
                    format!("{} holds {dtype}, not {}", span.buffer, math.dtype)
                });
            }
        }
        if self.violations.len() == before {
            math.args.iter().for_each(|arg| self.aliasing(&strip, math, arg));
        }
    }

    fn aliasing(&mut self, strip: &Strip<'_>, math: &Math, arg: &Span) {
        if arg.buffer != math.out.buffer || *arg == math.out {
            return;
        }
        let apart = strip.space.disjoint(&strip.index(&arg.start), &strip.index(&math.out.start));
        self.require(apart, 12, || format!("{} is partly overwritten", arg.buffer));
    }
}

/// Bits of one dtype as those of another.
fn reinterpreted(from: DType, to: DType) -> Result<DType, (u32, String)> {
    let fits = from == to || (from.size() == to.size() && from.is_number() && to.is_number());
    if fits { Ok(to) } else { Err((5, format!("the bits of {from} are no {to}"))) }
}

fn is_place(at: Reg, dtype: DType) -> Result<(), (u32, String)> {
    match dtype {
        DType::I64 => Ok(()),
        dtype => Err((14, format!("{at} is {dtype}, but a place is i64"))),
    }
}
