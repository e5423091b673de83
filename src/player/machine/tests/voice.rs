//! Owns: the machine's tests about voice connections: made, moved, lost.
//! Never knows: anything that runs.

use super::*;

#[test]
fn a_paused_track_in_a_voice_channel_is_not_cleaned_up() {
    let mut b = Bench::connected();
    b.play("a");
    b.machine.set_paused(true);
    b.seen();
    assert!(b.run_until(300).iter().all(|t| t == "update 0 ping 0"));
}

#[test]
fn a_paused_track_without_voice_is_cleaned_up() {
    let mut b = Bench::playing("a");
    b.machine.set_paused(true);
    b.seen();
    assert_eq!(
        b.run_until(90).last().map(String::as_str),
        Some("end a Cleanup 0")
    );
}

#[test]
fn the_minute_counts_from_the_loss_of_voice() {
    let mut b = Bench::connected();
    b.play("a");
    b.seen();
    b.run_until(95);
    b.voice(closed(4014));
    b.seen();
    assert!(!b.run_until(149).iter().any(|t| t.starts_with("end")));
    assert!(
        b.run_until(160)
            .iter()
            .any(|t| t.starts_with("end a Cleanup"))
    );
}

#[test]
fn destroy_ends_the_track_then_the_connection_then_updates() {
    let mut b = Bench::connected();
    b.play("a");
    b.hear(1000);
    b.seen();
    b.machine.destroy(b.now);
    assert_eq!(
        b.seen(),
        [
            "[stop]",
            "end a Stopped 1000",
            "[close]",
            "closed 1000 \"\" false",
            "update 0"
        ]
    );
}

#[test]
fn destroying_an_idle_player_tells_nothing() {
    let mut b = bench();
    b.machine.destroy(b.now);
    assert_eq!(b.seen(), [""; 0]);
}

#[test]
fn destroying_a_player_that_still_connects_is_silent() {
    let mut b = bench();
    b.machine.connect(b.now, target("a"));
    b.seen();
    b.machine.destroy(b.now);
    assert_eq!(b.seen(), ["[close]"]);
}

#[test]
fn the_gateway_counts_as_connected_once_it_is_open_and_an_update_follows_when_it_is_ready() {
    let mut b = bench();
    assert_eq!(b.machine.connect(b.now, target("a")), Some(1));
    assert!(b.machine.voice().is_none() && !b.machine.state(b.now).is_connected);
    assert!(matches!(b.voice(OutputEvent::Opened), Some(Ok(()))));
    assert_eq!(b.machine.voice(), Some(&target("a")));
    assert_eq!(b.machine.state(b.now).ping_ms, Some(0));
    b.voice(OutputEvent::Connected);
    b.voice(OutputEvent::Ping(14));
    assert_eq!(b.seen(), ["[open a]", "update 0 ping 0"]);
    assert_eq!(b.machine.state(b.now).ping_ms, Some(14));
}

#[test]
fn the_same_voice_data_do_not_reconnect() {
    let mut b = Bench::connected();
    assert_eq!(b.machine.connect(b.now, target("a")), None);
    assert_eq!(b.seen(), [""; 0]);
}

#[test]
fn the_same_voice_data_join_a_running_attempt() {
    let mut b = bench();
    let first = b.machine.connect(b.now, target("a"));
    assert_eq!(b.machine.connect(b.now, target("a")), first);
    assert_eq!(b.seen(), ["[open a]"]);
}

#[test]
fn other_voice_data_close_the_old_connection_first() {
    let mut b = Bench::connected();
    b.machine.connect(b.now, target("b"));
    assert_eq!(
        b.seen(),
        ["[close]", "closed 1000 \"\" false", "update 0", "[open b]"]
    );
}

#[test]
fn a_close_by_discord_is_told_and_the_track_stands_still() {
    let mut b = Bench::connected();
    b.play("a");
    b.hear(940);
    b.seen();
    b.voice(closed(4014));
    assert_eq!(
        b.seen(),
        [
            "[drop]",
            "closed 4014 \"closed by test\" true",
            "update 940"
        ]
    );
    assert_eq!(b.machine.voice(), Some(&target("a")));
    b.wait(2000);
    assert_eq!(b.machine.state(b.now).position, Millis(940));
    b.machine.connect(b.now, target("a"));
    assert_eq!(b.seen(), ["[open a]"]);
}

#[test]
fn a_refused_identify_is_an_event_and_no_failure() {
    let mut b = bench();
    b.machine.connect(b.now, target("a"));
    b.voice(OutputEvent::Opened);
    assert!(matches!(b.voice(closed(4006)), Some(Ok(()))));
    assert_eq!(
        b.told(),
        ["closed 4006 \"closed by test\" true", "update 0"]
    );
}

#[test]
fn an_unreachable_server_leaves_the_player_without_voice() {
    let mut b = bench();
    b.machine.connect(b.now, target("a"));
    let outcome = b.voice(OutputEvent::Unreachable(Failure::common("refused")));
    assert!(matches!(outcome, Some(Err(_))));
    assert_eq!(b.seen(), ["[open a]", "[drop]"]);
    assert!(b.machine.voice().is_none());
}

#[test]
fn an_attempt_is_given_up_only_while_it_is_undecided() {
    let mut b = bench();
    let attempt = b.machine.connect(b.now, target("a")).expect("it has begun");
    b.machine.give_up_voice(b.now, attempt + 1);
    b.voice(OutputEvent::Opened);
    b.machine.give_up_voice(b.now, attempt);
    assert!(b.machine.state(b.now).is_connected);
    let attempt = b.machine.connect(b.now, target("b")).expect("it has begun");
    b.seen();
    b.machine.give_up_voice(b.now, attempt);
    assert_eq!(b.seen(), ["[close]"]);
}

#[test]
fn an_interruption_is_silent_but_seen() {
    let mut b = Bench::connected();
    b.voice(OutputEvent::Ping(7));
    b.voice(OutputEvent::Interrupted);
    assert_eq!(b.machine.state(b.now).ping_ms, None);
    assert_eq!(b.seen(), [""; 0]);
    b.voice(OutputEvent::Connected);
    assert_eq!(b.seen(), ["update 0 ping 7"]);
}

#[test]
fn late_events_of_an_old_connection_change_nothing() {
    let mut b = Bench::connected();
    let old = b.generation();
    b.machine.connect(b.now, target("b"));
    b.seen();
    for event in [closed(4006), OutputEvent::Connected, OutputEvent::Opened] {
        assert!(b.machine.heard_voice(b.now, old, event).is_none());
    }
    assert_eq!(b.seen(), [""; 0]);
    b.voice(OutputEvent::Opened);
    let current = b.generation();
    b.machine.destroy(b.now);
    b.seen();
    assert!(
        b.machine
            .heard_voice(b.now, current, closed(4006))
            .is_none()
    );
    assert_eq!(b.seen(), [""; 0]);
}
