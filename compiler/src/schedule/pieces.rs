//! A cut reduction as ordinary ones: of its pieces, of what fills no piece, and of their results.
//!
//! With the axis that is cut seen as three (see [`Cut`]), the first kernel reduces the steps and keeps pieces and lanes:
//!
//! ```text
//! partial[.., p * lanes + l, ..] = fold over q of x[.., (p * steps + q) * lanes + l, ..]
//! result[..]                     = fold over t of partial[.., t, ..]
//! ```
//!
//! The rest of the axis is one more partial result, made by a kernel between the two. All of them go through the same
//! layout and the same stages as other reductions. What is computed from results belongs to the last kernel.

use smallvec::SmallVec;
use tensorwright_ir::{Shape, TensorType};

use super::Memory;
use super::expression::{Expression, Term};
use super::layout::Loops;
use crate::fusion::Cut;
use crate::kernel::{Affine, Buffer, Instr, Reg, Var};

/// A reduction that is scheduled as it is.
pub(super) struct Part {
    pub(super) expression: Expression,
    pub(super) loops: Loops,
}

/// The reductions that together compute `whole`, in order. `cluster` names the memory between them.
pub(super) fn parts(
    whole: &Expression,
    cluster: usize,
    sizes: &[usize],
    reduced: &[usize],
    cut: Cut,
) -> Vec<Part> {
    let cutter = Cutter { whole, cluster, sizes, reduced, cut };
    let main = Piece { start: 0, slot: 0, pieces: cut.pieces, steps: cut.steps, lanes: cut.lanes };
    let covered = cut.pieces * cut.steps * cut.lanes;
    let rest = Piece { start: covered, slot: cut.pieces * cut.lanes, pieces: 1, steps: cut.rest, lanes: 1 };
    let rest = (cut.rest > 0).then(|| cutter.piece(rest));
    [cutter.piece(main)].into_iter().chain(rest).chain([cutter.joined()]).collect()
}

/// A range of the axis that is cut.
#[derive(Clone, Copy)]
struct Piece {
    /// Its first index.
    start: usize,
    /// Its first partial result.
    slot: usize,
    pieces: usize,
    steps: usize,
    lanes: usize,
}

struct Cutter<'a> {
    whole: &'a Expression,
    cluster: usize,
    sizes: &'a [usize],
    reduced: &'a [usize],
    cut: Cut,
}

impl Cutter<'_> {
    /// The new position of an axis that is not cut.
    fn moved(&self, axis: usize) -> usize {
        if axis > self.cut.axis { axis + 2 } else { axis }
    }

    /// Sizes with the axis that is cut replaced by three.
    fn sizes_with(&self, three: [usize; 3]) -> Vec<usize> {
        let mut sizes = self.sizes.to_vec();
        sizes.splice(self.cut.axis..=self.cut.axis, three);
        sizes
    }

    /// The folds, in order.
    fn folds(&self) -> Vec<Reg> {
        let terms = self.whole.terms.iter().enumerate();
        terms.filter(|(_, t)| matches!(t, Term::Fold(..))).map(|(i, _)| Reg(i as u32)).collect()
    }

    /// Sizes of the memory of partial results, with axes of size 1 where each piece is reduced.
    fn partial_sizes(&self) -> Vec<usize> {
        let slots = self.cut.pieces * self.cut.lanes + usize::from(self.cut.rest > 0);
        let mut sizes = self.sizes_with([slots, 1, 1]);
        for &axis in self.reduced.iter().filter(|&&axis| axis > self.cut.axis) {
            sizes[self.moved(axis)] = 1;
        }
        sizes
    }

    fn partial(&self, fold: usize) -> Memory {
        let dtype = self.whole.dtypes[self.folds()[fold].0 as usize];
        let ty = TensorType::new(dtype, Shape::from(&self.partial_sizes()[..]));
        Memory::Temporary { cluster: self.cluster, number: fold, ty }
    }

    /// The index of a partial result, the same for all folds.
    fn partial_index(&self) -> Affine {
        let sizes = self.partial_sizes();
        let strides = Shape::from(&sizes[..]).strides();
        let axes = (0..sizes.len()).filter(|&axis| sizes[axis] != 1);
        axes.fold(Affine::default(), |index, axis| index.plus(Var::Dim(axis as u32), strides[axis] as i64))
    }

    /// The reduction of a range of the axis to partial results.
    fn piece(&self, piece: Piece) -> Part {
        let (p, q, l) = (self.cut.axis as u32, self.cut.axis as u32 + 1, self.cut.axis as u32 + 2);
        let step = self.partial_index().coefficient(Var::Dim(p));
        let partial_index = self
            .partial_index()
            .plus(Var::Dim(p), step * (piece.lanes as i64 - 1))
            .plus(Var::Dim(l), step)
            .shifted(step * piece.slot as i64);
        let index = |affine: &Affine| self.index(affine, piece);
        let mut copy = Copy::new(self.whole);
        for store in self.whole.stores.iter().filter(|s| self.runs_along_reduced(&s.1)) {
            copy.store(&store.clone(), &index);
        }
        for (k, fold) in self.folds().into_iter().enumerate() {
            let value = copy.term(fold, &index, &|_, _| None);
            let param = copy.param(self.partial(k));
            copy.to.stores.push((param, partial_index.clone(), value));
        }
        let inner = self.reduced.iter().filter(|&&axis| axis > self.cut.axis).map(|&axis| self.moved(axis));
        let reduced = [q as usize].into_iter().chain(inner).collect();
        let sizes = self.sizes_with([piece.pieces, piece.steps, piece.lanes]);
        Part { expression: copy.to, loops: Loops { sizes, reduced, pieces: Some(p) } }
    }

    /// The reduction of the partial results, and what is computed from it.
    fn joined(&self) -> Part {
        let folds = self.folds();
        let partial_index = self.partial_index();
        // Row values do not run along the axis that is cut.
        let index =
            |affine: &Affine| self.index(affine, Piece { start: 0, slot: 0, pieces: 1, steps: 1, lanes: 1 });
        let load = |copy: &mut Copy<'_>, reg: Reg| {
            let number = folds.iter().position(|&f| f == reg)?;
            let Term::Fold(kind, _) = self.whole.terms[reg.0 as usize] else { return None };
            let dtype = self.whole.dtypes[reg.0 as usize];
            let buffer = Buffer::Param(copy.param(self.partial(number)));
            let partial = copy.push(Term::Instr(Instr::Load { buffer, index: partial_index.clone() }), dtype);
            Some(copy.push(Term::Fold(kind, partial), dtype))
        };
        let mut copy = Copy::new(self.whole);
        for (param, to, value) in self.whole.stores.iter().filter(|s| !self.runs_along_reduced(&s.1)) {
            let value = copy.term(*value, &index, &load);
            let param = copy.param(self.whole.memory[*param as usize].clone());
            copy.to.stores.push((param, index(to), value));
        }
        let outer: Vec<usize> = self.reduced.iter().copied().filter(|&axis| axis <= self.cut.axis).collect();
        Part { expression: copy.to, loops: Loops::new(&self.partial_sizes(), &outer) }
    }

    fn runs_along_reduced(&self, index: &Affine) -> bool {
        self.reduced.iter().any(|&axis| index.coefficient(Var::Dim(axis as u32)) != 0)
    }

    /// An index of the whole in terms of the loops of a part.
    fn index(&self, whole: &Affine, piece: Piece) -> Affine {
        let (cut, mut index) = (self.cut.axis as u32, Affine::constant(whole.offset));
        for &(var, c) in &whole.terms {
            let Var::Dim(axis) = var else { unreachable!("expressions are over axes") };
            index = if axis == cut {
                index
                    .plus(Var::Dim(cut), c * (piece.steps * piece.lanes) as i64)
                    .plus(Var::Dim(cut + 1), c * piece.lanes as i64)
                    .plus(Var::Dim(cut + 2), c)
                    .shifted(c * piece.start as i64)
            } else {
                index.plus(Var::Dim(self.moved(axis as usize) as u32), c)
            };
        }
        index
    }
}

/// What computes a term of the copy in another way than the whole does.
type Instead<'i> = &'i dyn Fn(&mut Copy<'_>, Reg) -> Option<Reg>;

/// An expression that is made of terms of another one.
struct Copy<'a> {
    whole: &'a Expression,
    to: Expression,
    known: Vec<Option<Reg>>,
}

impl<'a> Copy<'a> {
    fn new(whole: &'a Expression) -> Copy<'a> {
        Copy { whole, to: Expression::default(), known: vec![None; whole.terms.len()] }
    }

    fn param(&mut self, memory: Memory) -> u32 {
        self.to.param(memory)
    }

    fn push(&mut self, term: Term, dtype: tensorwright_ir::DType) -> Reg {
        self.to.terms.push(term);
        self.to.dtypes.push(dtype);
        Reg(self.to.terms.len() as u32 - 1)
    }

    fn store(&mut self, (param, to, value): &(u32, Affine, Reg), index: &dyn Fn(&Affine) -> Affine) {
        let value = self.term(*value, index, &|_, _| None);
        let param = self.param(self.whole.memory[*param as usize].clone());
        self.to.stores.push((param, index(to), value));
    }

    /// The term with its operands, depth first with an explicit stack.
    fn term(&mut self, term: Reg, index: &dyn Fn(&Affine) -> Affine, instead: Instead<'_>) -> Reg {
        let mut open: SmallVec<[Reg; 16]> = SmallVec::from_elem(term, 1);
        while let Some(&top) = open.last() {
            if self.known[top.0 as usize].is_none() {
                if let Some(other) = instead(self, top) {
                    self.known[top.0 as usize] = Some(other);
                } else {
                    let before = open.len();
                    let operands = self.whole.terms[top.0 as usize].operands();
                    open.extend(operands.into_iter().filter(|r| self.known[r.0 as usize].is_none()));
                    if open.len() > before {
                        continue;
                    }
                    let copied = self.copied(top, index);
                    let dtype = self.whole.dtypes[top.0 as usize];
                    self.known[top.0 as usize] = Some(self.push(copied, dtype));
                }
            }
            open.pop();
        }
        self.known_reg(term)
    }

    fn known_reg(&self, reg: Reg) -> Reg {
        self.known[reg.0 as usize].expect("operands are copied first")
    }

    fn copied(&mut self, reg: Reg, index: &dyn Fn(&Affine) -> Affine) -> Term {
        match &self.whole.terms[reg.0 as usize] {
            Term::Fold(kind, value) => Term::Fold(*kind, self.known_reg(*value)),
            Term::Instr(Instr::Load { buffer: Buffer::Param(param), index: from }) => {
                let buffer = Buffer::Param(self.param(self.whole.memory[*param as usize].clone()));
                Term::Instr(Instr::Load { buffer, index: index(from) })
            }
            Term::Instr(Instr::Index { dtype, index: from }) => {
                Term::Instr(Instr::Index { dtype: *dtype, index: index(from) })
            }
            Term::Instr(instr) => Term::Instr(instr.with_operands(|r| self.known_reg(r))),
        }
    }
}
