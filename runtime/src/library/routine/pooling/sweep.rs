//! Sweeping windows over a tensor: for each block of results the stretches of elements that a tap of the window meets there.
//!
//! The last axes along which the window does not slide are one *unit* of adjacent elements; the axis before them is the *line*, and the axes before
//! that make *rows*. A block is a part of the line of a row, or a part of the unit at one place of the line. For each tap the results of a block and the
//! elements that they meet both go on by constant steps.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::Shape;
use tensorwright_ir::op::primitive::WindowAxis;

/// Results of a block: what is kept of them stays in L1.
const BLOCK: usize = 4096;
/// Elements of a unit from which on units fill registers.
const FULL_UNIT: usize = 8;
/// Taps along a line, and holes between elements, that a plan may look through.
const MOST: i64 = 1 << 22;
/// What results of a line may meet together, if a plan keeps it.
const MOST_MET: i64 = 1 << 16;

/// An axis along which a window slides.
#[derive(Clone, Copy, Debug)]
struct Axis {
    results: usize,
    elements: i64,
    taps: i64,
    stride: i64,
    low: i64,
    element_places: i64,
    tap_places: i64,
    /// From one element to the next.
    step: usize,
    /// What a tap counts in the number of taps.
    weight: i64,
}

/// Numbers at equal distances, in two places at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pairs {
    first: i64,
    step: i64,
    element: i64,
    element_step: i64,
    count: i64,
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Axis {
    /// Numbers `n` below `count` for which `n * by + place` is the place of an element, with these elements.
    fn pairs(&self, by: i64, place: i64, count: i64) -> Pairs {
        let apart = self.element_places;
        let common = gcd(apart, by);
        let (step, element_step) = (apart / common, by / common);
        let Some(first) = (0..step.min(count)).find(|n| (n * by + place) % apart == 0) else {
            return Pairs { first: 0, step, element: 0, element_step, count: 0 };
        };
        let element = (first * by + place).div_euclid(apart);
        let all = (count - first + step - 1) / step;
        let up = |n: i64| (n.max(0) + element_step - 1) / element_step;
        let (skipped, end) = (up(-element).min(all), up(self.elements - element).min(all));
        Pairs {
            first: first + skipped * step,
            step,
            element: element + skipped * element_step,
            element_step,
            count: (end - skipped).max(0),
        }
    }

    /// Taps of a result.
    fn taps(&self, result: usize) -> Pairs {
        self.pairs(self.tap_places, result as i64 * self.stride - self.low, self.taps)
    }

    /// Results that meet an element with a tap.
    fn met_by(&self, tap: i64) -> Pairs {
        self.pairs(self.stride, tap * self.tap_places - self.low, self.results as i64)
    }

    /// For each result what it meets, of the elements that taps meet; `None` if that is too much to keep.
    fn met(&self, taps: &[(i64, Pairs)]) -> Option<Vec<SmallVec<[Met; 4]>>> {
        let many = taps.iter().fold(self.results as i64, |many, (_, met)| many + met.count);
        if many > MOST_MET {
            return None;
        }
        let mut of_results = vec![SmallVec::new(); self.results];
        for (tap, met) in taps {
            for i in 0..met.count {
                let from = (met.element + i * met.element_step) as usize * self.step;
                let result = (met.first + i * met.step) as usize;
                of_results[result].push(Met { from, tap: (tap * self.weight) as i32 });
            }
        }
        Some(of_results)
    }

    /// Taps that may meet an element of some result.
    fn useful_taps(&self) -> Range<i64> {
        let up = |n: i64| (n.max(0) + self.tap_places - 1) / self.tap_places;
        let last = self.low + (self.elements - 1).max(0) * self.element_places + 1;
        let first = self.low - (self.results as i64 - 1).max(0) * self.stride;
        up(first).min(self.taps)..up(last).min(self.taps)
    }
}

/// Elements that a tap meets: results of a block, and elements of the source, both at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The first of the block's results.
    pub(super) at: usize,
    pub(super) step: usize,
    /// The first element.
    pub(super) from: usize,
    pub(super) from_step: usize,
    pub(super) count: usize,
    pub(super) tap: i32,
}

/// The first of a unit's elements, and the number of the tap that meets them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    pub(super) from: usize,
    pub(super) tap: i32,
}

/// A window over a tensor, in blocks.
#[derive(Debug)]
pub(super) struct Sweep {
    rows: SmallVec<[Axis; 4]>,
    line: Axis,
    /// For each useful tap of the line the results that meet an element.
    line_taps: Vec<(i64, Pairs)>,
    /// For each result of the line what it meets, from the beginning of a row; `None` if results are computed tap by tap.
    line_met: Option<Vec<SmallVec<[Met; 4]>>>,
    unit: usize,
    /// Results of the line in a block, and elements of the unit.
    block: (usize, usize),
}

/// A block of results.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The first of its results, in the whole tensor.
    pub(super) first: usize,
    pub(super) length: usize,
    row: usize,
    line: Range<usize>,
    unit: Range<usize>,
}

impl Sweep {
    /// A window over elements of one shape, with results of another; `None` if it slides over more places than can be counted.
    pub(super) fn new(window: &[WindowAxis], elements: &Shape, results: &Shape) -> Option<Sweep> {
        const FAR: i128 = 1 << 60;
        let steps = elements.strides();
        let (mut axes, mut weight) = (SmallVec::<[Axis; 4]>::new(), 1i64);
        for (axis, along) in window.iter().enumerate().rev() {
            let way = |count: usize, by: usize| count as i128 * by as i128;
            let (n, m) = (elements.size(axis), results.size(axis));
            let ways = [way(n, along.dilation), way(m, along.stride), way(along.taps, along.window_dilation)];
            if ways.into_iter().chain([i128::from(along.low).abs()]).any(|way| way >= FAR) {
                return None;
            }
            if along.dilation.min(along.taps.max(m)) as i64 > MOST {
                return None;
            }
            axes.push(Axis {
                results: m,
                elements: n as i64,
                taps: along.taps as i64,
                stride: along.stride as i64,
                low: along.low,
                element_places: along.dilation as i64,
                tap_places: along.window_dilation as i64,
                step: steps[axis],
                weight,
            });
            weight = weight.saturating_mul(along.taps as i64);
        }
        axes.reverse();
        let mut unit = 1;
        while let Some(last) = axes.last()
            && last.slides_not()
        {
            unit *= last.results;
            axes.pop();
        }
        let line = axes.pop().unwrap_or(Axis::only(unit));
        let taps = line.useful_taps();
        if taps.end - taps.start > MOST {
            return None;
        }
        let line_taps: Vec<(i64, Pairs)> =
            taps.map(|tap| (tap, line.met_by(tap))).filter(|(_, met)| met.count > 0).collect();
        let line_met = (unit >= FULL_UNIT).then(|| line.met(&line_taps)).flatten();
        let of_unit = unit.clamp(1, BLOCK);
        let of_line = (BLOCK / of_unit).clamp(1, line.results.max(1));
        Some(Sweep { rows: axes, line, line_taps, line_met, unit, block: (of_line, of_unit) })
    }

    pub(super) fn blocks(&self) -> u64 {
        let rows: usize = self.rows.iter().map(|axis| axis.results).product();
        let (line, unit) = self.per_row();
        (rows * line * unit) as u64
    }

    fn per_row(&self) -> (usize, usize) {
        (self.line.results.div_ceil(self.block.0), self.unit.div_ceil(self.block.1))
    }

    /// The most results of a block.
    pub(super) fn most(&self) -> usize {
        self.block.0 * self.block.1
    }

    /// Taps that a result meets, about.
    pub(super) fn taps(&self) -> usize {
        let of = |axis: &Axis| (axis.useful_taps().count()).min(axis.elements as usize).max(1);
        self.rows.iter().map(of).fold(self.line_taps.len().max(1), usize::saturating_mul)
    }

    pub(super) fn block(&self, number: u64) -> Block {
        let (lines, units) = self.per_row();
        let number = number as usize;
        let (unit, rest) = (number % units * self.block.1, number / units);
        let (line, row) = (rest % lines * self.block.0, rest / lines);
        let unit = unit..self.unit.min(unit + self.block.1);
        let line = line..self.line.results.min(line + self.block.0);
        let first = (row * self.line.results + line.start) * self.unit + unit.start;
        Block { first, length: line.len() * unit.len(), row, line, unit }
    }

    /// Whether results are computed unit by unit, with what is kept of them in registers.
    pub(super) fn goes_by_units(&self) -> bool {
        self.line_met.is_some()
    }

    /// Calls `visit` for each place of the line of a block with the first of its results there, how many there are, and the units that they meet, taps in
    /// ascending order, each with its number as `number` counts it.
    pub(super) fn units(
        &self,
        block: &Block,
        number: impl Fn(i32) -> i32,
        mut visit: impl FnMut((usize, usize), &[Met]),
    ) {
        let mut rows: SmallVec<[Met; 16]> = SmallVec::new();
        self.each_row(block, |from, tap| rows.push(Met { from: from + block.unit.start, tap: tap as i32 }));
        let mut met: SmallVec<[Met; 64]> = SmallVec::new();
        let line = self.line_met.as_deref().unwrap_or(&[]);
        for (at, along) in line[block.line.clone()].iter().enumerate() {
            let pairs = rows.iter().flat_map(|row| along.iter().map(move |along| (row, along)));
            // Filled by one walk: pushing asks at each step where the elements are.
            met.resize(rows.len() * along.len(), Met { from: 0, tap: 0 });
            for (met, (row, along)) in met.iter_mut().zip(pairs) {
                *met = Met { from: row.from + along.from, tap: number(row.tap.wrapping_add(along.tap)) };
            }
            visit((at * block.unit.len(), block.unit.len()), &met);
        }
    }

    /// Calls `visit` with every stretch of a block, taps in ascending order for each result.
    pub(super) fn stretches(&self, block: &Block, mut visit: impl FnMut(&Stretch)) {
        self.each_row(block, |from, tap| self.along_line(block, from, tap, &mut visit));
    }

    /// Calls `visit` with the first element of each row that a block meets, and the number of its first tap, in ascending order.
    fn each_row(&self, block: &Block, mut visit: impl FnMut(usize, i64)) {
        let mut row = block.row;
        let mut taps: SmallVec<[Pairs; 4]> = SmallVec::new();
        for axis in self.rows.iter().rev() {
            taps.push(axis.taps(row % axis.results));
            row /= axis.results;
        }
        taps.reverse();
        if taps.iter().any(|pairs| pairs.count == 0) {
            return;
        }
        let mut index: SmallVec<[i64; 4]> = SmallVec::from_elem(0, taps.len());
        loop {
            let (mut from, mut tap) = (0, 0);
            for ((axis, pairs), &i) in self.rows.iter().zip(&taps).zip(&index) {
                from += (pairs.element + i * pairs.element_step) as usize * axis.step;
                tap += (pairs.first + i * pairs.step) * axis.weight;
            }
            visit(from, tap);
            // The next taps of the row, the last axis first.
            let Some(axis) = (0..taps.len()).rev().find(|&axis| index[axis] + 1 < taps[axis].count) else {
                return;
            };
            index[axis] += 1;
            index[axis + 1..].fill(0);
        }
    }

    fn along_line(&self, block: &Block, row: usize, row_tap: i64, visit: &mut impl FnMut(&Stretch)) {
        let (unit, width) = (block.unit.start, block.unit.len());
        for (tap, met) in &self.line_taps {
            let skipped = (block.line.start as i64 - met.first).max(0) + met.step - 1;
            let skipped = (skipped / met.step).min(met.count);
            let end = (block.line.end as i64 - met.first).max(0) + met.step - 1;
            let count = (end / met.step).min(met.count) - skipped;
            if count <= 0 {
                continue;
            }
            let result = (met.first + skipped * met.step) as usize - block.line.start;
            let element = (met.element + skipped * met.element_step) as usize;
            let (step, element_step, count) = (met.step as usize, met.element_step as usize, count as usize);
            let stretch = Stretch {
                at: result * width,
                step,
                from: row + element * self.line.step + unit,
                from_step: element_step,
                count,
                tap: (row_tap + tap * self.line.weight) as i32,
            };
            if self.unit == 1 {
                visit(&Stretch { from_step: element_step * self.line.step, ..stretch });
            } else if step == 1 && element_step * self.line.step == width {
                visit(&Stretch { step: 1, from_step: 1, count: count * width, ..stretch });
            } else {
                for i in 0..count {
                    visit(&Stretch {
                        at: stretch.at + i * step * width,
                        step: 1,
                        from: stretch.from + i * element_step * self.line.step,
                        from_step: 1,
                        count: width,
                        ..stretch
                    });
                }
            }
        }
    }
}

impl Axis {
    /// Whether each result is the element at its own place.
    fn slides_not(&self) -> bool {
        let still = self.taps == 1 && self.stride == 1 && self.low == 0 && self.element_places == 1;
        still && self.results as i64 == self.elements
    }

    /// An axis with one element, around units.
    fn only(unit: usize) -> Axis {
        Axis {
            results: 1,
            elements: 1,
            taps: 1,
            stride: 1,
            low: 0,
            element_places: 1,
            tap_places: 1,
            step: unit,
            weight: 1,
        }
    }
}
