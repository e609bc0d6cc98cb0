//! What the tables of scalar functions say in columns that are the same for functions of one and of two operands.

use crate::DType;

/// Class of the work of one element, which the compiler's cost model gives numbers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CostClass {
    /// One or a few vector instructions.
    Simple,
    /// A vector instruction with a long latency: division, square root. Or an instruction for each element.
    Slow,
    /// A series or an iteration of tens of vector instructions, which exists as a function over strips too.
    VectorMath,
    /// Tens of instructions or a call for each element: remainders, powers and quotients of integers.
    ByElement,
    /// A call for each element that iterates: some tens of nanoseconds.
    Iteration,
}

/// [`CostClass`] by the kind of dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// On floats.
    pub(crate) float: CostClass,
    /// On integers and bools.
    pub(crate) other: CostClass,
}

impl Cost {
    /// A cost that is the same for all dtypes.
    pub(crate) const fn same(work: CostClass) -> Cost {
        Cost { float: work, other: work }
    }

    /// Class of the work on elements of `dtype`.
    pub(crate) const fn of(self, dtype: DType) -> CostClass {
        if dtype.is_float() { self.float } else { self.other }
    }
}

/// How near compiled results are to the evaluator's. This is for tests: what a function costs is another column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accuracy {
    /// The same bits.
    Exact,
    /// So many units in the last place, of f32 or f64.
    Ulps(u32),
}

impl Accuracy {
    /// Units in the last place, 0 for the same bits.
    pub(crate) const fn ulps(self) -> u32 {
        match self {
            Accuracy::Exact => 0,
            Accuracy::Ulps(ulps) => ulps,
        }
    }
}
