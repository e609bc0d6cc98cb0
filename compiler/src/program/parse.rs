//! Reads the text form of programs that [`text`](super::text) describes. `//` begins a comment.

use std::str::FromStr;

use smallvec::SmallVec;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::text::{MAX_DEPTH, parse_location, parse_name, parse_op, parse_type};
use tensorwright_ir::{Op, TensorType, Type};

use super::{Control, KernelCall, OperandForm, Place, Program, Slot, Step, Tiled, TiledCall, TiledOperand};
use crate::syntax::{Parser, Result, SyntaxError};

/// Fails at the first place where the text does not follow the grammar. Whether the program is valid is not checked.
impl FromStr for Program {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Program> {
        let mut parser = Parser::new(text);
        let program = parser.program(0)?;
        parser.end()?;
        Ok(program)
    }
}

/// Slots with the types that an op takes them for.
type Typed = (Vec<usize>, Vec<Type>);

impl Parser<'_> {
    fn program(&mut self, depth: usize) -> Result<Program> {
        if depth >= MAX_DEPTH {
            return Err(self.expected(format!("regions at most {MAX_DEPTH} deep")));
        }
        self.require("program")?;
        self.require("@")?;
        let name = self.part(parse_name)?;
        self.require("(")?;
        let inputs = self.items(")", |p| p.part(parse_type))?;
        self.require("arena")?;
        let arena_bytes = self.number("a number of bytes")? as usize;
        let (mut kept_bytes, mut ahead) = (0, 0);
        if self.accept_word("kept") {
            kept_bytes = self.number("a number of bytes")? as usize;
            self.require("ahead")?;
            ahead = self.number("a number of steps")? as usize;
        }
        self.require("{")?;
        let (slots, overwritten, lasting) = self.slots()?;
        let mut kernels = Vec::new();
        while self.accept_word(&format!("k{}", kernels.len())) {
            self.require("=")?;
            kernels.push(self.kernel()?);
        }
        let mut steps = Vec::new();
        while !self.accept_word("return") {
            steps.push(self.step(depth)?);
        }
        let (slots_out, types) = self.typed("}")?;
        let outputs = types.into_iter().zip(slots_out).collect();
        Ok(Program {
            name,
            inputs,
            outputs,
            slots,
            kernels,
            steps,
            overwritten,
            arena_bytes,
            lasting,
            ahead,
            kept_bytes,
        })
    }

    /// Slots, the inputs that are overwritten, and those that last.
    fn slots(&mut self) -> Result<(Vec<Slot>, Vec<usize>, Vec<usize>)> {
        let (mut slots, mut overwritten, mut lasting) = (Vec::new(), Vec::new(), Vec::new());
        while self.accept_word(&format!("s{}", slots.len())) {
            self.require(":")?;
            let ty = self.part(parse_type)?;
            self.require("=")?;
            let place = self.place()?;
            if let Place::Input(input) = place
                && self.accept(",")
            {
                match self.accept_word("lasting") {
                    true => lasting.push(input),
                    false => {
                        self.require("overwritten")?;
                        overwritten.push(input);
                    }
                }
            }
            slots.push(Slot { ty, place });
        }
        overwritten.sort_unstable();
        lasting.sort_unstable();
        Ok((slots, overwritten, lasting))
    }

    fn place(&mut self) -> Result<Place> {
        let expected = "`input`, `output`, `arena`, `kept`, `unplaced` or `constant`";
        match self.peek_word() {
            "constant" => match self.part(parse_op)? {
                Op::Constant(constant) => Ok(Place::Constant(constant.value)),
                _ => Err(self.expected(expected)),
            },
            "input" => {
                self.require("input")?;
                Ok(Place::Input(self.number("the number of an input")? as usize))
            }
            "arena" => {
                self.require("arena")?;
                self.require("+")?;
                Ok(Place::Arena(self.number("a number of bytes")? as usize))
            }
            "kept" => {
                self.require("kept")?;
                self.require("+")?;
                Ok(Place::Kept(self.number("a number of bytes")? as usize))
            }
            _ => self.named(expected, |word| match word {
                "output" => Some(Place::Output),
                "unplaced" => Some(Place::Unplaced),
                _ => None,
            }),
        }
    }

    fn step(&mut self, depth: usize) -> Result<Step> {
        if self.accept_word("run") {
            return Ok(Step::Kernel(self.kernel_call()?));
        }
        if self.accept_word("pack") {
            return self.pack();
        }
        match self.tiled()? {
            Some(routine) => self.tiled_call(routine),
            None => self.op_step(depth),
        }
    }

    fn pack(&mut self) -> Result<Step> {
        let routine = self.tiled()?.ok_or_else(|| self.expected("a routine that runs tile by tile"))?;
        let mut operand = 0;
        while self.accept_word("_") {
            self.require(",")?;
            operand += 1;
        }
        let from = self.slot()?;
        self.require("->")?;
        Ok(Step::Pack { routine, operand, from, out: self.slot()? })
    }

    /// What follows the routine.
    fn tiled_call(&mut self, routine: Tiled) -> Result<Step> {
        let mut operands = SmallVec::new();
        loop {
            let form = if self.accept_word("packed") { OperandForm::Packed } else { OperandForm::Strided };
            operands.push(TiledOperand { slot: self.slot()?, form });
            if !self.accept(",") {
                break;
            }
        }
        self.require("->")?;
        let out = self.slot()?;
        let epilogue = if self.accept_word("then") { Some(self.kernel_call()?) } else { None };
        Ok(Step::Tiled(Box::new(TiledCall { routine, operands, out, epilogue })))
    }

    fn kernel_call(&mut self) -> Result<KernelCall> {
        let kernel = self.numbered('k')? as usize;
        self.require("(")?;
        Ok(KernelCall { kernel, args: self.items(")", Parser::slot)? })
    }

    /// A step that is an op.
    fn op_step(&mut self, depth: usize) -> Result<Step> {
        let op = self.part(parse_op)?;
        self.require("(")?;
        let (operands, operand_types) = self.typed(")")?;
        if matches!(op.lowering(), Lowering::Effect | Lowering::Mark) {
            let location = self.part(parse_location)?;
            return Ok(Step::Effect { op, operands, operand_types, location });
        }
        self.require("->")?;
        self.require("(")?;
        let (results, result_types) = self.typed(")")?;
        if op.lowering() == Lowering::Region {
            self.require("in")?;
            let workspace = self.slot()?;
            let location = self.part(parse_location)?;
            self.require("(")?;
            let regions = self.items(")", |p| p.program(depth + 1))?;
            let control =
                Control { op, regions, operands, operand_types, results, result_types, workspace, location };
            return Ok(Step::Control(Box::new(control)));
        }
        let location = self.part(parse_location)?;
        if op.lowering() == Lowering::List {
            return Ok(Step::List { op, operands, operand_types, results, result_types, location });
        }
        let (operand_types, result_types) = (self.tensors(operand_types)?, self.tensors(result_types)?);
        Ok(Step::Routine { op, operands, operand_types, results, result_types, location })
    }

    /// The types of what must be tensors.
    fn tensors(&self, types: Vec<Type>) -> Result<Vec<TensorType>> {
        let tensor = |ty: Type| match ty {
            Type::Tensor(ty) => Ok(ty),
            ty => Err(self.expected(format!("tensors, before this, not a {ty}"))),
        };
        types.into_iter().map(tensor).collect()
    }

    fn slot(&mut self) -> Result<usize> {
        Ok(self.numbered('s')? as usize)
    }

    /// `s0: f32[4], s1: f32[]`.
    fn typed(&mut self, close: &str) -> Result<Typed> {
        let one = |p: &mut Self| {
            let slot = p.slot()?;
            p.require(":")?;
            Ok((slot, p.part(parse_type)?))
        };
        Ok(self.items(close, one)?.into_iter().unzip())
    }
}
