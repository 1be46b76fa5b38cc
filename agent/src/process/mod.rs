//! Which processes exist, what they are called, and which are targets.

mod inspect;
mod listeners;
mod naming;
mod resource;
mod runtime;
mod select;
mod table;

pub use inspect::{has_io_uring, is_32_bit, is_apart, open_sockets};
pub use listeners::{Listeners, Listening};
pub(crate) use resource::of_name;
pub(crate) use select::listens_for_others;
pub use select::{Selector, SelectorError};
pub use table::{ProcessTable, Seen};
