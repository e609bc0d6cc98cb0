//! A tile at work.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::{ConvolutionAxis, ConvolutionSum, Slide};

use super::gather::{Source, Target};
use super::loops::{Cursor, Loop, Loops, Places, Run, common_step, count};
use super::phase::{Phase, choices};
use super::plan::{ConvolutionPlan, Method, Orientation};
use super::walk::Walk;
use crate::library::matmul::{
    Accumulator, Block, DEPTH, Finished, Kernel, Kernels, MAX_COLUMNS, MAX_ROWS, Packs, Repeat, Room,
    RowPanels, register_rows,
};

impl ConvolutionPlan {
    /// Parts of the scratch memory, and its bytes.
    fn scratch(&self) -> Scratch {
        let number = match self.output.accumulator() {
            Accumulator::I32 | Accumulator::F32 => 4,
            Accumulator::I64 | Accumulator::F64 => 8,
        };
        let depth = DEPTH.min(self.routine.terms() as usize);
        let [rows, columns] = self.lanes().map(|n| n as usize);
        let pitch = columns.next_multiple_of(MAX_COLUMNS);
        let left = (depth * (rows + MAX_ROWS)).max(self.patch);
        let right = depth * (MOST_GATHERED + SKEW);
        let [left, right, sums] = [left, right, rows * pitch].map(|n| (n * number).next_multiple_of(64));
        Scratch { right: left, sums: left + right, bytes: left + right + sums }
    }

    /// Bytes of scratch memory, aligned to 64 bytes, that each running tile needs for itself.
    pub(crate) fn scratch_bytes(&self) -> usize {
        match self.method {
            Method::Products => self.scratch().bytes,
            Method::Lanes => self.weight_bytes(),
            Method::Spread => self.spread_bytes(),
            Method::Rows => self.row_bytes(),
            Method::Minimal => self.minimal_bytes(),
        }
    }

    /// Computes one tile.
    ///
    /// # Safety
    /// `tile` is below [`Self::tiles`]. The operands are readable and `out` is writable as far as the routine reaches, and do not overlap; nobody else uses
    /// the tile's part of `out`. `scratch` is aligned to 64 bytes, writable for [`Self::scratch_bytes`], and used by no other running tile.
    pub(crate) unsafe fn run_tile(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.output.accumulator() {
                Accumulator::I32 => self.run::<i32>(tile, operands, out, scratch),
                Accumulator::I64 => self.run::<i64>(tile, operands, out, scratch),
                Accumulator::F32 => self.run::<f32>(tile, operands, out, scratch),
                Accumulator::F64 => self.run::<f64>(tile, operands, out, scratch),
            }
        }
    }

    /// # Safety
    /// As of [`Self::run_tile`], and `N` is the accumulator.
    unsafe fn run<N: Kernel + Packs>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        match self.method {
            // SAFETY: the caller's promise; elements are numbers.
            Method::Lanes => unsafe { self.run_lanes::<N>(tile, operands, out, scratch) },
            // SAFETY: as above.
            Method::Spread => unsafe { self.run_spread::<N>(tile, operands, out, scratch) },
            // SAFETY: as above.
            Method::Rows => unsafe { self.run_rows::<N>(tile, operands, out, scratch) },
            // SAFETY: as above, and the taps are packed.
            Method::Minimal => unsafe { self.run_minimal::<N>(tile, operands, out, scratch) },
            // SAFETY: the caller's promise.
            Method::Products => unsafe { self.run_products::<N>(tile, operands, out, scratch) },
        }
    }

    /// # Safety
    /// As of [`Self::run`].
    unsafe fn run_products<N: Kernel + Packs>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        let part = self.part(tile);
        let memory = Memory::<N>::new(&self.scratch(), scratch);
        let mut packed = self.packed_tile::<N>(&part, operands[1]);
        for phases in choices(&self.phases) {
            if let Some(job) = Job::new(self, &part, &phases, operands, out) {
                // SAFETY: the job is a part of the tile.
                unsafe { job.run(&memory, packed) };
            }
            packed = packed.map(|at| at.wrapping_add(self.packed_numbers::<N>(&phases)));
        }
    }
}

/// Where the parts of the scratch memory begin (the left operand is first), and its size.
struct Scratch {
    right: usize,
    sums: usize,
    bytes: usize,
}

/// The scratch memory of a tile.
struct Memory<N> {
    left: *mut N,
    right: *mut N,
    sums: *mut N,
}

impl<N> Memory<N> {
    fn new(parts: &Scratch, base: *mut u8) -> Memory<N> {
        Memory {
            left: base.cast(),
            right: base.wrapping_add(parts.right).cast(),
            sums: base.wrapping_add(parts.sums).cast(),
        }
    }
}

/// An operand of a product of matrices, with its loops: what differs from block to block is not here.
pub(super) struct Side {
    pub(super) from: *const u8,
    pub(super) lanes: Loops,
    pub(super) depth: Loops,
    places: Places,
}

impl Side {
    /// How many elements along an axis that slides the last lane and depth are from the first.
    pub(super) fn way(&self, axis: usize) -> i64 {
        let way = |l: &Loop| match l.slide {
            Some((of, by)) if of == axis => by * (l.count as i64 - 1),
            _ => 0,
        };
        self.lanes.iter().chain(&self.depth).map(way).sum()
    }
}

/// One phase of a tile: a product of two matrices.
pub(super) struct Job<'a> {
    plan: &'a ConvolutionPlan,
    /// The operand whose lanes are rows, and the one whose lanes are columns.
    pub(super) sides: [Side; 2],
    elements: Places,
    pub(super) out: *mut u8,
    /// Whether results go to the output as they are computed.
    direct: Option<isize>,
}

/// A loop of depth in both operands.
pub(super) struct DepthLoop {
    pub(super) count: usize,
    steps: [isize; 2],
    slide: Option<(usize, i64)>,
}

/// One phase of a part of the result: where it begins, in elements, and its loops.
#[derive(Default)]
struct Part {
    lhs: isize,
    rhs: isize,
    out: isize,
    pixels: Loops,
    channels: Loops,
    /// For each axis along which taps slide the element that the first tap of the first result meets.
    places: Places,
}

impl Part {
    fn of(plan: &ConvolutionPlan, ranges: &[Range<u64>], phases: &[Phase]) -> Part {
        let routine = &plan.routine;
        let mut part =
            Part { lhs: routine.lhs_offset as isize, rhs: routine.rhs_offset as isize, ..Part::default() };
        for ((axis, range), &out) in routine.axes.iter().zip(ranges).zip(&plan.out) {
            part.add(axis, range, out, phases);
        }
        part
    }

    fn add(&mut self, axis: &ConvolutionAxis, range: &Range<u64>, out: isize, phases: &[Phase]) {
        let (start, count) = (range.start as isize, (range.end - range.start) as usize);
        match axis {
            ConvolutionAxis::Batch(l) | ConvolutionAxis::Left(l) | ConvolutionAxis::Right(l) => {
                self.lhs += start * l.lhs as isize;
                self.rhs += start * l.rhs as isize;
                self.out += start * out;
                match axis {
                    ConvolutionAxis::Left(_) => {
                        self.pixels.push(Loop { count, step: l.lhs as isize, out, slide: None });
                    }
                    ConvolutionAxis::Right(_) => {
                        self.channels.push(Loop { count, step: l.rhs as isize, out, slide: None });
                    }
                    _ => {}
                }
            }
            ConvolutionAxis::Slide(along) => self.slide(along, range, out, phases),
        }
    }

    fn slide(&mut self, along: &Slide, range: &Range<u64>, out: isize, phases: &[Phase]) {
        let number = self.places.len();
        let phase = &phases[number];
        let (result, count, apart) = phase.among(range);
        let element = if count == 0 { 0 } else { phase.element(result) };
        self.lhs = self.lhs.wrapping_add((element as isize).wrapping_mul(along.lhs as isize));
        self.rhs += phase.first_tap as isize * along.rhs as isize;
        self.out += result as isize * out;
        self.places.push(element);
        self.pixels.push(Loop {
            count: count as usize,
            step: (phase.by as isize).wrapping_mul(along.lhs as isize),
            out: apart as isize * out,
            slide: Some((number, phase.by)),
        });
    }
}

impl<'a> Job<'a> {
    /// The phase of a part of the result; `None` if there is no such result.
    pub(super) fn new(
        plan: &'a ConvolutionPlan,
        ranges: &[Range<u64>],
        phases: &[Phase],
        operands: [*const u8; 2],
        out: *mut u8,
    ) -> Option<Job<'a>> {
        let mut part = Part::of(plan, ranges, phases);
        if count(&part.pixels) == 0 || count(&part.channels) == 0 {
            return None;
        }
        part.pixels.retain(|l| l.count != 1);
        part.channels.retain(|l| l.count != 1);
        let depth = depth_loops(plan, phases);
        let of = |operand: usize| -> Loops {
            let seen = |l: &DepthLoop| Loop {
                count: l.count,
                step: l.steps[operand],
                out: 0,
                slide: l.slide.filter(|_| operand == 0),
            };
            depth.iter().map(seen).collect()
        };
        let size = plan.input.size() as isize;
        let at = |operand: usize, offset: isize| operands[operand].wrapping_offset(offset.wrapping_mul(size));
        let elements = plan.slides.iter().map(|slide| slide.elements as i64).collect();
        let left = Side { from: at(0, part.lhs), lanes: part.pixels, depth: of(0), places: part.places };
        let right = Side { from: at(1, part.rhs), lanes: part.channels, depth: of(1), places: Places::new() };
        let sides = match plan.orientation {
            Orientation::Channels => [left, right],
            Orientation::Pixels => [right, left],
        };
        let out = out.wrapping_offset(part.out * plan.output.size() as isize);
        let job = Job { plan, sides, elements, out, direct: None };
        Some(Job { direct: job.direct_rows(), ..job })
    }

    /// The step from row to row if results can be computed in the output itself.
    fn direct_rows(&self) -> Option<isize> {
        let plan = self.plan;
        let [rows, columns] = &self.sides;
        let adjacent = matches!(common_step(&columns.lanes, |l| l.out), Some(0 | 1));
        let fits = adjacent && plan.output.is_number(plan.output.accumulator()) && count(&rows.depth) > 0;
        common_step(&rows.lanes, |l| l.out).filter(|_| fits)
    }

    /// Rows or columns, and depth.
    pub(super) fn extents(&self, side: usize) -> (usize, usize) {
        (count(&self.sides[side].lanes), count(&self.sides[side].depth))
    }

    pub(super) fn source<N: Packs>(&self, side: usize) -> Source<'_, N> {
        let Side { from, lanes, depth, places } = &self.sides[side];
        Source {
            from: *from,
            bytes: self.plan.input.size() as isize,
            copy: N::copy_block(self.plan.input),
            lanes,
            depth,
            places,
            elements: &self.elements[..places.len()],
        }
    }

    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`], for a part of the tile; `packed` is where its channels are packed, if they are.
    unsafe fn run<N: Kernel + Packs>(&self, memory: &Memory<N>, packed: Option<*const N>) {
        let rows = count(&self.sides[0].lanes);
        let columns = count(&self.sides[1].lanes);
        let pitch = columns.next_multiple_of(MAX_COLUMNS);
        let (to, row) = match self.direct {
            Some(row) => (self.out.cast::<N>(), row),
            None => (memory.sums, pitch as isize),
        };
        let depth = count(&self.sides[0].depth);
        let (kernels, left) = (self.plan.kernels::<N>(), self.source::<N>(0));
        // SAFETY: the caller's promise; the scratch memory has room for the patch of a tile.
        let walk =
            unsafe { Walk::new(self.plan, (&self.sides[0], &left), kernels.rows_for(columns), memory.left) };
        let product = Product {
            plan: self.plan,
            kernels,
            left,
            walk,
            right: self.source::<N>(1),
            memory,
            packed: self.plan.orientation.channels_of(packed),
            rows,
            columns,
            is_direct: self.direct.is_some(),
            in_place: self.plan.input.is_number(self.plan.output.accumulator()),
        };
        for start in (0..depth).step_by(DEPTH) {
            // SAFETY: the caller's promise.
            unsafe { product.block(start..depth.min(start + DEPTH), to, row) };
        }
        if self.direct.is_none() {
            // SAFETY: the sums are complete, or there are none.
            unsafe {
                if depth == 0 {
                    (0..rows * pitch).for_each(|i| *memory.sums.add(i) = N::ZERO);
                }
                self.finish(memory.sums, rows, pitch);
            }
        }
    }

    /// Moves sums to the output.
    ///
    /// # Safety
    /// As of [`Self::run`]; the sums are complete.
    unsafe fn finish<N: Packs>(&self, sums: *const N, rows: usize, pitch: usize) {
        let Some(unpack) = N::unpack(self.plan.output) else { return };
        let size = self.plan.output.size() as isize;
        let [row_lanes, column_lanes] = [&self.sides[0].lanes, &self.sides[1].lanes];
        let (around, run) = out_run(column_lanes);
        let mut row = Cursor::new(row_lanes, self.elements.len(), 0);
        for r in 0..rows {
            let mut column = Cursor::new(around, self.elements.len(), 0);
            for first in (0..count(column_lanes)).step_by(run.length) {
                let finished = Finished {
                    sums: sums.wrapping_add(r * pitch + first),
                    pitch,
                    rows: 1,
                    columns: run.length,
                    row_stride: 0,
                    column_stride: run.step,
                    adds: false,
                };
                // SAFETY: the output's part is the caller's to write.
                unsafe { unpack(&finished, self.out.wrapping_offset((row.out + column.out) * size)) };
                column.advance();
            }
            row.advance();
        }
    }
}

/// The innermost of some loops as a run of results.
fn out_run(loops: &[Loop]) -> (&[Loop], Run) {
    match loops.split_last() {
        Some((last, around)) => (around, Run { length: last.count, step: last.out, unit: 1, slide: None }),
        None => (loops, Run { length: 1, step: 0, unit: 1, slide: None }),
    }
}

impl Orientation {
    /// What there is of channels as what there is of rows and of columns.
    fn channels_of<T>(self, channels: Option<T>) -> [Option<T>; 2] {
        match self {
            Orientation::Channels => [None, channels],
            Orientation::Pixels => [channels, None],
        }
    }
}

/// Depth in the order of the description, without what runs once.
pub(super) fn depth_loops(plan: &ConvolutionPlan, phases: &[Phase]) -> SmallVec<[DepthLoop; 6]> {
    let of = |sum: &ConvolutionSum| match *sum {
        ConvolutionSum::Loop(l) => {
            DepthLoop { count: l.extent as usize, steps: [l.lhs as isize, l.rhs as isize], slide: None }
        }
        ConvolutionSum::Taps(axis) => {
            let axis = axis as usize;
            let (slide, phase) = (&plan.slides[axis], &phases[axis]);
            DepthLoop {
                // Of no elements nothing is summed.
                count: if slide.elements == 0 { 0 } else { phase.taps as usize },
                steps: [
                    (phase.tap_elements as isize).wrapping_mul(slide.lhs as isize),
                    (phase.tap_step as isize).wrapping_mul(slide.rhs as isize),
                ],
                slide: Some((axis, phase.tap_elements)),
            }
        }
    };
    plan.routine.sums.iter().map(of).filter(|l| l.count != 1).collect()
}

/// A product whose operands are gathered.
struct Product<'a, N: 'static> {
    plan: &'a ConvolutionPlan,
    kernels: &'static Kernels<N>,
    left: Source<'a, N>,
    right: Source<'a, N>,
    /// The left operand where it is, if it is read there.
    walk: Option<Walk<N>>,
    memory: &'a Memory<N>,
    /// Where rows and columns are packed ahead.
    packed: [Option<*const N>; 2],
    rows: usize,
    columns: usize,
    is_direct: bool,
    /// Whether elements are numbers as they are.
    in_place: bool,
}

/// Columns that are gathered together, at most.
const MOST_GATHERED: usize = 64;
/// What is left empty behind them from depth to depth, so that not all of a panel's fall into the same sets of the cache.
const SKEW: usize = 16;

/// A panel of columns that is ready: its first number, the step from depth to depth, and how many columns are wanted.
struct Right<N> {
    b: *const N,
    step: usize,
    count: usize,
}

/// Rows that are gathered side by side, or numbers of them: more are in panels, so that those of a panel are near each other.
const MOST_TOGETHER: usize = 64;
const MOST_NUMBERS_TOGETHER: usize = 1 << 13;

/// A left operand that is ready: where row 0 is, steps from row to row within a panel and from depth to depth, and the places of terms if they are not at one step.
struct Left<N> {
    a: *const N,
    row: isize,
    depth: isize,
    terms: SmallVec<[isize; DEPTH]>,
    lines: SmallVec<[Line; 16]>,
}

/// Rows at one step: the first of them, and where it is, in numbers.
pub(super) struct Line {
    pub(super) first: usize,
    pub(super) at: isize,
    pub(super) rows: RowPanels,
}

impl<N: Kernel + Packs> Product<'_, N> {
    /// Rows that are multiplied at once.
    fn panel_rows(&self) -> usize {
        // What is packed ahead serves any number of columns.
        let columns = if self.packed[0].is_some() { self.kernels.columns } else { self.columns };
        self.kernels.panel_rows(self.rows, columns)
    }

    /// A left operand whose panels follow each other at a step.
    fn panels(&self, a: *const N, row: isize, depth: isize, step: isize) -> Left<N> {
        let rows = RowPanels { count: self.rows, height: self.panel_rows(), step };
        let lines = [Line { first: 0, at: 0, rows }].into_iter().collect();
        Left { a, row, depth, terms: SmallVec::new(), lines }
    }

    /// Adds one block of depth.
    ///
    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`]; the block is within the depth.
    unsafe fn block(&self, depth: Range<usize>, to: *mut N, row: isize) {
        let width = self.kernels.columns;
        // SAFETY: the caller's promise.
        let left = unsafe { self.left(depth.clone()) };
        let numbers = |terms| self.plan.numbers(terms);
        let before = numbers(depth.start) * self.columns.next_multiple_of(width);
        let packed = self.packed[1].map(|all| all.wrapping_add(before));
        let together = if packed.is_some() { width } else { MOST_GATHERED };
        for start in (0..self.columns).step_by(together) {
            let lanes = start..self.columns.min(start + together);
            let (columns, step) = match packed {
                Some(packed) => (packed.wrapping_add(start * numbers(depth.len())), width),
                // SAFETY: the scratch memory has room for so many columns.
                None => unsafe { self.right(lanes.clone(), depth.clone()) },
            };
            for first in lanes.clone().step_by(width) {
                let right = Right {
                    b: columns.wrapping_add(first - start),
                    step,
                    count: width.min(lanes.end - first),
                };
                // SAFETY: the columns are those of the tile.
                unsafe { self.rows(&left, &right, depth.clone(), to.wrapping_add(first), row) };
            }
        }
    }

    /// Some columns of a block, gathered side by side, and the step from depth to depth: in memory they are read once for all panels.
    ///
    /// # Safety
    /// As of [`Self::block`].
    unsafe fn right(&self, lanes: Range<usize>, depth: Range<usize>) -> (*const N, usize) {
        let (width, to) = (self.kernels.columns, self.memory.right);
        let padded = lanes.len().next_multiple_of(width);
        let step = if padded == width { width } else { padded + SKEW };
        let (rows, filled) = (depth.len(), if self.plan.pairs { step } else { padded });
        // SAFETY: the scratch memory has room for all of them.
        unsafe {
            for row in 0..rows {
                (lanes.len()..filled).for_each(|lane| *to.add(row * step + lane) = N::ZERO);
            }
            self.right.gather(lanes, depth, Target { to, lane: 1, depth: step });
            self.plan.pair_rows(to, to, rows, step);
        }
        (to.cast_const(), step)
    }

    /// The left operand of a block, gathered unless it can be read in place.
    ///
    /// # Safety
    /// As of [`Self::block`].
    unsafe fn left(&self, depth: Range<usize>) -> Left<N> {
        let height = self.panel_rows();
        if let Some(packed) = self.packed[0] {
            let before = self.plan.numbers(depth.start) * self.rows.next_multiple_of(height);
            let panel = (self.plan.numbers(depth.len()) * height) as isize;
            return self.panels(packed.wrapping_add(before), 1, height as isize, panel);
        }
        if let Some(walk) = &self.walk {
            let (row, depth_step) = walk.steps();
            let lines = walk.lines(self.kernels.rows_for(self.columns));
            return Left { a: walk.from, row, depth: depth_step, terms: walk.terms(depth), lines };
        }
        if self.in_place
            && let Some((from, row, step)) = self.left.in_place(0..self.rows, depth.clone())
        {
            return self.panels(from.cast(), row, step, row * height as isize);
        }
        let to = self.memory.left;
        let length = depth.len();
        if !self.left.runs_along_lanes() {
            let target = Target { to, lane: length, depth: 1 };
            // SAFETY: the scratch memory has room for all rows.
            unsafe {
                self.left.gather(0..self.rows, depth, target);
                for row in 0..self.rows {
                    let row = to.wrapping_add(row * length);
                    self.plan.pair_rows(row, row, length, 1);
                }
            }
            return self.panels(to, length as isize, 1, (length * height) as isize);
        }
        if self.rows <= MOST_TOGETHER || self.rows * length <= MOST_NUMBERS_TOGETHER {
            let target = Target { to, lane: 1, depth: self.rows };
            // SAFETY: as above.
            unsafe {
                self.left.gather(0..self.rows, depth, target);
                self.plan.pair_rows(to, to, length, self.rows);
            }
            return self.panels(to, 1, self.rows as isize, height as isize);
        }
        for first in (0..self.rows).step_by(height) {
            let to = to.wrapping_add(first * length);
            let lanes = first..self.rows.min(first + height);
            // SAFETY: as above.
            unsafe {
                self.left.gather(lanes, depth.clone(), Target { to, lane: 1, depth: height });
                self.plan.pair_rows(to, to, length, height);
            }
        }
        self.panels(to, 1, height as isize, (length * height) as isize)
    }

    /// All rows against one panel.
    ///
    /// # Safety
    /// As of [`Self::block`].
    unsafe fn rows(&self, left: &Left<N>, right: &Right<N>, depth: Range<usize>, to: *mut N, row: isize) {
        let room = if self.is_direct { Room::Exact } else { Room::Whole };
        let block = Block {
            depth: self.plan.numbers(depth.len()),
            a: left.a,
            a_row: left.row,
            a_depth: left.depth,
            a_terms: &left.terms,
            b: right.b,
            b_step: right.step as isize,
            out: to,
            out_row: row,
            adds: depth.start > 0,
            repeat: Repeat::ONCE,
        };
        for line in &left.lines {
            let (a, out) = (line.at, line.first as isize * row);
            let block = Block { a: block.a.wrapping_offset(a), out: block.out.wrapping_offset(out), ..block };
            // SAFETY: the rows are those of the tile, and there is that room.
            unsafe { register_rows(self.kernels, &block, line.rows, right.count, room) };
        }
    }
}

/// Gathers a panel of columns, as wide as the kernels, to memory that has room for it.
///
/// # Safety
/// As of [`Source::gather`].
pub(super) unsafe fn gathered<N: Kernel>(
    source: &Source<'_, N>,
    lanes: Range<usize>,
    depth: Range<usize>,
    to: *mut N,
    width: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if lanes.len() < width {
            (0..depth.len() * width).for_each(|i| *to.add(i) = N::ZERO);
        }
        source.gather(lanes, depth, Target { to, lane: 1, depth: width });
    }
}
