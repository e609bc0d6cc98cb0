//! Golden values of index maps.

use super::{assert_f64, error, f64s, run, run_all};
use crate::op::attribute::Offsets;
use crate::op::composite::{DepthOrder, ImageLayout};
use crate::{Literal, Scalar};

#[test]
fn squeeze() {
    // np.squeeze(a, (0, 2))
    let a = f64s([1, 2, 1], [0.0, 1.0]);
    let y = run(&[a], |b, x| b.squeeze(x[0], [2, 0]));
    assert_f64(&y, [2], &[0.0, 1.0]);
}

#[test]
fn expand_dims() {
    // np.expand_dims(a, (0, 2))
    let a = f64s([2], [0.0, 1.0]);
    let y = run(&[a], |b, x| b.expand_dims(x[0], [2, 0]));
    assert_f64(&y, [1, 2, 1], &[0.0, 1.0]);
}

#[test]
fn flatten() {
    // a.reshape(2, 6, 1)
    let a = f64s([2, 2, 3, 1], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let y = run(&[a], |b, x| b.flatten(x[0], 1usize, 3usize));
    assert_f64(&y, [2, 6, 1], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
}

#[test]
fn flatten_of_no_axes() {
    // a.reshape(2, 1, 3)
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run(&[a], |b, x| b.flatten(x[0], 1usize, 1usize));
    assert_f64(&y, [2, 1, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn tile() {
    // np.tile(a, (2, 1))
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run(&[a], |b, x| b.tile(x[0], [2, 1]));
    assert_f64(&y, [4, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn tile_two_axes() {
    // np.tile(a, (2, 3))
    let a = f64s([1, 2], [1.0, 2.0]);
    let y = run(&[a], |b, x| b.tile(x[0], [2, 3]));
    assert_f64(&y, [2, 6], &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
}

#[test]
fn tile_nothing() {
    // np.tile(a, (1, 0))
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run(&[a], |b, x| b.tile(x[0], [1, 0]));
    assert_f64(&y, [2, 0], &[]);
}

#[test]
fn stack() {
    // np.stack([a, b], 1)
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let b = f64s([2, 3], [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    let y = run(&[a, b], |b, x| b.stack(x, 1usize));
    assert_f64(&y, [2, 2, 3], &[0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 3.0, 4.0, 5.0, 13.0, 14.0, 15.0]);
}

#[test]
fn unstack() {
    // [a[:, 0], a[:, 1], a[:, 2]]
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run_all(&[a], |b, x| b.unstack(x[0], 1usize).map(|r| r.to_vec()));
    assert_f64(&y[0], [2], &[0.0, 3.0]);
    assert_f64(&y[1], [2], &[1.0, 4.0]);
    assert_f64(&y[2], [2], &[2.0, 5.0]);
}

#[test]
fn split() {
    // np.split(a, [1, 1], 1)
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run_all(&[a], |b, x| b.split(x[0], 1usize, [1, 0, 2]).map(|r| r.to_vec()));
    assert_f64(&y[0], [2, 1], &[0.0, 3.0]);
    assert_f64(&y[1], [2, 0], &[]);
    assert_f64(&y[2], [2, 2], &[1.0, 2.0, 4.0, 5.0]);
}

#[test]
fn roll() {
    // np.roll(a, (1, -1), (0, 1))
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run(&[a], |b, x| b.roll(x[0], [1i64, -1].into_iter().collect::<Offsets>(), [0, 1]));
    assert_f64(&y, [2, 3], &[4.0, 5.0, 3.0, 1.0, 2.0, 0.0]);
}

#[test]
fn roll_more_than_once_round() {
    // np.roll(a, 7, 1)
    let a = f64s([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let y = run(&[a], |b, x| b.roll(x[0], [7i64].into_iter().collect::<Offsets>(), [1]));
    assert_f64(&y, [2, 3], &[2.0, 0.0, 1.0, 5.0, 3.0, 4.0]);
}

#[test]
fn depth_to_space_nhwc_dcr() {
    // a.reshape(1, 1, 1, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 2, 2, 2)
    let a = f64s([1, 1, 1, 8], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    let y = run(&[a], |b, x| b.depth_to_space(x[0], 2usize, ImageLayout::Nhwc, DepthOrder::Dcr));
    assert_f64(&y, [1, 2, 2, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
}

#[test]
fn depth_to_space_nchw_dcr() {
    // a.reshape(1, 2, 2, 2, 1, 2).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 2, 4)
    let a = f64s(
        [1, 8, 1, 2],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
    );
    let y = run(&[a], |b, x| b.depth_to_space(x[0], 2usize, ImageLayout::Nchw, DepthOrder::Dcr));
    assert_f64(
        &y,
        [1, 2, 2, 4],
        &[0.0, 4.0, 1.0, 5.0, 8.0, 12.0, 9.0, 13.0, 2.0, 6.0, 3.0, 7.0, 10.0, 14.0, 11.0, 15.0],
    );
}

#[test]
fn depth_to_space_nchw_crd() {
    // F.pixel_shuffle(t(a), 2)
    let a = f64s(
        [1, 8, 1, 2],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
    );
    let y = run(&[a], |b, x| b.depth_to_space(x[0], 2usize, ImageLayout::Nchw, DepthOrder::Crd));
    assert_f64(
        &y,
        [1, 2, 2, 4],
        &[0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0, 8.0, 10.0, 9.0, 11.0, 12.0, 14.0, 13.0, 15.0],
    );
}

#[test]
fn depth_to_space_nhwc_crd() {
    // F.pixel_shuffle(t(a).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    let a = f64s(
        [1, 1, 2, 8],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
    );
    let y = run(&[a], |b, x| b.depth_to_space(x[0], 2usize, ImageLayout::Nhwc, DepthOrder::Crd));
    assert_f64(
        &y,
        [1, 2, 4, 2],
        &[0.0, 4.0, 1.0, 5.0, 8.0, 12.0, 9.0, 13.0, 2.0, 6.0, 3.0, 7.0, 10.0, 14.0, 11.0, 15.0],
    );
}

#[test]
fn space_to_depth_nchw_crd() {
    // F.pixel_unshuffle(t(a), 2)
    let a = f64s(
        [1, 2, 2, 4],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
    );
    let y = run(&[a], |b, x| b.space_to_depth(x[0], 2usize, ImageLayout::Nchw, DepthOrder::Crd));
    assert_f64(
        &y,
        [1, 8, 1, 2],
        &[0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0, 8.0, 10.0, 9.0, 11.0, 12.0, 14.0, 13.0, 15.0],
    );
}

#[test]
fn space_to_depth_nhwc_dcr() {
    // a.reshape(1, 1, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 1, 2, 8)
    let a = f64s(
        [1, 2, 4, 2],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
    );
    let y = run(&[a], |b, x| b.space_to_depth(x[0], 2usize, ImageLayout::Nhwc, DepthOrder::Dcr));
    assert_f64(
        &y,
        [1, 1, 2, 8],
        &[0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0, 4.0, 5.0, 6.0, 7.0, 12.0, 13.0, 14.0, 15.0],
    );
}

/// The examples of TensorFlow's documentation of `space_to_batch_nd`.
#[test]
fn space_to_batch() {
    let x = f64s([1, 2, 2, 1], [1.0, 2.0, 3.0, 4.0]);
    let y = run(&[x], |b, x| b.space_to_batch(x[0], [2, 2], [0, 0], [0, 0]));
    assert_f64(&y, [4, 1, 1, 1], &[1.0, 2.0, 3.0, 4.0]);

    let x = f64s([2, 2, 4, 1], std::array::from_fn::<f64, 16, _>(|i| i as f64 + 1.0));
    let y = run(&[x.clone()], |b, x| b.space_to_batch(x[0], [2, 2], [0, 2], [0, 0]));
    let expected = [
        0.0, 1.0, 3.0, 0.0, 9.0, 11.0, 0.0, 2.0, 4.0, 0.0, 10.0, 12.0, 0.0, 5.0, 7.0, 0.0, 13.0, 15.0, 0.0,
        6.0, 8.0, 0.0, 14.0, 16.0,
    ];
    assert_f64(&y, [8, 1, 3, 1], &expected);

    let back = run(&[y], |b, x| b.batch_to_space(x[0], [2, 2], [0, 2], [0, 0]));
    assert_eq!(back, x);
}

#[test]
fn space_and_depth_are_inverse() {
    let x =
        Literal::from_fn(crate::TensorType::new(crate::DType::I32, [2, 4, 6, 3]), |i| Scalar::I32(i as i32));
    for &layout in ImageLayout::ALL {
        for &order in DepthOrder::ALL {
            let y = run(&[x.clone()], |b, x| {
                let side = if layout == ImageLayout::Nhwc { 2usize } else { 3 };
                let deep = b.space_to_depth(x[0], side, layout, order)?;
                b.depth_to_space(deep, side, layout, order)
            });
            assert_eq!(y, x);
        }
    }
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    let offsets = |list: &[i64]| Offsets::from(list);
    for (found, expected) in [
        (
            error(&[x()], |b, x| b.squeeze(x[0], [1])),
            "`squeeze`(f64[1,2]): attribute `axes`: axis 1 has extent 2, not 1",
        ),
        (
            error(&[x()], |b, x| b.expand_dims(x[0], [3])),
            "`expand_dims`(f64[1,2]): axis 3 is not valid for rank 3",
        ),
        (
            error(&[x()], |b, x| b.flatten(x[0], 1usize, 3usize)),
            "`flatten`(f64[1,2]): attribute `end`: must not be above the rank 2, found 3",
        ),
        (
            error(&[x()], |b, x| b.flatten(x[0], 2usize, 1usize)),
            "`flatten`(f64[1,2]): attribute `start`: must not be above the end 1, found 2",
        ),
        (
            error(&[x()], |b, x| b.tile(x[0], [usize::MAX, 2])),
            "`tile`(f64[1,2]): the result of shape [18446744073709551615,4] is too large",
        ),
        (
            error(&[x()], |b, x| b.tile(x[0], [2])),
            "`tile`(f64[1,2]): attribute `repeats`: needs one entry per axis (2), found 1",
        ),
        (
            error(&[x()], |b, x| b.split(x[0], 1usize, [usize::MAX, 3]).map(|r| r[0])),
            "`split`(f64[1,2]): attribute `sizes`: must add up to 2, the extent of axis 1",
        ),
        (
            error(&[x()], |b, x| b.roll(x[0], offsets(&[1, 2]), [0])),
            "`roll`(f64[1,2]): attribute `shifts`: 2 shifts for 1 axes",
        ),
    ] {
        assert_eq!(found, expected);
    }
    let long = Literal::new([5000], &[0f64; 5000]).unwrap();
    assert_eq!(
        error(&[long], |b, x| b.unstack(x[0], 0usize).map(|r| r[0])),
        "`unstack`(f64[5000]): attribute `axis`: axis 0 has extent 5000, more than 4096"
    );
}

#[test]
fn errors_of_images_and_blocks() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    for (found, expected) in [
        (
            error(&[x()], |b, x| b.depth_to_space(x[0], 2usize, ImageLayout::Nhwc, DepthOrder::Dcr)),
            "`depth_to_space`(f64[1,2]): operand 0 must have 4 axes, found f64[1,2]",
        ),
        (
            error(&[x()], |b, x| b.space_to_batch(x[0], [3], [0], [0])),
            "`space_to_batch`(f64[1,2]): attribute `block`: 3 does not divide 2, the padded extent of axis 1",
        ),
        (
            error(&[x()], |b, x| b.batch_to_space(x[0], [1], [1], [2])),
            "`batch_to_space`(f64[1,2]): attribute `low`: 1 and 2 are more than the 2 elements of axis 1",
        ),
        (
            error(&[x()], |b, x| b.batch_to_space(x[0], [0], [1], [2])),
            "`batch_to_space`(f64[1,2]): attribute `block`: must be of extents above 0 that fit in memory",
        ),
    ] {
        assert_eq!(found, expected);
    }
}
