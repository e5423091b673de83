//! Owns: what the operating system gives a sender and std does not: small receive buffers.
//! Never knows: what the sockets are for.
//!
//! The only place of the voice client with `unsafe`: a system call.
#![expect(unsafe_code, reason = "a system call that std does not offer")]

use std::{net::UdpSocket, os::fd::AsRawFd};

/// The kernel rounds it up to its minimum.
const RECEIVE_BUFFER: libc::c_int = 2048;

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
