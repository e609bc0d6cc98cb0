//! One compilation in the air: others who want the same thing wait for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// How a flight ended.
#[derive(Clone)]
pub(super) enum Landing<T, E> {
    /// With a result for everybody.
    Done(Result<T, E>),
    /// The leader panicked: whoever still wants the result leads a new flight.
    Abandoned,
}

pub(super) struct Flight<T, E> {
    leader: ThreadId,
    landing: Mutex<Option<Landing<T, E>>>,
    landed: Condvar,
}

impl<T: Clone, E: Clone> Flight<T, E> {
    /// A flight led by this thread.
    pub(super) fn start() -> Self {
        Self { leader: thread::current().id(), landing: Mutex::new(None), landed: Condvar::new() }
    }

    /// Whether this thread is the leader: waiting would be for ever.
    pub(super) fn is_mine(&self) -> bool {
        self.leader == thread::current().id()
    }

    pub(super) fn land(&self, landing: Landing<T, E>) {
        *self.landing.lock().unwrap_or_else(PoisonError::into_inner) = Some(landing);
        self.landed.notify_all();
    }

    pub(super) fn wait(&self) -> Landing<T, E> {
        let mut landing = self.landing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*landing {
                Some(landing) => return landing.clone(),
                None => landing = self.landed.wait(landing).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
