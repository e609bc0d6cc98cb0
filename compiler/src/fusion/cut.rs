//! Which reductions are cut in two: pieces of their rows are reduced in one kernel, the pieces' results in a second one.
//!
//! Tiles are what threads share, and a reduction has no more of them than it has results. So a long one with few results is
//! seen with its outermost long axis as three, `pieces x steps x lanes`: each piece is a tile that reduces its steps, and
//! pieces and lanes are reduced at the end. What does not fill a piece is one more piece.
//!
//! The decision depends on nothing but the shape and the axes. So the op alone and the op fused with others add up
//! in the same order, on any number of threads.

use tensorwright_ir::Shape;

use super::Form;

/// Tiles from which on there are enough of them.
const ENOUGH_TILES: usize = 8;
/// Elements of a row from which on a reduction of rows is cut: computing shorter ones takes less than waking a thread.
const LONG_ROW: usize = 1 << 16;
/// Elements of a row from which on it is cut however many there are: where memory has its elements in another order than they are added up,
/// they are put side by side in scratch.
pub(crate) const LONGEST_ROW: usize = 1 << 20;
/// Elements of a piece of a row: the smallest whose end is cheap, so that scratch as long as it stays in L1.
const ROW_PIECE: usize = 1 << 12;
/// Columns of one tile of an outer-axis reduction.
pub(crate) const COLUMN_TILE: usize = 1024;
/// Elements from which on an outer-axis reduction is cut.
const MANY_ELEMENTS: usize = 1 << 17;
/// Fewest rows of a piece of an outer-axis reduction: each ends with a store of a row of results.
const COLUMN_PIECE: usize = 128;
/// Fewest elements of such a piece.
const COLUMN_PIECE_ELEMENTS: usize = 1 << 14;
/// Elements of a row from which on its loop is good vector code.
const WIDE: usize = 64;

/// A reduced axis as `pieces x steps x lanes`, and a rest of less than a piece.
///
/// Reduced axes outside of it are outside of the pieces, those inside of it belong to the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The axis.
    pub(crate) axis: usize,
    /// Number of whole pieces.
    pub(crate) pieces: usize,
    /// Steps of a piece, which it reduces.
    pub(crate) steps: usize,
    /// Neighbours that a step takes side by side, to be reduced at the end.
    pub(crate) lanes: usize,
    /// Indices after the last whole piece.
    pub(crate) rest: usize,
}

impl Cut {
    /// How a reduction of `shape` along `reduced` (ascending) is cut, if it is.
    pub(crate) fn of(shape: &Shape, reduced: &[usize], form: Form) -> Option<Cut> {
        let row = reduced.iter().map(|&axis| shape.size(axis)).fold(1, usize::saturating_mul);
        let kept: usize =
            (0..shape.rank()).filter(|axis| !reduced.contains(axis)).map(|axis| shape.size(axis)).product();
        let budget = match form {
            Form::Rows if row > LONGEST_ROW || kept < ENOUGH_TILES && row > LONG_ROW => ROW_PIECE,
            Form::Columns
                if kept.div_ceil(COLUMN_TILE) < ENOUGH_TILES && row.saturating_mul(kept) > MANY_ELEMENTS =>
            {
                COLUMN_PIECE.max(COLUMN_PIECE_ELEMENTS / kept.max(1))
            }
            _ => return None,
        };
        let (axis, steps) = innermost_too_long(shape, reduced, budget)?;
        let width: usize = (axis + 1..shape.rank()).map(|a| shape.size(a)).product();
        // Columns side by side make good loops; if they are few, so do neighbouring rows that lie next to them.
        let lanes = match form {
            Form::Columns if width < WIDE && steps == budget => (WIDE / width.max(1)).next_power_of_two(),
            _ => 1,
        };
        let steps = even(shape.size(axis) / lanes, steps.div_ceil(lanes));
        let pieces = shape.size(axis) / (steps * lanes);
        let cut = Cut { axis, pieces, steps, lanes, rest: shape.size(axis) - pieces * steps * lanes };
        (kept > 0 && pieces > 1).then_some(cut)
    }
}

/// The innermost axis of which not all fits into pieces of `budget` rows, and how much of it does.
fn innermost_too_long(shape: &Shape, reduced: &[usize], budget: usize) -> Option<(usize, usize)> {
    let mut left = budget;
    for &axis in reduced.iter().rev() {
        let size = shape.size(axis);
        if size > left {
            return Some((axis, left));
        }
        left /= size.max(1);
    }
    None
}

/// About `wanted`, but without a rest if there is a divisor of `extent` not too far below.
fn even(extent: usize, wanted: usize) -> usize {
    let pieces = extent.div_ceil(wanted.max(1));
    let divides = |pieces: &usize| extent.is_multiple_of(*pieces);
    (pieces..=2 * pieces).find(divides).map_or(wanted, |pieces| extent / pieces).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(shape: &[usize], reduced: &[usize]) -> Option<Cut> {
        let of = Shape::from(shape);
        let cut = Cut::of(&of, reduced, Form::of_reduction(&of, reduced));
        if let Some(Cut { axis, pieces, steps, lanes, rest }) = cut {
            assert_eq!(pieces * steps * lanes + rest, shape[axis], "{shape:?} {reduced:?}");
            assert!(rest < steps.saturating_mul(2 * lanes), "{shape:?} {reduced:?}");
        }
        cut
    }

    #[test]
    fn short_rows_and_many_results_stay_whole() {
        for (shape, reduced) in [
            (&[1 << 16][..], &[0][..]),
            (&[8, 1 << 20], &[1]),
            (&[1024, 1024], &[1]),
            (&[1 << 10, 1 << 13], &[0]),
            (&[128, 512], &[0]),
            (&[0, 1 << 20], &[1]),
            (&[1 << 20, 0], &[0]),
            (&[0], &[0]),
        ] {
            assert_eq!(cut(shape, reduced), None, "{shape:?} {reduced:?}");
        }
    }

    #[test]
    fn long_rows_are_cut() {
        let whole = Cut { axis: 0, pieces: 4096, steps: 4096, lanes: 1, rest: 0 };
        assert_eq!(cut(&[1 << 24], &[0]), Some(whole));
        assert_eq!(cut(&[1_000_000], &[0]), Some(Cut { pieces: 250, steps: 4000, ..whole }));
        assert_eq!(cut(&[1_000_003], &[0]), Some(Cut { pieces: 244, steps: 4096, rest: 579, ..whole }));
        assert_eq!(cut(&[8, 1 << 21], &[1]).map(|c| (c.axis, c.pieces)), Some((1, 512)));
        assert_eq!(cut(&[3, 1 << 20], &[1]).map(|c| (c.axis, c.pieces)), Some((1, 256)));
        assert_eq!(cut(&[1000, 768], &[0, 1]).map(|c| (c.axis, c.pieces, c.steps)), Some((0, 200, 5)));
        assert_eq!(cut(&[7, 1, 1 << 20, 1], &[0, 1, 2, 3]).map(|c| (c.axis, c.pieces)), Some((2, 256)));
    }

    #[test]
    fn outer_axes_are_cut() {
        let square = Cut { axis: 0, pieces: 32, steps: 128, lanes: 1, rest: 0 };
        assert_eq!(cut(&[4096, 4096], &[0]), Some(square));
        let narrow = cut(&[1 << 20, 3], &[0]).expect("a narrow one");
        assert_eq!(narrow.lanes, 32);
        assert_eq!(cut(&[1 << 20, 1], &[0]).map(|c| c.lanes), Some(1));
        assert_eq!(cut(&[64, 56, 56, 32], &[0, 1, 2]).map(|c| (c.axis, c.pieces, c.steps)), Some((1, 7, 8)));
    }
}
