//! Which elements affine indices reach.
//!
//! All of it is exact integer arithmetic on the shape of the loops, in 128 bits, which the size limits of the verifier keep
//! from overflowing. The one thing to know is that the loop over a tile and the first index of the tile belong together: in
//! the last tile, which begins highest, the loop is shorter.

use smallvec::SmallVec;

use super::{Affine, Extent, GridDim, Kernel, Var};

/// The elements from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The lowest index.
    pub low: i128,
    /// The highest index.
    pub high: i128,
}

impl Interval {
    fn at(value: i128) -> Interval {
        Interval { low: value, high: value }
    }

    /// The interval with the `count - 1` elements after it.
    pub fn widened(self, count: u64) -> Interval {
        Interval { low: self.low, high: self.high + i128::from(count) - 1 }
    }

    fn plus(self, other: Interval) -> Interval {
        Interval { low: self.low + other.low, high: self.high + other.high }
    }

    fn hull(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Whether two intervals have an element in common.
    pub fn meets(self, other: Interval) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// `coefficient * x` for `x` from 0 to `count - 1`.
fn steps(coefficient: i64, count: u64) -> Interval {
    let end = i128::from(coefficient) * (i128::from(count) - 1);
    Interval { low: end.min(0), high: end.max(0) }
}

/// The loops around a point: those of the grid, and those of a stage.
#[derive(Clone, Debug)]
pub struct Space<'k> {
    grid: &'k [GridDim],
    dims: SmallVec<[Extent; 8]>,
}

impl<'k> Space<'k> {
    /// The space of a stage with loops `dims`.
    pub fn new(kernel: &'k Kernel, dims: &[Extent]) -> Space<'k> {
        Space { grid: &kernel.grid, dims: SmallVec::from_slice(dims) }
    }

    /// Iterations of a loop in the tile where it has most.
    pub fn longest(&self, extent: Extent) -> u64 {
        match extent {
            Extent::Fixed(n) => n,
            Extent::Tile(g) => self.grid[g as usize].tile.min(self.grid[g as usize].extent),
        }
    }

    /// The elements that an index reaches, in all tiles; `None` if there are no points.
    pub fn interval(&self, index: &Affine) -> Option<Interval> {
        if self.dims.iter().any(|&extent| self.longest(extent) == 0) {
            return None;
        }
        let mut sum = Interval::at(i128::from(index.offset));
        for (d, &extent) in self.dims.iter().enumerate() {
            if let Extent::Fixed(n) = extent {
                sum = sum.plus(steps(index.coefficient(Var::Dim(d as u32)), n));
            }
        }
        (0..self.grid.len()).for_each(|g| sum = sum.plus(self.along(g, index)));
        Some(sum)
    }

    /// The part of an index that depends on one grid loop. Over all tiles but the last it is linear in the tile.
    fn along(&self, g: usize, index: &Affine) -> Interval {
        let GridDim { extent, tile } = self.grid[g];
        let last = self.grid[g].tiles() - 1;
        let first = i128::from(index.coefficient(Var::Grid(g as u32)));
        let in_tile = |number: u64| {
            let begin = number * tile;
            let length = tile.min(extent - begin);
            let loops = self.dims.iter().enumerate().filter(|&(_, &e)| e == Extent::Tile(g as u32));
            let inside = loops.map(|(d, _)| steps(index.coefficient(Var::Dim(d as u32)), length));
            inside.fold(Interval::at(first * i128::from(begin)), Interval::plus)
        };
        in_tile(0).hull(in_tile(last.saturating_sub(1))).hull(in_tile(last))
    }

    /// Whether the indices reach no common element.
    pub fn disjoint(&self, a: &Affine, b: &Affine) -> bool {
        match (self.interval(a), self.interval(b)) {
            (Some(a), Some(b)) => !a.meets(b),
            _ => true,
        }
    }

    /// Whether `a` at one point of the innermost loop `inner` may be `b` at another one, everything else being equal.
    pub fn points_clash(&self, a: &Affine, b: &Affine, inner: Var, count: u64) -> bool {
        if count <= 1 || self.disjoint(a, b) {
            return false;
        }
        if a.terms != b.terms {
            return true;
        }
        let (step, distance) =
            (i128::from(a.coefficient(inner)), i128::from(b.offset) - i128::from(a.offset));
        if step == 0 {
            return distance == 0;
        }
        let points = distance / step;
        distance % step == 0 && points != 0 && points.unsigned_abs() < u128::from(count)
    }

    /// Whether `a` in one tile and `b`, which may be of another stage, in another tile never are the same element.
    ///
    /// Both are written as numbers of mixed radix, whose digits are the grid's variables and the loops within the tile. If the
    /// digits of both fit one number system, an element tells the tile that it belongs to. So it does if what both touch within a tile
    /// lies within one step of the grid.
    pub fn tiles_apart(&self, a: &Affine, other: &Space<'_>, b: &Affine) -> bool {
        match (self.interval(a), other.interval(b)) {
            (Some(x), Some(y)) if x.meets(y) => {}
            _ => return true,
        }
        let (mut x, mut y) = (self.digits(a), other.digits(b));
        let moving = self.grid.iter().filter(|dim| dim.tiles() > 1).count();
        let grid = x.grid();
        if grid.len() != moving || grid != y.grid() {
            return false;
        }
        if x.hull(&y).is_unique() {
            return true;
        }
        let distance = y.offset - x.offset;
        let mut weights: Vec<i128> = x.local_weights().chain(y.local_weights()).chain([1]).collect();
        weights.sort_unstable();
        if distance > 0 {
            y.shift(distance, &weights)
        } else {
            x.shift(-distance, &weights)
        }
        x.union(y).is_unique()
    }

    fn digits(&self, index: &Affine) -> Number {
        let mut number = Number { offset: i128::from(index.offset), digits: Vec::new() };
        let mut taken: SmallVec<[usize; 8]> = SmallVec::new();
        for (g, dim) in self.grid.iter().enumerate() {
            let coefficient = index.coefficient(Var::Grid(g as u32));
            if coefficient == 0 || dim.tiles() <= 1 {
                continue;
            }
            let own = Extent::Tile(g as u32);
            let joint = (0..self.dims.len())
                .find(|&d| self.dims[d] == own && index.coefficient(Var::Dim(d as u32)) == coefficient);
            taken.extend(joint);
            let scale = i128::from(dim.tile);
            match joint {
                Some(_) => number.push(i128::from(coefficient), dim.extent, Some(g)),
                None => number.push(i128::from(coefficient) * scale, dim.tiles(), Some(g)),
            }
        }
        for (d, &extent) in self.dims.iter().enumerate().filter(|(d, _)| !taken.contains(d)) {
            number.push(i128::from(index.coefficient(Var::Dim(d as u32))), self.longest(extent), None);
        }
        number.merge();
        number
    }
}

/// A digit of a mixed-radix number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Digit {
    /// The weight, positive.
    weight: i128,
    /// How many values it has.
    count: u64,
    /// The grid loop that it is of, and whether it counts down.
    grid: Option<(usize, bool)>,
}

/// An index as a sum of digits, in ascending order of weight.
#[derive(Clone, Debug)]
struct Number {
    offset: i128,
    digits: Vec<Digit>,
}

impl Number {
    fn push(&mut self, weight: i128, count: u64, grid: Option<usize>) {
        if weight == 0 || count <= 1 {
            return;
        }
        let down = weight < 0;
        if down {
            self.offset += weight * (i128::from(count) - 1);
        }
        self.digits.push(Digit { weight: weight.abs(), count, grid: grid.map(|g| (g, down)) });
    }

    /// Joins digits of the tile that together count through, and those of the same weight.
    fn merge(&mut self) {
        self.digits.sort_unstable();
        let mut merged: Vec<Digit> = Vec::with_capacity(self.digits.len());
        for &digit in &self.digits {
            match merged.last_mut() {
                Some(last)
                    if last.grid.is_none() && digit.grid.is_none() && digit.weight % last.weight == 0 =>
                {
                    let ratio = (digit.weight / last.weight) as u64;
                    if ratio <= last.count {
                        last.count = last.count.saturating_add(ratio.saturating_mul(digit.count - 1));
                    } else {
                        merged.push(digit);
                    }
                }
                _ => merged.push(digit),
            }
        }
        self.digits = merged;
    }

    fn local_weights(&self) -> impl Iterator<Item = i128> + '_ {
        self.digits.iter().filter(|digit| digit.grid.is_none()).map(|digit| digit.weight)
    }

    /// Adds a constant, as further values of digits of these weights, in ascending order from 1.
    fn shift(&mut self, by: i128, weights: &[i128]) {
        let mut left = by;
        for &weight in weights.iter().rev() {
            let more = u64::try_from(left / weight).unwrap_or(u64::MAX);
            left %= weight;
            match self.digits.iter_mut().find(|d| d.weight == weight && d.grid.is_none()) {
                Some(digit) => digit.count = digit.count.saturating_add(more),
                None if more > 0 => {
                    self.digits.push(Digit { weight, count: more.saturating_add(1), grid: None });
                }
                None => {}
            }
        }
        self.digits.sort_unstable();
    }

    fn grid(&self) -> Vec<Digit> {
        self.digits.iter().copied().filter(|digit| digit.grid.is_some()).collect()
    }

    /// The grid's digits, and one for all places from the first to the last one that both have within a tile. The grid's digits are the same.
    fn hull(&self, other: &Number) -> Number {
        let local = |number: &Number| {
            let digits = number.digits.iter().filter(|digit| digit.grid.is_none());
            digits.map(|digit| digit.weight * (i128::from(digit.count) - 1)).sum::<i128>()
        };
        let first = self.offset.min(other.offset);
        let last = (self.offset + local(self)).max(other.offset + local(other));
        let count = u64::try_from(last - first).map_or(u64::MAX, |places| places.saturating_add(1));
        let mut digits = self.grid();
        digits.push(Digit { weight: 1, count, grid: None });
        digits.sort_unstable();
        Number { offset: first, digits }
    }

    /// A number system that both fit.
    fn union(mut self, other: Number) -> Number {
        for digit in other.digits {
            match self.digits.iter_mut().find(|d| d.weight == digit.weight && d.grid == digit.grid) {
                Some(own) => own.count = own.count.max(digit.count),
                None => self.digits.push(digit),
            }
        }
        self.digits.sort_unstable();
        self
    }

    /// Whether no two combinations of digits make the same number: each weighs more than all below it together.
    fn is_unique(&self) -> bool {
        let mut below = 0i128;
        self.digits.iter().all(|digit| {
            let enough = digit.weight > below;
            below += digit.weight * (i128::from(digit.count) - 1);
            enough
        })
    }
}

/// Contiguous elements as loops: the space of a strip, and the strides of its loops.
#[derive(Clone, Debug)]
pub struct Strip<'k> {
    /// The loops.
    pub space: Space<'k>,
    strides: SmallVec<[i64; 2]>,
}

impl<'k> Strip<'k> {
    /// A strip as long as the product of `dims`. The loop over a tile stays one if only it comes first; in other places of
    /// a product partial tiles are taken to be whole.
    pub fn new(kernel: &'k Kernel, dims: &[Extent]) -> Strip<'k> {
        let all = Space::new(kernel, dims);
        let product = |dims: &[Extent]| dims.iter().map(|&e| all.longest(e)).fold(1u64, u64::saturating_mul);
        let whole = |e: &Extent| match *e {
            Extent::Fixed(_) => true,
            Extent::Tile(g) => {
                kernel.grid[g as usize].tiles() <= 1
                    || kernel.grid[g as usize].extent.is_multiple_of(kernel.grid[g as usize].tile)
            }
        };
        match dims {
            [first @ Extent::Tile(_), rest @ ..] if rest.iter().all(whole) => {
                let count = product(rest);
                let space = Space::new(kernel, &[*first, Extent::Fixed(count)]);
                Strip { space, strides: SmallVec::from_slice(&[i64::try_from(count).unwrap_or(i64::MAX), 1]) }
            }
            _ => Strip {
                space: Space::new(kernel, &[Extent::Fixed(product(dims))]),
                strides: SmallVec::from_slice(&[1]),
            },
        }
    }

    /// The elements from `start` on.
    pub fn index(&self, start: &Affine) -> Affine {
        let strides = self.strides.iter().enumerate().filter(|&(_, &stride)| stride != 0);
        strides.fold(start.clone(), |index, (d, &stride)| index.plus(Var::Dim(d as u32), stride))
    }
}
