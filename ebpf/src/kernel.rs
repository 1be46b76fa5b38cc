//! Reading kernel and user memory, and maps.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use onlooker_common::map::Offset;

use crate::globals::offset;

/// Reads a value at a kernel address; zero if it cannot be read.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> T {
    // Zeroes of more than one word are a loop over bytes in this target.
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: the destination is as long as said; the helper checks the source and zeroes the
    // destination when it faults. `T` is an integer or an array of integers at every call.
    unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        value.assume_init()
    }
}

/// Reads a field of a kernel struct.
#[inline(always)]
pub fn field<T: Copy>(address: u64, of: Offset) -> T {
    read(address.wrapping_add(offset(of)))
}

/// Reads a field of a kernel struct to where it is wanted; zero if it cannot be read.
///
/// # Safety
///
/// `to` is valid for writes of a `T`.
#[inline(always)]
pub unsafe fn field_to<T: Copy>(to: *mut T, address: u64, of: Offset) {
    let from = address.wrapping_add(offset(of));
    // SAFETY: the caller's promise; the helper checks the source.
    unsafe { bpf_probe_read_kernel(to.cast(), size_of::<T>() as u32, from as *const _) };
}

/// Reads a value at an address of the current process; `None` if it cannot be read.
#[inline(always)]
pub fn read_user<T: Copy>(address: u64) -> Option<T> {
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: as in `read`.
    unsafe {
        let failed = bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        if failed != 0 { None } else { Some(value.assume_init()) }
    }
}

/// A value as it stands in a map, of which the verifier knows nothing.
#[inline(always)]
pub fn loaded<T: Copy>(value: &T) -> T {
    // SAFETY: a reference is valid.
    unsafe { core::ptr::from_ref(value).read_volatile() }
}
