//! From kernel events to finished spans.
//!
//! Reading order: [`onlooker_common::event`] (what comes in), `pipeline` (a room a step), `connection` (bytes in
//! order, detection, dissectors), `causality` (who called whom), `messages` (who sent what another received),
//! [`span`] (what goes out). Nothing here knows aya, tokio or Linux; `onlooker replay` and the benchmarks run it
//! on any machine.
#![forbid(unsafe_code)]

mod causality;
pub mod connection;
mod counters;
mod messages;
mod pipeline;
pub mod process;
pub mod span;

pub use causality::LinkCounters;
pub use counters::PipelineCounters;
pub use messages::MessageCounters;
pub use pipeline::{Pipeline, PipelineOptions};
