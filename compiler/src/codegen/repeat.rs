//! Loops inside of bodies: state variables become parameters of blocks, so that they stay in registers.

use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::BinaryFn;

use super::CodegenError;
use super::loops::LoopEmitter;
use super::value::{Pack, VECTOR};
use crate::kernel::loops::BodyLoop;
use crate::kernel::{Instr, Reg};

/// A loop whose body is being emitted.
pub(super) struct OpenRepeat {
    header: Block,
    /// Known once the test has been emitted.
    exit: Option<Block>,
    span: BodyLoop,
}

impl LoopEmitter<'_, '_, '_, '_> {
    /// Emits an instruction of a loop, if it is one: its beginning, its test or its end.
    pub(super) fn emit_repeat(
        &mut self,
        i: usize,
        lanes: u32,
        open: &mut Vec<OpenRepeat>,
    ) -> Result<bool, CodegenError> {
        match &self.nest.source.body[i] {
            Instr::Loop => {
                let begun = self.begin_repeat(i, lanes)?;
                open.push(begun);
            }
            Instr::State(_) => {}
            Instr::While(holds) => self.test_repeat(*holds, lanes, open.last_mut())?,
            Instr::Repeat(next) => self.end_repeat(next, lanes, open.pop())?,
            _ => return Ok(false),
        }
        Ok(true)
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
        let header = self.e.builder.create_block();
        let mut params = Pack::new();
        for &value in &arguments {
            let ty = self.e.type_of(value);
            params.push(self.e.builder.append_block_param(header, ty));
        }
        self.jump(header, &arguments);
        self.e.builder.switch_to_block(header);
        let mut rest = &params[..];
        for (state, length) in span.state().zip(lengths) {
            let (own, others) = rest.split_at(length);
            self.define(state, own);
            rest = others;
        }
        Ok(OpenRepeat { header, exit: None, span })
    }

    fn test_repeat(
        &mut self,
        holds: Reg,
        lanes: u32,
        open: Option<&mut OpenRepeat>,
    ) -> Result<(), CodegenError> {
        let open = open.ok_or(CodegenError::Internal { what: "tests are inside of loops" })?;
        let exit = self.e.builder.create_block();
        if self.nest.varies(holds) {
            let any = self.any(holds, lanes)?;
            self.leave_unless(any, exit);
        } else {
            // Comparisons are branches of their own: joined they would have to become numbers first.
            for part in self.conjuncts(holds) {
                let part = self.scalar(part)?;
                self.leave_unless(part, exit);
            }
        }
        let (stopped, inside) = (self.frame.is_stopped(self.e), self.e.builder.create_block());
        self.e.ins().brif(stopped, exit, &[], inside, &[]);
        self.e.builder.seal_block(inside);
        self.e.builder.seal_block(exit);
        self.e.builder.switch_to_block(inside);
        open.exit = Some(exit);
        Ok(())
    }

    fn leave_unless(&mut self, holds: Value, exit: Block) {
        let next = self.e.builder.create_block();
        self.e.ins().brif(holds, next, &[], exit, &[]);
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

    fn end_repeat(&mut self, next: &[Reg], lanes: u32, open: Option<OpenRepeat>) -> Result<(), CodegenError> {
        let Some(OpenRepeat { header, exit: Some(exit), span }) = open else {
            return Err(CodegenError::Internal { what: "loops of bodies have a test" });
        };
        let (arguments, _) = self.state_values(&span, next, lanes)?;
        self.jump(header, &arguments);
        self.e.builder.seal_block(header);
        self.e.builder.switch_to_block(exit);
        // What was computed after the test is not known behind the loop.
        self.forget_addresses();
        Ok(())
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

    fn jump(&mut self, to: Block, arguments: &Pack) {
        let arguments: SmallVec<[BlockArg; 8]> = arguments.iter().copied().map(BlockArg::from).collect();
        self.e.ins().jump(to, &arguments);
    }
}
