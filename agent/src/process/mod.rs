//! Which processes exist, what they are called, and which are targets.

mod inspect;
mod naming;
mod resource;
mod runtime;
mod select;
mod table;

pub use inspect::{Listening, listening, older_sockets};
pub use select::{Selector, SelectorError};
pub use table::{ProcessTable, Seen};
