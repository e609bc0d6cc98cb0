//! Element-wise ops on more and more sizes: from the third size on they run in pieces, by code for pieces of a few sizes, so that a size that
//! comes once compiles nothing. One that comes again and again gets code of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::{Op, Shape, TensorType};
use tensorwright_runtime::Executable;
use tensorwright_runtime::buffer::SharedBuffer;

use super::cache::OpQuery;
use crate::error::{CallSite, Error, Failure};
use crate::settings;
use crate::tensor::{Results, Tensor};

/// Elements of pieces: of the largest that fits there are at most 17, up to a million elements.
const PIECES: [usize; 5] = [1 << 16, 1 << 12, 1 << 8, 1 << 4, 1];
/// New sizes of an op that are compiled before any runs in pieces.
const COMPILED_SIZES: u64 = 2;
/// How often a size runs in pieces before it is compiled; a large one, whose pieces are not shared among threads.
const RUNS: u64 = 4;
const LARGE_RUNS: u64 = 1;

/// Sizes of an op that have been compiled or run in pieces, and runs of a size in pieces.
static SIZES: Counts = Counts::new();
static SEEN: Counts = Counts::new();

/// An op that runs in pieces.
pub(super) struct Pieces<'q> {
    op: &'q Op,
    /// The types of a piece.
    types: SmallVec<[TensorType; 4]>,
    /// The shape of the whole.
    shape: Shape,
}

/// The op in pieces, if it is one that can be, and other sizes of it came before.
pub(super) fn pieces<'q>(query: &OpQuery<'q>) -> Option<Pieces<'q>> {
    let shape = &query.types.iter().find(|ty| ty.rank() > 0)?.shape;
    let elements = shape.elements();
    let is_whole = |ty: &&TensorType| ty.rank() == 0 || ty.shape == *shape;
    if elements < 2 || !query.types.iter().all(is_whole) || !query.op.is_elementwise() {
        return None;
    }
    let piece = PIECES.into_iter().find(|&piece| piece <= elements)?;
    let of_piece = |ty: &&TensorType| {
        if ty.rank() == 0 { (*ty).clone() } else { TensorType::new(ty.dtype, [piece]) }
    };
    let dtypes: SmallVec<[_; 4]> = query.types.iter().map(|ty| (ty.dtype, ty.rank() == 0)).collect();
    if SIZES.next(&(query.op, dtypes)) <= COMPILED_SIZES {
        return None;
    }
    let runs = if piece == PIECES[0] { LARGE_RUNS } else { RUNS };
    let types = query.types.iter().map(of_piece).collect();
    (SEEN.next(query) <= runs).then(|| Pieces { op: query.op, types, shape: shape.clone() })
}

impl Pieces<'_> {
    /// What the code of a piece is asked for by.
    pub(super) fn query(&self) -> OpQuery<'_> {
        OpQuery { op: self.op, types: self.types.iter().collect() }
    }

    /// The results; `None` if code of this op cannot be run in pieces.
    pub(super) fn run(
        &self,
        executable: &Executable,
        inputs: &[&SharedBuffer],
        at: CallSite,
    ) -> Option<Result<Results, Failure>> {
        executable.piece()?;
        let ty = TensorType::new(executable.output_types()[0].dtype, self.shape.clone());
        let run = executable.run_in_pieces(inputs, self.shape.elements(), settings::eager_threads());
        let failed = |error| Error::run(at, error).into();
        Some(run.map(|buffer| smallvec![Tensor::concrete(ty, buffer)]).map_err(failed))
    }
}

/// How often something came, about: each place remembers the last of those that share it.
struct Counts([AtomicU64; 256]);

impl Counts {
    const fn new() -> Counts {
        Counts([const { AtomicU64::new(0) }; 256])
    }

    /// How often this came, this time among them.
    fn next(&self, what: &impl Hash) -> u64 {
        const COUNT: u64 = 0xff;
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let hash = hasher.finish() | (COUNT + 1);
        let place = &self.0[(hash >> 32) as usize % self.0.len()];
        let known = place.load(Ordering::Relaxed);
        let before = if known & !COUNT == hash & !COUNT { known & COUNT } else { 0 };
        let count = (before + 1).min(COUNT);
        place.store((hash & !COUNT) | count, Ordering::Relaxed);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_apart() {
        let counts = Counts::new();
        let each = [1, 2, 1, 1, 2].map(|what| counts.next(&what));
        assert_eq!(each, [1, 1, 2, 3, 2]);
        let many: Vec<u64> = (0..300).map(|_| counts.next(&7)).collect();
        assert_eq!((many[0], many[254], many[299]), (1, 255, 255));
    }
}
