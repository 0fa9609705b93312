//! Threads that hash, as many as may at once. Each takes the next password as soon as it is done with
//! one: between two, no other thread has to be woken.
//!
//! Guarantees: who came first is first; what nobody waits for any more is not begun; what a piece of
//! work holds is held until it is done, whoever waits for it.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::{sync::oneshot, task::spawn_blocking};

#[derive(Debug)]
pub(super) struct Workers(Arc<Inner>);

struct Inner {
    size: usize,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Box<dyn FnOnce() + Send>>,
    /// Threads.
    busy: usize,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Workers {
    pub(super) fn new(size: usize) -> Self {
        Self(Arc::new(Inner {
            size,
            line: Mutex::default(),
        }))
    }

    /// Does `work`, in turn, as long as somebody waits for it. `None` when it failed.
    pub(super) async fn run<H, T>(
        &self,
        held: Arc<H>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T>
    where
        H: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (told, waits) = oneshot::channel();
        let wanted: Weak<H> = Arc::downgrade(&held);
        let job = move || {
            let Some(held) = wanted.upgrade() else { return };
            let done = work();
            drop(held);
            // One that has left learns nothing any more.
            let _ = told.send(done);
        };
        if self.0.enter(Box::new(job)) {
            let inner = Arc::clone(&self.0);
            spawn_blocking(move || inner.work());
        }
        let done = waits.await.ok();
        drop(held);
        done
    }
}

impl Inner {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more thread is to begin.
    fn enter(&self, job: Box<dyn FnOnce() + Send>) -> bool {
        let mut line = self.line();
        line.waiting.push_back(job);
        let begins = line.busy < self.size;
        line.busy += usize::from(begins);
        begins
    }

    fn next(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let mut line = self.line();
        let next = line.waiting.pop_front();
        line.busy -= usize::from(next.is_none());
        next
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // Who waits for it is told by what it drops; the next one is not to blame.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Workers};
    use futures_util::future::join_all;
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
    };

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_threads() {
        let workers = Workers::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |number: usize| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            workers.run(Arc::new(()), move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                number
            })
        };
        let done = join_all((0..100).map(work)).await;
        assert_eq!(done, (0..100).map(Some).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun_and_what_is_begun_holds_what_it_needs() {
        let workers = Arc::new(Workers::new(1));
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (let_end, may_end) = mpsc::channel::<()>();
        let held = Arc::new(());
        let first = tokio::spawn({
            let (workers, held) = (Arc::clone(&workers), Arc::clone(&held));
            async move {
                let work = move || {
                    begun.send(()).unwrap();
                    may_end.recv().unwrap();
                };
                workers.run(held, work).await
            }
        });
        begins.await.unwrap();
        let queued = tokio::spawn({
            let workers = Arc::clone(&workers);
            async move { workers.run(Arc::new(()), || panic!("it was begun")).await }
        });
        while workers.0.line().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        first.abort();
        queued.abort();
        assert!(first.await.is_err() && queued.await.is_err());
        // Of the one that runs, not of the one that only waited for it.
        assert_eq!(Arc::strong_count(&held), 2);
        let_end.send(()).unwrap();
        assert_eq!(workers.run(Arc::new(()), || 1).await, Some(1));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn one_that_panics_fails_and_the_next_one_does_not() {
        let workers = Workers::new(1);
        let fails = workers.run(Arc::new(()), || panic!("on purpose"));
        let (failed, next) = tokio::join!(fails, workers.run(Arc::new(()), || 1));
        assert_eq!((failed, next), (None::<()>, Some(1)));
    }
}
