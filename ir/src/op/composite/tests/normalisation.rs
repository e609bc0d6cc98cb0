//! Golden values of softmax and of the layers that normalise.

use super::{assert_close, assert_f64, cast, error, f64s, run, tensor};
use crate::DType;

#[test]
fn softmax() {
    // F.softmax(t(a), 1)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 800.0]);
    let y = run(&[a], |b, x| b.softmax(x[0], 1usize));
    assert_f64(&y, [2, 3], &[0.04201006613406605, 0.11419519938459449, 0.8437947344813395, 0.0, 0.0, 1.0]);
}

#[test]
fn softmax_of_the_first_axis() {
    // F.softmax(t(a), 0)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.softmax(x[0], 0usize));
    assert_f64(
        &y,
        [2, 3],
        &[
            0.8807970779778823,
            0.8175744761936437,
            0.7310585786300049,
            0.11920292202211755,
            0.18242552380635632,
            0.2689414213699951,
        ],
    );
}

#[test]
fn log_softmax() {
    // F.log_softmax(t(a), 1)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 800.0]);
    let y = run(&[a], |b, x| b.log_softmax(x[0], 1usize));
    assert_f64(
        &y,
        [2, 3],
        &[-3.1698460195562856, -2.1698460195562856, -0.16984601955628567, -801.0, -799.5, 0.0],
    );
}

#[test]
fn layer_norm_of_the_last_axis() {
    // F.layer_norm(t(a), (3,), t(b), t(c), 1e-5)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let b = f64s([3], [1.5, -2.0, 0.5]);
    let c = f64s([3], [0.1, 0.2, 0.3]);
    let y = run(&[a, b, c], |b, x| b.layer_norm(x[0], x[1], x[2], 1usize, 1e-5));
    assert_f64(
        &y,
        [2, 3],
        &[
            -1.5035622971754465,
            0.7345207657251491,
            0.968150957156436,
            -1.5667486371389112,
            0.6040602756700391,
            0.9565979479638136,
        ],
    );
}

#[test]
fn layer_norm_of_several_axes() {
    // F.layer_norm(t(a), (2, 2), t(b), t(c), 1e-3)
    let a = f64s([2, 2, 2], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0, 2.0, 2.0]);
    let b = f64s([2, 2], [1.5, -2.0, 0.5, 1.0]);
    let c = f64s([2, 2], [0.1, 0.2, 0.3, 0.4]);
    let y = run(&[a, b, c], |b, x| b.layer_norm(x[0], x[1], x[2], 1usize, 1e-3));
    assert_f64(
        &y,
        [2, 2, 2],
        &[
            -0.315961158066464,
            -0.354614877421952,
            0.99326859677744,
            -0.98653719355488,
            -2.20901379991204,
            -2.3189241453585887,
            0.3699701151488497,
            0.5399402302976994,
        ],
    );
}

#[test]
fn rms_norm() {
    // F.rms_norm(t(a), (3,), t(b), 1e-5)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let b = f64s([3], [1.5, -2.0, 0.5]);
    let y = run(&[a, b], |b, x| b.rms_norm(x[0], x[1], 1usize, 1e-5));
    assert_f64(
        &y,
        [2, 3],
        &[
            0.5669463045523394,
            -1.5118568121395717,
            0.7559284060697858,
            -0.8115014836384111,
            -0.5410009890922741,
            0.8115014836384111,
        ],
    );
}

#[test]
fn group_norm_channels_first() {
    // F.group_norm(t(a), 2, t(b), t(c), 1e-5)
    let a = f64s(
        [2, 4, 2],
        [
            -5.0,
            -4.0,
            -2.1715728752538097,
            0.19615242270663202,
            3.0,
            6.180339887498949,
            9.696938456699069,
            13.520259177452136,
            17.627416997969522,
            22.0,
            26.622776601683793,
            31.4828726939094,
            36.569219381653056,
            41.87216658103186,
            47.38320341483518,
            53.09475019311125,
        ],
    );
    let b = f64s([4], [1.0, 2.0, 3.0, 4.0]);
    let c = f64s([4], [0.1, 0.2, 0.3, 0.4]);
    let y = run(&[a, b, c], |b, x| b.group_norm(x[0], x[1], x[2], 2usize, 1usize, 1e-5));
    assert_close(
        &y,
        [2, 4, 2],
        &[
            -1.0410077395703157,
            -0.5352743772255342,
            0.7788444407495162,
            3.1737197928421845,
            -3.59755363385437,
            -1.166761137994168,
            2.028053435685687,
            5.9243662601123575,
            -1.2175478933982629,
            -0.37105731802027153,
            1.0477367280552796,
            2.929473694781797,
            -3.674434062459397,
            -1.0917595139265033,
            2.1230135350416743,
            5.83191123347287,
        ],
        1e-12,
    );
}

#[test]
fn group_norm_channels_last() {
    // F.group_norm(t(a).transpose(1, 2), 2, t(b), t(c), 1e-5).transpose(1, 2)
    let a = f64s(
        [2, 2, 4],
        [
            -5.0,
            -2.1715728752538097,
            3.0,
            9.696938456699069,
            -4.0,
            0.19615242270663202,
            6.180339887498949,
            13.520259177452136,
            17.627416997969522,
            26.622776601683793,
            36.569219381653056,
            47.38320341483518,
            22.0,
            31.4828726939094,
            41.87216658103186,
            53.09475019311125,
        ],
    );
    let b = f64s([4], [1.0, 2.0, 3.0, 4.0]);
    let c = f64s([4], [0.1, 0.2, 0.3, 0.4]);
    let y = run(&[a, b, c], |b, x| b.group_norm(x[0], x[1], x[2], 2usize, 2usize, 1e-5));
    assert_close(
        &y,
        [2, 2, 4],
        &[
            -1.0410077395703157,
            0.7788444407495162,
            -3.59755363385437,
            2.028053435685687,
            -0.5352743772255342,
            3.1737197928421845,
            -1.166761137994168,
            5.9243662601123575,
            -1.2175478933982629,
            1.0477367280552796,
            -3.674434062459397,
            2.1230135350416743,
            -0.37105731802027153,
            2.929473694781797,
            -1.0917595139265033,
            5.83191123347287,
        ],
        1e-12,
    );
}

#[test]
fn instance_norm() {
    // F.instance_norm(t(a), weight=t(b), bias=t(c), eps=1e-5)
    let a = f64s(
        [2, 4, 2],
        [
            -5.0,
            -4.0,
            -2.1715728752538097,
            0.19615242270663202,
            3.0,
            6.180339887498949,
            9.696938456699069,
            13.520259177452136,
            17.627416997969522,
            22.0,
            26.622776601683793,
            31.4828726939094,
            36.569219381653056,
            41.87216658103186,
            47.38320341483518,
            53.09475019311125,
        ],
    );
    let b = f64s([4], [1.0, 2.0, 3.0, 4.0]);
    let c = f64s([4], [0.1, 0.2, 0.3, 0.4]);
    let y = run(&[a, b, c], |b, x| b.instance_norm(x[0], x[1], x[2], 1usize, 1e-5));
    assert_close(
        &y,
        [2, 4, 2],
        &[
            -0.8999800005999807,
            1.0999800005999791,
            -1.7999928649825678,
            2.199992864982568,
            -2.699994067976129,
            3.2999940679761295,
            -3.59999452722448,
            4.399994527224482,
            -0.8999989539482025,
            1.0999989539482038,
            -1.799998306560338,
            2.1999983065603352,
            -2.699997866384388,
            3.2999978663843814,
            -3.5999975476519284,
            4.399997547651927,
        ],
        1e-12,
    );
}

#[test]
fn l2_normalize() {
    // t(a) * torch.rsqrt(torch.clamp((t(a) ** 2).sum(1, keepdim=True), min=1e-12))
    let a = f64s([3, 2], [3.0, 4.0, 0.0, 0.0, 1e-08, 0.0]);
    let y = run(&[a], |b, x| b.l2_normalize(x[0], [1], 1e-12));
    assert_f64(&y, [3, 2], &[0.6000000000000001, 0.8, 0.0, 0.0, 0.01, 0.0]);
}

/// Minus infinity is a weight of zero; a row of nothing else has no distribution.
#[test]
fn softmax_with_infinities() {
    let inf = f64::INFINITY;
    let x = f64s([2, 2], [-inf, 1.0, -inf, -inf]);
    let y = run(&[x.clone()], |b, x| b.softmax(x[0], 1usize));
    assert_f64(&y, [2, 2], &[0.0, 1.0, f64::NAN, f64::NAN]);
    let y = run(&[x], |b, x| b.log_softmax(x[0], 1usize));
    assert_f64(&y, [2, 2], &[-inf, 0.0, f64::NAN, f64::NAN]);
}

#[test]
fn half_precision_is_computed_wide() {
    let x = cast(&f64s([1, 4], [300.0, 301.0, 302.0, 305.0]), DType::BF16);
    let one = cast(&f64s([4], [1.0; 4]), DType::BF16);
    let zero = cast(&f64s([4], [0.0; 4]), DType::BF16);
    let inputs = [x, one, zero];
    let narrow = run(&inputs, |b, x| b.layer_norm(x[0], x[1], x[2], 1usize, 1e-5));
    let wide = inputs.map(|l| cast(&l, DType::F32));
    let wide = run(&wide, |b, x| b.layer_norm(x[0], x[1], x[2], 1usize, 1e-5));
    assert_eq!(narrow, cast(&wide, DType::BF16));
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    assert_eq!(
        error(&[x()], |b, x| b.softmax(x[0], 2usize)),
        "`softmax`(f64[1,2]): axis 2 is not valid for rank 2"
    );
    assert_eq!(
        error(&[x(), x(), x()], |b, x| b.layer_norm(x[0], x[1], x[2], 1usize, 1e-5)),
        "`layer_norm`(f64[1,2], f64[1,2], f64[1,2]): the shape of operand 1 and the extents it applies to must agree, \
         found [1,2] and [2]"
    );
    assert_eq!(
        error(&[x(), tensor([2], [1f32, 2.0])], |b, x| b.rms_norm(x[0], x[1], 1usize, 1e-5)),
        "`rms_norm`(f64[1,2], f32[2]): operands 0 and 1 must have the same dtype, found f64 and f32; cast one of them"
    );
    let parameter = f64s([2], [1.0, 2.0]);
    let inputs = [x(), parameter.clone(), parameter];
    assert_eq!(
        error(&inputs, |b, x| b.group_norm(x[0], x[1], x[2], 3usize, 1usize, 1e-5)),
        "`group_norm`(f64[1,2], f64[2], f64[2]): attribute `groups`: must divide the 2 channels, found 3"
    );
    assert_eq!(
        error(&inputs, |b, x| b.group_norm(x[0], x[1], x[2], 0usize, 1usize, 1e-5)),
        "`group_norm`(f64[1,2], f64[2], f64[2]): attribute `groups`: must divide the 2 channels, found 0"
    );
    assert_eq!(
        error(&inputs, |b, x| b.instance_norm(x[0], x[1], x[2], 0usize, 1e-5)),
        "`instance_norm`(f64[1,2], f64[2], f64[2]): attribute `channel_axis`: must not be 0, the batch axis"
    );
}
