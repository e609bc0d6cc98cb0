//! Random kernels: a sequence of choices decides each step of their construction, so that shorter sequences of smaller
//! numbers make simpler kernels, and failures shrink.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tensorwright_compiler::kernel::range::Space;
use tensorwright_compiler::kernel::*;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, ReduceKind, UnaryFn};
use tensorwright_ir::{DType, Scalar};

use crate::harness::{compare, inputs, special};

/// The source of choices; when it is dry, it always gives the first.
struct Choices<'c>(std::slice::Iter<'c, u16>);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % n.max(1)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A loop nest under construction.
struct Maker<'c> {
    choices: Choices<'c>,
    kernel: Kernel,
    dims: Vec<Extent>,
    body: Vec<Instr>,
    dtypes: Vec<DType>,
    /// Whether the instruction has a value that is known here.
    known: Vec<bool>,
    /// The counter of the innermost loop of the body.
    counter: Option<Reg>,
}

const COMPUTED: [DType; 11] = [
    DType::F32,
    DType::I32,
    DType::Bool,
    DType::F64,
    DType::I64,
    DType::U8,
    DType::I8,
    DType::I16,
    DType::U16,
    DType::U32,
    DType::U64,
];

fn random_kernel(choices: &[u16]) -> Kernel {
    let kernel = Kernel { params: vec![], locals: vec![], grid: vec![], stages: vec![] };
    let mut maker = Maker {
        choices: Choices(choices.iter()),
        kernel,
        dims: vec![],
        body: vec![],
        dtypes: vec![],
        known: vec![],
        counter: None,
    };
    maker.space();
    let folds = maker.choices.below(3) == 1 && !maker.dims.is_empty();
    for _ in 0..1 + maker.choices.below(3) {
        maker.load();
    }
    for _ in 0..maker.choices.below(10) {
        if !folds && maker.choices.below(6) == 5 {
            maker.repeat(2);
        } else {
            maker.instr();
        }
    }
    maker.finish(folds);
    maker.kernel
}

impl Maker<'_> {
    fn space(&mut self) {
        let loops = self.choices.below(4);
        for _ in 0..loops {
            let n = self.choices.of(&[1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 40]);
            if self.choices.below(2) == 0 {
                self.dims.push(Extent::Fixed(n));
            } else {
                let tile = self.choices.of(&[1, 2, 3, 4, 8, 16]);
                self.dims.push(Extent::Tile(self.kernel.grid.len() as u32));
                self.kernel.grid.push(GridDim { extent: n, tile });
            }
        }
    }

    /// The variable that counts through a loop, over all tiles.
    fn position(&self, d: usize) -> Affine {
        let index = Affine::var(Var::Dim(d as u32));
        match self.dims[d] {
            Extent::Fixed(_) => index,
            Extent::Tile(g) => index.plus(Var::Grid(g), 1),
        }
    }

    fn count(&self, d: usize) -> u64 {
        match self.dims[d] {
            Extent::Fixed(n) => n,
            Extent::Tile(g) => self.kernel.grid[g as usize].extent,
        }
    }

    /// Shifts the index so that it begins at 0, and makes a param that is just long enough.
    fn param(&mut self, dtype: DType, index: Affine, access: Access) -> (Buffer, Affine) {
        let space = Space::new(&self.kernel, &self.dims);
        let range = space.interval(&index).expect("no loop is empty");
        let index = index.shifted(-(range.low as i64));
        self.kernel.params.push(Param { dtype, len: (range.high - range.low) as u64 + 1, access });
        (Buffer::Param(self.kernel.params.len() as u32 - 1), index)
    }

    fn push(&mut self, instr: Instr, dtype: DType) {
        self.body.push(instr);
        self.dtypes.push(dtype);
        self.known.push(true);
    }

    /// An instruction that has no value.
    fn mark(&mut self, instr: Instr) -> usize {
        self.push(instr, DType::Bool);
        let at = self.body.len() - 1;
        self.known[at] = false;
        at
    }

    /// A loop that counts up to a small number, with up to three other state variables; loops in it nest `depth` deep.
    fn repeat(&mut self, depth: usize) {
        let count = self.choices.below(4) as i32;
        let [zero, one, limit] = [0, 1, count].map(|n| {
            self.push(Instr::Const(Scalar::I32(n)), DType::I32);
            Reg(self.body.len() as u32 - 1)
        });
        let dtypes: Vec<DType> = (0..self.choices.below(4)).map(|_| self.choices.of(&COMPUTED)).collect();
        let first: Vec<Reg> = dtypes.iter().map(|&dtype| self.reg(dtype)).collect();
        let begin = self.mark(Instr::Loop);
        self.push(Instr::State(zero), DType::I32);
        let outside = self.counter.replace(Reg(begin as u32 + 1));
        for (&first, &dtype) in first.iter().zip(&dtypes) {
            self.push(Instr::State(first), dtype);
        }
        self.push(Instr::Compare(CompareFn::Lt, Reg(begin as u32 + 1), limit), DType::Bool);
        let test = Reg(self.body.len() as u32 - 1);
        for _ in 0..self.choices.below(3) {
            self.instr();
        }
        self.mark(Instr::While(test));
        for _ in 0..1 + self.choices.below(4) {
            if depth > 1 && self.choices.below(6) == 5 {
                self.repeat(depth - 1);
            } else {
                self.instr();
            }
        }
        self.push(Instr::Binary(BinaryFn::Add, Reg(begin as u32 + 1), one), DType::I32);
        let mut next: smallvec::SmallVec<[Reg; 4]> = smallvec::smallvec![Reg(self.body.len() as u32 - 1)];
        next.extend(dtypes.iter().map(|&dtype| self.reg(dtype)));
        let end = self.mark(Instr::Repeat(next));
        self.counter = outside;
        self.known[begin + 2 + dtypes.len()..=end].fill(false);
    }

    /// Some register that has a value here.
    fn any_reg(&mut self) -> Reg {
        let all: Vec<usize> = (0..self.dtypes.len()).filter(|&i| self.known[i]).collect();
        Reg(self.choices.of(&all) as u32)
    }

    fn load(&mut self) {
        let dtype = self.choices.of(&DType::REAL);
        let mut index = Affine::default();
        for d in 0..self.dims.len() {
            let stride = self.choices.of(&[1, 0, -1, 2, 3, 40, -7]);
            index = index.added(&self.position(d).scaled(stride));
        }
        let (buffer, index) = self.param(dtype, index, Access::Read);
        self.push(Instr::Load { buffer, index }, dtype);
        if matches!(dtype, DType::F16 | DType::BF16) {
            self.push(Instr::Cast(DType::F32, Reg(self.body.len() as u32 - 1)), DType::F32);
        }
    }

    /// A load at a computed place: the counter of the loop around it, or a number that may lie beyond.
    fn load_at(&mut self) {
        let dtype = self.choices.of(&COMPUTED);
        let mut index = Affine::default();
        for d in 0..self.dims.len() {
            let stride = self.choices.of(&[1, 0, -1, 3]);
            index = index.added(&self.position(d).scaled(stride));
        }
        let count = 1 + self.choices.below(9) as u64;
        let (buffer, index) = self.param(dtype, index, Access::Read);
        let Some(param) = self.kernel.params.last_mut() else { return };
        param.len += count - 1;
        match self.counter {
            Some(counter) => self.push(Instr::Cast(DType::I64, counter), DType::I64),
            None => {
                let place = self.choices.of(&special(DType::I64));
                self.push(Instr::Const(place), DType::I64);
            }
        }
        let at = Reg(self.body.len() as u32 - 1);
        self.push(Instr::LoadAt { buffer, index, at, count }, dtype);
    }

    /// A register of this dtype, if need be through a cast.
    fn reg(&mut self, dtype: DType) -> Reg {
        let all: Vec<usize> =
            (0..self.dtypes.len()).filter(|&i| self.known[i] && self.dtypes[i] == dtype).collect();
        if !all.is_empty() {
            return Reg(all[all.len() - 1 - self.choices.below(all.len())] as u32);
        }
        let from = self.any_reg();
        self.push(Instr::Cast(dtype, from), dtype);
        Reg(self.body.len() as u32 - 1)
    }

    fn instr(&mut self) {
        let dtype = self.choices.of(&COMPUTED);
        match self.choices.below(8) {
            0 => {
                let all: Vec<BinaryFn> = BinaryFn::ALL.iter().copied().filter(|f| exact(*f, dtype)).collect();
                let (f, x, y) = (self.choices.of(&all), self.reg(dtype), self.reg(dtype));
                self.push(Instr::Binary(f, x, y), dtype);
            }
            1 => {
                let exact = |f: &UnaryFn| f.ulps() == 0 && f.class().contains(dtype);
                let all: Vec<UnaryFn> = UnaryFn::ALL.iter().copied().filter(exact).collect();
                if !all.is_empty() {
                    let (f, x) = (self.choices.of(&all), self.reg(dtype));
                    self.push(Instr::Unary(f, x), if f.is_predicate() { DType::Bool } else { dtype });
                }
            }
            2 => {
                let (f, x, y) = (self.choices.of(CompareFn::ALL), self.reg(dtype), self.reg(dtype));
                self.push(Instr::Compare(f, x, y), DType::Bool);
            }
            3 => {
                let (c, x, y) = (self.reg(DType::Bool), self.reg(dtype), self.reg(dtype));
                self.push(Instr::Select(c, x, y), dtype);
            }
            4 => {
                let from = self.any_reg();
                self.push(Instr::Cast(dtype, from), dtype);
            }
            5 => {
                let constant = self.choices.of(&special(dtype));
                self.push(Instr::Const(constant), dtype);
            }
            6 if self.choices.below(2) == 1 => self.load_at(),
            6 => self.load(),
            _ if dtype == DType::Bool => self.push(Instr::Const(Scalar::Bool(true)), dtype),
            _ => {
                let mut index = Affine::constant(self.choices.below(100) as i64 - 50);
                for d in 0..self.dims.len() {
                    let stride = self.choices.of(&[1, 0, -3, 100]);
                    index = index.added(&self.position(d).scaled(stride));
                }
                self.push(Instr::Index { dtype, index }, dtype);
            }
        }
    }

    /// Row-major over the loops `0..kept`, which makes elements of tiles distinct, times `scale`.
    fn dense(&self, kept: usize) -> Affine {
        let mut stride = 1;
        let mut index = Affine::default();
        for d in (0..kept).rev() {
            index = index.added(&self.position(d).scaled(stride));
            stride *= self.count(d) as i64;
        }
        index
    }

    fn finish(&mut self, fold: bool) {
        let fixed = self.dims.iter().rev().take_while(|e| matches!(e, Extent::Fixed(_))).count();
        let folded = if fold && fixed > 0 { 1 + self.choices.below(fixed) } else { 0 };
        let kept = self.dims.len() - folded;
        let (mut stores, mut folds) = (vec![], vec![]);
        for _ in 0..1 + self.choices.below(2) {
            let dtype = self.choices.of(if folded > 0 { &COMPUTED } else { &DType::REAL });
            let value = self.reg(dtype);
            let (buffer, index) = self.param(dtype, self.dense(kept), Access::Write);
            if folded > 0 {
                let kinds: Vec<ReduceKind> =
                    ReduceKind::ALL.iter().copied().filter(|k| k.class().contains(dtype)).collect();
                folds.push(Fold { kind: self.choices.of(&kinds), value, buffer, index });
            } else {
                stores.push(Store { buffer, index, value });
            }
        }
        let (dims, body) = (std::mem::take(&mut self.dims), std::mem::take(&mut self.body));
        self.kernel.stages.push(TileStage::Loop(Loop { dims, body, stores, folded: folded as u32, folds }));
    }
}

fn exact(f: BinaryFn, dtype: DType) -> bool {
    f.class().contains(dtype) && (f.ulps() == 0 || (f == BinaryFn::Pow && dtype.is_int()))
}

/// Checks this many random kernels.
pub(crate) fn run(cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let choices = prop::collection::vec(any::<u16>(), 0..90);
    let result = runner.run(&(choices, any::<u64>()), |(choices, seed)| {
        let kernel = random_kernel(&choices);
        let parsed = kernel.to_string().parse::<Kernel>();
        prop_assert_eq!(parsed.as_ref(), Ok(&kernel));
        compare(&kernel, &inputs(&kernel, seed)).map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn random_kernels() {
    run(300);
}
