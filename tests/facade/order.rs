//! The order of a sum: it depends on the shape that the program says and on the axes, so that an op by itself gives the bits of the op in a
//! compiled function, whatever memory its operand is read from, and whatever it is fused with.

use tensorwright::prelude::*;
use tensorwright::{Error, NormOrder, Result};

/// One change of a tensor before it is reduced.
#[derive(Clone, Debug)]
enum Step {
    Transpose(Vec<usize>),
    Reverse(usize),
    /// All but the first along an axis.
    Behind(usize),
    /// Every second one.
    Second(usize),
    /// The first element of an axis everywhere.
    Repeat(usize),
    /// An axis less, or one split in two.
    Reshape(Vec<usize>),
    Affine,
    Sin,
    /// Times a tensor that runs along an axis only.
    Along(usize),
}

impl Step {
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let shape = x.shape()?.sizes();
        let bounds = |axis: usize, first: i64, stride: i64| {
            let starts: Vec<i64> = (0..shape.len()).map(|a| if a == axis { first } else { 0 }).collect();
            let limits: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
            let strides: Vec<i64> = (0..shape.len()).map(|a| if a == axis { stride } else { 1 }).collect();
            x.slice(starts, limits, strides)
        };
        Ok(match self {
            Step::Transpose(permutation) => x.transpose(permutation),
            Step::Reverse(axis) => x.reverse([*axis]),
            Step::Behind(axis) => bounds(*axis, 1, 1),
            Step::Second(axis) => bounds(*axis, 0, 2),
            Step::Repeat(axis) => x.take(0, *axis).expand_dims([*axis]).broadcast_to(&shape[..]),
            Step::Reshape(to) => x.reshape(to),
            Step::Affine => x * 1.1 + 0.3,
            Step::Sin => x.sin(),
            Step::Along(axis) => {
                let other: Vec<usize> =
                    (0..shape.len()).map(|a| if a == *axis { shape[a] } else { 1 }).collect();
                x * (Tensor::arange(shape[*axis], DType::F64) * 0.01 + 1.0).cast(x.dtype()?).reshape(&other)
            }
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sum,
    Prod,
    Mean,
    Variance,
    LogSumExp,
    Norm,
}

impl Kind {
    fn apply(self, x: &Tensor, axes: &[usize]) -> Tensor {
        match self {
            Kind::Sum => x.sum(axes),
            Kind::Prod => (x * 0.01 + 1.0).prod(axes),
            Kind::Mean => x.mean(axes),
            Kind::Variance => x.var(axes, 0),
            Kind::LogSumExp => x.logsumexp(axes),
            Kind::Norm => x.norm(NormOrder::L2, axes),
        }
    }
}

/// A reduction of what steps make of a random tensor.
#[derive(Clone, Debug)]
struct Reduction {
    seed: u64,
    shape: Vec<usize>,
    dtype: DType,
    steps: Vec<Step>,
    kind: Kind,
    axes: Vec<usize>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn permutation(&mut self, rank: usize) -> Vec<usize> {
        let mut permutation: Vec<usize> = (0..rank).collect();
        (1..rank).for_each(|i| permutation.swap(i, self.below(i + 1)));
        permutation
    }

    /// A step, which changes the shape as it will be.
    fn step(&mut self, shape: &mut Vec<usize>) -> Step {
        let axis = self.below(shape.len());
        match self.below(12) {
            0..=3 => {
                let permutation = self.permutation(shape.len());
                *shape = permutation.iter().map(|&from| shape[from]).collect();
                Step::Transpose(permutation)
            }
            4 => Step::Reverse(axis),
            5 if shape[axis] > 1 => {
                shape[axis] -= 1;
                Step::Behind(axis)
            }
            6 => {
                shape[axis] = shape[axis].div_ceil(2);
                Step::Second(axis)
            }
            7 => Step::Repeat(axis),
            8 if axis > 0 => {
                let inner = shape.remove(axis);
                shape[axis - 1] *= inner;
                Step::Reshape(shape.clone())
            }
            8 | 9 if shape[axis].is_multiple_of(2) => {
                shape[axis] /= 2;
                shape.insert(axis + 1, 2);
                Step::Reshape(shape.clone())
            }
            10 => Step::Along(axis),
            11 => Step::Sin,
            _ => Step::Affine,
        }
    }
}

impl Reduction {
    fn new(seed: u64) -> Reduction {
        let mut random = Random(seed);
        let rank = 1 + random.below(4);
        let extents: &[usize] = match rank {
            1 | 2 => &[1, 3, 16, 33, 48, 53, 100, 300],
            _ => &[1, 2, 3, 7, 16, 19],
        };
        let shape: Vec<usize> = (0..rank).map(|_| random.of(extents)).collect();
        let dtype = random.of(&[DType::F32, DType::F32, DType::F64, DType::F16, DType::BF16]);
        let mut last = shape.clone();
        let steps = (0..1 + random.below(4)).map(|_| random.step(&mut last)).collect();
        let kind = random.of(&[
            Kind::Sum,
            Kind::Sum,
            Kind::Prod,
            Kind::Mean,
            Kind::Variance,
            Kind::LogSumExp,
            Kind::Norm,
        ]);
        let mut axes: Vec<usize> = (0..last.len()).filter(|_| random.below(2) == 0).collect();
        if axes.is_empty() {
            axes.push(random.below(last.len()));
        }
        Reduction { seed, shape, dtype, steps, kind, axes }
    }

    fn operand(&self) -> Tensor {
        RandomKey::new(self.seed).normal(&self.shape[..], 0.0f64, 1.0).cast(self.dtype)
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.steps.iter().try_fold(x.clone(), |x, step| step.apply(&x))?;
        Ok(self.kind.apply(&x, &self.axes))
    }

    fn check(&self) -> Result<()> {
        let x = self.operand();
        let own = self.clone();
        let compiled = function(move |x: Tensor| own.run(&x)).call(&x)?;
        let eager = self.run(&x)?;
        assert!(
            eager.ty()? == compiled.ty()? && eager.as_bytes()? == compiled.as_bytes()?,
            "{self:?}: {eager} by itself, compiled {compiled}"
        );
        Ok(())
    }
}

/// Random reductions of random views give the same bits as ops by themselves and in a function.
pub(crate) fn sums_agree(count: u64) {
    for seed in 0..count {
        let reduction = Reduction::new(seed);
        reduction.check().unwrap_or_else(|e| panic!("{reduction:?}: {e}"));
    }
}

#[test]
fn sums_have_the_same_bits_whatever_they_read() {
    sums_agree(120);
}

/// Rows so long that they are cut, few and many of them, and matrices that are put in order first.
#[test]
fn long_sums_have_the_same_bits_whatever_they_read() -> Result<()> {
    let turned = vec![Step::Transpose(vec![1, 0]), Step::Affine];
    let sliced = vec![Step::Behind(1), Step::Affine];
    for (shape, steps, axes) in [
        ([1000, 300], &turned, vec![0]),
        ([1000, 300], &turned, vec![1]),
        ([1000, 301], &turned, vec![0, 1]),
        ([1000, 301], &sliced, vec![0, 1]),
        ([5, 70_001], &turned, vec![0]),
        ([70_001, 5], &turned, vec![1]),
        ([70_001, 5], &sliced, vec![0]),
        ([2, 1_000_003], &sliced, vec![0, 1]),
    ] {
        let (dtype, kind) = (DType::F32, Kind::Sum);
        Reduction { seed: 3, shape: shape.to_vec(), dtype, steps: steps.clone(), kind, axes }.check()?;
    }
    Ok(())
}

/// A sum of a small tensor.
#[derive(Clone, Copy, Debug)]
struct Small {
    shape: &'static [usize],
    axes: &'static [usize],
}

impl Small {
    fn operand(self) -> Tensor {
        let elements = self.shape.iter().product::<usize>();
        (Tensor::arange(elements, DType::F32) * 0.7 - 1.3).sin().reshape(self.shape)
    }

    fn sum(self, x: &Tensor) -> Tensor {
        x.sum(self.axes)
    }

    fn step(self, x: &Tensor) -> Tensor {
        x * 0.9 + x.sum(keep(self.axes)) * 0.1
    }

    fn looped(self, x: Tensor) -> Result<Tensor> {
        Ok(self.sum(&fori_loop(0, 7, x, move |_, x: Tensor| self.step(&x))?))
    }
}

/// Small sums in native loops, where elements are registers, and sums of what is known when the function is compiled.
#[test]
fn sums_in_loops_and_of_constants_have_the_same_bits() -> Result<()> {
    let bits =
        |x: Tensor| Ok::<_, Error>(x.to_vec::<f32>()?.into_iter().map(f32::to_bits).collect::<Vec<_>>());
    let all: [(&[usize], &[usize]); 4] =
        [(&[9], &[0]), (&[3, 4], &[0]), (&[4, 3], &[1]), (&[3, 2, 5], &[0, 2])];
    for (shape, axes) in all {
        let small = Small { shape, axes };
        let x = small.operand();
        let plain = (0..7).fold(x.clone(), |x, _| small.step(&x));
        let expected = bits(small.sum(&plain))?;
        assert_eq!(bits(function(move |x: Tensor| small.looped(x)).call(&x)?)?, expected, "{small:?}");
        assert_eq!(bits(small.looped(x.clone())?)?, expected, "{small:?}");
        let values = x.to_vec::<f32>()?;
        let known = move |y: Tensor| small.sum(&Tensor::from_slice(&values, shape)) * y;
        assert_eq!(bits(function(known).call(1.0f32)?)?, bits(small.sum(&x))?, "{small:?}");
    }
    Ok(())
}
