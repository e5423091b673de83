//! Owns: asking the voice server over UDP how it sees this end's address.
//! Never knows: the gateway, frames.
//!
//! <https://discord.com/developers/docs/topics/voice-connections#ip-discovery>

use super::os;
use crate::net::guard::{Blocked, Guard};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// Bytes of a request and of an answer.
const LEN: usize = 74;
const REQUEST: u16 = 1;
const RESPONSE: u16 = 2;
/// Waits for an answer; after each but the last the request is sent again.
const WAITS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(1500),
    Duration::from_millis(2000),
];

/// What discovery gives.
pub(super) struct Discovered {
    /// Connected to the server, non-blocking: the socket that the server saw.
    pub socket: UdpSocket,
    /// This end, as the server sees it.
    pub address: IpAddr,
    pub port: u16,
}

/// Why nobody would hear anything. The text is the reason with which the connection is reported as closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undiscovered {
    /// The voice server named an address that must not be sent to.
    #[error("the voice server's UDP address is refused: {0}")]
    Blocked(#[from] Blocked),
    /// No socket, or no route.
    #[error("the voice server cannot be reached over UDP: {0}")]
    Unreachable(#[from] io::Error),
    /// None of four requests was answered within five seconds.
    #[error("the voice server does not answer over UDP")]
    Silent,
}

/// Opens a socket to `server`, if `guard` admits it, and asks. A lost packet costs half a second.
///
/// # Errors
/// See [`Undiscovered`]; asking again is of no use.
pub(super) async fn discover(
    guard: Guard,
    ssrc: u32,
    server: SocketAddr,
) -> Result<Discovered, Undiscovered> {
    guard.admit_address(server)?;
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    os::shrink_receive_buffer(&socket);
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    for wait in WAITS {
        // a refusal may be a leftover of the request before
        let _ = socket.send(&request(ssrc)).await;
        if let Ok(Some((address, port))) = tokio::time::timeout(wait, answer(&socket, ssrc)).await {
            return Ok(Discovered {
                socket: socket.into_std()?,
                address,
                port,
            });
        }
    }
    Err(Undiscovered::Silent)
}

/// Waits for the answer, passing over all else; `None` when the socket fails.
async fn answer(socket: &tokio::net::UdpSocket, ssrc: u32) -> Option<(IpAddr, u16)> {
    let mut packet = [0; LEN + 1];
    loop {
        let len = socket.recv(&mut packet).await.ok()?;
        if let Some(found) = response(&packet[..len], ssrc) {
            return Some(found);
        }
    }
}

fn request(ssrc: u32) -> [u8; LEN] {
    let mut packet = [0; LEN];
    packet[..2].copy_from_slice(&REQUEST.to_be_bytes());
    packet[2..4].copy_from_slice(&(LEN as u16 - 4).to_be_bytes());
    packet[4..8].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

fn response(packet: &[u8], ssrc: u32) -> Option<(IpAddr, u16)> {
    if packet.len() != LEN
        || packet[..2] != RESPONSE.to_be_bytes()
        || packet[4..8] != ssrc.to_be_bytes()
    {
        return None;
    }
    let text = packet[8..LEN - 2].split(|b| *b == 0).next()?;
    let address = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some((address, u16::from_be_bytes([packet[72], packet[73]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(ssrc: u32) -> [u8; LEN] {
        let mut packet = request(ssrc);
        packet[1] = 2;
        packet[8..17].copy_from_slice(b"192.0.2.7");
        packet[72..].copy_from_slice(&50_000u16.to_be_bytes());
        packet
    }

    #[test]
    fn the_answer_to_ones_own_request_is_read() {
        let expected = Some(("192.0.2.7".parse().unwrap(), 50_000));
        assert_eq!(response(&answered(5), 5), expected);
        assert_eq!(response(&answered(5), 6), None);
        assert_eq!(response(&request(5), 5), None);
        assert_eq!(response(&answered(5)[..70], 5), None);
    }

    #[tokio::test]
    async fn a_lost_request_is_sent_again() {
        let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let asked = tokio::spawn(discover(Guard::new(false), 5, address));
        let mut packet = [0; 100];
        server.recv_from(&mut packet).await.unwrap();
        let (len, peer) = server.recv_from(&mut packet).await.unwrap();
        assert_eq!(len, LEN);
        server.send_to(&[1; 20], peer).await.unwrap();
        server.send_to(&answered(5), peer).await.unwrap();
        let found = asked.await.unwrap().unwrap();
        assert_eq!(found.port, 50_000);
        assert_eq!(found.socket.local_addr().unwrap().port(), peer.port());
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_blocked_address() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let refused = discover(Guard::new(true), 5, server.local_addr().unwrap()).await;
        assert!(matches!(refused, Err(Undiscovered::Blocked(_))));
        let received = server.recv(&mut [0; LEN]);
        assert_eq!(received.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
