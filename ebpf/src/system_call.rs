//! The system call that the current task is in, from its saved registers.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use onlooker_common::event::call;

/// A call that moves bytes between a socket and user memory.
pub struct SystemCall {
    /// Which, of [`onlooker_common::event::call`].
    pub which: u8,
    /// Its second argument: buffer, iovec, msghdr or mmsghdr.
    pub buffer: u64,
    /// Its third: length or count.
    pub count: u64,
}

/// Words of x86-64's `struct pt_regs` (`arch/x86/include/uapi/asm/ptrace.h`).
const RAX: usize = 10;
const RDX: usize = 12;
const RSI: usize = 13;
const ORIG_RAX: usize = 15;

/// What the register for a call's result holds until the call has one: `-ENOSYS`
/// (`entry_SYSCALL_64`, `arch/x86/entry/entry_64.S`). Behind the call, on the way out to user space, io_uring
/// goes on with what had to wait, and sends and receives in the name of a call that is about
/// something else. Its own threads have a copy of another's registers, with a zero here.
const NO_RESULT: u64 = (-38_i64).cast_unsigned();

/// The call, if it is one that receives.
#[inline(always)]
pub fn receiving() -> Option<SystemCall> {
    // arch/x86/entry/syscalls/syscall_64.tbl
    current(|number| match number {
        0 => call::READ,
        // And preadv2, which on a socket is the same.
        19 | 327 => call::READV,
        45 => call::RECVFROM,
        47 => call::RECVMSG,
        299 => call::RECVMMSG,
        _ => call::NONE,
    })
}

/// The call, if it is one that sends.
#[inline(always)]
pub fn sending() -> Option<SystemCall> {
    current(|number| match number {
        1 => call::WRITE,
        // And pwritev2.
        20 | 328 => call::WRITEV,
        40 => call::SENDFILE,
        44 => call::SENDTO,
        46 => call::SENDMSG,
        307 => call::SENDMMSG,
        _ => call::NONE,
    })
}

#[inline(always)]
fn current(which: impl Fn(u64) -> u8) -> Option<SystemCall> {
    // SAFETY: both helpers take and give the current task, and the verifier knows the type of what
    // they give: its fields are read without a helper.
    let [result, count, buffer, number] = unsafe {
        let registers = bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u64;
        [RAX, RDX, RSI, ORIG_RAX].map(|word| registers.add(word).read_volatile())
    };
    let which = which(number);
    if result != NO_RESULT || which == call::NONE {
        return None;
    }
    Some(SystemCall { which, buffer, count })
}
