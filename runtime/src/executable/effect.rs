//! Effects: what a step does besides giving results.

use std::io::Write;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tensorwright_ir::eval::EvalError;
use tensorwright_ir::{DType, Literal, Location, Op, TensorType, Type};

use super::RunError;
use super::host::HostTask;
use crate::library::error::RoutineError;

/// Where printed texts go.
type Printer = dyn Fn(&str) + Send + Sync;

static PRINTER: ArcSwapOption<Box<Printer>> = ArcSwapOption::const_empty();

/// Gives each text that a graph prints to `printer` from now on, in this process, instead of writing it as a line to the
/// standard output.
pub fn set_printer(printer: impl Fn(&str) + Send + Sync + 'static) {
    PRINTER.store(Some(Arc::new(Box::new(printer))));
}

fn print(text: &str) {
    match &*PRINTER.load() {
        Some(printer) => printer(text),
        // Somebody who closed the output does not want to read it.
        None => drop(writeln!(std::io::stdout(), "{text}")),
    }
}

/// An effect on tensors: the order of steps is all that its token says.
#[derive(Debug)]
pub(super) struct EffectTask {
    op: Op,
    operands: Vec<(usize, TensorType)>,
    location: Option<Location>,
    /// What a callback calls.
    call: Option<HostTask>,
}

impl EffectTask {
    pub(super) fn new(
        op: &Op,
        slots: &[usize],
        types: &[Type],
        location: Option<Location>,
    ) -> Result<EffectTask, RoutineError> {
        let tensor = |(&slot, ty): (&usize, &Type)| Some((slot, ty.as_tensor()?.clone()));
        let operands: Vec<(usize, TensorType)> = slots.iter().zip(types).filter_map(tensor).collect();
        let call = match op {
            Op::HostCallback(_) => {
                let (slots, types): (Vec<usize>, Vec<TensorType>) = operands.iter().cloned().unzip();
                Some(HostTask::new(op, &slots, &types, &[], location.clone())?)
            }
            _ => None,
        };
        Ok(EffectTask { op: op.clone(), operands, location, call })
    }

    /// # Safety
    /// `memory` has a valid pointer for each slot.
    pub(super) unsafe fn run(&self, memory: &[*mut u8]) -> Result<(), RunError> {
        if let Some(call) = &self.call {
            // SAFETY: as of this function.
            return unsafe { call.run(memory) };
        }
        let bytes = |(slot, ty): &(usize, TensorType)| {
            // SAFETY: the slot has the bytes of its type, which nobody writes now.
            unsafe { std::slice::from_raw_parts(memory[*slot].cast_const(), ty.bytes()) }
        };
        let literal = |operand: &(usize, TensorType)| {
            Literal::from_bytes(operand.1.clone(), bytes(operand).to_vec()).expect("bytes of the type")
        };
        let values = |first: usize| self.operands[first..].iter().map(literal).collect::<Vec<_>>();
        match &self.op {
            Op::Print(op) => {
                print(&op.render(&values(0).iter().collect::<Vec<_>>()));
                Ok(())
            }
            Op::Assert(assert) if bytes(&self.operands[0]) == [0] => {
                let message = assert.render(&values(1).iter().collect::<Vec<_>>());
                let location = self.location.clone();
                Err(EvalError::Assertion { message, location }.into())
            }
            Op::CheckFinite(check) => {
                let ty = &self.operands[0].1;
                let Some(index) = first_not_finite(ty.dtype, bytes(&self.operands[0])) else { return Ok(()) };
                let element = Literal::scalar(literal(&self.operands[0]).get(index)).to_string();
                let (message, location) = (check.message.clone(), self.location.clone());
                Err(EvalError::NotFinite { message, index, element, location }.into())
            }
            // An assertion that holds, and a mark.
            _ => Ok(()),
        }
    }
}

/// The first element that is infinite or NaN: those are the floats whose exponent is all ones.
fn first_not_finite(dtype: DType, bytes: &[u8]) -> Option<usize> {
    fn find<const SIZE: usize>(bytes: &[u8], is_finite: impl Fn([u8; SIZE]) -> bool) -> Option<usize> {
        bytes.as_chunks().0.iter().position(|&element| !is_finite(element))
    }
    match dtype {
        DType::F16 => find(bytes, |x| u16::from_ne_bytes(x) & 0x7c00 != 0x7c00),
        DType::BF16 => find(bytes, |x| u16::from_ne_bytes(x) & 0x7f80 != 0x7f80),
        DType::F32 => find(bytes, |x| f32::from_ne_bytes(x).is_finite()),
        _ => find(bytes, |x| f64::from_ne_bytes(x).is_finite()),
    }
}
