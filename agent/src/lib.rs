//! Onlooker: zero-code distributed tracing for Linux.
//!
//! [`probe`] watches the kernel, [`process`] knows who is watched, `onlooker_pipeline` makes spans
//! of what they report, [`sink`] delivers them. [`cli`] puts them together.

// They panic if whoever listened is gone.
#![cfg_attr(not(test), warn(clippy::print_stderr, clippy::print_stdout))]

mod baggage;
pub mod cli;
pub mod config;
mod errors;
pub mod probe;
pub mod process;
pub mod sink;
mod words;
