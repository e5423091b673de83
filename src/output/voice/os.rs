//! Owns: what the operating system gives a sender and std does not: real-time priority, small receive buffers.
//! Never knows: what the threads and sockets are for.
//!
//! The only place of the voice client with `unsafe`: two system calls.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::{net::UdpSocket, os::fd::AsRawFd};

/// Priority of pacing threads among real-time threads: low, below anything that was set on purpose.
pub const PRIORITY: libc::c_int = 5;
/// The kernel rounds it up to its minimum.
const RECEIVE_BUFFER: libc::c_int = 2048;

/// Asks for round-robin real-time scheduling of this thread. False where that is not permitted (it needs
/// `CAP_SYS_NICE` or an `rtprio` limit); the thread then runs like any other.
pub(super) fn ask_for_realtime() -> bool {
    // SAFETY: all-zero bytes are a valid `sched_param` (integers only, on every libc).
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = PRIORITY;
    // SAFETY: zero means the calling thread; the pointer is valid for the call, which only reads it.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const param) == 0 }
}

/// Makes the receive buffer as small as it gets: nobody reads what the voice server sends.
pub(super) fn shrink_receive_buffer(socket: &UdpSocket) {
    let size = RECEIVE_BUFFER;
    // SAFETY: the descriptor is open as long as `socket` lives; the pointer and the length describe `size`. A failure
    // leaves the default, which only costs memory.
    let _ = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            (&raw const size).cast(),
            size_of_val(&size) as libc::socklen_t,
        )
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_socket_still_receives_small_packets() {
        let a = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        super::shrink_receive_buffer(&a);
        let b = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        b.send_to(&[1; 74], a.local_addr().unwrap()).unwrap();
        assert_eq!(a.recv(&mut [0; 100]).unwrap(), 74);
    }
}
