//! Gather, scatter and dynamic slices.

use super::{counting, gives, rejects, result, t, ty};
use crate::DType::{Bool, F32, F64, I8, I32, I64};
use crate::op::primitive::{DynamicSlice, DynamicUpdateSlice, Gather, Scatter, ScatterKind};
use crate::{Literal, Shape, TensorType};

/// Attributes in the order of the struct: offset_axes, collapsed, batch, index_batch, indexed.
type AxesOf<'a> = [&'a [usize]; 5];

/// Whole rows of a matrix, one for each index of a list.
const ROWS: AxesOf<'static> = [&[1], &[0], &[], &[], &[0]];

fn gather(axes: AxesOf<'_>, sizes: &[usize]) -> Gather {
    let [offset_axes, collapsed, batch, index_batch, indexed] = axes.map(Into::into);
    Gather { offset_axes, collapsed, batch, index_batch, indexed, sizes: sizes.into() }
}

fn scatter(kind: ScatterKind, axes: AxesOf<'_>) -> Scatter {
    let [offset_axes, collapsed, batch, index_batch, indexed] = axes.map(Into::into);
    Scatter { kind, offset_axes, collapsed, batch, index_batch, indexed }
}

#[test]
fn gather_of_rows_is_an_embedding() {
    let table = counting([3, 2]);
    let rows = gather(ROWS, &[1, 2]);
    gives(rows.clone(), &[table.clone(), t([2, 1], &[2, 0])], [2, 2], &[4, 5, 0, 1]);
    // Indices are clamped.
    gives(rows.clone(), &[table.clone(), t([2, 1], &[-1, 3])], [2, 2], &[0, 1, 4, 5]);
    gives(rows.clone(), &[table.clone(), t([2, 1], &[u64::MAX, 1])], [2, 2], &[4, 5, 2, 3]);
    gives(rows.clone(), &[table.clone(), t([2, 1], &[i64::MIN, i64::MAX])], [2, 2], &[0, 1, 4, 5]);
    gives::<i32>(rows, &[table.clone(), t::<i32>([0, 1], &[])], [0, 2], &[]);
    // np.take(table, [[0, 1], [1, 1]], axis=1): the rows' axis goes first.
    let columns = gather([&[0], &[1], &[], &[], &[1]], &[3, 1]);
    gives(columns, &[table, t([2, 2, 1], &[0, 1, 1, 1])], [3, 2, 2], &[0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5]);
}

#[test]
fn gather_along_an_axis() {
    // np.take_along_axis(x, i, axis=1)
    let op = gather([&[], &[1], &[0], &[0], &[1]], &[1, 1]);
    gives(op, &[counting([2, 3]), t([2, 2, 1], &[2, 0, 1, 1])], [2, 2], &[2, 0, 4, 4]);
    // The same along axis 0: the batch axis of the indices is their second.
    let op = gather([&[], &[0], &[1], &[1], &[0]], &[1, 1]);
    gives(op, &[counting([2, 3]), t([1, 3, 1], &[1, 0, 1])], [1, 3], &[3, 1, 5]);
}

#[test]
fn gather_of_points_and_windows() {
    // gather_nd: one element for each pair; the second component is an index of axis 0.
    let op = gather([&[], &[0, 1], &[], &[], &[1, 0]], &[1, 1]);
    gives(op, &[counting([2, 3]), t([2, 2], &[2, 0, 0, 1])], [2], &[2, 3]);
    // Windows of 2 x 2 with their axes around the position; the one at [5, 5] is moved back to fit.
    let op = gather([&[0, 2], &[], &[], &[], &[0, 1]], &[2, 2]);
    let expected = [0, 1, 4, 5, 3, 4, 7, 8];
    gives(op, &[counting([3, 3]), t([2, 2], &[0, 0, 5, 5])], [2, 2, 2], &expected);
    // No component at all: every position gets the first element.
    gives(gather([&[], &[0], &[], &[], &[]], &[1]), &[counting([3]), t::<i32>([2, 0], &[])], [2], &[0, 0]);
    gives(gather([&[], &[], &[], &[], &[]], &[]), &[counting([]), t::<i32>([0], &[])], [], &[0]);
    // Empty windows, and windows smaller than an axis that no component is an index of.
    gives::<i32>(
        gather([&[1], &[], &[], &[], &[0]], &[0]),
        &[counting([3]), t([2, 1], &[1, 2])],
        [2, 0],
        &[],
    );
    gives(gather([&[1], &[0], &[], &[], &[0]], &[1, 1]), &[counting([2, 2]), t([1, 1], &[1])], [1, 1], &[2]);
}

#[test]
fn gather_checks_the_indices() {
    let x = ty(F32, [3, 2]);
    let rows = || gather(ROWS, &[1, 2]);
    rejects(rows(), &[x.clone(), ty(F32, [4, 1])], "operand 1 must have i32, i64, u32 or u64, found f32");
    rejects(rows(), &[x.clone(), ty(I8, [4, 1])], "operand 1 must have i32");
    rejects(rows(), &[x.clone(), ty(I32, ())], "must have an axis of index vectors");
    rejects(rows(), &[x, ty(I32, [4, 2])], "`indexed`: 1 axes for index vectors of 2 numbers");
}

#[test]
fn gather_checks_its_attributes() {
    let check = |axes, sizes: &[usize], message| {
        rejects(gather(axes, sizes), &[ty(F32, [3, 2]), ty(I32, [3, 1])], message);
    };
    let fine: &[usize] = &[1, 2];
    check([&[1], &[0], &[], &[], &[2]], fine, "axis 2 is not valid for rank 2");
    check([&[1], &[2], &[], &[], &[0]], fine, "axis 2 is not valid for rank 2");
    check([&[1], &[], &[usize::MAX], &[0], &[0]], fine, "is not valid for rank 2");
    check([&[1], &[0, 0], &[], &[], &[0]], fine, "axis 0 is named twice");
    check([&[], &[1, 0], &[], &[], &[0]], fine, "`collapsed`: must be ascending");
    check([&[1], &[0], &[0], &[0], &[1]], fine, "`batch`: axis 0 is collapsed or indexed, too");
    check([&[1], &[], &[0], &[0], &[0]], fine, "`batch`: axis 0 is collapsed or indexed, too");
    check([&[1], &[], &[0], &[], &[1]], fine, "`index_batch`: 0 axes to go with 1");
    check([&[1], &[], &[0], &[1], &[1]], fine, "axis 1 is not valid for rank 1");
    check([&[1], &[], &[1], &[0], &[0]], fine, "extents of axis 1 of operand 0 and axis 0 of the indices");
    check([&[], &[0], &[], &[], &[0]], fine, "`offset_axes`: 0 axes for windows of 1 axes");
    check([&[2], &[0], &[], &[], &[0]], fine, "axis 2 is not valid for rank 2");
    check([&[1, 1], &[], &[], &[], &[0]], fine, "axis 1 is named twice");
    check([&[1, 0], &[], &[], &[], &[0]], fine, "`offset_axes`: must be ascending");
    check(ROWS, &[1], "`sizes`: needs one entry per axis");
    check(ROWS, &[2, 2], "axis 0 is collapsed or batch, so its size must be 1, found 2");
    check([&[1], &[], &[0], &[0], &[1]], &[2, 1], "axis 0 is collapsed or batch");
    check(ROWS, &[1, 3], "`sizes`: a window of 3 does not fit into axis 1 of extent 2");
    rejects(
        gather(ROWS, &[1, 2]),
        &[ty(F32, [0, 2]), ty(I32, [3, 1])],
        "does not fit into axis 0 of extent 0",
    );
    let deep = ty(I32, vec![1; 32]);
    let op = gather([&[0, 1], &[], &[], &[], &[0]], &[1, 2]);
    rejects(op, &[ty(F32, [3, 2]), deep], "too large");
}

fn scattered(kind: ScatterKind, x: &[f32], indices: &[i32], updates: &[f32]) -> Vec<f32> {
    let operands = [t([x.len()], x), t([indices.len(), 1], indices), t([updates.len()], updates)];
    result(scatter(kind, [&[], &[0], &[], &[], &[0]]), &operands).to_vec().unwrap()
}

#[test]
fn scatter_joins_in_order() {
    let x = [1.0, 2.0, 3.0];
    let (indices, updates) = ([2, 0, 2], [10.0, 20.0, 30.0]);
    let check = |kind| scattered(kind, &x, &indices, &updates);
    assert_eq!(check(ScatterKind::Set), [20.0, 2.0, 30.0]);
    assert_eq!(check(ScatterKind::Add), [21.0, 2.0, 43.0]);
    assert_eq!(check(ScatterKind::Mul), [20.0, 2.0, 900.0]);
    assert_eq!(check(ScatterKind::Max), [20.0, 2.0, 30.0]);
    assert_eq!(check(ScatterKind::Min), [1.0, 2.0, 3.0]);
    // Rounded after each: 2^24 + 1 + 1 stays, 1 + 1 + 2^24 does not.
    let big = 16777216.0;
    assert_eq!(scattered(ScatterKind::Add, &[big], &[0, 0], &[1.0, 1.0]), [big]);
    assert_eq!(scattered(ScatterKind::Add, &[0.0], &[0, 0, 0], &[1.0, 1.0, big]), [big + 2.0]);
    assert!(scattered(ScatterKind::Max, &[0.0], &[0, 0], &[f32::NAN, 1.0])[0].is_nan());
}

#[test]
fn scatter_drops_what_is_out_of_range() {
    assert_eq!(scattered(ScatterKind::Set, &[1.0, 2.0], &[-1, 2, 1], &[7.0, 8.0, 9.0]), [1.0, 9.0]);
    // A window that hangs over the end is dropped as a whole.
    let windows = scatter(ScatterKind::Set, [&[1], &[], &[], &[], &[0]]);
    let updates = t([3, 2], &[7, 7, 8, 8, 9, 9]);
    gives(windows, &[counting([4]), t([3, 1], &[3, -1, 1]), updates], [4], &[0, 9, 9, 3]);
    let huge = t([2, 1], &[u64::MAX, 0]);
    let op = scatter(ScatterKind::Set, [&[], &[0], &[], &[], &[0]]);
    gives(op, &[counting([2]), huge, t([2], &[7, 8])], [2], &[8, 1]);
}

#[test]
fn scatter_undoes_gather() {
    // Rows, batches, and windows with their axes around the position.
    let rows = scatter(ScatterKind::Set, ROWS);
    gives(rows, &[counting([3, 2]), t([1, 1], &[1]), t([1, 2], &[8, 9])], [3, 2], &[0, 1, 8, 9, 4, 5]);
    let batched = scatter(ScatterKind::Add, [&[], &[1], &[0], &[0], &[1]]);
    let operands = [counting([2, 2]), t([2, 2, 1], &[1, 1, 0, 1]), t([2, 2], &[10, 20, 30, 40])];
    gives(batched, &operands, [2, 2], &[0, 31, 32, 43]);
    let windows = scatter(ScatterKind::Set, [&[0, 2], &[], &[], &[], &[1, 0]]);
    let operands = [counting([2, 3]), t([1, 2], &[1, 0]), t([2, 1, 2], &[6, 7, 8, 9])];
    gives(windows, &operands, [2, 3], &[0, 6, 7, 3, 8, 9]);
    let scalar = scatter(ScatterKind::Add, [&[], &[], &[], &[], &[]]);
    gives(scalar, &[t([], &[1]), t::<i32>([3, 0], &[]), t([3], &[1, 2, 3])], [], &[7]);
    let bools = scatter(ScatterKind::Set, [&[], &[0], &[], &[], &[0]]);
    gives(bools, &[t([2], &[true, true]), t([1, 1], &[0]), t([1], &[false])], [2], &[false, true]);
    let nothing = scatter(ScatterKind::Set, ROWS);
    let operands = [counting([3, 2]), t::<i32>([0, 1], &[]), t::<i32>([0, 2], &[])];
    gives(nothing, &operands, [3, 2], &[0, 1, 2, 3, 4, 5]);
}

#[test]
fn scatter_checks_its_operands() {
    let [x, indices, updates] = [ty(F32, [3, 2]), ty(I32, [4, 1]), ty(F32, [4, 2])];
    let rows = || scatter(ScatterKind::Add, ROWS);
    let check = |x: &TensorType, indices: &TensorType, updates: &TensorType, message| {
        rejects(rows(), &[x.clone(), indices.clone(), updates.clone()], message);
    };
    check(&ty(Bool, [3, 2]), &indices, &ty(Bool, [4, 2]), "operand 0 must have a number dtype");
    check(&x, &ty(F32, [4, 1]), &updates, "operand 1 must have i32");
    check(&x, &indices, &ty(F64, [4, 2]), "operands 0 and 2 must have the same dtype");
    check(&x, &ty(I32, ()), &updates, "must have an axis of index vectors");
    check(&x, &ty(I32, [4, 2]), &updates, "`indexed`: 1 axes for index vectors of 2");
    check(&x, &indices, &ty(F32, [4]), "the updates must have rank 2, found 1");
    check(&x, &indices, &ty(F32, [5, 2]), "leading axes of the indices must agree, found [5] and [4]");
    check(&x, &indices, &ty(F32, [4, 3]), "a window of 3 does not fit into axis 1 of extent 2");
    check(&ty(F32, [0, 2]), &indices, &updates, "does not fit into axis 0 of extent 0");
    check(&ty(F32, [3]), &indices, &updates, "`offset_axes`: 1 axes for windows of 0 axes");
    let axes = [&[usize::MAX][..], &[0], &[], &[], &[0]];
    rejects(scatter(ScatterKind::Set, axes), &[x, indices, updates], "is not valid for rank 2");
}

fn dynamic_slice(sizes: impl Into<Shape>) -> DynamicSlice {
    DynamicSlice { sizes: sizes.into() }
}

#[test]
fn dynamic_slice_clamps_its_starts() {
    let x = counting([3, 3]);
    let check = |starts: Literal, expected: &[i32]| {
        gives(dynamic_slice([2, 2]), &[x.clone(), starts], [2, 2], expected);
    };
    check(t([2], &[1, 0]), &[3, 4, 6, 7]);
    check(t([2], &[-1, 9]), &[1, 2, 4, 5]);
    check(t([2], &[u64::MAX, 0]), &[3, 4, 6, 7]);
    gives::<i32>(dynamic_slice([0, 3]), &[x.clone(), t([2], &[9, 9])], [0, 3], &[]);
    gives(dynamic_slice(()), &[counting(()), t::<i32>([0], &[])], (), &[0]);
}

#[test]
fn dynamic_update_slice_clamps_its_starts() {
    let x = counting([2, 3]);
    let check = |starts: &[i64], expected: &[i32]| {
        let operands = [x.clone(), t([1, 2], &[8, 9]), t([2], starts)];
        gives(DynamicUpdateSlice {}, &operands, [2, 3], expected);
    };
    check(&[0, 1], &[0, 8, 9, 3, 4, 5]);
    check(&[5, 2], &[0, 1, 2, 3, 8, 9]);
    check(&[-5, i64::MIN], &[8, 9, 2, 3, 4, 5]);
    let operands = [counting([2]), t::<i32>([0], &[]), t([1], &[1])];
    gives(DynamicUpdateSlice {}, &operands, [2], &[0, 1]);
    gives(DynamicUpdateSlice {}, &[counting(()), t((), &[7]), t::<i32>([0], &[])], (), &[7]);
}

#[test]
fn dynamic_slices_check_their_operands() {
    let (x, starts) = (ty(F32, [3, 2]), ty(I64, [2]));
    rejects(
        dynamic_slice([1]),
        &[x.clone(), starts.clone()],
        "`sizes`: needs one entry per axis (2), found 1",
    );
    rejects(dynamic_slice([1, 1]), &[x.clone(), ty(F32, [2])], "operand 1 must have i32");
    rejects(dynamic_slice([1, 1]), &[x.clone(), ty(I32, [3])], "must have the shape [2], one start per axis");
    rejects(dynamic_slice([1, 1]), &[x.clone(), ty(I32, ())], "must have the shape [2]");
    rejects(
        dynamic_slice([1, 3]),
        &[x.clone(), starts.clone()],
        "does not fit into [3,2]: axis 1 is too long",
    );
    let update = |update: TensorType, starts: TensorType, message| {
        rejects(DynamicUpdateSlice {}, &[x.clone(), update, starts], message);
    };
    update(ty(F64, [1, 1]), starts.clone(), "operands 0 and 1 must have the same dtype");
    update(ty(F32, [1]), starts.clone(), "ranks of operands 0 and 1 must agree");
    update(ty(F32, [1, 1]), ty(Bool, [2]), "operand 2 must have i32");
    update(ty(F32, [1, 1]), ty(I32, [1]), "operand 2 must have the shape [2]");
    update(ty(F32, [4, 1]), starts, "does not fit into [3,2]: axis 0 is too long");
}
