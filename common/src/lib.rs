//! The event layout and map keys that the kernel programs and the agent share.
//!
//! Both sides compile these types for little-endian 64-bit machines; every type is `repr(C)`
//! without implicit padding, so that a record can be copied byte for byte. The agent reads
//! records through [`view`], which checks lengths; the kernel programs write the structs.
#![no_std]

pub mod counter;
pub mod event;
pub mod map;
pub mod run;
pub mod view;
