//! Drawing random ops: the raw material of property tests.
//!
//! A [`Draw`] turns a sequence of numbers into choices. Smaller numbers give simpler choices, and a sequence that is
//! used up gives zeros, so whoever shrinks the sequence shrinks what was drawn from it.

use smallvec::SmallVec;

use crate::{DType, DTypeClass, Graph, Shape, TensorType, Type};

/// Random numbers for samples and tests: SplitMix64, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % (bound as u64).max(1)) as usize
    }

    /// A number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in `[-1, 1)`.
    pub fn symmetric(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    /// Choices for a [`Draw`].
    pub fn choices(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.bits() as u32).collect()
    }
}

/// A source of choices.
#[derive(Debug)]
pub struct Draw<'a> {
    choices: &'a [u32],
    used: usize,
}

impl<'a> Draw<'a> {
    /// Draws from a sequence of numbers.
    pub fn new(choices: &'a [u32]) -> Draw<'a> {
        Draw { choices, used: 0 }
    }

    /// Whether the sequence is used up: from here on all draws are the simplest choice.
    pub fn is_exhausted(&self) -> bool {
        self.used >= self.choices.len()
    }

    /// The next number of the sequence, 0 at its end.
    pub fn raw(&mut self) -> u32 {
        let next = self.choices.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        next
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let raw = self.raw() as usize;
        if bound == 0 { 0 } else { raw % bound }
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// True in one of two cases; false is the simpler.
    pub fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    /// One of the items; the first is the simplest. Panics on an empty list: that is the caller's bug.
    pub fn choose<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// An axis of a tensor of `rank >= 1`.
    pub fn axis(&mut self, rank: usize) -> usize {
        self.below(rank)
    }

    /// Distinct axes in ascending order, at least `least`.
    pub fn axes(&mut self, rank: usize, least: usize) -> SmallVec<[usize; 6]> {
        let mut axes: SmallVec<[usize; 6]> = (0..rank).filter(|_| self.flip()).collect();
        let mut next = 0;
        while axes.len() < least.min(rank) {
            if !axes.contains(&next) {
                axes.push(next);
            }
            next += 1;
        }
        axes.sort_unstable();
        axes
    }

    /// A permutation of `0..rank`.
    pub fn permutation(&mut self, rank: usize) -> SmallVec<[usize; 6]> {
        let mut order: SmallVec<[usize; 6]> = (0..rank).collect();
        for i in 0..rank {
            let j = i + self.below(rank - i);
            order.swap(i, j);
        }
        order
    }

    /// A dtype of the class: `hint` if it belongs there, else a drawn member.
    pub fn dtype(&mut self, hint: DType, class: DTypeClass) -> DType {
        if class.contains(hint) {
            return hint;
        }
        let members: SmallVec<[DType; 13]> = class.members().collect();
        self.choose(&members)
    }

    /// A small extent, 0 and 1 included.
    pub fn extent(&mut self) -> usize {
        self.choose(&[2, 1, 3, 4, 5, 7, 8, 9, 16, 17, 0])
    }

    /// A small shape of rank 0 to `max_rank`, at most some thousand elements.
    pub fn shape(&mut self, max_rank: usize) -> Shape {
        let rank = self.below(max_rank + 1);
        let mut budget = 4096usize;
        (0..rank)
            .map(|_| {
                let extent = self.extent().min(budget);
                budget /= extent.max(1);
                extent
            })
            .collect()
    }

    /// A tensor type with a dtype of the class.
    pub fn ty(&mut self, class: DTypeClass, max_rank: usize) -> TensorType {
        let members: SmallVec<[DType; 13]> = class.members().collect();
        let dtype = self.choose(&members);
        TensorType { dtype, shape: self.shape(max_rank) }
    }

    /// `hint` with its dtype moved into the class if it is not there, and its rank to at least `min_rank`.
    pub fn like(&mut self, hint: &TensorType, class: DTypeClass, min_rank: usize) -> TensorType {
        let dtype = self.dtype(hint.dtype, class);
        let mut sizes = hint.shape.sizes();
        while sizes.len() < min_rank {
            sizes.push(if sizes.iter().product::<usize>() > 1024 { 1 } else { self.extent() });
        }
        TensorType { dtype, shape: Shape::from(&sizes[..]) }
    }
}

/// The type of tensors that a hint is about: of a list that of its rows.
pub(super) fn tensor_hint(hint: &Type) -> TensorType {
    match hint {
        Type::Tensor(ty) | Type::List(ty) => ty.clone(),
        Type::Token => TensorType::scalar(DType::Bool),
    }
}

/// Which values an operand should have for a comparison of results to make sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// All bit patterns, with NaN, infinities and -0 among them.
    Any,
    /// Finite and of moderate size: for ops whose rounding errors would drown in cancellation or overflow otherwise.
    Moderate,
    /// Real numbers in the closed interval.
    Range(f64, f64),
    /// Indices below the bound, and a few outside it.
    Index(usize),
    /// A list of that many rows, which take all values.
    Rows(usize),
    /// Matrices whose greatest elements are 2, 3, 4.. on the diagonal that begins in this row, about, and goes on at the top; other elements are
    /// [`Values::SLIGHT`] at most.
    Dominant(usize),
}

impl Values {
    /// How much a dominant element is off its number, and how great others are.
    pub const SLIGHT: f64 = 0.1;

    /// The number that stands at a place of a tensor, about: 0 but for dominant elements.
    pub fn about(self, shape: &Shape, flat: usize) -> f64 {
        let Values::Dominant(turn) = self else { return 0.0 };
        let (rows, columns) = (shape.size(shape.rank() - 2), shape.size(shape.rank() - 1));
        let (row, column) = (flat / columns % rows, flat % columns);
        if row == (column + turn) % rows { 2.0 + column as f64 } else { 0.0 }
    }
}

/// An operand that a sampled op needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// Type of the operand.
    pub ty: Type,
    /// Values that the operand may have.
    pub values: Values,
}

impl Operand {
    /// An operand with such values.
    pub fn new(ty: impl Into<Type>, values: Values) -> Operand {
        Operand { ty: ty.into(), values }
    }

    /// An operand that takes all values.
    pub fn any(ty: impl Into<Type>) -> Operand {
        Operand::new(ty, Values::Any)
    }

    /// An operand with moderate values.
    pub fn moderate(ty: impl Into<Type>) -> Operand {
        Operand::new(ty, Values::Moderate)
    }
}

/// An op with operands that it accepts.
#[derive(Clone, Debug)]
pub struct Sample<T> {
    /// The op.
    pub op: T,
    /// Operands of the sample.
    pub operands: SmallVec<[Operand; 3]>,
    /// Regions of the sample.
    pub regions: Vec<Graph>,
    /// How far a compiled result may be from the evaluator's.
    pub tolerance: Tolerance,
    /// A range of float operands in which results are smooth but for a few points, if their [`Values`] do not say one.
    pub smooth: (f64, f64),
}

/// Where most functions are smooth.
const SMOOTH: (f64, f64) = (-2.0, 2.0);

impl<T> Sample<T> {
    /// A sample whose results must agree bit for bit.
    pub fn exact(op: T, operands: impl IntoIterator<Item = Operand>) -> Sample<T> {
        Sample::new(op, operands, Tolerance::Exact)
    }

    /// A sample whose float results may differ by `ulps` units in the last place.
    pub fn ulps(op: T, ulps: u32, operands: impl IntoIterator<Item = Operand>) -> Sample<T> {
        Sample::new(op, operands, Tolerance::Ulps(ulps))
    }

    /// A sample whose float results may differ by `relative` machine epsilons times the largest magnitude among the
    /// op's operands and results: for sums whose order of summation is not fixed.
    pub fn epsilons(op: T, relative: u32, operands: impl IntoIterator<Item = Operand>) -> Sample<T> {
        Sample::new(op, operands, Tolerance::Epsilons(relative))
    }

    fn new(op: T, operands: impl IntoIterator<Item = Operand>, tolerance: Tolerance) -> Sample<T> {
        Sample {
            op,
            operands: operands.into_iter().collect(),
            regions: Vec::new(),
            tolerance,
            smooth: SMOOTH,
        }
    }

    /// The sample with a range of float operands in which results are smooth: where tests of derivatives draw from.
    pub fn smooth_within(self, low: f64, high: f64) -> Sample<T> {
        Sample { smooth: (low, high), ..self }
    }

    /// The sample with these regions.
    pub fn with_regions(self, regions: impl IntoIterator<Item = Graph>) -> Sample<T> {
        Sample { regions: regions.into_iter().collect(), ..self }
    }

    /// The sample with the op wrapped.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sample<U> {
        let Sample { op, operands, regions, tolerance, smooth } = self;
        Sample { op: f(op), operands, regions, tolerance, smooth }
    }
}

/// How far a compiled float result may be from the evaluator's. NaN matches any NaN. Integers and bools always match exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// Same bits.
    Exact,
    /// That many units in the last place.
    Ulps(u32),
    /// That many machine epsilons of the largest magnitude involved.
    Epsilons(u32),
}
