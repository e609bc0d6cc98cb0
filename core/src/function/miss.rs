//! Why calls had to trace and compile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tensorwright_ir::Location;
use tensorwright_runtime::cache::{MissReason, Signature};

/// How many misses a function remembers.
const REMEMBERED: usize = 64;

/// A call that had to trace and compile.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| x + 1).with_argument_names(["x"]);
/// f.call([1.0f32; 31])?;
/// f.call([1.0f32; 37])?;
/// let miss = f.misses().pop().unwrap();
/// assert!(miss.to_string().contains("argument `x`, dim 0: 31 -> 37"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Miss {
    /// The line of the call.
    pub at: Location,
    /// The function's name.
    pub function: String,
    /// How many traces there had been before.
    pub earlier_traces: u64,
    /// The signature of the call.
    pub signature: Signature,
    /// What differs from the nearest signature that was cached.
    pub reason: MissReason,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, name, signature) = (self.earlier_traces + 1, &self.function, &self.signature);
        write!(f, "{}: trace {number} of `{name}`, for {signature}: {}", self.at, self.reason)?;
        match self.reason.suggestion() {
            Some(suggestion) => write!(f, "\n  help: {suggestion}"),
            None => Ok(()),
        }
    }
}

/// The latest misses of a function.
#[derive(Default)]
pub(super) struct MissLog(Mutex<VecDeque<Miss>>);

impl MissLog {
    pub(super) fn push(&self, miss: Miss) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == REMEMBERED {
            log.pop_front();
        }
        log.push_back(miss);
    }

    pub(super) fn to_vec(&self) -> Vec<Miss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
