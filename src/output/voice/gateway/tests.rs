//! Owns: tests of the gateway machine.
//! Never knows: sockets.
//!
//! Expected behaviour: what the running original does (reference, sections 1.5 and R.1.12), and Discord's description of
//! gateway version 8.

use super::*;
use crate::{error::Failure, units::Secret};
use serde_json::{Value, json};

const MODES: &[Mode] = &[Mode::Aes256Gcm, Mode::XChaCha20Poly1305];

struct Peer {
    gateway: Gateway,
    start: Instant,
    now: Instant,
    /// Number of the connection that the machine asked for last.
    attempt: u32,
}

/// Actions in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Seen {
    Connect(Duration),
    Text(Value),
    Hang(u16),
    Discover,
    Link,
    Dave(DaveInput),
    Opened,
    Connected,
    Interrupted,
    Ping(u32),
    Closed(u16, bool),
    Unreachable,
    Over,
    Other,
}

impl Peer {
    fn new() -> Self {
        let who = Credentials {
            guild: 1,
            user: 2,
            session_id: "s".into(),
            token: Secret::new("t"),
        };
        let start = Instant::now();
        let mut peer = Self {
            gateway: Gateway::new(who, MODES),
            start,
            now: start,
            attempt: 0,
        };
        assert_eq!(peer.seen(), [Seen::Connect(Duration::ZERO)]);
        peer
    }

    /// A connection that is up.
    fn up() -> Self {
        let mut peer = Self::new();
        peer.hello();
        peer.ready();
        peer.discovered();
        peer.describe(0);
        peer.seen();
        peer
    }

    fn seen(&mut self) -> Vec<Seen> {
        let actions: Vec<Action> = std::iter::from_fn(|| self.gateway.poll()).collect();
        actions
            .into_iter()
            .map(|action| match action {
                Action::Connect { attempt, after } => {
                    self.attempt = attempt;
                    Seen::Connect(after)
                }
                Action::Text(text) => Seen::Text(serde_json::from_str(&text).unwrap()),
                Action::Binary(_) => Seen::Other,
                Action::Hang(code) => Seen::Hang(code),
                Action::Discover { .. } => Seen::Discover,
                Action::Link { .. } => Seen::Link,
                Action::Dave(input) => Seen::Dave(input),
                Action::Over => Seen::Over,
                Action::Emit(event) => match event {
                    OutputEvent::Opened => Seen::Opened,
                    OutputEvent::Connected => Seen::Connected,
                    OutputEvent::Interrupted => Seen::Interrupted,
                    OutputEvent::Ping(ms) => Seen::Ping(ms),
                    OutputEvent::Closed {
                        code, by_remote, ..
                    } => Seen::Closed(code, by_remote),
                    OutputEvent::Unreachable(_) => Seen::Unreachable,
                },
            })
            .collect()
    }

    /// Ops of the messages among all that was done.
    fn ops(&mut self) -> Vec<u64> {
        let text = |s: &Seen| match s {
            Seen::Text(v) => v["op"].as_u64(),
            _ => None,
        };
        self.seen().iter().filter_map(text).collect()
    }

    fn text(&mut self, message: &Value) {
        let text = message.to_string();
        self.gateway.text(self.now, self.attempt, &text);
    }

    fn open(&mut self) {
        self.gateway.opened(self.now, self.attempt);
    }

    fn hello(&mut self) {
        self.open();
        self.text(&json!({"op": 8, "d": {"heartbeat_interval": 1000.0}}));
    }

    fn ready(&mut self) {
        let modes = [MODES[1].name(), MODES[0].name(), "other"];
        self.text(&json!({"op": 2, "seq": 1, "d":
            {"ssrc": 5, "ip": "127.0.0.1", "port": 6, "modes": modes}}));
    }

    fn discovered(&mut self) {
        let here = "192.0.2.1".parse().unwrap();
        self.gateway.discovered(self.now, here, 7);
    }

    fn describe(&mut self, dave: u16) {
        self.text(&json!({"op": 4, "seq": 2, "d": {"mode": MODES[0].name(),
            "secret_key": vec![7; 32], "dave_protocol_version": dave}}));
    }

    fn resumed(&mut self) {
        self.text(&json!({"op": 9, "d": null}));
    }

    fn close(&mut self, code: u16) {
        self.gateway
            .closed(self.now, self.attempt, Some(code), "why");
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }
}

#[test]
fn a_connection_is_made_step_by_step() {
    let mut peer = Peer::new();
    peer.open();
    assert_eq!(peer.seen(), [Seen::Opened]);
    peer.text(&json!({"op": 8, "d": {"heartbeat_interval": 1000.0}}));
    let identify = json!({"op": 0, "d": {"server_id": "1", "user_id": "2", "session_id": "s",
        "token": "t", "video": false, "max_dave_protocol_version": 1}});
    assert_eq!(peer.seen(), [Seen::Text(identify)]);
    peer.ready();
    let beat = json!({"op": 3, "d": {"t": 1, "seq_ack": 1}});
    assert_eq!(peer.seen(), [Seen::Discover, Seen::Text(beat)]);
    peer.discovered();
    let select = json!({"op": 1, "d": {"protocol": "udp", "data":
        {"address": "192.0.2.1", "port": 7, "mode": "aead_aes256_gcm_rtpsize"}}});
    assert_eq!(peer.seen(), [Seen::Text(select)]);
    peer.describe(1);
    let nothing = json!({"op": 15, "d": {"any": 0}});
    assert_eq!(
        peer.seen(),
        [
            Seen::Dave(DaveInput::Version(1)),
            Seen::Link,
            Seen::Text(nothing),
            Seen::Connected
        ]
    );
}

#[test]
fn codes_that_the_original_repairs_are_resumed_in_silence() {
    for code in [
        1001, 1006, 4000, 4001, 4002, 4003, 4005, 4009, 4012, 4015, 4016, 4020, 4900,
    ] {
        let mut peer = Peer::up();
        peer.close(code);
        let expected = [Seen::Interrupted, Seen::Connect(Duration::ZERO)];
        assert_eq!(peer.seen(), expected, "{code}");
        peer.hello();
        let resume = json!({"op": 7, "d":
            {"server_id": "1", "session_id": "s", "token": "t", "seq_ack": 2}});
        assert_eq!(peer.seen(), [Seen::Text(resume)], "{code}");
        peer.resumed();
        let seen = peer.seen();
        assert!(seen.contains(&Seen::Connected), "{code}");
    }
}

#[test]
fn all_other_codes_are_reported_as_they_came() {
    for code in [
        1000, 1002, 1011, 1012, 3000, 4004, 4006, 4010, 4011, 4013, 4014, 4017, 4018, 4019, 4021,
        4022,
    ] {
        let mut peer = Peer::up();
        peer.close(code);
        let expected = [Seen::Closed(code, true), Seen::Over];
        assert_eq!(peer.seen(), expected, "{code}");
        peer.close(4015);
        assert_eq!(peer.seen(), []);
    }
}

#[test]
fn a_close_without_a_code_and_a_broken_connection_are_repaired() {
    let mut peer = Peer::up();
    peer.gateway.closed(peer.now, 0, None, "");
    assert_eq!(peer.seen()[0], Seen::Interrupted);
    let mut peer = Peer::up();
    peer.gateway.broken(peer.now, 0);
    assert_eq!(peer.seen()[0], Seen::Interrupted);
}

#[test]
fn before_ready_a_repair_identifies_anew() {
    let mut peer = Peer::new();
    peer.hello();
    peer.close(4015);
    peer.seen();
    peer.hello();
    assert_eq!(peer.ops(), [0]);
}

#[test]
fn a_connection_lost_between_ready_and_the_description_is_resumed_and_selects_again() {
    let mut peer = Peer::new();
    peer.hello();
    peer.ready();
    peer.discovered();
    peer.close(4015);
    peer.seen();
    peer.hello();
    assert_eq!(peer.ops(), [7]);
    peer.resumed();
    assert_eq!(peer.ops(), [1, 3]);
    peer.describe(0);
    assert!(peer.seen().contains(&Seen::Connected));
}

#[test]
fn a_connection_lost_during_discovery_is_resumed_and_goes_on_there() {
    let mut peer = Peer::new();
    peer.hello();
    peer.ready();
    peer.close(4015);
    peer.seen();
    // the answer comes while there is no connection
    peer.discovered();
    assert_eq!(peer.seen(), []);
    peer.hello();
    peer.resumed();
    assert_eq!(peer.ops(), [7, 1, 3]);
}

#[test]
fn four_repairs_that_fail_are_followed_by_the_last_code() {
    let mut peer = Peer::new();
    let mut connections = 1;
    loop {
        peer.hello();
        peer.close(4015);
        let seen = peer.seen();
        if seen.contains(&Seen::Closed(4015, true)) {
            break;
        }
        connections += 1;
    }
    assert_eq!(connections, 5);
}

#[test]
fn connections_that_cannot_be_made_count_as_repairs() {
    let mut peer = Peer::up();
    peer.close(4009);
    peer.seen();
    let mut tries = 1;
    loop {
        let failure = Failure::common("no");
        peer.gateway.unreachable(peer.now, peer.attempt, failure);
        let seen = peer.seen();
        if seen.contains(&Seen::Closed(4009, true)) {
            break;
        }
        tries += 1;
    }
    assert_eq!(tries, 4);
}

#[test]
fn resumed_starts_the_count_anew() {
    let mut peer = Peer::up();
    for _ in 0..20 {
        peer.close(4015);
        peer.seen();
        peer.hello();
        peer.resumed();
        assert!(peer.seen().contains(&Seen::Connected));
        peer.wait(500);
    }
}

#[test]
fn short_lived_connections_are_repaired_more_and_more_slowly() {
    let mut peer = Peer::up();
    let mut delays = Vec::new();
    for _ in 0..5 {
        peer.close(4015);
        let seen = peer.seen();
        delays.extend(seen.iter().filter_map(|s| match s {
            Seen::Connect(after) => Some(after.as_millis()),
            _ => None,
        }));
        peer.hello();
        peer.resumed();
        peer.seen();
    }
    assert_eq!(delays, [0, 250, 1000, 2000, 2000]);
    peer.wait(60_000);
    peer.close(4015);
    assert!(peer.seen().contains(&Seen::Connect(Duration::ZERO)));
}

#[test]
fn a_refused_resume_is_reported_with_its_code() {
    let mut peer = Peer::up();
    peer.close(4015);
    peer.seen();
    peer.hello();
    peer.close(4006);
    assert!(peer.seen().contains(&Seen::Closed(4006, true)));
}

#[test]
fn the_first_connection_that_fails_is_unreachable_and_not_tried_again() {
    let mut peer = Peer::new();
    let failure = Failure::common("no");
    peer.gateway.unreachable(peer.now, 0, failure);
    assert_eq!(peer.seen(), [Seen::Unreachable, Seen::Over]);
}

#[test]
fn heartbeats_carry_the_last_sequence_number_and_measure_the_way() {
    let mut peer = Peer::up();
    peer.text(&json!({"op": 11, "seq": 77, "d": {"user_ids": ["9"]}}));
    assert_eq!(peer.seen(), [Seen::Dave(DaveInput::Joined(vec![9]))]);
    peer.now = peer.gateway.deadline().unwrap();
    assert_eq!(peer.now - peer.start, Duration::from_millis(1000));
    peer.gateway.timeout(peer.now);
    let beat = json!({"op": 3, "d": {"t": 2, "seq_ack": 77}});
    assert_eq!(peer.seen(), [Seen::Text(beat)]);
    peer.wait(42);
    peer.text(&json!({"op": 6, "d": {"t": 2}}));
    assert_eq!(peer.seen(), [Seen::Ping(42)]);
    // a binary message counts too
    peer.gateway.binary(0, &[1, 0, 99]);
    peer.now = peer.gateway.deadline().unwrap();
    peer.gateway.timeout(peer.now);
    let beat = json!({"op": 3, "d": {"t": 3, "seq_ack": 256}});
    assert_eq!(peer.seen(), [Seen::Text(beat)]);
}

#[test]
fn two_unanswered_heartbeats_mean_that_the_connection_is_lost() {
    let mut peer = Peer::up();
    // the one sent with Ready is unanswered, and so is the next
    peer.wait(1000);
    peer.gateway.timeout(peer.now);
    assert_eq!(peer.ops(), [3]);
    peer.wait(1000);
    peer.gateway.timeout(peer.now);
    let expected = [
        Seen::Hang(4900),
        Seen::Interrupted,
        Seen::Connect(Duration::ZERO),
    ];
    assert_eq!(peer.seen(), expected);
    peer.hello();
    assert_eq!(peer.ops(), [7]);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let mut peer = Peer::new();
    let mut connections = 1;
    loop {
        peer.open();
        peer.now = peer.gateway.deadline().expect("there is a limit");
        peer.gateway.timeout(peer.now);
        let seen = peer.seen();
        assert!(seen.contains(&Seen::Hang(4900)));
        if seen.contains(&Seen::Closed(1006, true)) {
            break;
        }
        connections += 1;
    }
    assert_eq!(connections, 5);
    assert!(peer.now - peer.start <= Duration::from_secs(25));
}

#[test]
fn whatever_comes_late_from_an_old_connection_is_ignored() {
    let mut peer = Peer::up();
    peer.close(4015);
    peer.seen();
    peer.hello();
    peer.resumed();
    peer.seen();
    peer.gateway.closed(peer.now, 0, Some(4014), "late");
    peer.gateway
        .text(peer.now, 0, r#"{"op":11,"seq":9,"d":{"user_ids":["1"]}}"#);
    peer.gateway.binary(0, &[0, 9, 25, 1]);
    peer.gateway.opened(peer.now, 0);
    assert_eq!(peer.seen(), []);
}

#[test]
fn speaking_is_said_when_it_changes_and_again_after_a_repair() {
    let mut peer = Peer::up();
    peer.gateway.speaking(true);
    peer.gateway.speaking(true);
    let speaking = json!({"op": 5, "d": {"speaking": 1, "delay": 0, "ssrc": 5}});
    assert_eq!(peer.seen(), [Seen::Text(speaking)]);
    peer.close(4015);
    peer.hello();
    peer.attempt = 1;
    peer.hello();
    peer.resumed();
    assert!(peer.ops().contains(&5));
    peer.gateway.speaking(false);
    assert_eq!(peer.ops(), [5]);
}

#[test]
fn without_a_common_mode_the_connection_is_given_up() {
    let mut peer = Peer::new();
    peer.hello();
    peer.text(&json!({"op": 2, "d":
        {"ssrc": 5, "ip": "127.0.0.1", "port": 6, "modes": ["xsalsa20_poly1305"]}}));
    let seen = peer.seen();
    assert!(seen.contains(&Seen::Hang(1000)) && seen.contains(&Seen::Closed(4016, false)));
}

#[test]
fn a_server_that_is_deaf_over_udp_is_reported() {
    let mut peer = Peer::new();
    peer.hello();
    peer.ready();
    peer.gateway.undiscovered("no answer");
    assert!(peer.seen().contains(&Seen::Closed(1006, false)));
}

#[test]
fn unreadable_messages_are_passed_over() {
    let mut peer = Peer::up();
    for text in [
        "",
        "{",
        "[]",
        r#"{"op":2}"#,
        r#"{"op":4,"d":5}"#,
        r#"{"op":999}"#,
    ] {
        peer.gateway.text(peer.now, 0, text);
    }
    peer.gateway.binary(0, &[1]);
    assert_eq!(peer.seen(), []);
}

#[test]
fn a_restart_identifies_anew() {
    let mut peer = Peer::up();
    peer.gateway.restart(peer.now);
    assert!(peer.seen().contains(&Seen::Hang(4900)));
    peer.hello();
    assert_eq!(peer.ops(), [0]);
}

#[test]
fn intervals_that_make_no_sense_are_brought_into_range() {
    for (interval, expected) in [(0.0, 250), (-5.0, 250), (1e300, 120_000)] {
        let mut peer = Peer::new();
        peer.open();
        peer.text(&json!({"op": 8, "d": {"heartbeat_interval": interval}}));
        let beat = peer.gateway.beat.as_ref().unwrap().due();
        assert_eq!(beat - peer.now, Duration::from_millis(expected));
    }
}
