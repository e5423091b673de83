//! Owns: the rig's UDP socket: IP discovery, keepalives, RTP of all sessions.
//! Never knows: what is in a packet.

use super::Rig;
use std::{
    net::{SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

/// Receives until the process ends.
pub fn run(rig: &Arc<Rig>, sock: &UdpSocket) {
    let mut packet = [0u8; 2048];
    while let Ok((len, peer)) = sock.recv_from(&mut packet) {
        handle(rig, sock, peer, &mut packet[..len]);
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "packets are noted with their time"
)]
fn handle(rig: &Rig, sock: &UdpSocket, peer: SocketAddr, p: &mut [u8]) {
    if p.len() == 74 && p[..2] == [0, 1] {
        if rig.deaf_packets.load(Relaxed) > 0 {
            rig.deaf_packets.fetch_sub(1, Relaxed);
            return;
        }
        let mut out = [0u8; 74];
        out[1] = 2;
        out[3] = 70;
        out[4..8].copy_from_slice(&p[4..8]);
        let ip = peer.ip().to_string();
        out[8..8 + ip.len()].copy_from_slice(ip.as_bytes());
        out[72..].copy_from_slice(&peer.port().to_be_bytes());
        let _ = sock.send_to(&out, peer);
    } else if p.len() >= 12 && p[..2] == [0x80, 0x78] {
        if let Some(session) = rig.session(number(&p[8..12])) {
            let sequence = u16::from_be_bytes([p[2], p[3]]);
            session.on_rtp(Instant::now(), sequence, number(&p[4..8]), p);
        }
    } else if p.len() == 8 {
        if let Some(session) = rig.session(number(&p[..4])) {
            session.keepalives.fetch_add(1, Relaxed);
        }
        let _ = sock.send_to(p, peer);
    }
}
