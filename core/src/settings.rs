//! The few settings of the process and of the current thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tensorwright_runtime::buffer::BufferPool;
use tensorwright_runtime::workers::Workers;

static THREADS: AtomicUsize = AtomicUsize::new(0);
static EAGERLY: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The thread count of the function call that runs on this thread; 0 if none says.
    static CALL_THREADS: Cell<usize> = const { Cell::new(0) };
}

/// Sets how many threads compiled code uses where a function or call does not say; 0 means all cores. Results
/// do not depend on it.
///
/// ```
/// tensorwright::set_threads(1);
/// assert_eq!(tensorwright::threads(), 1);
/// tensorwright::set_threads(0);
/// assert!(tensorwright::threads() >= 1);
/// ```
#[doc(alias("set_num_threads", "num_threads"))]
pub fn set_threads(threads: usize) {
    THREADS.store(threads, Ordering::Relaxed);
}

/// How many threads compiled code uses where a function or call does not say.
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => Workers::available(),
        threads => threads,
    }
}

/// Sets how many bytes of tensors may be in use at a time, those of compiled code's own memory included: what would need more fails with
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory). Without a limit the system decides, which may end the process. For models and inputs that one
/// does not trust.
///
/// ```
/// use tensorwright::prelude::*;
/// tensorwright::set_memory_limit(64 << 20);
/// let large = Tensor::zeros([1 << 28], DType::F32);
/// assert!(matches!(large.ok(), Err(Error::OutOfMemory { .. })));
/// tensorwright::set_memory_limit(usize::MAX);
/// ```
pub fn set_memory_limit(bytes: usize) {
    BufferPool::global().set_limit(bytes);
}

/// Makes every [`Function`](crate::Function) run its closure op by op, without tracing or compiling it: for
/// debugging.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let double = function(|x: Tensor| {
///     println!("{x}"); // the value, not only the type
///     x * 2
/// });
/// tensorwright::run_eagerly(true);
/// assert_eq!(double.call(3)?.item::<i32>()?, 6);
/// assert_eq!(double.trace_count(), 0);
/// tensorwright::run_eagerly(false);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("disable_jit", "run_functions_eagerly"))]
pub fn run_eagerly(eagerly: bool) {
    EAGERLY.store(eagerly, Ordering::Relaxed);
}

/// Whether functions run eagerly.
pub fn runs_eagerly() -> bool {
    EAGERLY.load(Ordering::Relaxed)
}

/// Threads for an eager op here and now.
pub(crate) fn eager_threads() -> usize {
    match CALL_THREADS.get() {
        0 => threads(),
        threads => threads,
    }
}

/// Runs `work` with eager ops on this many threads.
pub(crate) fn with_eager_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            CALL_THREADS.set(self.0);
        }
    }
    let _restore = Restore(CALL_THREADS.replace(threads));
    work()
}
