//! In which order a reduction adds up, as far as its bits depend on it.
//!
//! The order is a function of the shape that a program says and of the axes. It must not depend on the memory that a kernel reads, on what is
//! fused with it, nor on how the passes write it: so they ask here whether another reduction of the same elements gives the same bits.

use smallvec::SmallVec;
use tensorwright_ir::{DType, Shape};

use super::{Cut, Form};
use crate::kernel::fold_lanes;

/// What the order depends on: two reductions of the same elements, one after the other in the order of their reduced axes, give the same bits if
/// these are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SumOrder {
    /// Extents of reduced axes, where neighbours are one; none if element follows element in one partial result.
    rows: Option<SmallVec<[usize; 4]>>,
    /// Of a cut one the elements outside of the pieces, the pieces, their elements, lanes, and the elements of the rest.
    cut: Option<[usize; 5]>,
}

impl SumOrder {
    /// The order in which a reduction of `shape` along `axes` adds up.
    pub(crate) fn of(shape: &Shape, axes: &[usize]) -> SumOrder {
        let mut reduced: SmallVec<[usize; 6]> = axes.iter().copied().collect();
        reduced.sort_unstable();
        let form = Form::of_reduction(shape, &reduced);
        let cut = Cut::of(shape, &reduced, form).map(|cut| {
            let extent = |axes: &[usize]| axes.iter().map(|&axis| shape.size(axis)).product::<usize>();
            let at = reduced.partition_point(|&axis| axis < cut.axis);
            let (outer, inner) = (extent(&reduced[..at]), extent(&reduced[at + 1..]));
            [outer, cut.pieces, cut.steps * inner, cut.lanes, cut.rest * inner]
        });
        let mut rows = (form == Form::Rows).then(|| merged(shape, &reduced));
        if let (Some(rows), None) = (&mut rows, cut) {
            merge_full_turns(rows);
        }
        SumOrder { rows, cut }
    }

    /// Which of the partial results of a short reduction its element `j` of `dtype` goes to.
    pub(crate) fn partial(&self, j: usize, dtype: DType) -> usize {
        let row = self.rows.as_ref().map_or(1, |rows| rows.last().copied().unwrap_or(1));
        (j % row.max(1)) % fold_lanes(dtype)
    }
}

/// Extents of reduced axes, where neighbours are one.
fn merged(shape: &Shape, reduced: &[usize]) -> SmallVec<[usize; 4]> {
    let mut rows: SmallVec<[usize; 4]> = SmallVec::new();
    let mut goes_on = false;
    for axis in (0..shape.rank()).filter(|&axis| shape.size(axis) != 1) {
        let is_reduced = reduced.contains(&axis);
        match rows.last_mut().filter(|_| goes_on && is_reduced) {
            Some(row) => *row *= shape.size(axis),
            None if is_reduced => rows.push(shape.size(axis)),
            None => {}
        }
        goes_on = is_reduced;
    }
    rows
}

/// A row that ends with the last of its partial results may as well be longer: the next one begins with the first.
fn merge_full_turns(rows: &mut SmallVec<[usize; 4]>) {
    if rows.last().is_some_and(|row| row.is_multiple_of(fold_lanes(DType::F32))) {
        *rows = SmallVec::from_elem(rows.iter().product(), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: (&[usize], &[usize]), other: (&[usize], &[usize])) -> bool {
        SumOrder::of(&Shape::from(one.0), one.1) == SumOrder::of(&Shape::from(other.0), other.1)
    }

    #[test]
    fn other_shapes_with_the_same_order() {
        assert!(same((&[4, 24], &[1]), (&[4, 8, 3], &[1, 2])));
        assert!(same((&[6, 4, 8], &[2]), (&[4, 6, 8], &[2])));
        assert!(same((&[5, 4, 16], &[0, 2]), (&[4, 5, 16], &[1, 2])));
        assert!(same((&[6, 1, 4], &[0]), (&[6, 4], &[0])));
        assert!(same((&[6, 4, 1], &[1]), (&[6, 4], &[1])));
    }

    #[test]
    fn other_orders() {
        // Along the last axis in turns, along others one after the other.
        assert!(!same((&[6, 4], &[1]), (&[4, 6], &[0])));
        assert!(!same((&[6, 1], &[0]), (&[6, 2], &[0])));
        assert!(!same((&[5, 4, 8], &[0, 2]), (&[4, 5, 8], &[1, 2])));
        // One is cut.
        assert!(!same((&[2, 1 << 20], &[1]), (&[64, 1 << 20], &[1])));
        assert!(!same((&[4096, 4096], &[0]), (&[4096, 64], &[0])));
    }

    #[test]
    fn partial_results_take_turns_along_the_last_axes() {
        let partials = |shape: &[usize], axes: &[usize], count: usize| -> Vec<usize> {
            let order = SumOrder::of(&Shape::from(shape), axes);
            (0..count).map(|j| order.partial(j, DType::F64)).collect()
        };
        assert_eq!(partials(&[2, 10], &[1], 10), [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]);
        assert_eq!(partials(&[3, 2], &[0], 3), [0, 0, 0]);
        assert_eq!(partials(&[2, 5, 3], &[0, 2], 6), [0, 1, 2, 0, 1, 2]);
    }
}
