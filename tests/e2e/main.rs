//! End to end: real servers and clients, watched by the real agent through the real kernel.
//!
//! Expectations come from the protocols' specifications and the semantic conventions, and from
//! what the test itself asked for: never from the agent's output.

#![forbid(unsafe_code)]

mod amqp;
mod aws;
mod bad_input;
mod connects;
mod courtesy;
mod decoys;
mod doctor;
mod ending;
mod etcd;
mod event_loops;
mod excluded;
mod fastcgi;
mod ground;
mod grpc;
mod harm;
mod http;
mod http2;
mod kafka;
mod late_reads;
mod links;
mod mariadb;
mod nginx;
mod otlp;
mod postgresql;
mod processes;
mod proxy_protocol;
mod recording;
mod redis;
mod sockets;
mod system_calls;
mod unknown;
