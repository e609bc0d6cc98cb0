//! Where the axes of a cluster go: merged where memory is contiguous, cut into tiles, mapped to loops.

use smallvec::SmallVec;

use super::expression::{Expression, Term};
use crate::fusion::Form;
use crate::fusion::cut::COLUMN_TILE;
use crate::kernel::{Affine, Extent, GridDim, Instr, Var, fold_lanes};

/// Elements of a tile that calls vector math functions: their scratch stays in L1.
const MATH_TILE: u64 = 2048;
/// Elements of a tile of plain arithmetic.
const PLAIN_TILE: u64 = 8192;
/// Rows that are folded side by side, if one fold is all there is to do with them.
pub(super) const SIDE_BY_SIDE: u64 = 4;
/// Elements from which on rows are long enough for that.
pub(super) const LONG_ROW: u64 = 512;
/// Elements up to which a tile has several rows for that.
const MAX_SIDE_BY_SIDE: u64 = 1 << 14;
/// Edge of the square tiles of a transposition.
const TRANSPOSE_TILE: u64 = 64;

/// The iteration space of an expression.
#[derive(Clone, Debug)]
pub(super) struct Loops {
    /// For each variable how many values it takes.
    pub(super) sizes: Vec<usize>,
    /// The variables along which is reduced, ascending.
    pub(super) reduced: Vec<usize>,
    /// A kept variable of which each value is a tile of its own, in reductions along outer axes.
    pub(super) pieces: Option<u32>,
}

impl Loops {
    pub(super) fn new(sizes: &[usize], reduced: &[usize]) -> Loops {
        Loops { sizes: sizes.to_vec(), reduced: reduced.to_vec(), pieces: None }
    }

    pub(super) fn kept_elements(&self) -> usize {
        let kept = (0..self.sizes.len()).filter(|axis| !self.reduced.contains(axis));
        kept.map(|axis| self.sizes[axis]).product()
    }
}

/// The loops of a kernel.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) grid: Vec<GridDim>,
    /// Kept axes, outermost first.
    pub(super) kept: Vec<Axis>,
    /// Reduced axes, outermost first.
    pub(super) reduced: Vec<Axis>,
    /// Tiles are so irregular that their elements do not lie side by side in scratch.
    pub(super) blocked: bool,
    /// Reduced axes, neighbours merged, if their elements must be folded in that order and memory does not have them so: they are put side by
    /// side in scratch first.
    pub(super) flat: Option<Vec<Axis>>,
    /// In tiles of a transposition the position of the axis along which some memory is contiguous, instead of the last one.
    pub(super) across: Option<usize>,
}

/// A loop of the cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Variable of the axis in the expression.
    pub(super) var: u32,
    pub(super) extent: u64,
    /// The grid dim that walks over its tiles, if it is cut.
    pub(super) grid: Option<u32>,
    /// Loop of the axis within the tile, if it has one.
    pub(super) within: Option<Extent>,
}

impl Axis {
    fn whole(var: u32, extent: u64) -> Axis {
        Axis { var, extent, grid: None, within: Some(Extent::Fixed(extent)) }
    }

    /// The largest number of iterations within a tile.
    pub(super) fn most(&self, grid: &[GridDim]) -> u64 {
        match self.within {
            None => 1,
            Some(Extent::Fixed(n)) => n,
            Some(Extent::Tile(g)) => grid[g as usize].tile,
        }
    }
}

impl Layout {
    /// Merges axes of the expression, and cuts the kept ones into tiles.
    pub(super) fn choose(expression: &Expression, form: Form, loops: &Loops) -> Layout {
        let Loops { sizes, reduced, pieces } = loops;
        let mut axes = Axes::new(expression, sizes);
        let all: Vec<u32> = (0..sizes.len() as u32).filter(|&a| sizes[a as usize] != 1).collect();
        let is_reduced = |a: &u32| reduced.contains(&(*a as usize));
        let ordered = form == Form::Rows && has_order(expression);
        // Whether memory has what lies between the axes next to each other must not decide how a sum is folded.
        let next = |outer: u32, inner: u32| {
            all.iter().position(|&a| a == outer).map(|i| i + 1) == all.iter().position(|&a| a == inner)
        };
        let mut reduced: Vec<Axis> =
            axes.merge(all.iter().copied().filter(is_reduced), |outer, inner| !ordered || next(outer, inner));
        let kept = axes.merge(all.iter().copied().filter(|a| !is_reduced(a)), |_, _| true);
        let flat = ordered.then(|| axes.neighbours(all.iter().copied().filter(is_reduced), next));
        let flat = flat.filter(|flat| depends_on_merging(expression, flat, &reduced));
        if form == Form::Rows && reduced.is_empty() {
            reduced.push(Axis::whole(sizes.len() as u32, 1));
        }
        let row: u64 = reduced.iter().map(|a| a.extent).product();
        let budget = match form {
            Form::Columns => COLUMN_TILE as u64,
            Form::Rows if is_one_pass(expression) && (LONG_ROW..=MAX_SIDE_BY_SIDE).contains(&row) => {
                let enough = loops.kept_elements() as u64 >= 8 * SIDE_BY_SIDE;
                (MATH_TILE / row).max(if enough { SIDE_BY_SIDE } else { 1 })
            }
            Form::Rows => MATH_TILE / row.clamp(1, MATH_TILE),
            _ if has_math(expression) => MATH_TILE,
            _ => PLAIN_TILE,
        };
        let mut layout = Layout { grid: Vec::new(), kept, reduced, blocked: false, flat, across: None };
        match axes.transposed(&layout.kept) {
            Some(other) if form == Form::Elementwise => layout.cut_square(other),
            _ => layout.cut(budget, pieces.filter(|_| form == Form::Columns)),
        }
        layout
    }

    /// One grid dim per axis, given.
    pub(super) fn on_tiles(expression: &Expression, sizes: &[usize], grid: &[GridDim]) -> Layout {
        debug_assert!(expression.stores.iter().all(|(_, _, _)| sizes.len() <= grid.len()));
        let first = grid.len() - sizes.len();
        let axis = |a: usize| {
            let g = (first + a) as u32;
            let dim = grid[g as usize];
            let within =
                if dim.extent.is_multiple_of(dim.tile) { Extent::Fixed(dim.tile) } else { Extent::Tile(g) };
            Axis { var: a as u32, extent: sizes[a] as u64, grid: Some(g), within: Some(within) }
        };
        let kept = (0..sizes.len()).map(axis).collect();
        let (reduced, grid) = (Vec::new(), grid.to_vec());
        Layout { grid, kept, reduced, blocked: true, flat: None, across: None }
    }

    /// Tiles of at most `budget` elements: whole inner axes, a part of one axis, single indices of the outer ones and of
    /// `pieces`.
    fn cut(&mut self, budget: u64, pieces: Option<u32>) {
        let mut left = budget.max(1);
        let mut cuts: Vec<(usize, u64)> = Vec::new();
        for (i, axis) in self.kept.iter().enumerate().rev() {
            if pieces == Some(axis.var) {
                left = 1;
            }
            let tile = axis.extent.min(left);
            if tile < axis.extent {
                cuts.push((i, balanced(axis.extent, tile)));
                left = 1;
            } else {
                left /= axis.extent;
            }
        }
        for (i, tile) in cuts.into_iter().rev() {
            self.cut_axis(i, tile);
        }
    }

    /// Square tiles of the innermost axis and of `other`, which is innermost in some memory that is read.
    fn cut_square(&mut self, other: usize) {
        self.blocked = true;
        self.across = Some(other);
        let inner = self.kept.len() - 1;
        for i in 0..self.kept.len() {
            let tile = if i == inner || i == other { TRANSPOSE_TILE } else { 1 };
            self.cut_axis(i, tile.min(self.kept[i].extent));
        }
    }

    fn cut_axis(&mut self, index: usize, tile: u64) {
        let extent = self.kept[index].extent;
        if tile == extent {
            return;
        }
        let grid = self.grid.len() as u32;
        self.grid.push(GridDim { extent, tile });
        self.kept[index].grid = Some(grid);
        self.kept[index].within = match tile {
            1 => None,
            _ if extent.is_multiple_of(tile) => Some(Extent::Fixed(tile)),
            _ => Some(Extent::Tile(grid)),
        };
    }

    /// In tiles of a transposition the axes in the order that suits memory which is read across, if this index does.
    pub(super) fn turned(&self, index: &Affine) -> Option<[Axis; 2]> {
        let (other, inner) = (self.kept[self.across?], *self.kept.last()?);
        let step = |axis: Axis| index.coefficient(Var::Dim(axis.var));
        let across = step(other) == 1 && !matches!(step(inner), -1..=1);
        across.then_some([inner, other])
    }

    /// An affine index of the expression as one of a stage whose loops are `dims`.
    pub(super) fn index(&self, affine: &Affine, dims: &[Axis]) -> Affine {
        let mut index = Affine::constant(affine.offset);
        for &(var, coefficient) in &affine.terms {
            let Var::Dim(axis) = var else { unreachable!("expressions are over axes") };
            let grid = self.kept.iter().find(|a| a.var == axis).and_then(|a| a.grid);
            if let Some(grid) = grid {
                index = index.plus(Var::Grid(grid), coefficient);
            }
            if let Some(at) = dims.iter().position(|a| a.var == axis) {
                index = index.plus(Var::Dim(at as u32), coefficient);
            }
        }
        index
    }

    /// Kept axes that have a loop within the tile.
    pub(super) fn tile_axes(&self) -> Vec<Axis> {
        self.kept.iter().copied().filter(|a| a.within.is_some()).collect()
    }
}

/// The tile size with as many tiles as `tile` gives, but of nearly equal size, and a multiple of 16 if it is long.
fn balanced(extent: u64, tile: u64) -> u64 {
    let even = extent.div_ceil(extent.div_ceil(tile));
    if even >= 64 { even.next_multiple_of(16).min(tile) } else { even }
}

pub(super) fn has_math(expression: &Expression) -> bool {
    let mut terms = expression.terms.iter().zip(&expression.dtypes);
    terms.any(|(term, &dtype)| super::stages::math_of(term, dtype).is_some())
}

/// Whether the order of its elements changes what a fold gives.
fn has_order(expression: &Expression) -> bool {
    let mut terms = expression.terms.iter().zip(&expression.dtypes);
    terms.any(|(term, &dtype)| matches!(term, Term::Fold(kind, _) if kind.depends_on_order(dtype)))
}

/// Whether folds of rows along these axes would go another way if neighbours were merged as in `flat`: partial results take turns along the
/// innermost loop, so it is the same if that ends with the last of them.
fn depends_on_merging(expression: &Expression, flat: &[Axis], reduced: &[Axis]) -> bool {
    let (Some(whole), Some(inner)) = (flat.last(), reduced.last()) else { return false };
    let folds = expression.terms.iter().zip(&expression.dtypes);
    let folds = folds.filter(|(term, _)| matches!(term, Term::Fold(..)));
    let lanes = folds.map(|(_, &dtype)| fold_lanes(dtype) as u64).max().unwrap_or(1);
    whole.extent != inner.extent && !inner.extent.is_multiple_of(lanes)
}

/// Whether rows are read once, folded, and forgotten.
fn is_one_pass(expression: &Expression) -> bool {
    let folds = expression.terms.iter().filter(|t| matches!(t, Term::Fold(..))).count();
    folds == 1 && !has_math(expression)
}

/// The axes of an expression, while they are merged.
struct Axes<'a> {
    sizes: &'a [usize],
    /// Every affine index of the expression.
    indices: Vec<Affine>,
}

impl<'a> Axes<'a> {
    fn new(expression: &Expression, sizes: &'a [usize]) -> Axes<'a> {
        let in_terms = expression.terms.iter().filter_map(|term| match term {
            Term::Instr(Instr::Load { index, .. } | Instr::Index { index, .. }) => Some(index.clone()),
            _ => None,
        });
        let indices = in_terms.chain(expression.stores.iter().map(|s| s.1.clone())).collect();
        Axes { sizes, indices }
    }

    /// Merges neighbours that every index walks through as if they were one axis. The merged axis keeps the variable of
    /// its inner part; its terms in the outer variable follow from that and are dropped by [`Layout::index`], because no
    /// axis of the layout has that variable.
    fn merge(&mut self, vars: impl Iterator<Item = u32>, may: impl Fn(u32, u32) -> bool) -> Vec<Axis> {
        let mut merged: Vec<Axis> = Vec::new();
        for var in vars {
            let extent = self.sizes[var as usize] as u64;
            match merged.last() {
                Some(outer) if may(outer.var, var) && self.walks_through(outer.var, var, extent) => {
                    let extent = extent * outer.extent;
                    *merged.last_mut().expect("there is one") = Axis::whole(var, extent);
                }
                _ => merged.push(Axis::whole(var, extent)),
            }
        }
        merged
    }

    /// The axes with neighbours merged, whatever the indices are.
    fn neighbours(&self, vars: impl Iterator<Item = u32>, next: impl Fn(u32, u32) -> bool) -> Vec<Axis> {
        let mut merged: Vec<Axis> = Vec::new();
        for var in vars {
            let extent = self.sizes[var as usize] as u64;
            match merged.last_mut() {
                Some(outer) if next(outer.var, var) => *outer = Axis::whole(var, extent * outer.extent),
                _ => merged.push(Axis::whole(var, extent)),
            }
        }
        merged
    }

    fn walks_through(&self, outer: u32, inner: u32, extent: u64) -> bool {
        self.indices
            .iter()
            .all(|i| i.coefficient(Var::Dim(outer)) == i.coefficient(Var::Dim(inner)) * extent as i64)
    }

    /// The position of a kept axis along which some memory is contiguous that is not contiguous along the innermost.
    fn transposed(&self, kept: &[Axis]) -> Option<usize> {
        let (inner, outer) = kept.split_last()?;
        let long = |a: &Axis| a.extent > TRANSPOSE_TILE / 2;
        let strided = |i: &&Affine| !matches!(i.coefficient(Var::Dim(inner.var)), -1..=1);
        let along = |i: &Affine| outer.iter().position(|a| i.coefficient(Var::Dim(a.var)).abs() == 1);
        let other = self.indices.iter().filter(strided).find_map(along)?;
        (long(inner) && long(&kept[other])).then_some(other)
    }
}

/// Loop extents of axes.
pub(super) fn extents(axes: &[Axis]) -> SmallVec<[Extent; 4]> {
    axes.iter().filter_map(|a| a.within).collect()
}
