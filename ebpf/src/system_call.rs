//! The system call that the current task is in, from its saved registers.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use onlooker_common::event::call;

/// A call that receives.
pub struct SystemCall {
    /// Which, of [`onlooker_common::event::call`].
    pub which: u8,
    /// Its second argument: buffer, iovec, msghdr or mmsghdr.
    pub buffer: u64,
    /// Its third: length or count.
    pub count: u64,
}

/// Words of x86-64's `struct pt_regs` (`arch/x86/include/uapi/asm/ptrace.h`).
const RDX: usize = 12;
const RSI: usize = 13;
const ORIG_RAX: usize = 15;

/// The call, if it is one that receives into user memory.
#[inline(always)]
pub fn current() -> Option<SystemCall> {
    // SAFETY: both helpers take and give the current task, and the verifier knows the type of what
    // they give: its fields are read without a helper.
    let [count, buffer, number] = unsafe {
        let registers = bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u64;
        [RDX, RSI, ORIG_RAX].map(|word| registers.add(word).read_volatile())
    };
    // arch/x86/entry/syscalls/syscall_64.tbl
    let which = match number {
        0 => call::READ,
        19 => call::READV,
        45 => call::RECVFROM,
        47 => call::RECVMSG,
        299 => call::RECVMMSG,
        _ => return None,
    };
    Some(SystemCall { which, buffer, count })
}
