//! Stopping runs from outside: by a token that another thread cancels, or by a limit of time.
//!
//! A *scope* is the time in which a closure runs on a thread; each has a flag. Runs that begin on the thread look at the flag of the innermost
//! scope: between steps, in each run of a loop, and code of native loops does too. Whoever sets a flag sets those of the scopes that began
//! inside, so that one flag is all that a run looks at. Time is watched by one thread of the process, which sleeps until the next limit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::recorder::Recorder;

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// A token was cancelled.
    #[error("its token was cancelled")]
    Cancelled,
    /// A limit of time was over.
    #[error("it took longer than {0:?}")]
    TimedOut(Duration),
    /// The thread that watches limits of time could not be started.
    #[error("no thread could be started that watches its limit of time")]
    NoTimer,
}

/// A way to stop what runs on other threads; clones are the same token.
///
/// What [`run`](CancellationToken::run) calls ends with an error soon after the token was cancelled, and has no effect: variables keep their
/// values. Checked are eager ops when they begin, and compiled functions between their steps and in each iteration of their loops. A
/// step itself, a large product or a sort, runs to its end, and so do tracing and compiling.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken(Arc<Scope>);

impl CancellationToken {
    /// A token that is not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Stops what runs under the token, here and on other threads, and whatever will.
    pub fn cancel(&self) {
        self.0.stop(StopReason::Cancelled);
    }

    /// Whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.flag.load(Ordering::Relaxed)
    }

    /// Calls `work`. What it runs on this thread stops when the token is cancelled.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        match current() {
            None => enter(Arc::clone(&self.0), work),
            Some(outer) => enter(Scope::inside(&[&outer, &self.0]), work),
        }
    }
}

/// Calls `work`. What it runs on this thread is recorded.
pub(crate) fn with_recorder<R>(recorder: Arc<Recorder>, work: impl FnOnce() -> R) -> R {
    let scope = match current() {
        None => Arc::new(Scope { recorder: Some(recorder), ..Scope::default() }),
        Some(outer) => Scope::within(&[&outer], Some(recorder)),
    };
    enter(scope, work)
}

/// Calls `work`. What it runs on this thread stops after this time, as if a [`CancellationToken`] had been cancelled.
pub fn with_timeout<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let scope = match current() {
        None => Arc::default(),
        Some(outer) => Scope::inside(&[&outer]),
    };
    let _alarm = Timer::global().alarm(limit, &scope);
    enter(scope, work)
}

#[derive(Debug, Default)]
struct Scope {
    flag: AtomicBool,
    reason: OnceLock<StopReason>,
    /// Scopes that end with this one.
    inside: Mutex<Vec<Weak<Scope>>>,
    /// Who records steps.
    recorder: Option<Arc<Recorder>>,
}

impl Scope {
    /// A new scope that ends with any of these.
    fn inside(outer: &[&Arc<Scope>]) -> Arc<Scope> {
        Scope::within(outer, outer.iter().find_map(|scope| scope.recorder.clone()))
    }

    fn within(outer: &[&Arc<Scope>], recorder: Option<Arc<Recorder>>) -> Arc<Scope> {
        let scope = Arc::new(Scope { recorder, ..Scope::default() });
        for outer in outer {
            {
                let mut inside = lock(&outer.inside);
                inside.retain(|scope| scope.strong_count() > 0);
                inside.push(Arc::downgrade(&scope));
            }
            // After it was added: who stops the outer one from here on finds it.
            if let Some(&reason) = outer.reason.get() {
                scope.stop(reason);
            }
        }
        scope
    }

    fn stop(&self, reason: StopReason) {
        // The first reason is the one that is told.
        let _ = self.reason.set(reason);
        self.flag.store(true, Ordering::Relaxed);
        let inside: Vec<Arc<Scope>> = lock(&self.inside).iter().filter_map(Weak::upgrade).collect();
        inside.into_iter().for_each(|scope| scope.stop(reason));
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

fn current() -> Option<Arc<Scope>> {
    CURRENT.with_borrow(Option::clone)
}

fn enter<R>(scope: Arc<Scope>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<Scope>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.replace(self.0.take());
        }
    }
    let _restore = Restore(CURRENT.replace(Some(scope)));
    work()
}

/// The flag of runs that nobody can stop.
static NEVER: AtomicBool = AtomicBool::new(false);

/// What a run may use, and what ends it.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Number of threads at most.
    pub(crate) threads: usize,
    pub(crate) stop: &'a AtomicBool,
    scope: Option<&'a Scope>,
    pub(crate) recorder: Option<&'a Recorder>,
}

impl Limits<'_> {
    /// Nobody stops the run.
    pub(crate) fn threads(threads: usize) -> Limits<'static> {
        Limits { threads, stop: &NEVER, scope: None, recorder: None }
    }

    /// Calls `run` with the limits of this thread.
    #[inline]
    pub(crate) fn here<R>(threads: usize, run: impl FnOnce(Limits<'_>) -> R) -> R {
        match current() {
            None => run(Limits::threads(threads)),
            Some(scope) => {
                let recorder = scope.recorder.as_deref();
                run(Limits { threads, stop: &scope.flag, scope: Some(&scope), recorder })
            }
        }
    }

    /// The same but for the number of threads.
    pub(crate) fn on_one_thread(self) -> Self {
        Limits { threads: 1, ..self }
    }

    /// The same, but nobody records its steps.
    pub(crate) fn unrecorded(self) -> Self {
        Limits { recorder: None, ..self }
    }

    /// Whether the run may be stopped on its way.
    pub(crate) fn may_stop(&self) -> bool {
        self.scope.is_some()
    }

    /// Fails if the run was stopped.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), StopReason> {
        if self.stop.load(Ordering::Relaxed) { Err(self.stopped()) } else { Ok(()) }
    }

    #[cold]
    fn stopped(&self) -> StopReason {
        let reason = self.scope.and_then(|scope| scope.reason.get());
        reason.copied().unwrap_or(StopReason::Cancelled)
    }
}

/// Limits of time, by when they are over.
#[derive(Default)]
struct Alarms {
    waiting: BTreeMap<(Instant, u64), (Weak<Scope>, Duration)>,
    count: u64,
    has_thread: bool,
}

/// Who watches the time.
#[derive(Default)]
struct Timer {
    alarms: Mutex<Alarms>,
    sooner: Condvar,
}

/// A limit of time that is taken back when this is dropped.
struct Alarm(Option<(Instant, u64)>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(key) = self.0 {
            lock(&Timer::global().alarms).waiting.remove(&key);
        }
    }
}

impl Timer {
    fn global() -> &'static Timer {
        static TIMER: OnceLock<Timer> = OnceLock::new();
        TIMER.get_or_init(Timer::default)
    }

    /// Stops the scope after this time.
    fn alarm(&'static self, limit: Duration, scope: &Arc<Scope>) -> Alarm {
        // A time that no clock reaches never comes.
        let Some(end) = Instant::now().checked_add(limit) else { return Alarm(None) };
        let mut alarms = lock(&self.alarms);
        if !alarms.has_thread {
            let builder = thread::Builder::new().name("tensorwright-timer".to_owned());
            if builder.spawn(|| self.watch()).is_err() {
                scope.stop(StopReason::NoTimer);
                return Alarm(None);
            }
            alarms.has_thread = true;
        }
        alarms.count += 1;
        let key = (end, alarms.count);
        alarms.waiting.insert(key, (Arc::downgrade(scope), limit));
        if alarms.waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.sooner.notify_one();
        }
        Alarm(Some(key))
    }

    fn watch(&self) {
        let mut alarms = lock(&self.alarms);
        loop {
            let now = Instant::now();
            while let Some(first) = alarms.waiting.first_entry().filter(|first| first.key().0 <= now) {
                let (scope, limit) = first.remove();
                if let Some(scope) = scope.upgrade() {
                    scope.stop(StopReason::TimedOut(limit));
                }
            }
            alarms = match alarms.waiting.first_key_value() {
                None => self.sooner.wait(alarms).unwrap_or_else(PoisonError::into_inner),
                Some((&(end, _), _)) => {
                    let waited = self.sooner.wait_timeout(alarms, end.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// A panic elsewhere leaves the data whole: it is changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Result<(), StopReason> {
        Limits::here(1, |limits| limits.check())
    }

    #[test]
    fn scopes_end_with_those_around_them() {
        let (outer, inner) = (CancellationToken::new(), CancellationToken::new());
        outer.run(|| {
            inner.run(|| {
                assert_eq!(outcome(), Ok(()));
                outer.cancel();
                assert_eq!(outcome(), Err(StopReason::Cancelled));
            });
            assert!(!inner.is_cancelled());
        });
        assert_eq!(outcome(), Ok(()));
        assert_eq!(inner.run(outcome), Ok(()));
        assert_eq!(inner.run(|| outer.run(outcome)), Err(StopReason::Cancelled));
        assert_eq!(outer.run(|| inner.run(outcome)), Err(StopReason::Cancelled));
        assert!(lock(&inner.0.inside).len() <= 2);
    }

    #[test]
    fn the_first_limit_of_time_counts() {
        let (short, long) = (Duration::from_millis(5), Duration::from_secs(1000));
        for limits in [[short, long], [long, short]] {
            let stopped = with_timeout(limits[0], || {
                with_timeout(limits[1], || {
                    while outcome().is_ok() {
                        thread::yield_now();
                    }
                    outcome()
                })
            });
            assert_eq!(stopped, Err(StopReason::TimedOut(short)));
        }
        assert_eq!(with_timeout(Duration::MAX, outcome), Ok(()));
        let still = lock(&Timer::global().alarms).waiting.values().any(|(_, limit)| *limit == long);
        assert!(!still, "limits of scopes that have ended are taken back");
    }
}
