//! Calls of the program's code around the graph: closures, and kernels that are registered under a name.

use tensorwright_ir::eval::EvalError;
use tensorwright_ir::op::control::HostCall;
use tensorwright_ir::{Literal, Location, Op, TensorType};

use super::RunError;
use crate::library::error::RoutineError;

/// A call: values go out as copies, and results come in as copies.
#[derive(Debug)]
pub(super) struct HostTask {
    op: &'static str,
    call: HostCall,
    operands: Vec<(usize, TensorType)>,
    results: Vec<usize>,
    location: Option<Location>,
}

impl HostTask {
    /// The operands are without a token. Fails if no kernel is registered under the name, or it gives other results.
    pub(super) fn new(
        op: &Op,
        slots: &[usize],
        types: &[TensorType],
        results: &[usize],
        location: Option<Location>,
    ) -> Result<HostTask, RoutineError> {
        let name = op.name();
        let call = HostCall::of(op, types).ok_or(RoutineError::NoRoutine { op: name })?;
        let call = call.map_err(|reason| RoutineError::NoCall { op: name, reason })?;
        let operands = slots.iter().copied().zip(types.iter().cloned()).collect();
        Ok(HostTask { op: name, call, operands, results: results.to_vec(), location })
    }

    /// # Safety
    /// `memory` has a valid pointer for each slot; slots of results are used by nobody else.
    pub(super) unsafe fn run(&self, memory: &[*mut u8]) -> Result<(), RunError> {
        let literal = |(slot, ty): &(usize, TensorType)| {
            // SAFETY: the slot has the bytes of its type, which nobody writes now.
            let bytes = unsafe { std::slice::from_raw_parts(memory[*slot].cast_const(), ty.bytes()) };
            Literal::from_bytes(ty.clone(), bytes.to_vec()).expect("bytes of the type")
        };
        let given = self.call.run(self.operands.iter().map(literal).collect());
        let failed = |message| EvalError::Host { op: self.op, message, location: self.location.clone() };
        for (&slot, result) in self.results.iter().zip(given.map_err(failed)?) {
            let bytes = result.bytes();
            // SAFETY: the result has the type that the op says, which is that of the slot.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory[slot], bytes.len()) };
        }
        Ok(())
    }
}
