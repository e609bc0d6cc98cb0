//! What a function that is cut carries over its cuts.

use std::rc::Rc;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use tensorwright_ir::Value;

use super::recording::Recording;
use crate::error::{CallSite, Failure};
use crate::tensor::traced::{TraceId, Traced};

/// Who compiles and runs the subgraphs of a function's trace.
pub(crate) trait Subgraphs {
    /// Runs what was traced from the last cut to this one. The first output is the size, an `i64`; the others are carried.
    fn run(&self, subgraph: Recording, at: CallSite) -> Result<usize, Failure>;
}

/// What the trace of a function knows of its cuts.
pub(super) struct Cuts {
    pub(super) subgraphs: Rc<dyn Subgraphs>,
    /// The tensors that were made since the last cut, with their values, for as long as somebody has them.
    pub(super) made: Vec<(Value, Weak<()>)>,
    /// For values of earlier subgraphs, which of all that was carried they are.
    pub(super) carried: HashMap<(TraceId, Value), usize>,
}

impl Cuts {
    pub(super) fn new(subgraphs: Rc<dyn Subgraphs>) -> Cuts {
        Cuts { subgraphs, made: Vec::new(), carried: HashMap::new() }
    }

    /// A handle for a new tensor of this value.
    pub(super) fn handle(&mut self, value: Value) -> Arc<()> {
        let handle = Arc::new(());
        self.made.push((value, Arc::downgrade(&handle)));
        handle
    }

    /// Which of what was carried a value of an earlier subgraph is.
    pub(super) fn carried(&self, traced: &Traced) -> Option<usize> {
        self.carried.get(&(traced.trace, traced.value)).copied()
    }
}
