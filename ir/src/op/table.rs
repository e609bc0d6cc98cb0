//! The list of all ops. One line makes the variant of [`Op`](crate::Op), the builder method, the tensor method of the facade, the
//! mnemonic of the text form, and the op's place in every generic test.

/// Calls `$callback!` with the table of ops. A line reads
/// `method [operands] { attribute: argument type, .. } results => Struct`; `[xs ..]` is a variadic op. The argument of an
/// attribute is anything that the facade and the builder convert with [`Argument`](crate::op::registry::Argument). The facade makes
/// its method of the line; `by hand` at the end says that users expect more than that, and its method is written by hand.
#[macro_export]
macro_rules! for_each_op {
    ($callback:path) => {
        $callback! {
            /// The integers 0, 1, 2.. along one axis, as integers or floats.
            iota [] { dtype: DType, shape: Shape, axis: usize } 1 => Iota by hand,
            /// Each element converted to `dtype`: floats to integers saturate and truncate, NaN becomes 0; to bool is `x != 0`.
            #[doc(alias("astype", "to_dtype", "convert_element_type", "as_type"))]
            cast [x] { dtype: DType } 1 => Cast,
            /// The same bits as another integer or float dtype; if sizes differ, the last axis appears or disappears.
            #[doc(alias("view_as", "bitcast_convert_type"))]
            bitcast [x] { dtype: DType } 1 => Bitcast,
            /// The real parts of complex numbers.
            real [x] {} 1 => RealPart,
            /// The imaginary parts of complex numbers.
            imag [x] {} 1 => ImagPart,
            /// The complex conjugates.
            #[doc(alias = "conjugate")]
            conj [x] {} 1 => Conj,
            /// Complex numbers out of real and imaginary parts.
            complex [re, im] {} 1 => ComplexOf,
            /// Repeats `x` along new or size-1 axes: axis `i` of `x` becomes axis `axes[i]` of the result.
            broadcast_in_dim [x] { shape: Shape, axes: Axes } 1 => BroadcastInDim by hand,
            /// The same elements in row-major order under another shape.
            reshape [x] { shape: Shape } 1 => Reshape by hand,
            /// Permutes axes: axis `i` of the result is axis `permutation[i]` of `x`.
            transpose [x] { permutation: Axes } 1 => Transpose by hand,
            /// Strided section: along each axis the elements `start, start + stride, ..` before `limit`; strides may be negative.
            slice [x] { starts: Offsets, limits: Offsets, strides: Offsets } 1 => Slice,
            /// The same elements in opposite order along `axes`.
            #[doc(alias("flip", "flipud", "fliplr", "rev"))]
            reverse [x] { axes: Axes } 1 => Reverse,
            /// The operands one after the other along `axis`.
            #[doc(alias("concatenate", "vstack", "hstack", "append", "column_stack", "row_stack", "dstack", "block"))]
            concat [xs ..] { axis: usize } 1 => Concat,
            /// Adds `value` before, after and between elements; negative `low` and `high` cut elements off.
            #[doc(alias = "constant_pad")]
            pad [x, value] { low: Offsets, high: Offsets, interior: Axes } 1 => Pad,
            /// The section of shape `sizes` that begins at `starts`, one number per axis; starts are clamped into range.
            dynamic_slice [x, starts] { sizes: Shape } 1 => DynamicSlice by hand,
            /// `x` with the section that begins at `starts`, one number per axis, replaced; starts are clamped into range.
            dynamic_update_slice [x, update, starts] {} 1 => DynamicUpdateSlice by hand,
            /// One slice of `x` for each index vector (the last axis of `indices`); starts are clamped into range.
            #[doc(alias = "general_gather")]
            gather [x, indices] { offset_axes: Axes, collapsed: Axes, batch: Axes, index_batch: Axes, indexed: Axes, sizes: Axes } 1 => Gather,
            /// `x` with one window updated for each index vector; windows out of range are dropped, the rest applied in order.
            #[doc(alias("scatter_nd", "index_put", "scatter_reduce"))]
            scatter [x, indices, updates] { kind: ScatterKind, offset_axes: Axes, collapsed: Axes, batch: Axes, index_batch: Axes, indexed: Axes } 1 => Scatter,
            /// Element-wise `if predicate { on_true } else { on_false }`.
            select [predicate, on_true, on_false] {} 1 => Select by hand,
            /// Element-wise `minimum(maximum(x, low), high)`.
            clamp [low, x, high] {} 1 => Clamp by hand,
            /// Element-wise `a * b + c`, rounded once.
            #[doc(alias("mul_add", "addcmul"))]
            fma [a, b, c] {} 1 => Fma,
            /// Folds along `axes`, which disappear.
            reduce [x] { kind: ReduceKind, axes: Axes } 1 => Reduce by hand,
            /// Index of the first greatest or least element along `axis`, which disappears; the first NaN wins.
            arg_reduce [x] { kind: ArgKind, axis: usize, dtype: DType } 1 => ArgReduce by hand,
            /// Running folds along `axis`, from the last element if `reverse`, without each element's own value if `exclusive`.
            #[doc(alias = "accumulate")]
            cumulative [x] { kind: ReduceKind, axis: usize, exclusive: bool, reverse: bool } 1 => Cumulative,
            /// Sum of products over the contracted axes; the result's axes are batch, free axes of `lhs`, free axes of `rhs`.
            #[doc(alias("bmm", "batch_matmul", "baddbmm"))]
            dot_general [lhs, rhs] { lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, rhs_contract: Axes, dtype: DType } 1 => DotGeneral,
            /// Sum of products over the contracted axes and the taps of the spatial ones, which slide along `lhs`.
            #[doc(alias("conv_general_dilated", "convolution"))]
            conv [lhs, rhs] { lhs_batch: ShortAxes, rhs_batch: ShortAxes, lhs_contract: ShortAxes, rhs_contract: ShortAxes, lhs_spatial: ShortAxes, rhs_spatial: ShortAxes, strides: ShortAxes, low: ShortOffsets, high: ShortOffsets, lhs_dilation: ShortAxes, rhs_dilation: ShortAxes, order: Axes, sum_order: ShortAxes, dtype: DType } 1 => Conv by hand,
            /// Folds what a sliding window sees.
            #[doc(alias("reduce_window_sum", "pool"))]
            reduce_window [x] { kind: ReduceKind, window: WindowAxes } 1 => ReduceWindow,
            /// The number of the tap of a sliding window that sees the first greatest or least element.
            arg_window [x] { kind: ArgKind, window: WindowAxes } 1 => ArgWindow,
            /// What a sliding window sees at the tap whose number stands for it.
            gather_window [x, taps] { window: WindowAxes } 1 => GatherWindow,
            /// Adds up for each element what stands for windows that see it at the tap whose number stands beside it.
            #[doc(alias = "select_and_scatter_add")]
            scatter_window [updates, taps] { shape: Shape, window: WindowAxes } 1 => ScatterWindow,
            /// All operands sorted along `axis` by the first `keys` of them; stable, NaN above all numbers.
            sort [xs ..] { axis: usize, keys: usize, descending: bool } many => Sort by hand,
            /// The `k` greatest elements along `axis`, greatest first, and their i32 indices.
            top_k [x] { k: usize, axis: usize } many => TopK by hand,
            /// `x` as it is; its name says where a run has come to, in dumps and profiles.
            trace_mark [x] { name: String } 1 => TraceMark,
            /// Random u32 or u64 bits of a counter-based generator; `key` is `u32[2]`, `counter` (the first block) is `u64[]`.
            rng_bits [key, counter] { algorithm: RngAlgorithm, dtype: DType, shape: Shape } 1 => RngBits,
            /// Means of values, weighted by how well their keys fit to queries, f32 or f64; and the logarithms of the sums that their softmax divides by.
            attend [xs ..] { scale: Scalar, divisor: Scalar, soft_cap: Scalar, fill: Scalar, left: i64, right: i64, offset: i64, rate: Scalar, unseen: Unseen } many => Attend by hand,
            /// Cotangents of queries, keys and values, and perhaps of scores.
            attend_back [xs ..] { scale: Scalar, divisor: Scalar, soft_cap: Scalar, fill: Scalar, left: i64, right: i64, offset: i64, rate: Scalar, unseen: Unseen, scores: ScoreCotangent } many => AttendBack by hand,

            // Fourier transforms of lines, without a scale; complex numbers are pairs along the last axis.
            /// The discrete Fourier transform of lines of pairs.
            dft [x] { sign: FourierSign } 1 => Dft,
            /// The first half of the discrete Fourier transform of lines of real numbers, as pairs.
            real_dft [x] {} 1 => RealDft,
            /// Lines of real numbers out of the first halves of their transforms, times their length.
            real_dft_back [x] { length: usize } 1 => RealDftBack,

            // Linear algebra: matrices are the last two axes, f32, f64, c64 or c128.
            /// The lower triangular factor `l` of Hermitian positive definite matrices: `l l^H = x`.
            cholesky [x] {} 1 => Cholesky,
            /// The solution `x` of a system with a triangular matrix: `a x = b` or `x a = b`.
            #[doc(alias = "trsm")]
            triangular_solve [a, right] { side: Side, triangle: Triangle, turned: Turned, diagonal: Diagonal } 1 => TriangularSolve,
            /// Triangular factors of matrices with permuted rows, in one matrix; the permutation, and its sign.
            lu_factor [x] {} many => LuFactor by hand,
            /// Orthonormal columns `q` and an upper triangular `r` with `q r = x`.
            qr [x] { basis: Basis } many => Qr by hand,
            /// Eigenvalues, ascending, and eigenvectors, as columns, of Hermitian matrices.
            eigh [x] {} many => Eigh by hand,
            /// Eigenvalues of Hermitian matrices, ascending.
            eigvalsh [x] {} 1 => Eigvalsh,
            /// Eigenvalues and eigenvectors, as columns, of square matrices; complex.
            eig [x] {} many => Eig by hand,
            /// Eigenvalues of square matrices; complex.
            eigvals [x] {} 1 => Eigvals,
            /// Singular vectors `u`, singular values `s`, descending, and singular vectors `vt`: `x = u diag(s) vt`.
            svd [x] {} many => Svd by hand,
            /// Singular values, descending.
            svdvals [x] {} 1 => Svdvals,
            /// The solution `x` of a square system `a x = b`, or `a^T x = b`.
            linear_solve [a, right] { turned: Turned } 1 => LinearSolve,
            /// The inverse of square matrices.
            #[doc(alias("inv", "matrix_inverse"))]
            inverse [x] {} 1 => Inverse,
            /// An op of complex matrices, with pairs along a last axis for complex numbers: what the compiler makes of it.
            matrices_of_pairs [xs ..] { op: MatrixOp, numbers: Numbers } many => MatricesOfPairs by hand,

            // Composites: linear algebra.
            /// The solution `x` of `a x = b`; batch axes broadcast.
            solve [a, right] {} 1 => Solve,
            /// The solution `x` of `l l^H x = b`, with the Cholesky factor `l`.
            #[doc(alias("cho_solve", "potrs"))]
            cholesky_solve [l, right] {} 1 => CholeskySolve,
            /// The permutation and the triangular factors of matrices: rows `permutation` of `x` are `l u`.
            lu [x] {} many => Lu by hand,
            /// The solution `x` of the Sylvester equation `a x + x b = c`.
            #[doc(alias = "solve_sylvester")]
            sylvester_solve [a, b, c] {} 1 => SylvesterSolve,
            /// The solution of a system with a band matrix, given by its diagonals.
            #[doc(alias("solve_banded", "tridiagonal_solve"))]
            band_solve [diagonals, right] { lower: usize } 1 => BandSolve,
            /// The determinant.
            #[doc(alias = "determinant")]
            det [x] {} 1 => Det,
            /// Sign and logarithm of the magnitude of the determinant.
            slogdet [x] {} many => Slogdet by hand,
            /// As [`svd`](Builder::svd), with square matrices of singular vectors.
            svd_full [x] {} many => SvdFull by hand,
            /// The Moore-Penrose inverse of matrices of any shape and rank.
            #[doc(alias = "pseudo_inverse")]
            pinv [x] { relative: Option<Scalar> } 1 => Pinv,
            /// The shortest `x` for which `|a x - b|` is least.
            #[doc(alias = "least_squares")]
            lstsq [a, right] { relative: Option<Scalar> } 1 => Lstsq,
            /// The rank of matrices: how many singular values are not taken for 0.
            matrix_rank [x] { relative: Option<Scalar> } 1 => MatrixRank,
            /// A norm of matrices.
            matrix_norm [x] { order: MatrixOrder } 1 => MatrixNorm,
            /// The condition number of matrices.
            #[doc(alias = "cond")]
            condition_number [x] { order: MatrixOrder } 1 => ConditionNumber,
            /// The matrix multiplied with itself so many times; powers of the inverse below 0.
            matrix_power [x] { exponent: i64 } 1 => MatrixPower,
            /// The exponential of a matrix.
            #[doc(alias = "matrix_exp")]
            expm [x] {} 1 => Expm,

            // Composites: creation.
            /// A tensor with the same element everywhere.
            #[doc(alias = "full")]
            fill [value] { shape: Shape } 1 => Fill,
            /// A tensor of the type of `x` with 0 everywhere.
            zeros_like [x] {} 1 => ZerosLike by hand,
            /// A tensor of the type of `x` with 1 everywhere.
            ones_like [x] {} 1 => OnesLike by hand,
            /// A matrix with ones on one diagonal and zeros elsewhere.
            eye [] { dtype: DType, rows: usize, columns: usize, diagonal: i64 } 1 => Eye by hand,
            /// `count` numbers at equal distances from `start` to `stop`, both included.
            linspace [start, stop] { count: usize } 1 => Linspace by hand,
            /// `start, start + step, ..`, `count` numbers.
            range [start, step] { count: usize } 1 => Range by hand,

            // Composites: movement.
            /// Drops axes of extent 1.
            #[doc(alias = "remove_axis")]
            squeeze [x] { axes: Axes } 1 => Squeeze,
            /// Adds axes of extent 1.
            expand_dims [x] { axes: Axes } 1 => ExpandDims by hand,
            /// Merges the axes `start..end` into one.
            #[doc(alias("merge_axes", "flatten_from"))]
            flatten [x] { start: usize, end: usize } 1 => Flatten,
            /// The operand repeated as a whole along each axis.
            #[doc(alias = "repeat")]
            tile [x] { repeats: Axes } 1 => Tile,
            /// Each slice along `axis` repeated, one after the other: as often as one number says, or each as its own does.
            #[doc(alias("repeat_interleave", "repeat_elements"))]
            repeat [x] { repeats: Axes, axis: usize } 1 => Repeat,
            /// Joins operands of one type along a new axis.
            stack [xs ..] { axis: usize } 1 => Stack by hand,
            /// The slices along one axis, which they do not have.
            #[doc(alias("unbind", "unpack", "iter", "axis_iter", "outer_iter"))]
            unstack [x] { axis: usize } many => Unstack,
            /// Consecutive sections of these sizes along one axis.
            #[doc(alias("split_with_sizes", "hsplit", "vsplit", "dsplit"))]
            split [x] { axis: usize, sizes: Axes } many => Split,
            /// Moves elements along axes; what leaves at one end comes in at the other.
            roll [x] { shifts: Offsets, axes: Axes } 1 => Roll,
            /// Moves channels into blocks of pixels.
            #[doc(alias = "pixel_shuffle")]
            depth_to_space [x] { block: usize, layout: ImageLayout, order: DepthOrder } 1 => DepthToSpace,
            /// Moves blocks of pixels into channels.
            #[doc(alias = "pixel_unshuffle")]
            space_to_depth [x] { block: usize, layout: ImageLayout, order: DepthOrder } 1 => SpaceToDepth,
            /// Pads spatial axes with zeros and moves blocks of them into the batch axis.
            space_to_batch [x] { block: Axes, low: Axes, high: Axes } 1 => SpaceToBatch,
            /// Moves the batch axis into blocks of spatial axes and cuts off borders.
            batch_to_space [x] { block: Axes, low: Axes, high: Axes } 1 => BatchToSpace,

            // Composites: images.
            /// Images in other sizes, axis by axis.
            #[doc(alias("interpolate", "upsample", "imresize"))]
            resize [x] { axes: Axes, sizes: Axes, scales: Scalars, kernel: ResizeKernel, coefficient: Scalar, coordinates: ResizeCoordinates, region: Scalars, border: ResizeBorder, antialias: Antialias, fill: Scalar } 1 => Resize by hand,
            /// Images at the points of a grid.
            grid_sample [x, grid] { kernel: GridKernel, border: GridBorder, corners: Corners, layout: ImageLayout } 1 => GridSample,
            /// The grid of an affine map for each image.
            affine_grid [theta] { sizes: Shape, corners: Corners } 1 => AffineGrid,
            /// Regions of images, each divided into parts, and for each part a fold of samples.
            roi_align [x, regions, images] { sizes: Axes, scale: Scalar, samples: usize, count: RegionSamples, origin: RegionOrigin, fold: RegionFold, layout: ImageLayout } 1 => RoiAlign by hand,
            /// Regions of images, each resized.
            crop_and_resize [x, regions, images] { sizes: Axes, kernel: CropKernel, fill: Scalar, layout: ImageLayout } 1 => CropAndResize,
            /// What sliding windows see, their taps as axes at the end.
            im2col [x] { axes: Axes, window: WindowAxes } 1 => Im2col by hand,
            /// The sum of all that sliding windows saw of each element.
            col2im [x] { axes: Axes, sizes: Axes, window: WindowAxes } 1 => Col2im by hand,
            /// Adds elements before and after each axis, which are others of the axis.
            #[doc(alias("reflection_pad", "replication_pad", "mirror_pad", "circular_pad"))]
            pad_border [x] { low: Offsets, high: Offsets, mode: PadMode } 1 => PadBorder,
            /// The means of windows that share axes out.
            adaptive_avg_pool [x] { axes: Axes, sizes: Axes } 1 => AdaptiveAvgPool by hand,
            /// The greatest elements of windows that share axes out.
            adaptive_max_pool [x] { axes: Axes, sizes: Axes } 1 => AdaptiveMaxPool by hand,
            /// The median of the elements around each one.
            median_filter [x] { axes: Axes, sizes: Axes, mode: PadMode } 1 => MedianFilter,
            /// Numbers of the elements that taps of a sliding window see.
            window_places [taps] { window: WindowAxes, weights: Offsets } 1 => WindowPlaces,
            /// Zeros, and elements at their places, which are row-major numbers of the result.
            #[doc(alias = "put")]
            max_unpool [x, places] { shape: Shape } 1 => MaxUnpool,

            // Composites: indexing.
            /// The slices of `x` at `indices` along `axis`.
            #[doc(alias("index_select", "gather_rows"))]
            take [x, indices] { axis: usize } 1 => Take,
            /// One element of `x` for each index, at the index's own place along all axes but `axis`.
            #[doc(alias("gather", "take_along_dim"))]
            take_along_axis [x, indices] { axis: usize } 1 => TakeAlongAxis,
            /// The slices of `x` at index vectors.
            gather_nd [x, indices] { batch_dims: usize } 1 => GatherNd,
            /// Rows of a table.
            #[doc(alias = "lookup")]
            embedding [table, indices] {} 1 => Embedding,
            /// Vectors with 1 at the index and 0 elsewhere, along a new axis.
            one_hot [indices] { depth: usize, axis: usize, dtype: DType } 1 => OneHot by hand,

            // Composites: triangles and diagonals.
            /// The lower triangle: elements above the diagonal become 0.
            #[doc(alias = "tri")]
            tril [x] { diagonal: i64 } 1 => Tril,
            /// The upper triangle: elements below the diagonal become 0.
            triu [x] { diagonal: i64 } 1 => Triu,
            /// A band around the main diagonal: all other elements become 0.
            band_part [x] { lower: Option<usize>, upper: Option<usize> } 1 => BandPart,
            /// Square matrices with the elements of `x` on one diagonal.
            #[doc(alias("diagflat", "diag_embed"))]
            diag [x] { diagonal: i64 } 1 => Diag,
            /// The elements of one diagonal.
            #[doc(alias = "diagonal")]
            diag_part [x] { diagonal: i64 } 1 => DiagPart,
            /// `x` with one diagonal replaced.
            #[doc(alias("fill_diagonal", "diagonal_scatter"))]
            set_diag [x, values] { diagonal: i64 } 1 => SetDiag,
            /// The sum of one diagonal.
            trace [x] { diagonal: i64 } 1 => Trace,

            // Composites: arithmetic.
            /// `x * x`; integers wrap.
            square [x] {} 1 => Square,
            /// `1 / x`.
            #[doc(alias("recip", "inv"))]
            reciprocal [x] {} 1 => Reciprocal,
            /// `log(1 + e^x)` without overflow.
            softplus [x] {} 1 => Softplus,
            /// `log(1 / (1 + e^-x))` without overflow.
            #[doc(alias = "logsigmoid")]
            log_sigmoid [x] {} 1 => LogSigmoid,
            /// `(lhs - rhs)^2`; integers wrap.
            squared_difference [lhs, rhs] {} 1 => SquaredDifference,
            /// `lhs / rhs`, and 0 where `rhs` is 0.
            divide_no_nan [lhs, rhs] {} 1 => DivideNoNan,
            /// `lhs * log(rhs)`, and 0 where `lhs` is 0.
            xlogy [lhs, rhs] {} 1 => Xlogy,
            /// `lhs * log(1 + rhs)`, and 0 where `lhs` is 0.
            xlog1py [lhs, rhs] {} 1 => Xlog1py,
            /// `-x log(x)`: what an outcome of this probability adds to the entropy.
            entr [x] {} 1 => Entr,
            /// `lhs log(lhs / rhs)`: what an outcome of these probabilities adds to the relative entropy.
            rel_entr [lhs, rhs] {} 1 => RelEntr,
            /// `log(x / (1 - x))`, the inverse of `logistic`.
            logit [x] {} 1 => Logit,
            /// `sin(pi x) / (pi x)`, and 1 at 0.
            sinc [x] {} 1 => Sinc,
            /// The derivative of order `order` of `digamma`.
            polygamma [x] { order: usize } 1 => Polygamma,
            /// The logarithm of the multivariate gamma function of `dims` dimensions.
            #[doc(alias = "mvlgamma")]
            multigammaln [x] { dims: usize } 1 => Multigammaln,
            /// `sqrt(lhs^2 + rhs^2)` without overflow.
            hypot [lhs, rhs] {} 1 => Hypot,
            /// Logarithm to base 10.
            log10 [x] {} 1 => Log10,
            /// `x` with 0 for NaN, and the greatest and least finite numbers for infinities.
            nan_to_num [x] {} 1 => NanToNum,
            /// Whether numbers are about equal: `|lhs - rhs| <= atol + rtol * |rhs|`.
            isclose [lhs, rhs] { rtol: Scalar, atol: Scalar } 1 => Isclose,

            /// `log(e^lhs + e^rhs)` without overflow.
            #[doc(alias = "logaddexp")]
            log_add_exp [lhs, rhs] {} 1 => LogAddExp,
            /// `x` as a constant to differentiation.
            #[doc(alias("detach", "no_grad"))]
            stop_gradient [x] {} 1 => StopGradient,

            // Composites: complex numbers.
            /// Complex numbers as pairs of real and imaginary part along a new last axis.
            #[doc(alias = "view_as_real")]
            as_real [x] {} 1 => AsReal,
            /// Pairs of real and imaginary part along the last axis as complex numbers.
            #[doc(alias = "view_as_complex")]
            as_complex [x] {} 1 => AsComplex,
            /// The angles of complex numbers, in radians from -pi to pi.
            #[doc(alias("arg", "phase"))]
            angle [x] {} 1 => Angle,

            // Composites: Fourier transforms.
            /// The discrete Fourier transform along `axes`.
            fft [x] { axes: Axes, norm: FourierNorm } 1 => Fft by hand,
            /// The inverse of the discrete Fourier transform along `axes`.
            ifft [x] { axes: Axes, norm: FourierNorm } 1 => Ifft by hand,
            /// The discrete Fourier transform of real numbers along `axes`, of which the last one has the first half.
            rfft [x] { axes: Axes, norm: FourierNorm } 1 => Rfft by hand,
            /// Real numbers out of a discrete Fourier transform whose last axis has the first half.
            irfft [x] { axes: Axes, length: usize, norm: FourierNorm } 1 => Irfft by hand,

            // Composites: reductions.
            /// Folds along `axes`, which stay with extent 1.
            reduce_keep_dims [x] { kind: ReduceKind, axes: Axes } 1 => ReduceKeepDims by hand,
            /// The mean along `axes`.
            mean [x] { axes: Axes, dims: Dims } 1 => Mean by hand,
            /// The variance along `axes`: `sum((x - mean)^2) / (n - correction)`.
            var [x] { axes: Axes, correction: usize, dims: Dims } 1 => Var by hand,
            /// The standard deviation along `axes`.
            std [x] { axes: Axes, correction: usize, dims: Dims } 1 => Std by hand,
            /// Mean and variance along `axes`.
            moments [x] { axes: Axes, dims: Dims } many => Moments by hand,
            /// `log(sum(e^x))` along `axes` without overflow.
            logsumexp [x] { axes: Axes, dims: Dims } 1 => Logsumexp by hand,
            /// The norm of the vectors along `axes`.
            norm [x] { order: NormOrder, axes: Axes, dims: Dims } 1 => Norm by hand,
            /// How many elements along `axes` are not zero.
            count_nonzero [x] { axes: Axes, dims: Dims, dtype: DType } 1 => CountNonzero by hand,

            /// Running `log(sum(e^x))` along `axis`.
            #[doc(alias = "logcumsumexp")]
            cumulative_logsumexp [x] { axis: usize, exclusive: bool, reverse: bool } 1 => CumulativeLogsumexp,
            /// Differences of neighbours along `axis`, `order` times over.
            diff [x] { order: usize, axis: usize } 1 => Diff,

            // Composites: contractions.
            /// The matrix product, by NumPy's rules for vectors and batches.
            #[doc(alias("mm", "bmm", "tensor_product"))]
            matmul [lhs, rhs] {} 1 => Matmul,
            /// Products of matrices with vectors; batch axes broadcast.
            #[doc(alias = "mv")]
            matvec [matrix, vector] {} 1 => Matvec,
            /// All products of an element of `lhs` and an element of `rhs`.
            #[doc(alias = "ger")]
            outer [lhs, rhs] {} 1 => Outer,
            /// The sum of products over pairs of axes.
            tensordot [lhs, rhs] { lhs_axes: Axes, rhs_axes: Axes } 1 => Tensordot,
            /// The sum of products that an equation such as `bij,bjk->bik` describes.
            einsum [xs ..] { equation: String } 1 => Einsum,
            /// The Kronecker product: each element of `lhs` times all of `rhs`.
            kron [lhs, rhs] {} 1 => Kron,
            /// The cross product of vectors of three along `axis`.
            cross [lhs, rhs] { axis: usize } 1 => Cross,

            // Composites: normalisation.
            /// `exp(x - max) / sum(exp(x - max))` along `axis`.
            softmax [x] { axis: usize } 1 => Softmax,
            /// The logarithm of softmax along `axis`.
            log_softmax [x] { axis: usize } 1 => LogSoftmax,
            /// `(x - mean) * rsqrt(var + epsilon) * scale + offset` over the axes from `axis` on.
            layer_norm [x, scale, offset] { axis: usize, epsilon: Scalar } 1 => LayerNorm,
            /// `x * rsqrt(mean(x^2) + epsilon) * scale` over the axes from `axis` on.
            rms_norm [x, scale] { axis: usize, epsilon: Scalar } 1 => RmsNorm,
            /// Layer normalisation per batch entry and group of channels.
            group_norm [x, scale, offset] { groups: usize, channel_axis: usize, epsilon: Scalar } 1 => GroupNorm,
            /// Layer normalisation per batch entry and channel.
            instance_norm [x, scale, offset] { channel_axis: usize, epsilon: Scalar } 1 => InstanceNorm,
            /// Normalisation of each channel by a mean and a variance that are known.
            #[doc(alias("batch_normalization", "fused_batch_norm"))]
            batch_norm [x, scale, offset, mean, variance] { channel_axis: usize, epsilon: Scalar } 1 => BatchNorm,
            /// Normalisation of each channel by its mean and variance, which are results too.
            batch_norm_training [x, scale, offset] { channel_axis: usize, epsilon: Scalar } many => BatchNormTraining,
            /// Each element divided by a power of the mean square of neighbouring channels.
            #[doc(alias = "lrn")]
            local_response_norm [x] { channel_axis: usize, size: usize, alpha: Scalar, beta: Scalar, bias: Scalar } 1 => LocalResponseNorm,
            /// `x * rsqrt(max(sum(x^2), epsilon))` along `axes`.
            #[doc(alias = "normalize")]
            l2_normalize [x] { axes: Axes, epsilon: Scalar } 1 => L2Normalize,

            // Composites: activations.
            /// `max(x, 0)`.
            #[doc(alias = "clamp_min")]
            relu [x] {} 1 => Relu,
            /// `min(max(x, 0), 6)`.
            relu6 [x] {} 1 => Relu6,
            /// `x` where it is positive, else `slope * x`.
            leaky_relu [x] { slope: Scalar } 1 => LeakyRelu,
            /// `x` where it is positive, else `slope * x` with a learned slope that broadcasts to `x`.
            prelu [x, slope] {} 1 => Prelu,
            /// `x` where it is positive, else `alpha * (e^x - 1)`.
            elu [x] { alpha: Scalar } 1 => Elu,
            /// The self-normalising `scale * elu(x, alpha)`.
            selu [x] {} 1 => Selu,
            /// `x` where it is positive, else `alpha * (e^(x / alpha) - 1)`.
            celu [x] { alpha: Scalar } 1 => Celu,
            /// `x` times the normal distribution function of `x`.
            #[doc(alias = "gelu_erf")]
            gelu [x] { approximate: GeluForm } 1 => Gelu,
            /// `x * logistic(x)`.
            #[doc(alias = "swish")]
            silu [x] {} 1 => Silu,
            /// `x * tanh(softplus(x))`.
            mish [x] {} 1 => Mish,
            /// `relu6(x + 3) / 6`.
            #[doc(alias = "hardsigmoid")]
            hard_sigmoid [x] {} 1 => HardSigmoid,
            /// `x * relu6(x + 3) / 6`.
            #[doc(alias = "hardswish")]
            hard_swish [x] {} 1 => HardSwish,
            /// `min(max(x, -1), 1)`.
            #[doc(alias = "hardtanh")]
            hard_tanh [x] {} 1 => HardTanh,
            /// `x / (1 + |x|)`.
            softsign [x] {} 1 => Softsign,
            /// `silu(gate) * x`.
            swiglu [gate, x] {} 1 => Swiglu,
            /// The first half along `axis` times the logistic function of the second.
            glu [x] { axis: usize } 1 => Glu,

            // Composites: losses.
            /// `-sum(labels * log_softmax(logits))` along `axis`.
            #[doc(alias = "cross_entropy")]
            softmax_cross_entropy [logits, labels] { axis: usize, reduction: LossReduction } 1 => SoftmaxCrossEntropy,
            /// `-log_softmax(logits)[label]` along `axis`.
            #[doc(alias = "cross_entropy")]
            sparse_softmax_cross_entropy [logits, targets] { axis: usize, reduction: LossReduction } 1 => SparseSoftmaxCrossEntropy,
            /// `-log_probabilities[label]` along `axis`.
            #[doc(alias = "nll_loss")]
            nll [log_probabilities, targets] { axis: usize, reduction: LossReduction } 1 => Nll,
            /// The cross entropy of labels and the logistic function of logits, element by element.
            #[doc(alias("binary_cross_entropy_with_logits", "bce_with_logits"))]
            sigmoid_cross_entropy [logits, labels] { reduction: LossReduction } 1 => SigmoidCrossEntropy,
            /// Squared error.
            #[doc(alias("mse_loss", "mean_squared_error"))]
            mse [prediction, target] { reduction: LossReduction } 1 => Mse,
            /// Absolute error.
            #[doc(alias("l1_loss", "mean_absolute_error"))]
            mae [prediction, target] { reduction: LossReduction } 1 => Mae,
            /// Squared error up to `delta`, then on with that slope.
            #[doc(alias("smooth_l1_loss", "huber_loss"))]
            huber [prediction, target] { delta: Scalar, reduction: LossReduction } 1 => Huber,
            /// `max(1 - target * prediction, 0)`.
            hinge [prediction, target] { reduction: LossReduction } 1 => Hinge,
            /// `sum(target * log(target / prediction))` along `axis`.
            #[doc(alias = "kl_div")]
            kl_divergence [target, prediction] { axis: usize, reduction: LossReduction } 1 => KlDivergence,
            /// The cosine of the angle between vectors along `axis`.
            cosine_similarity [lhs, rhs] { axis: usize, epsilon: Scalar } 1 => CosineSimilarity,
            /// `1 - cosine_similarity`.
            cosine_loss [lhs, rhs] { axis: usize, epsilon: Scalar, reduction: LossReduction } 1 => CosineLoss,
            /// Half the sum of squares of all elements.
            l2_loss [x] {} 1 => L2Loss,

            // Composites: sorting.
            /// The indices that would sort `x` along `axis`.
            argsort [x] { axis: usize, descending: bool, dtype: DType } 1 => Argsort by hand,
            /// Whether the target's prediction is among the `k` greatest.
            in_top_k [predictions, targets] { k: usize } 1 => InTopK,
            /// The quantiles of the elements along `axes`: the element at the place `q * (n - 1)` of `n` in ascending order.
            quantile [x, q] { axes: Axes, between: Interpolation, dims: Dims } 1 => Quantile by hand,
            /// Where values belong in a sorted vector: how many elements stand before the place.
            #[doc(alias("digitize", "bucketize"))]
            searchsorted [sorted, values] { side: SearchSide } 1 => Searchsorted,
            /// The piecewise linear function through the points `(xs, ys)` at `x`, constant beyond the first and the last.
            interp [x, xs, ys] {} 1 => Interp,
            /// How often each of the numbers `0..length` occurs.
            bincount [x] { length: usize } 1 => Bincount,
            /// How many elements lie in each of `bins` intervals of equal width from `low` to `high`.
            histogram [x] { bins: usize, low: Scalar, high: Scalar } 1 => Histogram,

            /// The most frequent element along `axis`, which disappears; the least of several.
            mode [x] { axis: usize } 1 => Mode,

            // Composites: attention.
            /// Means of values, weighted by how well their keys fit to queries.
            attention [xs ..] { scale: Scalar, soft_cap: Scalar, left: i64, right: i64, offset: i64, rate: Scalar } 1 => Attention by hand,

            // Composites: quantisation.
            /// `round(x / scale) + zero` as an integer dtype, limited to its range.
            quantize [x, scale, zero] { dtype: DType } 1 => Quantize by hand,
            /// `(x - zero) scale` of integers.
            dequantize [x, scale, zero] {} 1 => Dequantize by hand,
            /// `x` rounded to steps of `scale`, at least `low` and at most `high` of them; to differentiation, rounding is the identity.
            #[doc(alias("fake_quant", "straight_through"))]
            fake_quantize [x, scale] { low: i64, high: i64 } 1 => FakeQuantize,
            /// `x` rounded to floats with fewer bits.
            reduce_precision [x] { exponent_bits: usize, mantissa_bits: usize } 1 => ReducePrecision,

            /// The numbers of blocks that are packed in bytes, as the files of language models have them.
            #[doc(alias("gguf", "ggml"))]
            dequantize_blocks [x] { layout: BlockLayout, dtype: DType } 1 => DequantizeBlocks,
            /// Numbers as blocks that are packed in bytes.
            #[doc(alias("gguf", "ggml"))]
            quantize_blocks [x] { layout: BlockLayout } 1 => QuantizeBlocks,
            /// Integers of 1, 2 or 4 bits out of bytes, the lowest bits first.
            #[doc(alias("int4", "unpackbits"))]
            unpack_bits [x] { bits: usize, dtype: DType } 1 => UnpackBits,
            /// The low 1, 2 or 4 bits of integers packed in bytes, the first ones lowest.
            #[doc(alias("int4", "packbits"))]
            pack_bits [x] { bits: usize } 1 => PackBits,

            // Composites: recurrent networks.
            /// A step of a simple recurrent network: `tanh(x kernel + h recurrent + bias)`.
            rnn_cell [x, h, kernel, recurrent, bias] {} 1 => RnnCell,
            /// A step of long short-term memory: the next state and the next memory.
            lstm_cell [x, h, c, kernel, recurrent, bias] {} many => LstmCell by hand,
            /// A step of a gated recurrent unit.
            gru_cell [x, h, kernel, recurrent, bias] {} 1 => GruCell,

            // Composites: segments.
            /// The sum of the slices of each segment.
            #[doc(alias = "unsorted_segment_sum")]
            segment_sum [x, indices] { segments: usize } 1 => SegmentSum,
            /// The mean of the slices of each segment.
            #[doc(alias = "unsorted_segment_mean")]
            segment_mean [x, indices] { segments: usize } 1 => SegmentMean,
            /// The product of the slices of each segment.
            #[doc(alias = "unsorted_segment_prod")]
            segment_prod [x, indices] { segments: usize } 1 => SegmentProd,
            /// The greatest elements of the slices of each segment.
            #[doc(alias = "unsorted_segment_max")]
            segment_max [x, indices] { segments: usize } 1 => SegmentMax,
            /// The least elements of the slices of each segment.
            #[doc(alias = "unsorted_segment_min")]
            segment_min [x, indices] { segments: usize } 1 => SegmentMin,

            // Composites: sizes that data decide, bounded.
            /// Where `x` is not zero: index vectors, and how many.
            nonzero [x] { size: usize, fill: Scalar } many => Nonzero by hand,
            /// The slices along `axis` where `mask` is true, and how many.
            compress [x, mask] { axis: usize, size: usize, fill: Scalar } many => Compress by hand,
            /// The distinct elements, where each is first, which of them each element is, how often each occurs, and how many.
            unique [x] { size: usize, fill: Scalar } many => Unique by hand,
            /// Each slice along `axis` as often as its number says, and how many.
            repeat_each [x, repeats] { axis: usize, size: usize, fill: Scalar } many => RepeatEach by hand,

            // Composites: random numbers.
            /// Uniformly distributed numbers from `low` to below `high`.
            #[doc(alias = "random_uniform")]
            uniform [key] { dtype: DType, shape: Shape, low: Scalar, high: Scalar } 1 => Uniform,
            /// Normally distributed numbers.
            #[doc(alias = "random_normal")]
            normal [key] { dtype: DType, shape: Shape, mean: Scalar, std: Scalar } 1 => Normal,
            /// Normally distributed numbers within two standard deviations of the mean.
            truncated_normal [key] { dtype: DType, shape: Shape, mean: Scalar, std: Scalar } 1 => TruncatedNormal,
            /// Exponentially distributed numbers with the mean `scale`.
            exponential [key] { dtype: DType, shape: Shape, scale: Scalar } 1 => Exponential,
            /// Random indices with probabilities that are proportional to weights.
            choice [weights, key] { shape: Shape, replacement: Replacement } 1 => Choice,
            /// Random slices along `axis`.
            draws [x, key] { axis: usize, shape: Shape, replacement: Replacement } 1 => Draws,
            /// True with the given probabilities.
            bernoulli [probabilities, key] {} 1 => Bernoulli,
            /// One class for each row of logits.
            #[doc(alias = "multinomial")]
            categorical [logits, key] { axis: usize } 1 => Categorical,
            /// Zero with probability `rate`, else `x / (1 - rate)`.
            dropout [x, key] { rate: Scalar } 1 => Dropout,
            /// The numbers `0..count` in random order.
            permutation [key] { count: usize } 1 => Permutation,
            /// The slices along `axis` in random order.
            shuffle [x, key] { axis: usize } 1 => Shuffle,
            /// New keys.
            rng_split [key] { count: usize } 1 => RngSplit,
            /// A new key for each number.
            rng_fold_in [key, number] {} 1 => RngFoldIn,
        }
    };
}
