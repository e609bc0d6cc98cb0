//! Matrix products, as steps of a program compute them, and their text form.
//!
//! ```text
//! f32->f32 rows 32 (784, 0, 512) columns 512 (0, 1, 1) depth 784 (1, 512, 0)
//! ```
//!
//! For each loop how often it runs, and its steps in the left operand, the right operand and the result; a loop that runs once and goes
//! nowhere is left out. Loops around the batch are `outer`, the outermost first; `from 3, 0` is where the operands begin, unless it is at 0.

use std::fmt::{self, Display, Formatter};

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::DType;

use super::{Reach, TileSize, TiledRoutine};
use crate::kernel::GridDim;
use crate::syntax::{Parser, Result};

/// A batch of strided matrix products: `out = lhs * rhs`. Strides and offsets are in elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// Dtype of both operands.
    pub input: DType,
    /// Dtype of the result, in which products are added up (f32 for f16 and bf16).
    pub output: DType,
    /// Number of products; strides from one to the next.
    pub batch: ProductLoop,
    /// Rows of `lhs` and `out`; the stride in `rhs` is 0.
    pub rows: ProductLoop,
    /// Columns of `rhs` and `out`; the stride in `lhs` is 0.
    pub columns: ProductLoop,
    /// Columns of `lhs` and rows of `rhs`; the stride in `out` is 0.
    pub depth: ProductLoop,
    /// Loops around the batch, outermost first.
    pub outer: Vec<ProductLoop>,
    /// First element of `lhs`.
    pub lhs_offset: i64,
    /// First element of `rhs`.
    pub rhs_offset: i64,
}

/// One loop of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProductLoop {
    /// Number of iterations.
    pub extent: u64,
    /// Step in `lhs`.
    pub lhs: i64,
    /// Step in `rhs`.
    pub rhs: i64,
    /// Step in `out`.
    pub out: i64,
}

impl ProductLoop {
    pub(crate) const ONCE: ProductLoop = ProductLoop { extent: 1, lhs: 0, rhs: 0, out: 0 };

    /// The two loops, `self` around `inner`, as one, if strides allow.
    pub(crate) fn merged(self, inner: ProductLoop) -> Option<ProductLoop> {
        let extent = inner.extent as i64;
        let continues = |outer: i64, inner: i64| outer == inner * extent;
        match (self.extent, inner.extent) {
            (1, _) => Some(inner),
            (_, 1) => Some(self),
            // What runs no times has no strides.
            (0, _) | (_, 0) => Some(ProductLoop { extent: 0, ..inner }),
            _ if continues(self.lhs, inner.lhs)
                && continues(self.rhs, inner.rhs)
                && continues(self.out, inner.out) =>
            {
                Some(ProductLoop { extent: self.extent * inner.extent, ..inner })
            }
            _ => None,
        }
    }
}

impl Product {
    /// Elements of the result.
    pub(crate) fn results(&self) -> u64 {
        let loops = self.outer.iter().chain([&self.batch, &self.rows, &self.columns]);
        loops.fold(1, |results: u64, l| results.saturating_mul(l.extent))
    }
}

impl TiledRoutine for Product {
    const WORD: &'static str = "matmul";

    fn operand_dtypes(&self) -> SmallVec<[DType; 2]> {
        smallvec![self.input, self.input]
    }

    fn result_dtype(&self) -> DType {
        self.output
    }

    fn products(&self) -> u64 {
        self.results().saturating_mul(self.depth.extent)
    }

    fn reach(&self) -> Option<Reach> {
        let outside = || self.outer.iter().chain([&self.batch, &self.rows, &self.columns]);
        let reach = |from: i64, step: fn(&ProductLoop) -> i64| {
            if outside().any(|l| l.extent == 0) {
                return Some(0);
            }
            let (mut first, mut last) = (i128::from(from), i128::from(from));
            for l in outside().chain([&self.depth]) {
                let way = i128::from(step(l)) * (i128::from(l.extent.max(1)) - 1);
                *(if way < 0 { &mut first } else { &mut last }) += way;
            }
            u64::try_from(last + 1).ok().filter(|_| first >= 0)
        };
        let operand = |from, step: fn(&ProductLoop) -> i64| {
            if self.depth.extent == 0 { Some(0) } else { reach(from, step) }
        };
        let (lhs, rhs) = (operand(self.lhs_offset, |l| l.lhs)?, operand(self.rhs_offset, |l| l.rhs)?);
        Some(Reach { operands: smallvec![lhs, rhs], result: reach(0, |l| l.out)? })
    }

    /// A dim for the batch, the rows and the columns; a product with loops around the batch has none.
    fn grid(&self, tile: &TileSize) -> Option<SmallVec<[GridDim; 4]>> {
        let &[rows, columns] = &tile[..] else { return None };
        let dim = |l: &ProductLoop, tile| GridDim { extent: l.extent, tile };
        self.outer
            .is_empty()
            .then(|| smallvec![dim(&self.batch, 1), dim(&self.rows, rows), dim(&self.columns, columns)])
    }

    fn packs_like(&self, _operand: usize, other: &Product) -> bool {
        let read = |p: &Product| {
            (p.input, p.output, p.rhs_offset, p.depth.extent, p.depth.rhs, p.columns.extent, p.columns.rhs)
        };
        read(self) == read(other)
    }

    fn parse(parser: &mut Parser<'_>) -> Result<Product> {
        parser.product()
    }
}

impl Display for ProductLoop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ProductLoop { extent, lhs, rhs, out } = self;
        write!(f, "{extent} ({lhs}, {rhs}, {out})")
    }
}

impl Display for Product {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Product { input, output, batch, rows, columns, depth, outer, lhs_offset, rhs_offset } = self;
        write!(f, "{input}->{output}")?;
        outer.iter().try_for_each(|l| write!(f, " outer {l}"))?;
        for (name, l) in [("batch", batch), ("rows", rows), ("columns", columns), ("depth", depth)] {
            if *l != ProductLoop::ONCE {
                write!(f, " {name} {l}")?;
            }
        }
        if (*lhs_offset, *rhs_offset) != (0, 0) {
            write!(f, " from {lhs_offset}, {rhs_offset}")?;
        }
        Ok(())
    }
}

impl Parser<'_> {
    fn product(&mut self) -> Result<Product> {
        let input = self.dtype()?;
        self.require("->")?;
        let output = self.dtype()?;
        let mut outer = Vec::new();
        while self.accept_word("outer") {
            outer.push(self.product_loop()?);
        }
        let mut once = |name: &str| match self.accept_word(name) {
            true => self.product_loop(),
            false => Ok(ProductLoop::ONCE),
        };
        let (batch, rows, columns, depth) = (once("batch")?, once("rows")?, once("columns")?, once("depth")?);
        let (mut lhs_offset, mut rhs_offset) = (0, 0);
        if self.accept_word("from") {
            lhs_offset = self.signed("an element")?;
            self.require(",")?;
            rhs_offset = self.signed("an element")?;
        }
        Ok(Product { input, output, batch, rows, columns, depth, outer, lhs_offset, rhs_offset })
    }

    /// `32 (784, 0, 512)`.
    fn product_loop(&mut self) -> Result<ProductLoop> {
        let extent = self.number("a number of iterations")?;
        self.require("(")?;
        let lhs = self.signed("a step")?;
        self.require(",")?;
        let rhs = self.signed("a step")?;
        self.require(",")?;
        let out = self.signed("a step")?;
        self.require(")")?;
        Ok(ProductLoop { extent, lhs, rhs, out })
    }
}
