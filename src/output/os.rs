//! Owns: real-time priority, which the threads that send sound on time ask the operating system for.
//! Never knows: what the threads are for.
#![expect(unsafe_code, reason = "a system call that std does not offer")]

/// Priority among real-time threads: low, below anything that was set on purpose.
pub const PRIORITY: libc::c_int = 5;

/// Asks for round-robin real-time scheduling of this thread. False where that is not permitted (it needs
/// `CAP_SYS_NICE` or an `rtprio` limit); the thread then runs like any other.
pub(super) fn ask_for_realtime() -> bool {
    // SAFETY: all-zero bytes are a valid `sched_param` (integers only, on every libc).
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = PRIORITY;
    // SAFETY: zero means the calling thread; the pointer is valid for the call, which only reads it.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const param) == 0 }
}
