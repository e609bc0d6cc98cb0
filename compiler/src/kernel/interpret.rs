//! The kernel interpreter: what a kernel means, one element at a time.
//!
//! It is slow and shares nothing with code generation. Elements are computed by the functions of the ops; folds follow the
//! documented order.

use smallvec::SmallVec;
use tensorwright_ir::{DType, Scalar};

use super::verify::{InvalidKernel, verify};
use super::{
    Affine, Buffer, Extent, Fold, Instr, Kernel, Loop, Math, MathOp, Outside, Reg, TileStage, Var,
    fold_lanes, loops,
};

/// Why a kernel could not be interpreted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterpretError {
    /// The kernel breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidKernel),
    /// A buffer is missing or has the wrong size.
    #[error("the kernel's params are {expected:?} bytes large, but the buffers {given:?}")]
    Buffers {
        /// Bytes of each param.
        expected: Vec<u64>,
        /// Bytes of each buffer.
        given: Vec<u64>,
    },
    /// A tile beyond the last one.
    #[error("there are {tiles} tiles, none has number {end}")]
    Tiles {
        /// The number of tiles.
        tiles: u64,
        /// The end of the range that was asked for.
        end: u64,
    },
}

/// Computes the tiles `begin..end` on `params`, the bytes of each param in the order of this machine.
///
/// # Errors
///
/// If the kernel is invalid, or what it is given does not fit it.
pub fn interpret(
    kernel: &Kernel,
    params: &mut [Vec<u8>],
    begin: u64,
    end: u64,
) -> Result<(), InterpretError> {
    verify(kernel)?;
    check_buffers(kernel, params, end)?;
    for tile in begin..end {
        let mut run = Tile::new(kernel, params, tile);
        kernel.stages.iter().for_each(|stage| run.stage(stage));
    }
    Ok(())
}

/// Checks that there is memory for all params, and that the tiles before `end` exist.
pub(crate) fn check_buffers(kernel: &Kernel, params: &[Vec<u8>], end: u64) -> Result<(), InterpretError> {
    let expected: Vec<u64> = kernel.params.iter().map(|p| p.len * p.dtype.size() as u64).collect();
    let given: Vec<u64> = params.iter().map(|p| p.len() as u64).collect();
    if expected != given {
        return Err(InterpretError::Buffers { expected, given });
    }
    if end > kernel.tiles() {
        return Err(InterpretError::Tiles { tiles: kernel.tiles(), end });
    }
    Ok(())
}

fn first_indices(kernel: &Kernel, tile: u64) -> Vec<i64> {
    let mut rest = tile;
    let mut first = vec![0; kernel.grid.len()];
    for (first, dim) in first.iter_mut().zip(&kernel.grid).rev() {
        *first = (rest % dim.tiles() * dim.tile) as i64;
        rest /= dim.tiles();
    }
    first
}

/// A tile that is being computed.
pub(crate) struct Tile<'k, 'p> {
    pub(crate) kernel: &'k Kernel,
    params: &'p mut [Vec<u8>],
    locals: Vec<Vec<u8>>,
    /// The grid variables.
    grid: Vec<i64>,
    /// The loop variables of the stage.
    pub(crate) dims: Vec<i64>,
}

impl<'k, 'p> Tile<'k, 'p> {
    pub(crate) fn new(kernel: &'k Kernel, params: &'p mut [Vec<u8>], tile: u64) -> Tile<'k, 'p> {
        // Scratch is uninitialised: fill it with what would be noticed.
        let locals = kernel.locals.iter().map(|l| vec![0xa5; l.len as usize * l.dtype.size()]).collect();
        Tile { kernel, params, locals, grid: first_indices(kernel, tile), dims: Vec::new() }
    }
}

impl Tile<'_, '_> {
    fn stage(&mut self, stage: &TileStage) {
        match stage {
            TileStage::Loop(body) if body.folds.is_empty() => self.each(&body.dims, |tile| tile.point(body)),
            TileStage::Loop(body) => {
                let kept = body.dims.len() - body.folded as usize;
                self.each(&body.dims[..kept], |tile| tile.folds(body, kept));
            }
            TileStage::Math(math) => self.math(math),
        }
    }

    pub(crate) fn count(&self, extent: Extent) -> u64 {
        match extent {
            Extent::Fixed(n) => n,
            Extent::Tile(g) => {
                let dim = self.kernel.grid[g as usize];
                dim.tile.min(dim.extent - self.grid[g as usize] as u64)
            }
        }
    }

    /// Runs `f` for each index of further loops, in order.
    fn each(&mut self, dims: &[Extent], mut f: impl FnMut(&mut Self)) {
        let counts: SmallVec<[u64; 8]> = dims.iter().map(|&e| self.count(e)).collect();
        let outside = self.dims.len();
        for number in 0..counts.iter().product() {
            let mut rest: u64 = number;
            let mut index: SmallVec<[i64; 8]> = counts.iter().map(|_| 0).collect();
            for (i, count) in index.iter_mut().zip(&counts).rev() {
                *i = (rest % count) as i64;
                rest /= count;
            }
            self.dims.extend(index);
            f(self);
            self.dims.truncate(outside);
        }
    }

    pub(crate) fn index(&self, index: &Affine) -> i64 {
        let value = |var| match var {
            Var::Grid(g) => self.grid[g as usize],
            Var::Dim(d) => self.dims[d as usize],
        };
        index.terms.iter().fold(index.offset, |sum, &(var, c)| sum.wrapping_add(c.wrapping_mul(value(var))))
    }

    fn bytes(&mut self, buffer: Buffer) -> &mut Vec<u8> {
        match buffer {
            Buffer::Param(i) => &mut self.params[i as usize],
            Buffer::Local(i) => &mut self.locals[i as usize],
        }
    }

    pub(crate) fn load(&mut self, buffer: Buffer, at: i64) -> Scalar {
        let dtype = self.kernel.dtype(buffer);
        let begin = at as usize * dtype.size();
        let mut bits = [0; 8];
        bits[..dtype.size()].copy_from_slice(&self.bytes(buffer)[begin..begin + dtype.size()]);
        Scalar::from_bits(dtype, u64::from_le_bytes(bits))
    }

    pub(crate) fn store(&mut self, buffer: Buffer, at: i64, value: Scalar) {
        let size = self.kernel.dtype(buffer).size();
        let begin = at as usize * size;
        self.bytes(buffer)[begin..begin + size].copy_from_slice(&value.bits().to_le_bytes()[..size]);
    }

    /// The values of a body at the current point.
    fn evaluate(&mut self, body: &Loop) -> Vec<Scalar> {
        const NONE: Scalar = Scalar::Bool(false);
        let body = &body.body;
        let spans = loops::spans(body).expect("verified");
        let mut values: Vec<Scalar> = vec![NONE; body.len()];
        let mut at = 0;
        while let Some(instr) = body.get(at) {
            let of = |reg: Reg| values[reg.0 as usize];
            let value = match *instr {
                Instr::Loop => NONE,
                Instr::State(x) => of(x),
                Instr::While(x) => {
                    if !of(x).is_truthy() {
                        at = spans.iter().find(|span| span.test == at).map_or(at, |span| span.end);
                    }
                    NONE
                }
                Instr::Repeat(ref next) => {
                    let span = spans.iter().find(|span| span.end == at).expect("each loop has a span");
                    let next: SmallVec<[Scalar; 8]> = next.iter().map(|&reg| of(reg)).collect();
                    span.state().zip(next).for_each(|(state, value)| values[state] = value);
                    at = span.begin + span.states + 1;
                    continue;
                }
                Instr::Index { dtype, ref index } => Scalar::I64(self.index(index)).cast(dtype),
                Instr::Load { buffer, ref index } => {
                    let at = self.index(index);
                    self.load(buffer, at)
                }
                Instr::LoadAt { buffer, ref index, at, count } => {
                    let at = self.index(index) + computed_place(of(at), count);
                    self.load(buffer, at)
                }
                Instr::StoreAt { buffer, ref index, at, count, value, outside } => {
                    if is_stored(of(at), count, outside) {
                        let (at, value) = (self.index(index) + computed_place(of(at), count), of(value));
                        self.store(buffer, at, value);
                    }
                    NONE
                }
                ref instr => computed(instr, of),
            };
            values[at] = value;
            at += 1;
        }
        values
    }

    fn point(&mut self, body: &Loop) {
        let values = self.evaluate(body);
        for store in &body.stores {
            let at = self.index(&store.index);
            self.store(store.buffer, at, values[store.value.0 as usize]);
        }
    }

    /// All folds of a stage, at one point of the loops that are kept.
    fn folds(&mut self, body: &Loop, kept: usize) {
        let mut partials: Vec<Vec<Scalar>> = body.folds.iter().map(|fold| self.identities(fold)).collect();
        self.each(&body.dims[kept..], |tile| {
            let innermost = tile.dims[tile.dims.len() - 1] as usize;
            let values = tile.evaluate(body);
            for (fold, partials) in body.folds.iter().zip(&mut partials) {
                let lane = innermost % partials.len();
                partials[lane] = fold.kind.function().eval(partials[lane], values[fold.value.0 as usize]);
            }
        });
        for (fold, partials) in body.folds.iter().zip(partials) {
            let at = self.index(&fold.index);
            self.store(fold.buffer, at, tree(fold, partials));
        }
    }

    fn identities(&self, fold: &Fold) -> Vec<Scalar> {
        let dtype = self.kernel.dtype(fold.buffer);
        vec![fold.kind.identity(dtype); fold_lanes(dtype)]
    }

    pub(crate) fn math(&mut self, math: &Math) {
        let count: u64 = math.dims.iter().map(|&e| self.count(e)).product();
        for i in 0..count as i64 {
            let args: SmallVec<[Scalar; 2]> = math
                .args
                .iter()
                .map(|span| {
                    let at = self.index(&span.start) + i;
                    self.load(span.buffer, at)
                })
                .collect();
            let value = match math.function {
                MathOp::Unary(function) => function.eval(args[0]),
                MathOp::Binary(function) => function.eval(args[0], args[1]),
            };
            let at = self.index(&math.out.start) + i;
            self.store(math.out.buffer, at, value);
        }
    }
}

/// The value of an instruction that depends on registers only, given those; that of one without a value is arbitrary.
pub(crate) fn computed(instr: &Instr, of: impl Fn(Reg) -> Scalar) -> Scalar {
    match *instr {
        Instr::Const(scalar) => scalar,
        Instr::Unary(function, x) => function.eval(of(x)),
        Instr::Binary(function, x, y) => function.eval(of(x), of(y)),
        Instr::Special(function, ref x) => {
            let x: SmallVec<[Scalar; 3]> = x.iter().map(|&x| of(x)).collect();
            function.eval(&x)
        }
        Instr::Compare(function, x, y) => Scalar::Bool(function.eval(of(x), of(y))),
        Instr::Select(c, x, y) => of(if of(c).is_truthy() { x } else { y }),
        Instr::Fma(x, y, z) => fma(of(x), of(y), of(z)),
        Instr::Cast(dtype, x) => of(x).cast(dtype),
        Instr::Bitcast(dtype, x) => Scalar::from_bits(dtype, of(x).bits()),
        Instr::State(x) => of(x),
        Instr::Index { .. } | Instr::Load { .. } | Instr::LoadAt { .. } => Scalar::Bool(false),
        Instr::Loop | Instr::While(_) | Instr::Repeat(_) | Instr::StoreAt { .. } => Scalar::Bool(false),
    }
}

/// Whether something is stored at a computed place.
pub(crate) fn is_stored(place: Scalar, count: u64, outside: Outside) -> bool {
    outside == Outside::Nearest || (0..i128::from(count)).contains(&place.to_i128())
}

/// A computed place, at least 0 and below `count`.
pub(crate) fn computed_place(place: Scalar, count: u64) -> i64 {
    (place.to_i128() as i64).clamp(0, count as i64 - 1)
}

/// The balanced tree: the upper half of the partials into the lower one.
pub(crate) fn tree(fold: &Fold, mut partials: Vec<Scalar>) -> Scalar {
    while partials.len() > 1 {
        let half = partials.len() / 2;
        for i in 0..half {
            partials[i] = fold.kind.function().eval(partials[i], partials[i + half]);
        }
        partials.truncate(half);
    }
    partials[0]
}

fn fma(x: Scalar, y: Scalar, z: Scalar) -> Scalar {
    match (x, y, z) {
        (Scalar::F32(x), Scalar::F32(y), Scalar::F32(z)) => Scalar::F32(x.mul_add(y, z)),
        _ => Scalar::from_f64(DType::F64, x.to_f64().mul_add(y.to_f64(), z.to_f64())),
    }
}
