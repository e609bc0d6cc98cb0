//! Loops inside of bodies: state variables become parameters of blocks, so that they stay in registers.
//!
//! Short loops are emitted several times over, each time with a test of their own: what a run gives is then what the next one has, without being moved,
//! and only one of so many runs jumps back and looks whether calls are stopped.

use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::BinaryFn;

use super::CodegenError;
use super::loops::LoopEmitter;
use super::value::{Pack, VECTOR};
use crate::cost;
use crate::kernel::loops::BodyLoop;
use crate::kernel::{Instr, Reg};

/// Instructions of a loop that are emitted for several runs, and the most runs.
const UNROLLED: u32 = 48;
const MAX_RUNS: u32 = 4;

/// A loop whose body is being emitted.
pub(super) struct OpenRepeat {
    header: Block,
    /// Its parameters are the state.
    exit: Block,
    span: BodyLoop,
    /// Where in the nest's body its state variables end.
    inside: usize,
    /// The run that is being emitted, and how many there will be.
    run: usize,
    runs: usize,
}

/// What comes after an instruction.
pub(super) enum Flow {
    /// It is not of a loop, and still to be emitted.
    Other,
    /// The next one.
    On,
    /// One from a place of the nest's body on.
    Again(usize),
}

impl LoopEmitter<'_, '_, '_, '_> {
    /// Emits an instruction of a loop, if it is one: its beginning, its test or its end.
    pub(super) fn emit_repeat(
        &mut self,
        i: usize,
        lanes: u32,
        open: &mut Vec<OpenRepeat>,
    ) -> Result<Flow, CodegenError> {
        match &self.nest.source.body[i] {
            Instr::Loop => {
                let begun = self.begin_repeat(i, lanes)?;
                open.push(begun);
            }
            Instr::State(_) => {}
            Instr::While(holds) => {
                let open = open.last().ok_or(CodegenError::Internal { what: "tests are inside of loops" })?;
                self.test_repeat(*holds, lanes, open)?;
            }
            Instr::Repeat(next) => {
                let last = open.last_mut().ok_or(CodegenError::Internal { what: "loops begin" })?;
                if self.end_repeat(next, lanes, last)? {
                    return Ok(Flow::Again(last.inside));
                }
                open.pop();
            }
            _ => return Ok(Flow::Other),
        }
        Ok(Flow::On)
    }

    fn begin_repeat(&mut self, begin: usize, lanes: u32) -> Result<OpenRepeat, CodegenError> {
        let span = self.nest.spans.iter().find(|span| span.begin == begin).cloned();
        let span = span.ok_or(CodegenError::Internal { what: "loops of bodies are complete" })?;
        let body = self.nest.source;
        let first = span.state().map(|state| match body.body[state] {
            Instr::State(first) => first,
            _ => Reg(state as u32),
        });
        let first: SmallVec<[Reg; 4]> = first.collect();
        let (arguments, lengths) = self.state_values(&span, &first, lanes)?;
        let (header, exit) = (self.e.builder.create_block(), self.e.builder.create_block());
        for &value in &arguments {
            let ty = self.e.type_of(value);
            self.e.builder.append_block_param(header, ty);
            self.e.builder.append_block_param(exit, ty);
        }
        self.jump(header, &arguments);
        self.enter(header, &span, &lengths);
        let last = span.begin + span.states;
        let inside =
            self.nest.body.iter().position(|reg| reg.0 as usize > last).unwrap_or(self.nest.body.len());
        let runs = self.runs(&span, lanes);
        Ok(OpenRepeat { header, exit, span, inside, run: 0, runs })
    }

    /// Goes on in a block whose parameters are the state.
    fn enter(&mut self, block: Block, span: &BodyLoop, lengths: &[usize]) {
        self.e.builder.switch_to_block(block);
        let params = Pack::from_slice(self.e.builder.block_params(block));
        self.define_state(span, &params, lengths);
    }

    fn define_state(&mut self, span: &BodyLoop, values: &[Value], lengths: &[usize]) {
        let mut rest = values;
        for (state, &length) in span.state().zip(lengths) {
            let (own, others) = rest.split_at(length);
            self.define(state, own);
            rest = others;
        }
    }

    /// How many runs of a loop are emitted one after the other.
    fn runs(&self, span: &BodyLoop, lanes: u32) -> usize {
        let inside = self.nest.body.iter().filter(|reg| span.contains(reg.0 as usize));
        let (mut loops, mut count) = (0, 0);
        for &reg in inside {
            let instr = self.nest.instr(reg);
            loops += usize::from(matches!(instr, Instr::Loop));
            count += match instr {
                Instr::Const(_) | Instr::State(_) | Instr::Loop => 0,
                _ => cost::instructions(instr, self.nest.dtype(reg)),
            };
        }
        let is_short = lanes == 1 && loops == 1;
        if is_short { (UNROLLED / count.max(1)).clamp(1, MAX_RUNS) as usize } else { 1 }
    }

    fn test_repeat(&mut self, holds: Reg, lanes: u32, open: &OpenRepeat) -> Result<(), CodegenError> {
        let states: SmallVec<[Reg; 4]> = open.span.state().map(|state| Reg(state as u32)).collect();
        let (state, _) = self.state_values(&open.span, &states, lanes)?;
        if self.nest.varies(holds) {
            let any = self.any(holds, lanes)?;
            self.leave_unless(any, open.exit, &state);
        } else {
            // Comparisons are branches of their own: joined they would have to become numbers first.
            for part in self.conjuncts(holds) {
                let part = self.scalar(part)?;
                self.leave_unless(part, open.exit, &state);
            }
        }
        if open.run == 0 {
            let (stopped, inside) = (self.frame.is_stopped(self.e), self.e.builder.create_block());
            let state = arguments(&state);
            self.e.ins().brif(stopped, open.exit, &state, inside, &[]);
            self.e.builder.seal_block(inside);
            self.e.builder.switch_to_block(inside);
        }
        Ok(())
    }

    fn leave_unless(&mut self, holds: Value, exit: Block, state: &Pack) {
        let next = self.e.builder.create_block();
        let state = arguments(state);
        self.e.ins().brif(holds, next, &[], exit, &state);
        self.e.builder.seal_block(next);
        self.e.builder.switch_to_block(next);
    }

    /// Bools that all hold where a bool does.
    fn conjuncts(&self, holds: Reg) -> SmallVec<[Reg; 4]> {
        let mut open: SmallVec<[Reg; 4]> = SmallVec::from_elem(holds, 1);
        let mut found = SmallVec::new();
        while let Some(reg) = open.pop() {
            match *self.nest.instr(reg) {
                Instr::Binary(BinaryFn::And, x, y) => open.extend([y, x]),
                _ => found.push(reg),
            }
        }
        found
    }

    /// Whether a bool holds at any of the points.
    fn any(&mut self, holds: Reg, lanes: u32) -> Result<Value, CodegenError> {
        let width = self.nest.value(holds).width;
        let masks = self.operand(holds, width, lanes)?;
        let (first, others) = (masks[0], &masks[1..]);
        let any = others.iter().fold(first, |any, &mask| self.e.ins().bor(any, mask));
        if !self.e.is_vector() {
            return Ok(any);
        }
        // What is behind the last lane belongs to no point.
        let own = (lanes * width).min(VECTOR) as usize;
        let bytes: Vec<u8> = (0..VECTOR as usize).map(|byte| if byte < own { 0xff } else { 0 }).collect();
        let constant = self.e.builder.func.dfg.constants.insert(bytes.into());
        let ty = self.e.type_of(any);
        let points = self.e.ins().vconst(ty, constant);
        let any = self.e.ins().band(any, points);
        Ok(self.e.ins().vany_true(any))
    }

    /// Ends a run; whether another one is to be emitted.
    fn end_repeat(&mut self, next: &[Reg], lanes: u32, open: &mut OpenRepeat) -> Result<bool, CodegenError> {
        let (arguments, lengths) = self.state_values(&open.span, next, lanes)?;
        open.run += 1;
        if open.run < open.runs {
            self.define_state(&open.span, &arguments, &lengths);
            return Ok(true);
        }
        self.jump(open.header, &arguments);
        self.e.builder.seal_block(open.header);
        self.e.builder.seal_block(open.exit);
        self.enter(open.exit, &open.span, &lengths);
        // What was computed after the test is not known behind the loop.
        self.forget_addresses();
        Ok(false)
    }

    /// The values of `regs` as the state of the loop, one after the other, and how many vectors each has.
    fn state_values(
        &mut self,
        span: &BodyLoop,
        regs: &[Reg],
        lanes: u32,
    ) -> Result<(Pack, SmallVec<[usize; 4]>), CodegenError> {
        let (mut all, mut lengths) = (Pack::new(), SmallVec::new());
        for (state, &reg) in span.state().zip(regs) {
            let lanes = if self.nest.varies(Reg(state as u32)) { lanes } else { 1 };
            let pack = self.operand(reg, self.nest.values[state].width, lanes)?;
            lengths.push(pack.len());
            all.extend(pack);
        }
        Ok((all, lengths))
    }

    fn jump(&mut self, to: Block, state: &Pack) {
        let state = arguments(state);
        self.e.ins().jump(to, &state);
    }
}

fn arguments(values: &Pack) -> SmallVec<[BlockArg; 8]> {
    values.iter().copied().map(BlockArg::from).collect()
}
