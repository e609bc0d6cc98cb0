//! Convolutions of whole images give what the evaluator gives, in any layout, and the same bits on any number of threads.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::lower::Promises;
use tensorwright_compiler::program::Step;
use tensorwright_ir::op::attribute::{ShortAxes, ShortOffsets};
use tensorwright_ir::op::primitive::{Conv, taps_first};
use tensorwright_ir::op::{Random, Tolerance};
use tensorwright_ir::{Builder, DType, Graph, Literal, Scalar, TensorType, eval};
use tensorwright_runtime::Executable;
use tensorwright_testkit::tolerance::{first_difference, same_values};

/// A letter that slides: elements, taps, stride, low, high, dilation of elements and of taps.
type Sliding = (char, usize, usize, usize, i64, i64, usize, usize);

/// A convolution of images, in the letters of its axes: `N` images, `G` groups, `C` channels in, `O` channels out, and small letters that slide.
#[derive(Clone, Copy, Debug)]
struct Case {
    dtypes: (DType, DType),
    axes: [&'static str; 3],
    /// Extents of the letters that do not slide.
    sizes: [(char, usize); 4],
    slides: &'static [Sliding],
}

impl Case {
    fn types(&self) -> [TensorType; 2] {
        [0, 1].map(|operand| {
            let size = |letter: char| match self.slides.iter().find(|slide| slide.0 == letter) {
                Some(slide) => {
                    if operand == 0 {
                        slide.1
                    } else {
                        slide.2
                    }
                }
                None => self.sizes.iter().find(|size| size.0 == letter).expect("every letter has a size").1,
            };
            TensorType::new(self.dtypes.0, self.axes[operand].chars().map(size).collect::<Vec<_>>())
        })
    }

    fn op(&self) -> Conv {
        let [lhs, rhs, out] = self.axes;
        let at = |text: &str, letter: char| text.find(letter);
        let shared = |letter: char, of: &str| -> ShortAxes { at(of, letter).into_iter().collect() };
        let both = |letter| if rhs.contains(letter) && lhs.contains(letter) { letter } else { '-' };
        let slides = |text: &str| -> ShortAxes {
            self.slides.iter().map(|s| at(text, s.0).expect("it slides")).collect()
        };
        let mut canonical: Vec<char> = Vec::new();
        canonical.extend(Some('G').filter(|_| lhs.contains('G')));
        canonical.extend(lhs.chars().filter(|&c| c == 'N'));
        canonical.extend(rhs.chars().filter(|&c| c == 'O'));
        canonical.extend(self.slides.iter().map(|s| s.0));
        Conv {
            lhs_batch: shared(both('G'), lhs),
            rhs_batch: shared(both('G'), rhs),
            lhs_contract: shared(both('C'), lhs),
            rhs_contract: shared(both('C'), rhs),
            lhs_spatial: slides(lhs),
            rhs_spatial: slides(rhs),
            strides: self.slides.iter().map(|s| s.3).collect(),
            low: self.slides.iter().map(|s| s.4).collect::<ShortOffsets>(),
            high: self.slides.iter().map(|s| s.5).collect::<ShortOffsets>(),
            lhs_dilation: self.slides.iter().map(|s| s.6).collect(),
            rhs_dilation: self.slides.iter().map(|s| s.7).collect(),
            order: out.chars().map(|c| canonical.iter().position(|&l| l == c).expect("an axis")).collect(),
            sum_order: taps_first(usize::from(both('C') != '-'), self.slides.len()),
            dtype: self.dtypes.1,
        }
    }

    fn graph(&self) -> Graph {
        let mut b = Builder::new("f");
        let inputs = self.types().map(|ty| b.input(ty));
        let result = b.push_one(self.op(), &inputs).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        b.finish(&[result])
    }

    fn inputs(&self, seed: u64) -> [Literal; 2] {
        let mut random = Random::new(seed);
        self.types().map(|ty| {
            let dtype = ty.dtype;
            Literal::from_fn(ty, |_| {
                if dtype.is_float() {
                    Scalar::from_f64(dtype, random.symmetric())
                } else {
                    Scalar::from_i128(dtype, random.below(17) as i128 - i128::from(dtype.is_signed_int()) * 8)
                }
            })
        })
    }

    fn check(&self) {
        let (graph, inputs) = (self.graph(), self.inputs(7));
        let executable =
            Executable::compile(&graph, &CompileOptions::default()).expect("convolutions compile");
        let found =
            [1, 2].map(|threads| executable.run_literals(&inputs, threads).expect("it runs").remove(0));
        assert!(same_values(&found[0], &found[1]), "{self:?} depends on threads");
        let expected = eval::evaluate(&graph, &inputs).expect("it is evaluated").remove(0);
        let tolerance = if self.dtypes.1.is_float() { Tolerance::Epsilons(32) } else { Tolerance::Exact };
        let difference = first_difference(&expected, &found[0], tolerance, &[&inputs[0], &inputs[1]]);
        assert!(difference.is_none(), "{self:?}: {}", difference.expect("there is one"));
        self.check_packed(&found[0]);
    }

    /// A kernel that is packed once gives the same bits, in the run that packs it and in the next one.
    fn check_packed(&self, expected: &Literal) {
        let inputs = self.inputs(7);
        let executable = self.with_lasting_kernel();
        for threads in [2, 1] {
            let found = executable.run_literals(&inputs, threads).expect("it runs").remove(0);
            assert!(same_values(expected, &found), "{self:?} depends on packing");
        }
    }

    fn with_lasting_kernel(&self) -> Executable {
        let promises = Promises { lasting: vec![1], ..Promises::default() };
        Executable::compile_promised(&self.graph(), &CompileOptions::default(), &promises).expect("compiles")
    }
}

const F32: (DType, DType) = (DType::F32, DType::F32);

/// Layouts of images and kernels: with channels last, with channels first, and some that nobody uses.
const LAYOUTS: [[&str; 3]; 6] = [
    ["NyxGC", "yxGCO", "NyxGO"],
    ["NGCyx", "GOCyx", "NGOyx"],
    ["NyxGC", "GOCyx", "NGOyx"],
    ["NGCyx", "yxGCO", "NyxGO"],
    ["yCNxG", "OxGyC", "xOGNy"],
    ["CyGxN", "GxCyO", "NyOxG"],
];

#[test]
fn images_are_convolved_in_any_layout() {
    for axes in LAYOUTS {
        for sizes in [
            [('N', 2), ('G', 1), ('C', 5), ('O', 37)],
            [('N', 1), ('G', 1), ('C', 40), ('O', 3)],
            [('N', 2), ('G', 6), ('C', 1), ('O', 1)],
            [('N', 3), ('G', 2), ('C', 3), ('O', 18)],
        ] {
            for slides in [
                &[('y', 9, 3, 1, 1, 1, 1, 1), ('x', 11, 3, 1, 1, 1, 1, 1)][..],
                &[('y', 9, 3, 2, 0, 1, 1, 1), ('x', 10, 2, 3, 1, 0, 1, 2)],
                &[('y', 5, 3, 1, 2, 2, 2, 1), ('x', 4, 4, 1, 1, 2, 3, 1)],
                &[('y', 6, 1, 1, 0, 0, 1, 1), ('x', 7, 1, 1, 0, 0, 1, 1)],
                &[('y', 6, 1, 2, 0, 0, 1, 1), ('x', 7, 1, 2, -1, -2, 1, 1)],
                &[('y', 5, 3, 3, 3, 2, 2, 2), ('x', 4, 5, 2, 7, 7, 4, 6)],
            ] {
                Case { dtypes: F32, axes, sizes, slides }.check();
            }
        }
    }
}

/// Pixels whose channels are adjacent, or that are adjacent themselves: inside, at borders, with strides and holes, of several images, and gradients by kernels, whose depth is pixels.
#[test]
fn images_are_read_where_they_are() {
    for (dtypes, channels, filters) in [
        (F32, 32, 17),
        (F32, 1, 33),
        (F32, 3, 40),
        ((DType::F64, DType::F64), 8, 17),
        ((DType::I32, DType::I32), 9, 33),
    ] {
        for slides in [
            &[('y', 13, 3, 1, 0, 0, 1, 1), ('x', 13, 3, 1, 0, 0, 1, 1)][..],
            &[('y', 9, 3, 1, 1, 1, 1, 1), ('x', 28, 3, 1, 1, 1, 1, 1)],
            &[('y', 12, 3, 2, 0, 1, 1, 2), ('x', 25, 2, 2, 1, 0, 1, 1)],
            &[('y', 5, 3, 1, 2, 2, 2, 1), ('x', 14, 4, 1, 1, 2, 3, 1)],
            &[('y', 8, 1, 2, 0, 0, 1, 1), ('x', 15, 1, 2, 0, 0, 1, 1)],
            &[('y', 13, 11, 1, 0, 0, 1, 1), ('x', 17, 9, 1, 1, 1, 1, 1)],
        ] {
            let sizes = [('N', 3), ('G', 1), ('C', channels), ('O', filters)];
            Case { dtypes, axes: LAYOUTS[0], sizes, slides }.check();
            // Images are summed over, and channels are pixels: as in a gradient by the kernel.
            let sizes = [('N', channels), ('G', 2), ('C', 3), ('O', filters)];
            Case { dtypes, axes: ["GCyxN", "GCyxO", "GyxNO"], sizes, slides }.check();
        }
    }
}

#[test]
fn every_pair_of_dtypes_is_convolved() {
    use DType::{BF16, F16, F32, F64, I8, I16, I32, I64, U8, U64};
    let pairs =
        [(F64, F64), (F16, F16), (BF16, BF16), (BF16, F32), (F16, F32), (F32, F64), (I8, I8), (I8, I32)];
    for dtypes in pairs.into_iter().chain([(U8, I32), (I16, I64), (I64, I64), (U64, U64), (I32, I32)]) {
        for axes in &LAYOUTS[..2] {
            let sizes = [('N', 2), ('G', 1), ('C', 6), ('O', 20)];
            let slides = &[('y', 7, 3, 1, 1, 1, 1, 1), ('x', 8, 3, 2, 1, 1, 1, 1)];
            Case { dtypes, axes: *axes, sizes, slides }.check();
        }
    }
}

#[test]
fn depth_is_cut_into_blocks() {
    for axes in &LAYOUTS[..2] {
        let sizes = [('N', 1), ('G', 1), ('C', 70), ('O', 33)];
        let slides = &[('y', 4, 3, 1, 1, 1, 1, 1), ('x', 5, 3, 1, 1, 1, 1, 1)];
        Case { dtypes: F32, axes: *axes, sizes, slides }.check();
    }
}

/// Pairs of terms, of which the last one may have no partner: within a block of depth, and behind one; channels and pixels as lanes.
#[test]
fn terms_of_bytes_are_paired() {
    use DType::{I8, I32, U8};
    for dtypes in [(I8, I32), (U8, I32), (I8, I8), (U8, U8)] {
        for axes in LAYOUTS {
            for (depth, channels) in [(15, 1), (17, 40), (29, 7), (57, 33)] {
                let sizes = [('N', 2), ('G', 1), ('C', depth), ('O', channels)];
                let slides = &[('y', 5, 3, 1, 1, 1, 1, 1), ('x', 9, 3, 2, 2, 1, 2, 1)];
                Case { dtypes, axes, sizes, slides }.check();
            }
        }
    }
}

/// Depthwise ones with channels last, whose groups are lanes, at any width.
#[test]
fn groups_of_one_channel_are_lanes() {
    for groups in [8, 16, 31, 32, 67, 600] {
        for dtypes in [F32, (DType::F64, DType::F64)] {
            for (axes, slides) in [
                (["NyxGC", "yxGCO", "NyxGO"], &[('y', 5, 3, 1, 1, 1, 1, 1), ('x', 6, 3, 1, 1, 1, 1, 1)][..]),
                (["NyxGC", "GCOyx", "NyxGO"], &[('y', 7, 3, 2, 1, 0, 1, 2), ('x', 6, 2, 3, 0, 2, 1, 1)]),
                (["xNCG", "xGCO", "NxOG"], &[('x', 9, 4, 1, 3, 0, 1, 1)]),
                (["NyxGC", "yxGCO", "NyxGO"], &[('y', 3, 2, 1, 4, 4, 1, 1), ('x', 6, 3, 1, -1, -1, 1, 1)]),
            ] {
                let sizes = [('N', 2), ('G', groups), ('C', 1), ('O', 1)];
                Case { dtypes, axes, sizes, slides }.check();
            }
        }
    }
}

/// Groups of a few channels with channels last, spread to lanes: as many as registers and others, tiles in both directions, strides, holes between taps, kernels in any order.
#[test]
fn groups_of_few_channels_are_spread() {
    use DType::{F64, I8, I32, U8};
    for (groups, depth, channels) in [
        (32, 4, 4),
        (9, 2, 2),
        (5, 8, 8),
        (3, 16, 16),
        (12, 1, 2),
        (11, 2, 1),
        (3, 3, 5),
        (7, 5, 3),
        (40, 1, 4),
    ] {
        for dtypes in [F32, (F64, F64), (I8, I32), (U8, I32)] {
            for (axes, slides) in [
                (
                    ["NyxGC", "yxGCO", "NyxGO"],
                    &[('y', 17, 3, 1, 1, 1, 1, 1), ('x', 19, 3, 1, 1, 1, 1, 1)][..],
                ),
                (["NyxGC", "GOCyx", "NyxGO"], &[('y', 9, 3, 2, 1, 0, 1, 2), ('x', 12, 2, 3, 0, 2, 1, 1)]),
                (["yNxGC", "OxGyC", "NyxGO"], &[('y', 5, 2, 3, 4, 4, 1, 1), ('x', 8, 3, 1, -1, -1, 1, 2)]),
                (["xNCG", "xGCO", "NxGO"], &[('x', 40, 4, 1, 3, 0, 1, 1)]),
                (["NCxG", "GxCO", "NxGO"], &[('x', 9, 5, 4, 2, 1, 1, 3)]),
            ] {
                let sizes = [('N', 2), ('G', groups), ('C', depth), ('O', channels)];
                Case { dtypes, axes, sizes, slides }.check();
            }
        }
    }
}

/// Few channels, whose pixels are lanes: rows shorter and longer than registers, strides, holes, groups, deep sums, one to three axes.
#[test]
fn pixels_of_rows_are_lanes() {
    for (channels, depth, groups) in [(1, 1, 1), (1, 5, 1), (3, 2, 1), (4, 70, 1), (2, 3, 3), (1, 1, 65)] {
        for dtypes in [F32, (DType::F64, DType::F64), (DType::I32, DType::I32)] {
            for (axes, slides) in [
                (["NGCyx", "GOCyx", "NGOyx"], &[('y', 7, 3, 1, 1, 1, 1, 1), ('x', 67, 3, 1, 1, 1, 1, 1)][..]),
                (["NyxGC", "yxGCO", "NyxGO"], &[('y', 9, 2, 2, 1, 0, 1, 2), ('x', 70, 5, 3, 2, 7, 1, 2)]),
                (["NGCyx", "GOCyx", "NyxGO"], &[('y', 4, 3, 1, 2, 2, 2, 1), ('x', 24, 4, 1, 1, 2, 3, 1)]),
                (["NGCx", "GOCx", "NGOx"], &[('x', 600, 9, 2, 4, 0, 1, 1)]),
                (["xNCG", "xGCO", "NxOG"], &[('x', 33, 7, 1, 30, -5, 1, 3)]),
                (
                    ["NGCzyx", "GOCzyx", "NGOzyx"],
                    &[('z', 3, 2, 1, 1, 1, 1, 1), ('y', 4, 1, 1, 0, 0, 1, 1), ('x', 20, 3, 1, 1, 1, 1, 1)],
                ),
            ] {
                let sizes = [('N', 2), ('G', groups), ('C', depth), ('O', channels)];
                Case { dtypes, axes, sizes, slides }.check();
            }
        }
    }
}

#[test]
fn any_number_of_axes_slides() {
    let sizes = [('N', 2), ('G', 1), ('C', 3), ('O', 9)];
    for (axes, slides) in [
        (["NC", "CO", "NO"], &[][..]),
        (["NxC", "xCO", "NxO"], &[('x', 19, 4, 2, 3, 0, 1, 2)]),
        (
            ["NCzyx", "OCzyx", "NOzyx"],
            &[('z', 4, 2, 1, 1, 0, 1, 1), ('y', 5, 3, 2, 1, 1, 1, 1), ('x', 6, 3, 1, 1, 1, 1, 1)],
        ),
        (
            ["NwzyxC", "wzyxCO", "NwzyxO"],
            &[
                ('w', 2, 2, 1, 1, 0, 1, 1),
                ('z', 3, 2, 1, 0, 0, 1, 1),
                ('y', 4, 1, 2, 0, 0, 1, 1),
                ('x', 4, 3, 1, 1, 1, 1, 1),
            ],
        ),
    ] {
        Case { dtypes: F32, axes, sizes, slides }.check();
    }
}

#[test]
fn nothing_is_convolved() {
    let sizes = [('N', 2), ('G', 1), ('C', 3), ('O', 4)];
    for slides in [
        &[('y', 0, 3, 1, 2, 2, 1, 1), ('x', 4, 3, 1, 1, 1, 1, 1)],
        &[('y', 3, 0, 1, 0, 0, 1, 1), ('x', 4, 3, 1, 1, 1, 1, 1)],
        &[('y', 2, 3, 1, 0, 0, 1, 1), ('x', 4, 3, 1, 1, 1, 1, 1)],
        &[('y', 2, 1, 1, 9, 9, 1, 1), ('x', 4, 3, 1, 1, 1, 1, 1)],
    ] {
        for axes in &LAYOUTS[..2] {
            Case { dtypes: F32, axes: *axes, sizes, slides }.check();
            let none = [('N', 2), ('G', 1), ('C', 0), ('O', 4)];
            Case { dtypes: F32, axes: *axes, sizes: none, slides }.check();
        }
    }
}

#[test]
fn places_far_away_are_padding() {
    let sizes = [('N', 1), ('G', 1), ('C', 1), ('O', 1)];
    const FAR: i64 = 1 << 58;
    for slides in [
        &[('x', 2, 2, 1 << 57, FAR, FAR, 1, 1)][..],
        &[('x', 2, 2, 1 << 40, FAR, -FAR, 1 << 50, 1)],
        &[('x', 2, 2, 1 << 50, 0, FAR, 1, 1 << 57)],
    ] {
        let case = Case { dtypes: F32, axes: ["NxC", "xCO", "NxO"], sizes, slides };
        case.check();
    }
}

/// Products pack a kernel that is the same in every run; where groups are lanes it is read as it is.
#[test]
fn kernels_that_last_are_packed_once() {
    let slides = &[('y', 9, 3, 1, 1, 1, 1, 1), ('x', 11, 3, 1, 1, 1, 1, 1)];
    let packed = |sizes| {
        let executable = Case { dtypes: F32, axes: LAYOUTS[0], sizes, slides }.with_lasting_kernel();
        let program = executable.program();
        program.steps[..program.ahead].iter().filter(|step| matches!(step, Step::Pack { .. })).count()
    };
    assert_eq!(packed([('N', 2), ('G', 1), ('C', 5), ('O', 37)]), 1);
    assert_eq!(packed([('N', 2), ('G', 2), ('C', 5), ('O', 17)]), 1);
    assert_eq!(packed([('N', 2), ('G', 2), ('C', 5), ('O', 7)]), 0);
    assert_eq!(packed([('N', 2), ('G', 32), ('C', 4), ('O', 4)]), 0);
    assert_eq!(packed([('N', 2), ('G', 16), ('C', 1), ('O', 1)]), 0);
}

/// Where results may change, a kernel of 3 x 3 taps that is packed takes minimal filtering: near the sums term by term, on any number of threads the same bits.
#[test]
fn minimal_filtering_gives_about_the_same() {
    let mut options = CompileOptions::default();
    options.passes.value_changing = true;
    let lasting = Promises { lasting: vec![1], ..Promises::default() };
    for (sizes, slides) in [
        (
            [('N', 1), ('G', 1), ('C', 16), ('O', 16)],
            &[('y', 16, 3, 1, 0, 0, 1, 1), ('x', 22, 3, 1, 0, 0, 1, 1)],
        ),
        (
            [('N', 1), ('G', 1), ('C', 40), ('O', 70)],
            &[('y', 19, 3, 1, 1, 1, 1, 1), ('x', 37, 3, 1, 1, 1, 1, 1)],
        ),
        (
            [('N', 9), ('G', 1), ('C', 35), ('O', 17)],
            &[('y', 11, 3, 1, 2, 2, 1, 1), ('x', 9, 3, 1, 2, 3, 1, 1)],
        ),
        (
            [('N', 2), ('G', 3), ('C', 16), ('O', 33)],
            &[('y', 12, 3, 1, 1, 1, 1, 1), ('x', 13, 3, 1, 1, 1, 1, 1)],
        ),
        (
            [('N', 1), ('G', 1), ('C', 300), ('O', 64)],
            &[('y', 18, 3, 1, 1, 1, 1, 1), ('x', 170, 3, 1, 9, -2, 1, 1)],
        ),
        (
            [('N', 1), ('G', 1), ('C', 24), ('O', 300)],
            &[('y', 14, 3, 1, 1, 1, 1, 1), ('x', 14, 3, 1, 1, 1, 1, 1)],
        ),
    ] {
        for axes in [LAYOUTS[0], ["NyxGC", "GOCyx", "NyxGO"], ["yNxGC", "OxGyC", "xNyGO"]] {
            let case = Case { dtypes: F32, axes, sizes, slides };
            let (graph, inputs) = (case.graph(), case.inputs(3));
            let compiled = |options: &CompileOptions, promises: &Promises| {
                Executable::compile_promised(&graph, options, promises).expect("convolutions compile")
            };
            let run = |executable: &Executable, threads| {
                executable.run_literals(&inputs, threads).expect("it runs").remove(0)
            };
            let exact = run(&compiled(&CompileOptions::default(), &lasting), 1);
            let minimal = compiled(&options, &lasting);
            let found = [1, 2, 3].map(|threads| run(&minimal, threads));
            assert!(found.iter().all(|other| same_values(&found[0], other)), "{case:?} depends on threads");
            assert!(!same_values(&exact, &found[0]), "{case:?} adds term by term");
            let [expected, given] = [&exact, &found[0]].map(numbers);
            let greatest = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
            let error = expected.iter().zip(&given).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
            assert!(error <= 1e-5 * greatest, "{case:?}: {error} of {greatest}");
            // A kernel that may change is not packed, and nothing changes.
            assert!(same_values(&exact, &run(&compiled(&options, &Promises::default()), 2)), "{case:?}");
        }
    }
}

fn numbers(literal: &Literal) -> Vec<f64> {
    (0..literal.len()).map(|i| literal.get(i).to_f64()).collect()
}
