//! Which arguments may be shown.

use super::{Command, number};

/// Which arguments (counted without the command's name) may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::redis) enum Layout {
    /// All of them.
    All,
    /// The first so many.
    First(u32),
    /// The first so many, and then the first of each pair (`HSET key field value …`).
    Pairs(u32),
    /// Script, number of keys, keys, values.
    Script,
    /// Digest or function, number of keys, keys, values.
    Procedure,
    /// `CONFIG SET parameter value …`, else all.
    Config,
    /// `HELLO version AUTH user password SETNAME name`.
    Hello,
}

/// Walks along the arguments of one command and says which may be shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::redis) struct Mask {
    layout: Layout,
    /// Of a script: keys that are still to come.
    keys: u32,
    /// Of `CONFIG`: it is `CONFIG SET`. Of `HELLO`: arguments that are still secret.
    special: u32,
}

impl Mask {
    pub(in crate::redis) fn new(command: Option<&'static Command>) -> Self {
        Self { layout: command.map_or(Layout::First(0), |row| row.layout), keys: 0, special: 0 }
    }

    /// Whether the argument at `index` may be shown, if its value plays no part in that. `None`
    /// if [`shows`](Self::shows) has to see the value.
    pub(in crate::redis) fn shows_any(&self, index: u32) -> Option<bool> {
        match self.layout {
            Layout::All => Some(true),
            Layout::First(n) => Some(index < n),
            Layout::Pairs(n) => Some(index < n || (index - n).is_multiple_of(2)),
            Layout::Script | Layout::Procedure | Layout::Config | Layout::Hello => None,
        }
    }

    /// Whether the argument at `index` may be shown. To be asked for every argument, in order.
    pub(in crate::redis) fn shows(&mut self, index: u32, value: &[u8]) -> bool {
        match (self.layout, index) {
            (Layout::Script, 0) => false,
            (Layout::Procedure, 0) => true,
            (Layout::Script | Layout::Procedure, 1) => {
                self.keys = number(value).unwrap_or(0);
                true
            }
            (Layout::Script | Layout::Procedure, _) => {
                let is_key = self.keys > 0;
                self.keys = self.keys.saturating_sub(1);
                is_key
            }
            (Layout::Config, 0) => {
                self.special = value.eq_ignore_ascii_case(b"SET").into();
                true
            }
            (Layout::Config, _) => self.special == 0 || index % 2 == 1,
            (Layout::Hello, _) => {
                let secret = self.special > 0;
                self.special = self.special.saturating_sub(1);
                if !secret && value.eq_ignore_ascii_case(b"AUTH") {
                    self.special = 2;
                }
                !secret
            }
            _ => self.shows_any(index).unwrap_or(false),
        }
    }
}
