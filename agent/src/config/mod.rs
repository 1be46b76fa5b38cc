//! What the agent shall do: flags over environment over file over defaults, in one structure.

mod export;
mod limits;
mod otlp;

pub use export::{BatchSettings, Color, ConsoleSettings, Export, Format};
pub use limits::Limits;
pub use otlp::{Compression, OtlpSettings, Protocol, Tls};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where spans go.
    pub export: Export,
    /// How much a span may carry.
    pub limits: Limits,
}
