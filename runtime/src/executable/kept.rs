//! What is kept from run to run: what depends on constants and on inputs that are the same in every run.

use std::sync::OnceLock;

use super::RunError;
use super::block::{Block, run_all};
use crate::buffer::{BufferPool, SharedBuffer};
use crate::cancel::Limits;

/// Memory that the first run fills.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: usize,
    memory: OnceLock<SharedBuffer>,
}

impl Kept {
    pub(super) fn new(bytes: usize) -> Kept {
        Kept { bytes, memory: OnceLock::new() }
    }

    /// Bytes that are kept, or will be.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Block {
    /// What is kept, computed if this is the first run. Of several first runs at the same time each computes it, and one is kept.
    ///
    /// # Safety
    /// As of [`Block::run`].
    #[inline]
    pub(super) unsafe fn kept(
        &self,
        input: &impl Fn(usize) -> *mut u8,
        fresh: &impl Fn(usize) -> *mut u8,
        arena: *mut u8,
        limits: Limits<'_>,
    ) -> Result<*mut u8, RunError> {
        if self.ahead.is_empty() {
            return Ok(std::ptr::null_mut());
        }
        if let Some(memory) = self.kept.memory.get() {
            return Ok(memory.as_ptr().cast_mut());
        }
        let mut memory = BufferPool::global().get(self.kept.bytes)?;
        // SAFETY: the buffer has so many bytes; those between slots are written here alone.
        unsafe { memory.as_mut_ptr().write_bytes(0, self.kept.bytes) };
        let slots = self.memory(input, fresh, arena, memory.as_mut_ptr());
        // SAFETY: the caller's promise; nobody else has the memory yet.
        unsafe { run_all((&self.ahead, 0), &slots, limits)? };
        // SAFETY: all bytes have been written, and no step writes to them any more (rule 15 of `program::verify`).
        let memory = unsafe { memory.assume_init() };
        Ok(self.kept.memory.get_or_init(|| memory).as_ptr().cast_mut())
    }
}
