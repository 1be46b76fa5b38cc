//! What the pipeline has to know of processes; the agent and `replay` answer.

use std::sync::Arc;

use crate::span::Resource;

/// How a process runs its handlers, as far as links depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handlers {
    /// Not known to be anything special.
    #[default]
    Unknown,
    /// An event loop that handles what it read before it reads anything else (nginx): a call is
    /// made by the handler of the bytes that the thread read last.
    Inline,
    /// A scheduler of its own moves tasks between threads at any time (Go, Erlang): what a thread read
    /// says nothing about what it sends.
    Scheduled,
}

/// Answers questions about processes.
pub trait Processes {
    /// The resource that a process's spans belong to.
    fn resource(&mut self, process: u32) -> Arc<Resource>;

    /// How it runs its handlers.
    fn handlers(&mut self, process: u32) -> Handlers;
}
