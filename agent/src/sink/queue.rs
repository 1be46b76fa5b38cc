//! The bounded queue between the pipeline and one sink.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onlooker_pipeline::span::Span;
use tokio::sync::Notify;

/// What a queue may hold for each span of its capacity, in bytes: most spans take 1 KiB or less. Where all have
/// long texts there is room for fewer.
const BYTES_A_SPAN: usize = 2048;

/// A run of spans that several sinks share.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    batch: Arc<Vec<Span>>,
    range: Range<usize>,
    /// What one of the batch takes, on average, in bytes.
    each: usize,
}

impl Spans {
    pub(super) fn all(batch: Arc<Vec<Span>>) -> Self {
        let range = 0..batch.len();
        let each = batch.iter().map(Span::held).sum::<usize>() / batch.len().max(1);
        Self { batch, range, each }
    }

    pub(super) fn as_slice(&self) -> &[Span] {
        self.batch.get(self.range.clone()).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    /// Without what others have of the batch, if that is most of it.
    fn apart(self) -> Self {
        if self.len() * 2 >= self.batch.len() {
            return self;
        }
        Self::all(Arc::new(self.as_slice().to_vec()))
    }

    /// Splits off the first `count` spans (at most all).
    fn split_to(&mut self, count: usize) -> Self {
        let middle = self.range.start + count.min(self.len());
        let range = self.range.start..middle;
        let head = Self { batch: Arc::clone(&self.batch), range, each: self.each };
        self.range.start = middle;
        head
    }
}

/// First in, first out; holds at most `capacity` spans, and no more bytes than so many usually take. Any thread
/// pushes, one consumer (a task or a thread) takes.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// Wakes a consumer that is a task.
    task: Notify,
    /// Wakes a consumer that is a thread.
    thread: Condvar,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Spans>,
    spans: usize,
    /// What they take.
    bytes: usize,
    /// The consumer sleeps until this many spans are there: a producer pays for a wake-up once a
    /// batch, not once a push.
    wanted: usize,
    closed: bool,
}

impl State {
    /// How many spans of so many bytes each fit in a queue of this capacity. A single one always does.
    fn room(&self, capacity: usize, each: usize) -> usize {
        let bytes = capacity.saturating_mul(BYTES_A_SPAN).saturating_sub(self.bytes);
        let fitting = (bytes / each.max(1)).max(usize::from(self.spans == 0));
        capacity.saturating_sub(self.spans).min(fitting)
    }

    fn is_ready(&self) -> bool {
        self.closed || self.spans >= self.wanted
    }
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::new(State::default()),
            task: Notify::new(),
            thread: Condvar::new(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many spans would fit.
    pub(super) fn room(&self) -> usize {
        self.lock().room(self.capacity, BYTES_A_SPAN)
    }

    /// Adds what fits and returns how many spans did not. Never waits for the consumer.
    pub(super) fn push(&self, mut spans: Spans) -> usize {
        let mut state = self.lock();
        let room = if state.closed { 0 } else { state.room(self.capacity, spans.each) };
        let fitting = spans.split_to(room);
        if fitting.len() > 0 {
            state.spans += fitting.len();
            // What did not fit would else stay for as long as what did.
            let fitting = fitting.apart();
            state.bytes += fitting.len() * fitting.each;
            state.runs.push_back(fitting);
        }
        let ready = state.is_ready();
        drop(state);
        if ready {
            self.wake();
        }
        spans.len()
    }

    /// No more spans are accepted; the consumer sees the end once it has taken the rest.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    /// Takes up to `most` spans; empty if there are none.
    pub(super) fn take(&self, most: usize) -> Vec<Spans> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        let mut room = most;
        while room > 0
            && let Some(front) = state.runs.front_mut()
        {
            let run = front.split_to(room);
            if front.len() == 0 {
                state.runs.pop_front();
            }
            room -= run.len();
            state.spans -= run.len();
            state.bytes -= run.len() * run.each;
            taken.push(run);
        }
        taken
    }

    /// Waits, as a task, for `wanted` spans or the end. True if the queue is closed and empty.
    pub(super) async fn ready(&self, wanted: usize) -> bool {
        loop {
            let woken = self.task.notified();
            {
                let mut state = self.lock();
                state.wanted = wanted.min(self.capacity);
                if state.is_ready() {
                    return state.closed && state.spans == 0;
                }
            }
            woken.await;
        }
    }

    /// Waits, as a thread, for `wanted` spans, the end, or `until`. True if closed and empty.
    pub(super) fn wait(&self, wanted: usize, until: Option<Instant>) -> bool {
        let mut state = self.lock();
        state.wanted = wanted.min(self.capacity);
        while !state.is_ready() {
            state = match until {
                None => self.thread.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left == Duration::ZERO {
                        return false;
                    }
                    self.thread.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.closed && state.spans == 0
    }

    fn wake(&self) {
        self.task.notify_one();
        self.thread.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_A_SPAN, Queue, Spans};
    use crate::sink::sample;
    use std::sync::Arc;
    use std::time::Instant;

    fn spans(count: usize) -> Spans {
        Spans::all(Arc::new(vec![sample::span(); count]))
    }

    fn total(taken: &[Spans]) -> usize {
        taken.iter().map(|run| run.as_slice().len()).sum()
    }

    #[test]
    fn what_does_not_fit_is_returned_and_a_large_run_fills_the_room_it_finds() {
        let queue = Queue::new(10);
        assert_eq!(queue.push(spans(7)), 0);
        assert_eq!(queue.push(spans(7)), 4);
        assert_eq!(queue.push(spans(1)), 1);
        assert_eq!(total(&queue.take(8)), 8);
        assert_eq!(queue.push(spans(100)), 92);
        assert_eq!(total(&queue.take(usize::MAX)), 10);
        assert!(queue.take(1).is_empty());
    }

    #[test]
    fn what_did_not_fit_is_not_kept() {
        let queue = Queue::new(10);
        queue.push(spans(9));
        let large = Arc::new(vec![sample::span(); 1000]);
        let (kept, batch) = (Spans::all(Arc::clone(&large)), Arc::downgrade(&large));
        drop(large);
        assert_eq!(queue.push(kept), 999);
        assert!(batch.upgrade().is_none(), "one span keeps a thousand");
        assert_eq!(total(&queue.take(usize::MAX)), 10);
    }

    #[test]
    fn of_spans_with_long_texts_fewer_fit() {
        let queue = Queue::new(100);
        let mut span = sample::span();
        span.attributes.0.push(("long".into(), "x".repeat(10 * BYTES_A_SPAN).into()));
        assert_eq!(queue.push(Spans::all(Arc::new(vec![span; 50]))), 41);
        assert_eq!((total(&queue.take(usize::MAX)), queue.room()), (9, 100));
    }

    #[test]
    fn a_closed_queue_gives_what_it_holds_and_takes_no_more() {
        let queue = Queue::new(10);
        queue.push(spans(3));
        queue.close();
        assert_eq!(queue.push(spans(2)), 2);
        assert!(!queue.wait(1, None));
        assert_eq!(total(&queue.take(10)), 3);
        assert!(queue.wait(1, None));
    }

    #[test]
    fn a_waiting_thread_gives_up_at_its_time() {
        assert!(!Queue::new(1).wait(1, Some(Instant::now())));
    }

    #[tokio::test]
    async fn a_task_is_woken_when_enough_is_there() {
        let queue = Arc::new(Queue::new(10));
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.ready(4).await }
        });
        tokio::task::yield_now().await;
        queue.push(spans(3));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        queue.push(spans(1));
        assert!(!waiting.await.unwrap());
    }

    #[tokio::test]
    async fn more_than_the_queue_holds_is_not_waited_for() {
        let queue = Queue::new(2);
        queue.push(spans(2));
        assert!(!queue.ready(512).await);
    }
}
