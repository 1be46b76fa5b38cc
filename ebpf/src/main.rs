//! The programs that run in the kernel: entry points alone, each with the kernel it needs.
//!
//! All attach to stable tracepoints (5.8 and later, for the ring buffer). What they do is in the
//! modules: [`capture`] (socket calls), [`connection`] (TCP states), [`connect`], [`process`].
#![feature(asm_experimental_arch)]
#![no_std]
#![no_main]

use aya_ebpf::macros::{raw_tracepoint, tracepoint};
use aya_ebpf::programs::{RawTracePointContext, TracePointContext};
use onlooker_common::event::call;

mod announce;
mod capture;
mod connect;
mod connection;
mod counter;
mod emit;
#[cfg(feature = "loops")]
mod frames;
mod globals;
mod kernel;
mod map;
mod policy;
mod process;
mod report;
mod socket;
mod system_call;
mod task;
mod vector;
mod waiting;

/// One pair of programs a socket system call (`syscalls/sys_enter_*`, `syscalls/sys_exit_*`).
macro_rules! socket_calls {
    ($($call:expr => $enter:ident, $exit:ident;)*) => {$(
        #[tracepoint]
        pub fn $enter(context: TracePointContext) -> u32 {
            capture::enter(&context, $call);
            0
        }

        #[tracepoint]
        pub fn $exit(context: TracePointContext) -> u32 {
            capture::exit(&context, $call);
            0
        }
    )*};
}

socket_calls! {
    call::READ => enter_read, exit_read;
    call::WRITE => enter_write, exit_write;
    call::READV => enter_readv, exit_readv;
    call::WRITEV => enter_writev, exit_writev;
    call::RECVFROM => enter_recvfrom, exit_recvfrom;
    call::SENDTO => enter_sendto, exit_sendto;
    call::RECVMSG => enter_recvmsg, exit_recvmsg;
    call::SENDMSG => enter_sendmsg, exit_sendmsg;
    call::RECVMMSG => enter_recvmmsg, exit_recvmmsg;
    call::SENDMMSG => enter_sendmmsg, exit_sendmmsg;
    call::SENDFILE => enter_sendfile64, exit_sendfile64;
    call::SPLICE => enter_splice, exit_splice;
}

/// `sock_send_length(struct sock *sk, int ret, int flags)`, 6.3.
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn socket_sent(context: RawTracePointContext) -> i32 {
    capture::sent(&context);
    0
}

/// `sock_recv_length(struct sock *sk, int ret, int flags)`, 6.3.
#[raw_tracepoint(tracepoint = "sock_recv_length")]
pub fn socket_received(context: RawTracePointContext) -> i32 {
    capture::received(&context);
    0
}

/// `syscalls/sys_enter_connect`
#[tracepoint]
pub fn enter_connect(context: TracePointContext) -> u32 {
    connect::enter(&context);
    0
}

/// `syscalls/sys_exit_connect`
#[tracepoint]
pub fn exit_connect(context: TracePointContext) -> u32 {
    connect::exit(&context);
    0
}

/// One program a system call that waits for events of many files, or ends such a wait
/// (`syscalls/sys_enter_*`, `syscalls/sys_exit_*`).
macro_rules! waiting_calls {
    ($($name:ident => |$context:ident| $does:expr;)*) => {$(
        #[tracepoint]
        pub fn $name($context: TracePointContext) -> u32 {
            $does;
            0
        }
    )*};
}

waiting_calls! {
    exit_epoll_wait => |_context| waiting::epoll();
    exit_epoll_pwait => |_context| waiting::epoll();
    exit_epoll_pwait2 => |_context| waiting::epoll();
    enter_poll => |context| waiting::poll(&context);
    enter_ppoll => |context| waiting::poll(&context);
    enter_select => |context| waiting::select(&context);
    enter_pselect6 => |context| waiting::select(&context);
    enter_accept => |_context| waiting::accept();
    enter_accept4 => |_context| waiting::accept();
}

/// `inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)`, 4.16.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub fn socket_state(context: RawTracePointContext) -> i32 {
    connection::state_changed(&context);
    0
}

/// `tcp_destroy_sock(struct sock *sk)`, 4.16.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub fn socket_destroyed(context: RawTracePointContext) -> i32 {
    connection::destroyed(&context);
    0
}

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn process_fork(context: RawTracePointContext) -> i32 {
    process::forked(&context);
    0
}

/// `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(context: RawTracePointContext) -> i32 {
    process::executed(&context);
    0
}

/// `sched_process_exit(struct task_struct *p, …)`.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(context: RawTracePointContext) -> i32 {
    process::exited(&context);
    0
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Helpers of the kernel that these programs call are for GPL-compatible programs alone; the
/// source is under MIT or Apache-2.0, and this object under both MIT and GPL.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
