//! Who called whom.
//!
//! Every finished exchange becomes a [`Node`](node::Node), which waits until it is known whose
//! child it is and until that parent has its ids; then it is settled: it gets ids and leaves as a
//! span. The evidence is, in this order (`docs/architecture.md` has the reasons):
//!
//! * a server's exchange is the child of the client's exchange that it is the other end of;
//! * a client's exchange is the child of the server's exchange that its task was serving, unless
//!   the application wrote a context of its own into the request;
//! * else the context on the wire tells the parent;
//! * else the span is a root. There is no guess.

#[cfg(test)]
mod adversary_tests;
mod counters;
mod deadlines;
mod history;
mod ids;
mod leave;
#[cfg(test)]
mod long_tests;
mod node;
mod overlaps;
#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod pool_tests;
mod serving;
mod settle;
mod tasks;
#[cfg(test)]
mod tests;

pub use counters::LinkCounters;

pub(crate) use ids::IdSource;
pub(crate) use node::Finished;
pub(crate) use overlaps::OpenIn;
pub(crate) use settle::calls::OPEN_CAUSE_WAIT;
pub(crate) use settle::{Causality, Connections};
