//! The task that takes spans from the queue, encodes them and has them delivered.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::delivery::Delivery;
use super::destination::{Destination, ExportError};
use crate::config::{BatchSettings, Limits, OtlpSettings, ZipkinSettings};
use crate::sink::counters::{Counters, DropReason};
use crate::sink::encoding::{Added, Batch, Request};
use crate::sink::queue::{Queue, Spans};

/// Requests under way at one time: enough that a distant collector does not limit the rate.
const MAX_IN_FLIGHT: usize = 4;

/// A collector's sink before it runs.
#[derive(Debug)]
pub(in crate::sink) struct Exporter {
    destination: Destination,
    batching: BatchSettings,
    limits: Limits,
}

impl Exporter {
    /// Exports by OTLP.
    pub(in crate::sink) fn otlp(
        settings: &OtlpSettings,
        batching: BatchSettings,
        limits: Limits,
    ) -> Result<Self, ExportError> {
        Ok(Self { destination: Destination::otlp(settings, batching)?, batching, limits })
    }

    /// Exports to Zipkin.
    pub(in crate::sink) fn zipkin(
        settings: &ZipkinSettings,
        batching: BatchSettings,
        limits: Limits,
    ) -> Result<Self, ExportError> {
        Ok(Self { destination: Destination::zipkin(settings, batching)?, batching, limits })
    }

    /// What it speaks and where to: `otlp grpc http://localhost:4317`.
    pub(in crate::sink) fn name(&self) -> &str {
        &self.destination.name
    }

    /// Whether the collector answers, without sending it a span.
    pub(in crate::sink) async fn check(&self) -> Result<(), String> {
        self.destination.check().await
    }

    /// Runs until the queue is closed and everything taken from it is settled.
    pub(in crate::sink) async fn run(self, queue: Arc<Queue>, counters: Arc<Counters>) {
        let batch_size = self.batching.size.min(queue.capacity());
        let mut batch = Batch::new(self.destination.encoding, self.limits);
        let delivery = Arc::new(Delivery::new(self.destination, Arc::clone(&counters)));
        let mut in_flight = JoinSet::new();
        let mut over = false;
        while !over {
            over = gathered(&queue, batch_size, self.batching.delay).await;
            for request in encode(&mut batch, &queue.take(batch_size), &counters) {
                while in_flight.len() >= MAX_IN_FLIGHT {
                    in_flight.join_next().await;
                }
                in_flight.spawn(Arc::clone(&delivery).deliver(request));
            }
            while in_flight.try_join_next().is_some() {}
            delivery.report_full_queue();
        }
        while in_flight.join_next().await.is_some() {}
    }
}

/// Waits for a full batch, or for `delay` after the first span, or for the end. True if there
/// will be nothing more.
async fn gathered(queue: &Queue, batch_size: usize, delay: Duration) -> bool {
    if queue.ready(1).await {
        return true;
    }
    // Time is up or the batch is full: either way there is something to take.
    let _ = tokio::time::timeout(delay, queue.ready(batch_size)).await;
    false
}

/// Encodes spans into as many requests as their size asks for.
fn encode(batch: &mut Batch, runs: &[Spans], counters: &Counters) -> Vec<Request> {
    let mut requests = Vec::with_capacity(1);
    for span in runs.iter().flat_map(Spans::as_slice) {
        let mut added = batch.add(span);
        if added == Added::Full {
            requests.extend(batch.take());
            added = batch.add(span);
        }
        if added != Added::Yes {
            counters.lose(DropReason::TooLarge, 1);
        }
    }
    requests.extend(batch.take());
    requests
}
