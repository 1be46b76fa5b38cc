//! The event layout and map keys that the kernel programs and the agent share.
#![no_std]
