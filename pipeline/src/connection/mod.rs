//! Connections: bytes in order, what they are taken for, and what is said on them.

mod conversation;
mod endpoint;
mod failed;
mod graves;
mod kept;
mod policy;
mod stream;
mod table;
mod waiting;

pub use conversation::{Conversation, Doubts, Taken};
pub use endpoint::{Endpoint, Transport};
pub use failed::{FailedConnect, FailedConnects, Peer};
pub use policy::Verdict;
pub use table::{Connection, ConnectionId};

pub(crate) use policy::{policy, sender};
pub(crate) use stream::Ordering;
pub(crate) use table::Table;
