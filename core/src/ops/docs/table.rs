//! The other lines of the registry.

super::documented! { op_doc;
    cast: "`T[s] -> dtype[s]`, any dtypes."
        r#"let x = Tensor::from([1.7f32, -1.7]);
assert_eq!(x.cast(DType::I32).to_vec::<i32>()?, [1, -1]);"#;
    bitcast: "`T[s] -> dtype[s]`, integers or floats of one size; `T[.., 4] -> dtype[..]` and back for sizes of one and four bytes."
        r#"let bits = Tensor::from(1.0f32).bitcast(DType::U32);
assert_eq!(bits.item::<u32>()?, 0x3f80_0000);"#;
    real: "`c64[s] -> f32[s]`, `c128[s] -> f64[s]`."
        r#"use tensorwright::Complex;
assert_eq!(Tensor::from(Complex::new(1.0f32, -2.0)).real().item::<f32>()?, 1.0);"#;
    imag: "`c64[s] -> f32[s]`, `c128[s] -> f64[s]`."
        r#"use tensorwright::Complex;
assert_eq!(Tensor::from(Complex::new(1.0f32, -2.0)).imag().item::<f32>()?, -2.0);"#;
    conj: "`T[s] -> T[s]`, c64 or c128."
        r#"use tensorwright::Complex;
let z = Complex::new(1.0f32, -2.0);
assert_eq!(Tensor::from(z).conj().item::<Complex<f32>>()?, z.conj());"#;
    complex: "`f32[s], f32[s] -> c64[s]`, `f64[s], f64[s] -> c128[s]`: `re.complex(&im)`."
        r#"use tensorwright::Complex;
let z = Tensor::from([3.0f32, 0.0]).complex(&Tensor::from([4.0f32, -1.0]));
assert_eq!(z.abs().to_vec::<f32>()?, [5.0, 1.0]);
assert_eq!((&z * Complex::new(0.0f32, 1.0)).i(0).item::<Complex<f32>>()?, Complex::new(-4.0, 3.0));"#;
    as_real: "`c64[s] -> f32[s, 2]`, `c128[s] -> f64[s, 2]`."
        r#"use tensorwright::Complex;
let z = Tensor::from([Complex::new(1.0f32, -2.0)]);
assert_eq!(z.as_real().to_vec::<f32>()?, [1.0, -2.0]);"#;
    as_complex: "`f32[s, 2] -> c64[s]`, `f64[s, 2] -> c128[s]`."
        r#"use tensorwright::Complex;
let z = Tensor::from([[1.0f32, -2.0]]).as_complex();
assert_eq!(z.to_vec::<Complex<f32>>()?, [Complex::new(1.0, -2.0)]);"#;
    angle: "`c64[s] -> f32[s]`, `c128[s] -> f64[s]`."
        r#"use tensorwright::Complex;
let z = Tensor::from([Complex::new(0.0f64, 2.0), Complex::new(-1.0, 0.0)]);
assert_eq!(z.angle().to_vec::<f64>()?, [std::f64::consts::FRAC_PI_2, std::f64::consts::PI]);"#;
    dft: "`F[.., n, 2] -> F[.., n, 2]`, f32 or f64. What most programs want is [`Tensor::fft`]; this is what it is made of."
        r#"use tensorwright::FourierSign;
let y = Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]).dft(FourierSign::Forward);
assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 1.0, -1.0]);"#;
    real_dft: "`F[.., n] -> F[.., n / 2 + 1, 2]`, f32 or f64, `n` at least 1. What most programs want is [`Tensor::rfft`]; this is what it is made of."
        r#"assert_eq!(Tensor::from([1.0f32, 2.0]).real_dft().to_vec::<f32>()?, [3.0, 0.0, -1.0, 0.0]);"#;
    real_dft_back: "`F[.., length / 2 + 1, 2] -> F[.., length]`, f32 or f64. What most programs want is [`Tensor::irfft`]; this is what it is made of."
        r#"let y = Tensor::from([[3.0f32, 0.0], [-1.0, 0.0]]);
assert_eq!(y.real_dft_back(2).to_vec::<f32>()?, [2.0, 4.0]);"#;
    slice: "`T[..] -> T[..]`, any dtype, of the same rank. [`Tensor::i`] says it shorter: `x.i((1, ..))`."
        r#"let x = Tensor::arange(6, DType::I32);
assert_eq!(x.slice([4], [0], [-2]).to_vec::<i32>()?, [4, 2]);"#;
    trace_mark: "`T[s] -> T[s]`, any dtype. The mark is a step of its own in a profile, and what comes before it is stored: a border of kernels. Loops that are kernels have none."
        r#"let f = function(|x: Tensor| (x.exp().trace_mark("features") + 1.0).sum(..));
assert_eq!(f.call([0.0f32, 0.0])?.item::<f32>()?, 4.0);
assert!(f.dump(Stage::Optimized)?.contains("features"));"#;
    reverse: "`T[s] -> T[s]`, any dtype."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.reverse(1).to_vec::<i32>()?, [2, 1, 4, 3]);"#;
    concat: "`T[.., m, ..], T[.., n, ..], .. -> T[.., m + n + .., ..]`, any dtype."
        r#"let (x, y) = (Tensor::from([[1], [2]]), Tensor::from([[3, 4], [5, 6]]));
assert_eq!(Tensor::concat(&[x, y], 1).to_vec::<i32>()?, [1, 3, 4, 2, 5, 6]);"#;
    pad: "`T[.., n, ..], T[] -> T[.., low + n + (n - 1) * interior + high, ..]`, any dtype; one number of each per axis."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.pad(0, [1], [2], [0]).to_vec::<i32>()?, [0, 1, 2, 3, 0, 0]);
assert_eq!(x.pad(9, [-1], [0], [1]).to_vec::<i32>()?, [9, 2, 9, 3]);"#;
    gather: r#"`T[s], I[g.., k] -> T[..]`, any dtype. What most programs want is [`Tensor::take`] (slices along one axis), [`Tensor::take_along_axis`] (an element
per index, PyTorch's `gather`), [`Tensor::gather_nd`] or [`Tensor::i`]; this is the op that all of them are.

Each index vector, the last axis of `indices`, places a window of shape `sizes` in `x`: its number `j` is where the window begins along axis
`indexed[j]`. The result has the axes `g` of the positions, and the window's axes at `offset_axes`; axes in `collapsed`, of size 1, are not among
them. Axes in `batch` go along with the axes `index_batch` of the positions.

```text
x       f32[4, 3]           indices  i32[2, 1]     result  f32[2, 3]
0 1 2   <- row 0 -+         3                      9 10 11
3 4 5             |         0                      0  1  2
6 7 8             |
9 10 11 <- row 3 -+         offset_axes [1], collapsed [0], indexed [0], sizes [1, 3]
```"#
        r#"let x = Tensor::arange(12, DType::I32).reshape((4, 3));
let rows = x.gather([[3], [0]], [1], [0], (), (), [0], [1, 3]);
assert_eq!(rows.to_vec::<i32>()?, [9, 10, 11, 0, 1, 2]);"#;
    scatter: r#"`T[s], I[g.., k], T[..] -> T[s]`, numbers (any dtype for `Set`). What most programs want is [`Tensor::set`] and [`Tensor::add_at`], or
[`Tensor::scatter_add`] along one axis; this is the op that all of them are.

It is the opposite of [`Tensor::gather`], with the same axes: each index vector places a window in `x`, and `updates` has for it what `gather` would
have read there. Windows that do not lie in `x` are left out.

```text
x       f32[3, 2]    indices  i32[2, 1]    updates  f32[2, 2]    result, kind Add
0 0                  2                     1 2                   3 4
0 0                  0                     3 4                   0 0
0 0                                                              1 2
                     offset_axes [1], collapsed [0], indexed [0]
```"#
        r#"use tensorwright::ScatterKind;
let x = Tensor::zeros((3, 2), DType::I32);
let y = x.scatter([[2], [0]], [[1, 2], [3, 4]], ScatterKind::Add, [1], [0], (), (), [0]);
assert_eq!(y.to_vec::<i32>()?, [3, 4, 0, 0, 1, 2]);"#;
    reduce_window: "`T[s] -> T[s']`, numbers, bools for any and all; one [`WindowAxis`](crate::WindowAxis) per axis. [`Tensor::max_pool`] and its kin say it for images."
        r#"use tensorwright::{ReduceKind, WindowAxis};
let pairs = [WindowAxis { taps: 2, stride: 2, ..WindowAxis::ONE }];
let x = Tensor::from([1, 5, 2, 3]);
assert_eq!(x.reduce_window(ReduceKind::Sum, pairs).to_vec::<i32>()?, [6, 5]);"#;
    arg_window: "`T[s] -> i32[s']`, numbers; one [`WindowAxis`](crate::WindowAxis) per axis. Taps are counted in row-major order; -1 stands for a window that sees nothing."
        r#"use tensorwright::{ArgKind, WindowAxis};
let pairs = [WindowAxis { taps: 2, stride: 2, ..WindowAxis::ONE }];
let x = Tensor::from([1, 5, 2, 3]);
assert_eq!(x.arg_window(ArgKind::Min, pairs).to_vec::<i32>()?, [0, 0]);"#;
    gather_window: "`T[s], i32[s'] -> T[s']`, numbers; 0 where the tap sees nothing."
        r#"use tensorwright::{WindowAxis};
let pairs = [WindowAxis { taps: 2, stride: 2, ..WindowAxis::ONE }];
let x = Tensor::from([1, 5, 2, 3]);
assert_eq!(x.gather_window([1, 0], pairs).to_vec::<i32>()?, [5, 2]);"#;
    scatter_window: "`T[s'], i32[s'] -> T[s]`, numbers: the transposed map of [`Tensor::gather_window`]."
        r#"use tensorwright::{WindowAxis};
let pairs = [WindowAxis { taps: 2, stride: 2, ..WindowAxis::ONE }];
let x = Tensor::from([5, 2]);
assert_eq!(x.scatter_window([1, 0], 4, pairs).to_vec::<i32>()?, [0, 5, 2, 0]);"#;
    fma: "`T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let x = Tensor::from([1.0f32, 2.0]);
assert_eq!(x.fma(3.0, 0.5).to_vec::<f32>()?, [3.5, 6.5]);"#;
    cumulative: "`T[s] -> T[s]`; [`Tensor::cumsum`] and its kin say it shorter."
        r#"use tensorwright::ReduceKind;
let x = Tensor::from([1, 2, 3]);
let sums = x.cumulative(ReduceKind::Sum, 0, true, true);
assert_eq!(sums.to_vec::<i32>()?, [5, 3, 0]);"#;
    dot_general: "`T[..], T[..] -> dtype[batch.., free of lhs.., free of rhs..]`, numbers. [`Tensor::matmul`] and [`Tensor::einsum`] say it shorter."
        r#"let (x, y) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([[3.0f32, 4.0]]));
let products = x.dot_general(y, (), (), [1], [1], DType::F32);
assert_eq!(products.to_vec::<f32>()?, [11.0]);"#;
    rng_bits: "`u32[2], u64[] -> dtype[shape]`. [`RandomKey`](crate::RandomKey) has what is made of it."
        r#"use tensorwright::RngAlgorithm;
let key = RandomKey::new(1);
let bits = key.tensor().rng_bits(Tensor::from(0u64), RngAlgorithm::Philox, DType::U32, [4]);
assert_eq!(bits.shape()?, &[4].into());"#;
    cholesky: "`T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128, with `x = l l^H`. Both triangles are read: of the Hermitian part of `x`. If that is not positive definite, the factor is NaN."
        r#"let x = Tensor::from([[4.0f64, 2.0], [2.0, 5.0]]);
assert_eq!(x.cholesky().to_vec::<f64>()?, [2.0, 0.0, 1.0, 2.0]);"#;
    triangular_solve: "`T[.., n, n], T[.., m, k] -> T[.., m, k]`, f32, f64, c64 or c128; the side of `a` has the extent `n`. The other triangle is not looked at."
        r#"use tensorwright::{Diagonal, Side, Triangle, Turned};
let a = Tensor::from([[2.0f64, 0.0], [1.0, 4.0]]);
let x = a.triangular_solve([[2.0], [5.0]], Side::Left, Triangle::Lower, Turned::No, Diagonal::Stored);
assert_eq!(x.to_vec::<f64>()?, [1.0, 1.0]);"#;
    eigvalsh: "`T[.., n, n] -> R[.., n]`, real, of f32, f64, c64 or c128; of the Hermitian part."
        r#"let x = Tensor::from([[2.0f64, 1.0], [1.0, 2.0]]);
assert!(x.eigvalsh().allclose([1.0, 3.0], 1e-12, 1e-12).item::<bool>()?);"#;
    eigvals: "`T[.., n, n] -> C[.., n]`, complex, of f32, f64, c64 or c128, in the order of [`Tensor::eig`]."
        r#"let x = Tensor::from([[0.0f64, 1.0], [-1.0, 0.0]]);
assert!(x.eigvals().imag().allclose([-1.0, 1.0], 1e-12, 1e-12).item::<bool>()?);"#;
    svdvals: "`T[.., m, n] -> R[.., k]`, real, of f32, f64, c64 or c128, with `k` the lesser of `m` and `n`."
        r#"let x = Tensor::from([[3.0f64, 0.0], [0.0, -4.0]]);
assert!(x.svdvals().allclose([4.0, 3.0], 1e-12, 1e-12).item::<bool>()?);"#;
    linear_solve: "`T[.., n, n], T[.., n, k] -> T[.., n, k]`, f32, f64, c64 or c128. A singular matrix gives infinities and NaN."
        r#"use tensorwright::Turned;
let a = Tensor::from([[0.0f64, 2.0], [1.0, 1.0]]);
let x = a.linear_solve([[2.0], [3.0]], Turned::No);
assert_eq!(x.to_vec::<f64>()?, [2.0, 1.0]);"#;
    inverse: "`T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128. A singular matrix gives infinities and NaN."
        r#"let x = Tensor::from([[0.0f64, 2.0], [1.0, 1.0]]);
assert_eq!(x.inverse().to_vec::<f64>()?, [-0.5, 1.0, 0.5, 0.0]);"#;
    solve: "`T[.., n, n], T[.., n, k] -> T[.., n, k]`, or `T[.., n, n], T[n] -> T[.., n]`, f32, f64, c64 or c128. A singular matrix gives infinities and NaN."
        r#"let a = Tensor::from([[0.0f64, 2.0], [1.0, 1.0]]);
assert_eq!(a.solve([2.0, 3.0]).to_vec::<f64>()?, [2.0, 1.0]);"#;
    cholesky_solve: "Types as of [`Tensor::solve`]; the lower triangle of `l` is read."
        r#"let x = Tensor::from([[4.0f64, 2.0], [2.0, 5.0]]);
assert_eq!(x.cholesky().cholesky_solve([8.0, 12.0]).to_vec::<f64>()?, [1.0, 2.0]);"#;
    sylvester_solve: "`T[.., m, m], T[.., n, n], T[.., m, n] -> T[.., m, n]`, f32, f64, c64 or c128, by one system of `m n` unknowns: for small matrices."
        r#"let (a, b) = (Tensor::from([[2.0f64, 0.0], [0.0, 3.0]]), Tensor::from([[1.0f64]]));
assert_eq!(a.sylvester_solve(b, [[3.0], [8.0]]).to_vec::<f64>()?, [1.0, 2.0]);"#;
    band_solve: "`T[.., l + u + 1, n], T[.., n, k] -> T[.., n, k]`, f32, f64, c64 or c128: row `u + i - j` of the diagonals holds at `j` the element `(i, j)`."
        r#"let diagonals = Tensor::from([[0.0f64, 1.0], [2.0, 2.0], [1.0, 0.0]]);
let x = diagonals.band_solve([[3.0], [3.0]], 1);
assert!(x.allclose([[1.0], [1.0]], 1e-12, 1e-12).item::<bool>()?);"#;
    det: "`T[.., n, n] -> T[..]`, f32, f64, c64 or c128."
        r#"assert_eq!(Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]).det().item::<f64>()?, -2.0);"#;
    pinv: "`T[.., m, n] -> T[.., n, m]`, f32, f64, c64 or c128. Singular values up to `relative`, a number or `None`, times the greatest are taken for 0."
        r#"let x = Tensor::from([[2.0f64, 0.0], [0.0, 0.0]]);
assert!(x.pinv(None).allclose([[0.5, 0.0], [0.0, 0.0]], 1e-12, 1e-12).item::<bool>()?);"#;
    lstsq: "`T[.., m, n], T[.., m, k] -> T[.., n, k]`, or `T[.., m, n], T[m] -> T[.., n]`, f32, f64, c64 or c128, of any shape and rank."
        r#"let a = Tensor::from([[1.0f64, 0.0], [1.0, 1.0], [1.0, 2.0]]);
let line = a.lstsq([1.0, 3.0, 5.0], None);
assert!(line.allclose([1.0, 2.0], 1e-12, 1e-12).item::<bool>()?);"#;
    matrix_rank: "`T[.., m, n] -> i32[..]`, f32, f64, c64 or c128. Singular values up to `relative`, a number or `None`, times the greatest are taken for 0."
        r#"assert_eq!(Tensor::from([[1.0f64, 2.0], [2.0, 4.0]]).matrix_rank(None).item::<i32>()?, 1);
assert_eq!(Tensor::from([[1.0f64, 0.0], [0.0, 1e-6]]).matrix_rank(1e-3).item::<i32>()?, 1);"#;
    matrix_norm: "`T[.., m, n] -> R[..]`, f32, f64, c64 or c128."
        r#"use tensorwright::MatrixOrder;
let x = Tensor::from([[3.0f64, 0.0], [0.0, -4.0]]);
assert_eq!(x.matrix_norm(MatrixOrder::Infinity).item::<f64>()?, 4.0);"#;
    condition_number: "`T[.., m, n] -> R[..]`, f32, f64, c64 or c128; square matrices for norms other than the spectral one."
        r#"use tensorwright::MatrixOrder;
let x = Tensor::from([[2.0f64, 0.0], [0.0, 4.0]]);
assert_eq!(x.condition_number(MatrixOrder::One).item::<f64>()?, 2.0);"#;
    matrix_power: "`T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128."
        r#"let x = Tensor::from([[1.0f64, 1.0], [0.0, 1.0]]);
assert_eq!(x.matrix_power(5).to_vec::<f64>()?, [1.0, 5.0, 0.0, 1.0]);
assert_eq!(x.matrix_power(-1).to_vec::<f64>()?, [1.0, -1.0, 0.0, 1.0]);"#;
    expm: "`T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128."
        r#"let x = Tensor::from([[0.0f64, 1.0], [0.0, 0.0]]);
assert!(x.expm().allclose([[1.0, 1.0], [0.0, 1.0]], 1e-12, 1e-12).item::<bool>()?);"#;
    fill: "`T[] -> T[shape]`, any dtype."
        r#"assert_eq!(Tensor::from(7).fill([2, 2]).to_vec::<i32>()?, [7; 4]);"#;
    squeeze: "`T[.., 1, ..] -> T[.., ..]`, any dtype."
        r#"assert_eq!(Tensor::zeros((2, 1, 3), DType::F32).squeeze(1).shape()?, &[2, 3].into());"#;
    flatten: "`T[.., m, n, ..] -> T[.., m * n, ..]`, any dtype; `reshape(-1)` merges all axes."
        r#"assert_eq!(Tensor::zeros((2, 3, 4), DType::F32).flatten(1, 3).shape()?, &[2, 12].into());"#;
    tile: "`T[.., n, ..] -> T[.., n * r, ..]`, any dtype; one number per axis."
        r#"assert_eq!(Tensor::from([1, 2]).tile([2]).to_vec::<i32>()?, [1, 2, 1, 2]);"#;
    repeat: "`T[.., n, ..] -> T[.., m, ..]`, any dtype. [`Tensor::tile`] repeats the whole."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.repeat(2, 0).to_vec::<i32>()?, [1, 1, 2, 2, 3, 3]);
assert_eq!(x.repeat([0, 1, 3], 0).to_vec::<i32>()?, [2, 3, 3, 3]);"#;
    unstack: "`T[.., k, ..] -> k` times `T[.., ..]`, any dtype."
        r#"let columns = Tensor::from([[1, 2], [3, 4]]).unstack(1);
assert_eq!(columns[1].to_vec::<i32>()?, [2, 4]);"#;
    split: "`T[.., n, ..] -> T[.., s0, ..], T[.., s1, ..], ..`, any dtype; the sizes add up to `n`."
        r#"let parts = Tensor::from([1, 2, 3]).split(0, [1, 2]);
assert_eq!(parts[1].to_vec::<i32>()?, [2, 3]);"#;
    roll: "`T[s] -> T[s]`, any dtype; one shift per axis."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.roll(1, 0).to_vec::<i32>()?, [3, 1, 2]);"#;
    depth_to_space: "`T[n, h, w, c * b * b] -> T[n, h * b, w * b, c]`, or the same with channels first."
        r#"use tensorwright::{DepthOrder, ImageLayout};
let x = Tensor::arange(4, DType::I32).reshape((1, 1, 1, 4));
let y = x.depth_to_space(2, ImageLayout::Nhwc, DepthOrder::Dcr);
assert_eq!(y.shape()?, &[1, 2, 2, 1].into());"#;
    space_to_depth: "`T[n, h * b, w * b, c] -> T[n, h, w, c * b * b]`, or the same with channels first."
        r#"use tensorwright::{DepthOrder, ImageLayout};
let x = Tensor::arange(4, DType::I32).reshape((1, 2, 2, 1));
let y = x.space_to_depth(2, ImageLayout::Nhwc, DepthOrder::Dcr);
assert_eq!(y.to_vec::<i32>()?, [0, 1, 2, 3]);"#;
    space_to_batch: "`T[n, s, ..] -> T[b * n, (low + s + high) / b, ..]`, any dtype."
        r#"let x = Tensor::from([[1, 2, 3, 4]]);
assert_eq!(x.space_to_batch([2], [0], [0]).to_vec::<i32>()?, [1, 3, 2, 4]);"#;
    batch_to_space: "`T[b * n, s, ..] -> T[n, s * b - low - high, ..]`, any dtype."
        r#"let x = Tensor::from([[1, 3], [2, 4]]);
assert_eq!(x.batch_to_space([2], [0], [0]).to_vec::<i32>()?, [1, 2, 3, 4]);"#;
    take: r#"`T[a.., n, b..], I[i..] -> T[a.., i.., b..]`, any dtype; indices are moved into range. [`Tensor::i`] counts negative ones from the end.

```text
x         indices    take(indices, 0)    take(indices, 1)
0 1 2     1 0 1      3 4 5               1 0 1
3 4 5                0 1 2               4 3 4
                     3 4 5
```"#
        r#"let x = Tensor::arange(6, DType::I32).reshape((2, 3));
assert_eq!(x.take([1, 0, 1], 1).to_vec::<i32>()?, [1, 0, 1, 4, 3, 4]);"#;
    take_along_axis: r#"`T[a.., n, b..], I[a.., m, b..] -> T[a.., m, b..]`, any dtype; indices are moved into range. PyTorch's `gather`.

```text
x         indices    take_along_axis(indices, 1)
0 1 2     2 0        2 0
3 4 5     1 1        4 4
```"#
        r#"let x = Tensor::arange(6, DType::I32).reshape((2, 3));
assert_eq!(x.take_along_axis([[2, 0], [1, 1]], 1).to_vec::<i32>()?, [2, 0, 4, 4]);"#;
    gather_nd: r#"`T[b.., d.., r..], I[b.., g.., k] -> T[b.., g.., r..]`, any dtype: an index vector has a number for each of the first axes after the `batch_dims`
that go together.

```text
x         indices    gather_nd(indices, 0)
0 1 2     1 2        5
3 4 5     0 0        0
```"#
        r#"let x = Tensor::arange(6, DType::I32).reshape((2, 3));
assert_eq!(x.gather_nd([[1, 2], [0, 0]], 0).to_vec::<i32>()?, [5, 0]);"#;
    embedding: "`T[v, d], I[i..] -> T[i.., d]`, any dtype."
        r#"let table = Tensor::from([[0.0f32, 1.0], [2.0, 3.0]]);
assert_eq!(table.embedding([1, 1]).to_vec::<f32>()?, [2.0, 3.0, 2.0, 3.0]);"#;
    tril: "`T[.., m, n] -> T[.., m, n]`, any dtype."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.tril(0).to_vec::<i32>()?, [1, 0, 3, 4]);"#;
    triu: "`T[.., m, n] -> T[.., m, n]`, any dtype."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.triu(1).to_vec::<i32>()?, [0, 2, 0, 0]);"#;
    band_part: "`T[.., m, n] -> T[.., m, n]`, any dtype. `None` keeps all."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.band_part(Some(0), None).to_vec::<i32>()?, [1, 2, 0, 4]);"#;
    diag: "`T[.., n] -> T[.., m, m]`, any dtype, where `m` is `n` and the diagonal's distance."
        r#"assert_eq!(Tensor::from([1, 2]).diag(0).to_vec::<i32>()?, [1, 0, 0, 2]);"#;
    diag_part: "`T[.., m, n] -> T[.., k]`, any dtype."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.diag_part(0).to_vec::<i32>()?, [1, 4]);"#;
    set_diag: "`T[.., m, n], T[.., k] -> T[.., m, n]`, any dtype."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.set_diag([8, 9], 0).to_vec::<i32>()?, [8, 2, 3, 9]);"#;
    trace: "`T[.., m, n] -> T[..]`, numbers."
        r#"let x = Tensor::from([[1, 2], [3, 4]]);
assert_eq!(x.trace(0).item::<i32>()?, 5);"#;
    square: "`T[s] -> T[s]`, numbers."
        r#"assert_eq!(Tensor::from([2, -3]).square().to_vec::<i32>()?, [4, 9]);"#;
    reciprocal: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([4.0, 0.5]).reciprocal();
assert!(y.allclose([0.25, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    softplus: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 100.0]).softplus();
assert!(y.allclose([std::f64::consts::LN_2, 100.0], 1e-6, 1e-9).item::<bool>()?);"#;
    log_sigmoid: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, -100.0]).log_sigmoid();
assert!(y.allclose([-std::f64::consts::LN_2, -100.0], 1e-6, 1e-9).item::<bool>()?);"#;
    squared_difference: "`T[s], T[s] -> T[s]`, numbers; shapes broadcast."
        r#"assert_eq!(Tensor::from([2, 5]).squared_difference(4).to_vec::<i32>()?, [4, 1]);"#;
    divide_no_nan: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let x = Tensor::from([6.0f32, 1.0]);
assert_eq!(x.divide_no_nan([3.0, 0.0]).to_vec::<f32>()?, [2.0, 0.0]);"#;
    xlogy: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let x = Tensor::from([0.0f32, 2.0]);
assert_eq!(x.xlogy([0.0, 1.0]).to_vec::<f32>()?, [0.0, 0.0]);"#;
    xlog1py: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let x = Tensor::from([0.0, 2.0]);
assert!(x.xlog1py([-1.0, 1.0]).allclose([0.0, 2.0 * 2f64.ln()], 1e-12, 0.0).item::<bool>()?);"#;
    entr: "`T[s] -> T[s]`, floats; 0 at 0, minus infinity below."
        r#"let p = Tensor::from([0.0, 0.5, 0.5]);
assert!(p.entr().sum(..).allclose(2f64.ln(), 1e-12, 0.0).item::<bool>()?);"#;
    rel_entr: "`T[s], T[s] -> T[s]`, floats; shapes broadcast. 0 where `lhs` is 0 and `rhs` is not negative; infinity where a probability is not possible."
        r#"let p = Tensor::from([0.0, 0.5, 0.5]);
let distance = p.rel_entr([0.5, 0.25, 0.25]).sum(..);
assert!(distance.allclose(2f64.ln(), 1e-12, 0.0).item::<bool>()?);"#;
    logit: "`T[s] -> T[s]`, floats; infinite at 0 and 1, NaN outside."
        r#"let x = Tensor::from([0.5, 0.75]).logit();
assert!(x.allclose([0.0, 3f64.ln()], 1e-12, 1e-15).item::<bool>()?);"#;
    sinc: "`T[s] -> T[s]`, floats; whole numbers but 0 are zeros."
        r#"let x = Tensor::from([0.0, 0.5, 1.0]);
let y = [1.0, std::f64::consts::FRAC_2_PI, 0.0];
assert!(x.sinc().allclose(y, 1e-12, 1e-15).item::<bool>()?);"#;
    polygamma: "`T[s] -> T[s]`, floats; `order` at most 170."
        r#"let y = Tensor::from(1.0).polygamma(1); // pi^2 / 6
assert!(y.allclose(1.6449340668482264, 1e-12, 0.0).item::<bool>()?);"#;
    multigammaln: "`T[s] -> T[s]`, floats; `dims` at least 1."
        r#"let x = Tensor::from([3.0, 4.5]);
assert!(x.multigammaln(1).allclose(x.lgamma(), 1e-12, 0.0).item::<bool>()?);"#;
    hypot: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([3.0, 5.0]).hypot([4.0, 12.0]);
assert!(y.allclose([5.0, 13.0], 1e-6, 1e-9).item::<bool>()?);"#;
    log10: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1000.0, 0.1]).log10();
assert!(y.allclose([3.0, -1.0], 1e-6, 1e-9).item::<bool>()?);"#;
    nan_to_num: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([f32::NAN, 1.0, f32::NEG_INFINITY]);
assert_eq!(x.nan_to_num().to_vec::<f32>()?, [0.0, 1.0, f32::MIN]);"#;
    isclose: "`T[s], T[s] -> bool[s]`, numbers; shapes broadcast. Equal infinities are close, NaN is close to nothing."
        r#"let x = Tensor::from([1.0f64, 2.0]);
assert_eq!(x.isclose([1.0 + 1e-9, 2.1], 1e-5, 1e-8).to_vec::<bool>()?, [true, false]);"#;
    log_add_exp: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([0.0, 1000.0]).log_add_exp([0.0, 1000.0]);
assert!(y.allclose([std::f64::consts::LN_2, 1000.0 + std::f64::consts::LN_2], 1e-6, 1e-9).item::<bool>()?);"#;
    stop_gradient: "`T[s] -> T[s]`, any dtype."
        r#"let slope = grad(|x: Tensor| &x * x.stop_gradient()).call(3.0f32)?;
assert_eq!(slope.item::<f32>()?, 3.0);"#;
    cumulative_logsumexp: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 0.0]).cumulative_logsumexp(0, false, false);
assert!(y.allclose([0.0, std::f64::consts::LN_2], 1e-6, 1e-9).item::<bool>()?);"#;
    diff: "`T[.., n, ..] -> T[.., n - order, ..]`, numbers."
        r#"let x = Tensor::from([1, 4, 9, 16]);
assert_eq!(x.diff(1, 0).to_vec::<i32>()?, [3, 5, 7]);
assert_eq!(x.diff(2, -1).to_vec::<i32>()?, [2, 2]);"#;
    matmul: "`T[b.., m, k], T[c.., k, n] -> T[d.., m, n]`, numbers; batch axes broadcast. A vector is a row on the left and a column on the right."
        r#"let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([1.0f32, 10.0]));
assert_eq!(x.matmul(&y).to_vec::<f32>()?, [21.0, 43.0]);
assert_eq!(x.matmul(&x).shape()?, &[2, 2].into());"#;
    matvec: "`T[b.., m, k], T[c.., k] -> T[d.., m]`, numbers."
        r#"let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([1.0f32, 10.0]));
assert_eq!(x.matvec(&y).to_vec::<f32>()?, [21.0, 43.0]);"#;
    outer: "`T[m], T[n] -> T[m, n]`, numbers."
        r#"assert_eq!(Tensor::from([1, 2]).outer([3, 4]).to_vec::<i32>()?, [3, 4, 6, 8]);"#;
    tensordot: "`T[..], T[..] -> T[free of lhs.., free of rhs..]`, numbers."
        r#"let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([1.0f32, 10.0]));
assert_eq!(x.tensordot(&y, [0], [0]).to_vec::<f32>()?, [31.0, 42.0]);"#;
    einsum: "`T[..], .. -> T[..]`, numbers."
        r#"let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([1.0f32, 10.0]));
let traces = Tensor::einsum(&[&x, &y], "ij,j->i");
assert_eq!(traces.to_vec::<f32>()?, [21.0, 43.0]);"#;
    kron: "`T[m.., n], T[p.., q] -> T[mp.., nq]`, numbers."
        r#"let x = Tensor::from([[1, 2]]);
assert_eq!(x.kron([[1], [10]]).to_vec::<i32>()?, [1, 2, 10, 20]);"#;
    cross: "`T[.., 3, ..], T[.., 3, ..] -> T[.., 3, ..]`, numbers."
        r#"let x = Tensor::from([1, 0, 0]);
assert_eq!(x.cross([0, 1, 0], 0).to_vec::<i32>()?, [0, 0, 1]);"#;
    softmax: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 0.0]).softmax(0);
assert!(y.allclose([0.5, 0.5], 1e-6, 1e-9).item::<bool>()?);"#;
    log_softmax: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 0.0]).log_softmax(0);
assert!(y.allclose([-std::f64::consts::LN_2, -std::f64::consts::LN_2], 1e-6, 1e-9).item::<bool>()?);"#;
    layer_norm: "`T[.., n..], T[n..], T[n..] -> T[.., n..]`, floats."
        r#"let x = Tensor::from([[1.0, 3.0], [10.0, 30.0]]);
let y = x.layer_norm([1.0, 1.0], [0.0, 0.0], -1, 0.0);
assert!(y.allclose([[-1.0, 1.0], [-1.0, 1.0]], 1e-6, 0.0).item::<bool>()?);"#;
    rms_norm: "`T[.., n..], T[n..] -> T[.., n..]`, floats."
        r#"let y = Tensor::from([[3.0, 4.0]]).rms_norm([1.0, 1.0], -1, 0.0);
assert!(y.allclose([[0.848528137, 1.131370850]], 1e-6, 0.0).item::<bool>()?);"#;
    group_norm: "`T[n, .., c, ..], T[c], T[c] -> T[n, .., c, ..]`, floats."
        r#"let x = Tensor::from([[1.0, 3.0, 10.0, 30.0]]);
let y = x.group_norm([1.0; 4], [0.0; 4], 2, 1, 0.0);
assert!(y.allclose([[-1.0, 1.0, -1.0, 1.0]], 1e-6, 0.0).item::<bool>()?);"#;
    batch_norm: "`T[.., c, ..], T[c], T[c], T[c], T[c] -> T[.., c, ..]`, floats."
        r#"let x = Tensor::from([[1.0f32, 10.0], [3.0, 30.0]]);
let y = x.batch_norm([1.0; 2], [0.5; 2], [2.0, 20.0], [1.0, 100.0], 1, 0.0);
assert_eq!(y.to_vec::<f32>()?, [-0.5, -0.5, 1.5, 1.5]);"#;
    batch_norm_training: "`T[.., c, ..], T[c], T[c] -> T[.., c, ..], T[c], T[c]`, floats: the result, the means and the biased variances."
        r#"let x = Tensor::from([[1.0f32, 10.0], [3.0, 30.0]]);
let results = x.batch_norm_training([1.0; 2], [0.0; 2], 1, 0.0);
assert_eq!(results[0].to_vec::<f32>()?, [-1.0, -1.0, 1.0, 1.0]);
assert_eq!((results[1].to_vec::<f32>()?, results[2].to_vec::<f32>()?), (vec![2.0, 20.0], vec![1.0, 100.0]));"#;
    local_response_norm: "`T[.., c, ..] -> T[.., c, ..]`, floats."
        r#"let x = Tensor::from([[1.0f32, 2.0, 2.0]]);
let y = x.local_response_norm(-1, 3, 3.0, 1.0, 1.0);
assert!(y.allclose([[1.0 / 6.0, 0.2, 2.0 / 9.0]], 1e-6, 0.0).item::<bool>()?);"#;
    instance_norm: "`T[n, .., c, ..], T[c], T[c] -> T[n, .., c, ..]`, floats."
        r#"let x = Tensor::from([[[1.0, 3.0], [10.0, 30.0]]]);
let y = x.instance_norm([1.0; 2], [0.0; 2], 1, 0.0);
assert!(y.allclose([[[-1.0, 1.0], [-1.0, 1.0]]], 1e-6, 0.0).item::<bool>()?);"#;
    l2_normalize: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([3.0, 4.0]).l2_normalize(0, 0.0);
assert!(y.allclose([0.6, 0.8], 1e-6, 1e-9).item::<bool>()?);"#;
    relu: "`T[s] -> T[s]`, numbers."
        r#"let y = Tensor::from([-1.0, 2.0]).relu();
assert!(y.allclose([0.0, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    relu6: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 9.0]).relu6();
assert!(y.allclose([0.0, 6.0], 1e-6, 1e-9).item::<bool>()?);"#;
    leaky_relu: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 2.0]).leaky_relu(0.1);
assert!(y.allclose([-0.1, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    prelu: "`T[s], T[..] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 2.0]).prelu(0.25);
assert!(y.allclose([-0.25, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    elu: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 2.0]).elu(1.0);
assert!(y.allclose([-0.6321205588285577, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    selu: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 1.0]).selu();
assert!(y.allclose([-1.1113307378125625, 1.0507009873554805], 1e-6, 1e-9).item::<bool>()?);"#;
    celu: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 2.0]).celu(1.0);
assert!(y.allclose([-0.6321205588285577, 2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    gelu: "`T[s] -> T[s]`, floats."
        r#"use tensorwright::GeluForm;
let y = Tensor::from([0.0, 1.0]).gelu(GeluForm::Erf);
assert!(y.allclose([0.0, 0.8413447460685429], 1e-6, 0.0).item::<bool>()?);"#;
    silu: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).silu();
assert!(y.allclose([0.0, 0.7310585786300049], 1e-6, 1e-9).item::<bool>()?);"#;
    mish: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).mish();
assert!(y.allclose([0.0, 0.8650983882673103], 1e-6, 1e-9).item::<bool>()?);"#;
    hard_sigmoid: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-3.0, 0.0]).hard_sigmoid();
assert!(y.allclose([0.0, 0.5], 1e-6, 1e-9).item::<bool>()?);"#;
    hard_swish: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-3.0, 3.0]).hard_swish();
assert!(y.allclose([0.0, 3.0], 1e-6, 1e-9).item::<bool>()?);"#;
    hard_tanh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-2.0, 0.5]).hard_tanh();
assert!(y.allclose([-1.0, 0.5], 1e-6, 1e-9).item::<bool>()?);"#;
    softsign: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([-1.0, 3.0]).softsign();
assert!(y.allclose([-0.5, 0.75], 1e-6, 1e-9).item::<bool>()?);"#;
    swiglu: "`T[s], T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).swiglu([2.0, 2.0]);
assert!(y.allclose([0.0, 1.4621171572600098], 1e-6, 1e-9).item::<bool>()?);"#;
    glu: "`T[.., 2 * n, ..] -> T[.., n, ..]`, floats."
        r#"let y = Tensor::from([4.0, 0.0]).glu(0);
assert!(y.allclose([2.0], 1e-6, 1e-9).item::<bool>()?);"#;
    softmax_cross_entropy: "`T[a.., c, b..], T[a.., c, b..] -> T[a.., b..]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let logits = Tensor::from([[0.0, 0.0]]);
let loss = logits.softmax_cross_entropy([[1.0, 0.0]], -1, LossReduction::Mean);
assert!(loss.allclose(std::f64::consts::LN_2, 1e-6, 0.0).item::<bool>()?);"#;
    sparse_softmax_cross_entropy: "`T[a.., c, b..], I[a.., b..] -> T[a.., b..]`, float logits; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let logits = Tensor::from([[0.0, 0.0]]);
let loss = logits.sparse_softmax_cross_entropy(Tensor::from([1]), -1, LossReduction::Mean);
assert!(loss.allclose(std::f64::consts::LN_2, 1e-6, 0.0).item::<bool>()?);"#;
    nll: "`T[a.., c, b..], I[a.., b..] -> T[a.., b..]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let log_probabilities = Tensor::from([[-0.5, -2.0]]);
let loss = log_probabilities.nll(Tensor::from([1]), -1, LossReduction::Mean);
assert_eq!(loss.item::<f64>()?, 2.0);"#;
    sigmoid_cross_entropy: "`T[s], T[s] -> T[s]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([0.0]).sigmoid_cross_entropy([1.0], LossReduction::Sum);
assert!(loss.allclose(std::f64::consts::LN_2, 1e-6, 0.0).item::<bool>()?);"#;
    mse: "`T[s], T[s] -> T[s]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([1.0, 2.0]).mse([2.0, 4.0], LossReduction::Mean);
assert_eq!(loss.item::<f64>()?, 2.5);"#;
    mae: "`T[s], T[s] -> T[s]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([1.0, 2.0]).mae([2.0, 4.0], LossReduction::Mean);
assert_eq!(loss.item::<f64>()?, 1.5);"#;
    huber: "`T[s], T[s] -> T[s]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([1.0, 2.0]).huber([2.0, 4.0], 1.0, LossReduction::Sum);
assert_eq!(loss.item::<f64>()?, 2.0);"#;
    hinge: "`T[s], T[s] -> T[s]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([0.5, 2.0]).hinge([1.0, 1.0], LossReduction::Sum);
assert_eq!(loss.item::<f64>()?, 0.5);"#;
    kl_divergence: "`T[a.., c, b..], T[a.., c, b..] -> T[a.., b..]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let target = Tensor::from([[1.0, 0.0]]);
let loss = target.kl_divergence([[0.5, 0.5]], -1, LossReduction::Mean);
assert!(loss.allclose(std::f64::consts::LN_2, 1e-6, 0.0).item::<bool>()?);"#;
    cosine_similarity: "`T[a.., n, b..], T[a.., n, b..] -> T[a.., b..]`, floats."
        r#"let similarity = Tensor::from([1.0, 0.0]).cosine_similarity([3.0, 4.0], 0, 1e-9);
assert!(similarity.allclose(0.6, 1e-6, 0.0).item::<bool>()?);"#;
    cosine_loss: "`T[a.., n, b..], T[a.., n, b..] -> T[a.., b..]`, floats; with `LossReduction::None` one loss for each, else one."
        r#"use tensorwright::LossReduction;
let loss = Tensor::from([[1.0, 0.0]]).cosine_loss([[3.0, 4.0]], -1, 1e-9, LossReduction::Mean);
assert!(loss.allclose(0.4, 1e-6, 0.0).item::<bool>()?);"#;
    l2_loss: "`T[s] -> T[]`, floats."
        r#"assert_eq!(Tensor::from([3.0, 4.0]).l2_loss().item::<f64>()?, 12.5);"#;
    in_top_k: "`T[b.., c], I[b..] -> bool[b..]`, float predictions."
        r#"let predictions = Tensor::from([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]]);
assert_eq!(predictions.in_top_k([2, 2], 2).to_vec::<bool>()?, [true, false]);"#;
    searchsorted: "`T[n], T[s] -> i32[s]`, any dtype."
        r#"use tensorwright::SearchSide;
let sorted = Tensor::from([1, 3, 3, 7]);
assert_eq!(sorted.searchsorted([0, 3, 9], SearchSide::Left).to_vec::<i32>()?, [0, 1, 4]);
assert_eq!(sorted.searchsorted(3, SearchSide::Right).item::<i32>()?, 3);"#;
    interp: "`T[s], T[n], T[n] -> T[s]`, floats; the `xs` ascend."
        r#"let x = Tensor::from([0.0, 1.5, 9.0]);
assert_eq!(x.interp([1.0, 2.0], [10.0, 20.0]).to_vec::<f64>()?, [10.0, 15.0, 20.0]);"#;
    bincount: "`I[s] -> i32[length]`, integers; others are not counted."
        r#"assert_eq!(Tensor::from([1, 3, 1]).bincount(4).to_vec::<i32>()?, [0, 2, 0, 1]);"#;
    histogram: "`T[s] -> i32[bins]`, numbers. An interval has its lower end, the last one both."
        r#"let x = Tensor::from([0.0, 0.4, 0.5, 1.0, 7.0]);
assert_eq!(x.histogram(2, 0.0, 1.0).to_vec::<i32>()?, [2, 2]);"#;
    mode: "`T[a.., n, b..] -> T[a.., b..]`, any dtype; `n` at least 1. NaNs are equal, and above all numbers."
        r#"assert_eq!(Tensor::from([3, 1, 3, 2, 1]).mode(0).item::<i32>()?, 1);"#;
    fake_quantize: "`T[s], T[t] -> T[s]`, floats. `scale` is a scalar, or has the rank of `x`: along each axis as many as `x` has, or one for each of so many blocks of equal length. By `x` the derivative is 1 within the limits and 0 outside, by `scale` that of learned step sizes (Esser et al. 2020)."
        r#"let x = Tensor::from([0.3f32, 9.0]);
assert_eq!(x.fake_quantize(0.25f32, -8, 7).to_vec::<f32>()?, [0.25, 1.75]);"#;
    reduce_precision: "`T[s] -> T[s]`, floats. Ties go to even; what is too large becomes infinite, what is below the least normal number 0. To differentiation it is the identity."
        r#"let x = Tensor::from([1.0f32 / 3.0, 1e20]);
assert_eq!(x.reduce_precision(5, 10).to_vec::<f32>()?, [0.33325195, f32::INFINITY]);"#;
    dequantize_blocks: "`u8[s.., n * bytes] -> T[s.., n * length]`, floats `T`, computed in f32. The layout says how many bytes a block has, and how many numbers."
        r#"use tensorwright::BlockLayout;
let weights = Tensor::arange(64, DType::F32).reshape((1, 64)) / 8.0 - 4.0;
let packed = weights.quantize_blocks(BlockLayout::Q8_0); // two blocks of 34 bytes
assert_eq!(packed.shape()?, &[1, 68].into());
let apart = (packed.dequantize_blocks(BlockLayout::Q8_0, DType::F32) - weights).abs().max(..);
assert!(apart.item::<f32>()? < 0.02);"#;
    quantize_blocks: "`T[s.., n * length] -> u8[s.., n * bytes]`, floats `T`, which are finite. Layouts with groups of scales (those with a `K`) are only read."
        r#"use tensorwright::BlockLayout;
let x = Tensor::ones(64, DType::F32);
assert_eq!(x.quantize_blocks(BlockLayout::Q4_0).shape()?, &[36].into());"#;
    unpack_bits: "`u8[s.., n] -> I[s.., n * 8 / bits]`, where `I` is `u8`, or `i8` for numbers in two's complement."
        r#"let x = Tensor::from([0x21u8, 0xf3]);
assert_eq!(x.unpack_bits(4, DType::U8).to_vec::<u8>()?, [1, 2, 3, 15]);
assert_eq!(x.unpack_bits(4, DType::I8).to_vec::<i8>()?, [1, 2, 3, -1]);"#;
    pack_bits: "`I[s.., n * 8 / bits] -> u8[s.., n]`, where `I` is `u8` or `i8`. Higher bits are lost."
        r#"assert_eq!(Tensor::from([1i8, 2, 3, -1]).pack_bits(4).to_vec::<u8>()?, [0x21, 0xf3]);"#;
    rnn_cell: "`T[b, i], T[b, u], T[i, u], T[u, u], T[u] -> T[b, u]`, floats."
        r#"let (x, h) = (Tensor::ones([2, 3], DType::F32), Tensor::zeros([2, 4], DType::F32));
let (kernel, recurrent) = (Tensor::ones([3, 4], DType::F32), Tensor::ones([4, 4], DType::F32));
let h = x.rnn_cell(h, kernel, recurrent, Tensor::zeros(4, DType::F32));
assert_eq!(h.shape()?, &[2, 4].into());"#;
    gru_cell: "`T[b, i], T[b, u], T[i, 3u], T[u, 3u], T[2, 3u] -> T[b, u]`, floats. Columns are those of the update gate, the reset gate and the candidate; the reset gate applies after the recurrent product, whose bias is the second row."
        r#"let (x, h) = (Tensor::ones([2, 3], DType::F32), Tensor::zeros([2, 4], DType::F32));
let (kernel, recurrent) = (Tensor::ones([3, 12], DType::F32), Tensor::ones([4, 12], DType::F32));
let h = x.gru_cell(h, kernel, recurrent, Tensor::zeros([2, 12], DType::F32));
assert_eq!(h.shape()?, &[2, 4].into());"#;
    segment_sum: "`T[n, b..], I[n] -> T[segments, b..]`, numbers: slice `i` belongs to segment `indices[i]`, in any order; one whose number is out of range to none. A segment without slices is 0."
        r#"let x = Tensor::from([1.0, 3.0, 5.0]);
assert_eq!(x.segment_sum([0, 0, 2], 3).to_vec::<f64>()?, [4.0, 0.0, 5.0]);"#;
    segment_mean: "`T[n, b..], I[n] -> T[segments, b..]`, floats: slice `i` belongs to segment `indices[i]`, in any order; one whose number is out of range to none. A segment without slices is 0."
        r#"let x = Tensor::from([1.0, 3.0, 5.0]);
assert_eq!(x.segment_mean([0, 0, 2], 3).to_vec::<f64>()?, [2.0, 0.0, 5.0]);"#;
    segment_prod: "`T[n, b..], I[n] -> T[segments, b..]`, numbers: slice `i` belongs to segment `indices[i]`, in any order; one whose number is out of range to none. A segment without slices is 1."
        r#"let x = Tensor::from([1.0, 3.0, 5.0]);
assert_eq!(x.segment_prod([0, 0, 2], 3).to_vec::<f64>()?, [3.0, 1.0, 5.0]);"#;
    segment_max: "`T[n, b..], I[n] -> T[segments, b..]`, numbers: slice `i` belongs to segment `indices[i]`, in any order; one whose number is out of range to none. A segment without slices is minus infinity, for integers the least."
        r#"let x = Tensor::from([1.0, 3.0, 5.0]);
assert_eq!(x.segment_max([0, 0, 2], 3).to_vec::<f64>()?, [3.0, f64::NEG_INFINITY, 5.0]);"#;
    segment_min: "`T[n, b..], I[n] -> T[segments, b..]`, numbers: slice `i` belongs to segment `indices[i]`, in any order; one whose number is out of range to none. A segment without slices is infinity, for integers the greatest."
        r#"let x = Tensor::from([1.0, 3.0, 5.0]);
assert_eq!(x.segment_min([0, 0, 2], 3).to_vec::<f64>()?, [1.0, f64::INFINITY, 5.0]);"#;
    uniform: "`u32[2] -> dtype[shape]`; the methods of [`RandomKey`](crate::RandomKey) say it shorter."
        r#"let key = RandomKey::new(1);
assert_eq!(key.tensor().uniform(DType::F32, [3], 0.0, 1.0).shape()?, &[3].into());"#;
    normal: "`u32[2] -> dtype[shape]`; the methods of [`RandomKey`](crate::RandomKey) say it shorter."
        r#"let key = RandomKey::new(1);
assert_eq!(key.tensor().normal(DType::F32, [3], 0.0, 1.0).shape()?, &[3].into());"#;
    truncated_normal: "`u32[2] -> dtype[shape]`; the methods of [`RandomKey`](crate::RandomKey) say it shorter."
        r#"let key = RandomKey::new(1);
assert_eq!(key.tensor().truncated_normal(DType::F32, [3], 0.0, 1.0).shape()?, &[3].into());"#;
    exponential: "`u32[2] -> dtype[shape]`; the methods of [`RandomKey`](crate::RandomKey) say it shorter."
        r#"let key = RandomKey::new(1);
assert_eq!(key.tensor().exponential(DType::F32, [3], 1.0).shape()?, &[3].into());"#;
    choice: "`T[n], u32[2] -> i32[shape]`, float weights; [`RandomKey`](crate::RandomKey) has methods that take what is drawn."
        r#"use tensorwright::Replacement;
let weights = Tensor::from([0.0, 1.0, 0.0]);
let drawn = weights.choice(RandomKey::new(1), [4], Replacement::With);
assert_eq!(drawn.to_vec::<i32>()?, [1; 4]);"#;
    draws: "`T[a.., n, b..], u32[2] -> T[a.., shape.., b..]`, any dtype."
        r#"use tensorwright::Replacement;
let drawn = Tensor::from([5, 6, 7]).draws(RandomKey::new(1), 0, [3], Replacement::Without);
assert_eq!(drawn.sort(0).to_vec::<i32>()?, [5, 6, 7]);"#;
    bernoulli: "`T[s], u32[2] -> bool[s]`, float probabilities."
        r#"let p = Tensor::from([0.0, 1.0]);
assert_eq!(p.bernoulli(RandomKey::new(1)).to_vec::<bool>()?, [false, true]);"#;
    categorical: "`T[a.., c, b..], u32[2] -> i32[a.., b..]`, float logits."
        r#"let logits = Tensor::from([[0.0, 100.0]]);
assert_eq!(logits.categorical(RandomKey::new(1), -1).to_vec::<i32>()?, [1]);"#;
    dropout: "`T[s], u32[2] -> T[s]`, floats."
        r#"let x = Tensor::ones(1000, DType::F32).dropout(RandomKey::new(1), 0.5);
assert!((x.mean(..).item::<f32>()? - 1.0).abs() < 0.2);"#;
    permutation: "`u32[2] -> i32[count]`."
        r#"let order = RandomKey::new(1).tensor().permutation(3);
assert_eq!(order.sort(0).to_vec::<i32>()?, [0, 1, 2]);"#;
    shuffle: "`T[s], u32[2] -> T[s]`, any dtype."
        r#"let x = Tensor::from([5, 6, 7]).shuffle(RandomKey::new(1), 0);
assert_eq!(x.sort(0).to_vec::<i32>()?, [5, 6, 7]);"#;
    rng_split: "`u32[2] -> u32[count, 2]`; see [`RandomKey::split`](crate::RandomKey::split)."
        r#"assert_eq!(RandomKey::new(1).tensor().rng_split(3).shape()?, &[3, 2].into());"#;
    rng_fold_in: "`u32[2], I[] -> u32[2]`; see [`RandomKey::fold_in`](crate::RandomKey::fold_in)."
        r#"assert_eq!(RandomKey::new(1).tensor().rng_fold_in(7).shape()?, &[2].into());"#;
    grid_sample: "`T[n, s.., c], G[n, g.., k] -> T[n, g.., c]`, floats, with `k` spatial axes; channels second with that layout. A point is `x, y, ..` from -1 to 1, the last spatial axis first, as in PyTorch and ONNX."
        r#"use tensorwright::{Corners, GridBorder, GridKernel, ImageLayout};
let x = Tensor::from([[0.0, 1.0], [2.0, 3.0]]).reshape((1, 1, 2, 2));
let grid = Tensor::from([[0.0, 0.0], [1.0, -1.0]]).reshape((1, 1, 2, 2));
let y = x.grid_sample(grid, GridKernel::Linear, GridBorder::Zeros, Corners::Middle, ImageLayout::Nchw);
assert_eq!(y.to_vec::<f64>()?, [1.5, 1.0]);"#;
    affine_grid: "`T[n, k, k + 1] -> T[n, sizes.., k]`, floats: for each pixel of images of `k` spatial axes the matrix times its place and 1, for [`Tensor::grid_sample`]."
        r#"use tensorwright::Corners;
let identity = Tensor::from([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]);
let grid = identity.affine_grid([1, 2], Corners::Outer);
assert_eq!(grid.to_vec::<f64>()?, [-0.5, 0.0, 0.5, 0.0]);"#;
    crop_and_resize: "`T[n, h, w, c], G[k, 4], I[k] -> T[k, sizes.., c]`, floats; channels second with that layout. A region is `y1, x1, y2, x2` in parts of its image, as in TensorFlow; `fill` is what is outside."
        r#"use tensorwright::{CropKernel, ImageLayout};
let x = Tensor::arange(9, DType::F32).reshape((1, 3, 3, 1));
let y = x.crop_and_resize([[0.0, 0.0, 0.5, 0.5]], Tensor::from([0]), [2, 2], CropKernel::Linear, 0.0, ImageLayout::Nhwc);
assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 3.0, 4.0]);"#;
    pad_border: "`T[s] -> T[s']`, any dtype; negative numbers cut off."
        r#"use tensorwright::PadMode;
let x = Tensor::from([1, 2, 3]);
assert_eq!(x.pad_border([2], [1], PadMode::Reflect).to_vec::<i32>()?, [3, 2, 1, 2, 3, 2]);
assert_eq!(x.pad_border([2], [1], PadMode::Edge).to_vec::<i32>()?, [1, 1, 1, 2, 3, 3]);"#;
    median_filter: "`T[s] -> T[s]`, any dtype; of an even number of elements the upper one, as in SciPy, whose `reflect` is [`PadMode::Symmetric`](crate::PadMode). NaN is above all numbers."
        r#"use tensorwright::PadMode;
let x = Tensor::from([1, 9, 2, 3]);
assert_eq!(x.median_filter(0, [3], PadMode::Symmetric).to_vec::<i32>()?, [1, 2, 3, 3]);"#;
    window_places: "`I[s] -> i64[s]`: for the taps of [`Tensor::arg_window`] the sum of an element's place along each axis times its weight; [`Tensor::max_pool_with_indices`] says it for images."
        r#"use tensorwright::WindowAxis;
let window = WindowAxis { taps: 2, stride: 2, ..WindowAxis::ONE };
assert_eq!(Tensor::from([1, 0]).window_places([window], [1]).to_vec::<i64>()?, [1, 2]);"#;
    max_unpool: "`T[s], I[s] -> T[shape]`, any dtype: of several with one place the last; none that is out of range."
        r#"let x = Tensor::from([5, 9]);
assert_eq!(x.max_unpool([2, 0], 4).to_vec::<i32>()?, [9, 0, 5, 0]);"#;
}
