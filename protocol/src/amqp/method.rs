//! Methods (AMQP 0-9-1, 1.3 to 1.8, and RabbitMQ's extensions), as far as they are of interest.

use super::facts::Settlement;
use super::wire::Fields;
use crate::chunk::Side;

/// A method.
#[derive(Clone, Copy, Debug)]
pub(super) enum Method<'a> {
    ConnectionOpen {
        vhost: &'a [u8],
    },
    ConnectionClose {
        code: u16,
    },
    ChannelClose {
        code: u16,
    },
    ChannelEnd,
    QueueDeclared {
        queue: &'a [u8],
    },
    Consume {
        queue: &'a [u8],
        tag: &'a [u8],
        no_ack: bool,
        no_wait: bool,
    },
    ConsumeOk {
        tag: &'a [u8],
    },
    Publish {
        exchange: &'a [u8],
        routing_key: &'a [u8],
        /// What cannot be routed, or consumed at once, comes back.
        returnable: bool,
    },
    Return {
        code: u16,
        exchange: &'a [u8],
        routing_key: &'a [u8],
    },
    Deliver {
        consumer: &'a [u8],
        tag: u64,
        redelivered: bool,
        exchange: &'a [u8],
        routing_key: &'a [u8],
    },
    Get {
        queue: &'a [u8],
    },
    GetOk {
        tag: u64,
        redelivered: bool,
        exchange: &'a [u8],
        routing_key: &'a [u8],
    },
    GetEmpty,
    Settle {
        tag: u64,
        multiple: bool,
        how: Settlement,
    },
    ConfirmSelect,
    Other,
}

impl<'a> Method<'a> {
    /// Reads a method frame's payload; `None` if `from` does not send such a method.
    pub(super) fn read(payload: &'a [u8], from: Side) -> Option<Self> {
        let mut fields = Fields(payload);
        let class = fields.short()?;
        let method = fields.short()?;
        if !is_sent_by(class, method, from) {
            return None;
        }
        let fields = &mut fields;
        Some(match (class, method) {
            (10, 40) => Self::ConnectionOpen { vhost: fields.short_string()? },
            (10, 50) => Self::ConnectionClose { code: fields.short()? },
            (20, 40) => Self::ChannelClose { code: fields.short()? },
            (20, 10 | 41) => Self::ChannelEnd,
            (50, 11) => Self::QueueDeclared { queue: fields.short_string()? },
            (60, 20) => {
                fields.short()?;
                let (queue, tag) = (fields.short_string()?, fields.short_string()?);
                let bits = fields.octet()?;
                Self::Consume { queue, tag, no_ack: bits & 2 != 0, no_wait: bits & 8 != 0 }
            }
            (60, 21) => Self::ConsumeOk { tag: fields.short_string()? },
            (60, 40) => {
                fields.short()?;
                let (exchange, routing_key) = (fields.short_string()?, fields.short_string()?);
                // Bits 0 and 1: mandatory, immediate.
                Self::Publish { exchange, routing_key, returnable: fields.octet()? & 3 != 0 }
            }
            (60, 50) => {
                let code = fields.short()?;
                fields.short_string()?;
                let (exchange, routing_key) = (fields.short_string()?, fields.short_string()?);
                Self::Return { code, exchange, routing_key }
            }
            (60, 60) => Self::Deliver {
                consumer: fields.short_string()?,
                tag: fields.long_long()?,
                redelivered: fields.octet()? & 1 != 0,
                exchange: fields.short_string()?,
                routing_key: fields.short_string()?,
            },
            (60, 70) => {
                fields.short()?;
                Self::Get { queue: fields.short_string()? }
            }
            (60, 71) => Self::GetOk {
                tag: fields.long_long()?,
                redelivered: fields.octet()? & 1 != 0,
                exchange: fields.short_string()?,
                routing_key: fields.short_string()?,
            },
            (60, 72) => Self::GetEmpty,
            (60, 80) => {
                let (tag, bits) = (fields.long_long()?, fields.octet()?);
                Self::Settle { tag, multiple: bits & 1 != 0, how: Settlement::Ack }
            }
            (60, 90) => {
                let (tag, bits) = (fields.long_long()?, fields.octet()?);
                Self::Settle { tag, multiple: false, how: Settlement::Reject(bits & 1 != 0) }
            }
            (60, 120) => {
                let (tag, bits) = (fields.long_long()?, fields.octet()?);
                Self::Settle { tag, multiple: bits & 1 != 0, how: Settlement::Nack(bits & 2 != 0) }
            }
            (85, 10) => Self::ConfirmSelect,
            _ => Self::Other,
        })
    }
}

/// Whether there is such a method, and this side sends it (the specification's "MUST implement"
/// tells which peer receives it).
fn is_sent_by(class: u16, method: u16, side: Side) -> bool {
    let client: &[u16] = match class {
        10 => &[11, 21, 31, 40, 50, 51, 60, 61, 70],
        20 => &[10, 20, 21, 40, 41],
        30 => &[10],
        40 => &[10, 20, 30, 40],
        50 => &[10, 20, 30, 40, 50],
        60 => &[10, 20, 30, 31, 40, 70, 80, 90, 100, 110, 120],
        85 => &[10],
        90 => &[10, 20, 30],
        _ => &[],
    };
    let server: &[u16] = match class {
        10 => &[10, 20, 30, 41, 50, 51, 60, 61, 71],
        20 => &[11, 20, 21, 40, 41],
        30 => &[11],
        40 => &[11, 21, 31, 51],
        50 => &[11, 21, 31, 41, 51],
        60 => &[11, 21, 30, 31, 50, 60, 71, 72, 80, 111, 120],
        85 => &[11],
        90 => &[11, 21, 31],
        _ => &[],
    };
    if side == Side::Client { client.contains(&method) } else { server.contains(&method) }
}
