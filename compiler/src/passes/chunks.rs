//! How the axes of two shapes with as many elements go together.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::Shape;

/// Neighbouring axes of one shape, and the neighbouring axes of the other that run over the same elements.
pub(super) type Chunk = (Range<usize>, Range<usize>);

/// Cuts both shapes into as many chunks of equal size as there are. `None` unless both have the same number of elements, at
/// least one.
pub(super) fn common_chunks(from: &Shape, to: &Shape) -> Option<SmallVec<[Chunk; 6]>> {
    if from.elements() != to.elements() || from.elements() == 0 {
        return None;
    }
    let (mut i, mut j) = (0, 0);
    let mut chunks = SmallVec::new();
    while i < from.rank() || j < to.rank() {
        let (start_i, start_j) = (i, j);
        let (mut left, mut right) = (take(from, &mut i), take(to, &mut j));
        while left != right {
            let smaller = if left < right { (&mut left, from, &mut i) } else { (&mut right, to, &mut j) };
            *smaller.0 *= take(smaller.1, smaller.2);
        }
        chunks.push((start_i..i, start_j..j));
    }
    Some(chunks)
}

/// The extent of the next axis; 1 at the end.
fn take(shape: &Shape, next: &mut usize) -> usize {
    let extent = shape.get(*next).map_or(1, |dim| dim.size());
    *next = (*next + 1).min(shape.rank());
    extent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(from: &[usize], to: &[usize]) -> Vec<Chunk> {
        common_chunks(&from.into(), &to.into()).unwrap().to_vec()
    }

    #[test]
    fn axes_go_together_in_the_smallest_groups() {
        assert_eq!(chunks(&[2, 3, 4], &[6, 4]), [(0..2, 0..1), (2..3, 1..2)]);
        assert_eq!(chunks(&[4, 6], &[4, 2, 3]), [(0..1, 0..1), (1..2, 1..3)]);
        assert_eq!(chunks(&[4, 6], &[6, 4]), [(0..2, 0..2)]);
        assert_eq!(chunks(&[4], &[4, 1]), [(0..1, 0..1), (1..1, 1..2)]);
        assert_eq!(chunks(&[4, 8], &[4, 1, 8]), [(0..1, 0..1), (1..2, 1..3)]);
        assert_eq!(chunks(&[], &[]), []);
    }
}
