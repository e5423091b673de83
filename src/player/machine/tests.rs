//! Owns: what a player must do, case by case: the rows of reference 1.4, the steps of 2.6, the findings of R.1.
//! Never knows: anything that runs.

use super::*;
use crate::{
    track::TrackInfo,
    units::{ChannelId, Secret},
};
use std::fmt::Write;

/// A machine on a clock that the test turns.
struct Bench {
    machine: Machine,
    now: Moment,
    start: Instant,
}

fn bench() -> Bench {
    let at = Instant::now();
    Bench {
        machine: Machine::new(Settings {
            update_every: Duration::from_secs(5),
            stuck_after: Duration::from_secs(10),
        }),
        now: Moment {
            at,
            position: Samples::ZERO,
            polls: 0,
        },
        start: at,
    }
}

fn track(name: &str) -> Track {
    Track {
        info: TrackInfo {
            identifier: name.into(),
            is_seekable: true,
            author: "Unknown artist".into(),
            length: 30_000,
            is_stream: false,
            position: 0,
            title: "Unknown title".into(),
            uri: None,
            artwork_url: None,
            isrc: None,
            source_name: "http".into(),
        },
        details: vec![],
        plugin_info: UserData::new(),
        originals: vec![],
    }
}

fn target(token: &str) -> VoiceTarget {
    VoiceTarget {
        endpoint: "voice.example:443".into(),
        token: Secret::new(token),
        session_id: "s".into(),
        channel_id: ChannelId(1),
    }
}

/// An effect in a word or two, as the tests compare them.
fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Tell(Note::TrackStart(t)) => format!("start {}", t.track.info.identifier),
        Effect::Tell(Note::TrackEnd(t, reason)) => {
            format!(
                "end {} {reason:?} {}",
                t.track.info.identifier, t.position.0
            )
        }
        Effect::Tell(Note::TrackException(t, failure)) => {
            format!("exception {} {failure}", t.track.info.identifier)
        }
        Effect::Tell(Note::TrackStuck(_, after)) => format!("stuck {}", after.as_millis()),
        Effect::Tell(Note::VoiceClosed {
            code,
            reason,
            by_remote,
        }) => format!("closed {code} {reason:?} {by_remote}"),
        Effect::Tell(Note::Update(s)) => {
            let mut text = format!("update {}", s.position.0);
            if let Some(ping) = s.ping_ms {
                write!(text, " ping {ping}").expect("strings take everything");
            }
            assert_eq!(s.is_connected, s.ping_ms.is_some());
            text
        }
        Effect::Start { at, limit, .. } => format!("[start at {} until {limit:?}]", at.0),
        Effect::OpenVoice { target, .. } => format!("[open {}]", target.token.expose()),
        Effect::SetFilters(_) => "[filters]".into(),
        Effect::Stop => "[stop]".into(),
        Effect::Seek(to) => format!("[seek {}]", to.0),
        Effect::SetVolume(v) => format!("[volume {v}]"),
        Effect::SetLimit(l) => format!("[limit {l:?}]"),
        Effect::SetPaused(p) => format!("[paused {p}]"),
        Effect::CloseVoice => "[close]".into(),
        Effect::DropVoice => "[drop]".into(),
    }
}

impl Bench {
    fn seen(&mut self) -> Vec<String> {
        self.machine.take_effects().iter().map(brief).collect()
    }

    /// What was told, without what was done.
    fn told(&mut self) -> Vec<String> {
        let mut seen = self.seen();
        seen.retain(|s| !s.starts_with('['));
        seen
    }

    fn play_with(&mut self, name: &str, position: Option<i64>, end_time: Option<i64>) {
        self.machine.play(
            self.now,
            Play {
                track: track(name),
                position: position.map(Millis),
                end_time: end_time.map(Millis),
                user_data: UserData::new(),
            },
        );
        self.now.polls = 0;
        self.now.position = Millis(position.unwrap_or(0)).to_samples();
    }

    fn play(&mut self, name: &str) {
        self.play_with(name, None, None);
    }

    fn playing(name: &str) -> Self {
        let mut b = bench();
        b.play(name);
        b.seen();
        b
    }

    fn connected() -> Self {
        let mut b = bench();
        b.machine.connect(b.now, target("a"));
        b.voice(OutputEvent::Opened);
        b.voice(OutputEvent::Connected);
        b.seen();
        b
    }

    /// Frames are taken for so long, in real time.
    fn hear(&mut self, ms: u64) {
        self.now.at += Duration::from_millis(ms);
        self.now.polls += ms / 20;
        self.now.position.0 += ms * 48;
    }

    fn wait(&mut self, ms: u64) {
        self.now.at += Duration::from_millis(ms);
    }

    /// Ticks at every deadline up to so many seconds after the beginning.
    fn run_until(&mut self, secs: u64) -> Vec<String> {
        let end = self.start + Duration::from_secs(secs);
        let mut told = Vec::new();
        while let Some(next) = self.machine.deadline().filter(|d| *d <= end) {
            self.now.at = self.now.at.max(next);
            self.machine.tick(self.now);
            told.extend(self.told());
        }
        self.now.at = end;
        told
    }

    fn generation(&self) -> u64 {
        self.machine.generations
    }

    fn sound(&mut self, event: Event) {
        let generation = self.machine.playing.as_ref().map_or(0, |p| p.generation);
        self.machine.heard_sound(self.now, generation, event);
    }

    fn voice(&mut self, event: OutputEvent) -> Option<Result<(), Failure>> {
        let generation = self.machine.link.generation();
        self.machine.heard_voice(self.now, generation, event)
    }

    fn change(&mut self, change: Change) {
        self.machine.change(self.now, change);
    }

    fn seek(&mut self, ms: i64) {
        self.change(Change {
            position: Some(Millis(ms)),
            ..Change::default()
        });
        // the reader shows the target from now on
        self.now.position = Millis(ms).to_samples();
    }
}

fn closed(code: u16) -> OutputEvent {
    OutputEvent::Closed {
        code,
        reason: "closed by test".into(),
        by_remote: true,
    }
}

#[test]
fn a_new_player_has_lavalinks_defaults() {
    let b = bench();
    assert_eq!((b.machine.volume(), b.machine.is_paused()), (100, false));
    assert!(b.machine.shown(b.now).is_none() && b.machine.voice().is_none());
    let state = b.machine.state(b.now);
    assert_eq!(
        (state.position, state.is_connected, state.ping_ms),
        (Millis(0), false, None)
    );
    assert_eq!(b.machine.deadline(), None);
}

#[test]
fn play_on_an_idle_player_starts_at_once_with_two_updates() {
    let mut b = bench();
    b.play("a");
    assert_eq!(
        b.seen(),
        ["[start at 0 until None]", "start a", "update 0", "update 0"]
    );
}

#[test]
fn a_replaced_track_ends_before_the_next_starts() {
    let mut b = Bench::playing("a");
    b.hear(3420);
    b.play("b");
    assert_eq!(
        b.told(),
        ["end a Replaced 3420", "start b", "update 0", "update 0"]
    );
}

#[test]
fn stop_ends_the_track_once() {
    let mut b = Bench::playing("a");
    b.hear(880);
    b.machine.stop(b.now);
    b.machine.stop(b.now);
    assert_eq!(b.seen(), ["[stop]", "end a Stopped 880"]);
    assert!(!b.machine.has_track());
}

#[test]
fn a_natural_end_is_told_without_an_update() {
    let mut b = Bench::playing("a");
    b.hear(1960);
    b.sound(Event::Reader(ReaderEvent::Drained));
    assert_eq!(b.told(), ["end a Finished 1960"]);
    assert_eq!(b.run_until(60), [""; 0]);
}

#[test]
fn the_end_time_finishes_the_track() {
    let mut b = bench();
    b.play_with("a", None, Some(1500));
    assert_eq!(b.seen()[0], "[start at 0 until Some(Samples(72000))]");
    b.hear(1500);
    b.sound(Event::Reader(ReaderEvent::LimitReached));
    assert_eq!(b.told(), ["end a Finished 1500"]);
}

#[test]
fn a_playback_that_fails_before_any_sound_ends_with_load_failed_at_once() {
    let mut b = Bench::playing("a");
    b.sound(Event::Failed {
        failure: Failure::common("gone"),
        produced: false,
    });
    assert_eq!(b.told(), ["exception a gone", "end a LoadFailed 0"]);
}

#[test]
fn what_was_made_before_a_failure_is_heard_before_the_end() {
    let mut b = Bench::playing("a");
    b.hear(2000);
    b.sound(Event::Failed {
        failure: Failure::suspicious("cut"),
        produced: true,
    });
    assert_eq!(b.told(), ["exception a cut"]);
    b.hear(400);
    b.sound(Event::Reader(ReaderEvent::Drained));
    assert_eq!(b.told(), ["end a Finished 2400"]);
}

#[test]
fn stuck_is_told_once_with_an_update_and_the_track_goes_on() {
    let mut b = Bench::playing("a");
    b.sound(Event::Reader(ReaderEvent::Stuck));
    b.sound(Event::Reader(ReaderEvent::Stuck));
    assert_eq!(b.told(), ["stuck 10000", "update 0"]);
    assert!(b.machine.has_track());
}

#[test]
fn updates_come_every_five_seconds_also_while_paused() {
    let mut b = Bench::playing("a");
    b.machine.set_paused(true);
    b.seen();
    assert_eq!(b.run_until(14), ["update 0", "update 0"]);
    b.machine.stop(b.now);
    b.seen();
    assert_eq!(b.run_until(60), [""; 0]);
}

#[test]
fn late_ticks_skip_what_they_missed() {
    let mut b = Bench::playing("a");
    b.wait(17_000);
    b.machine.tick(b.now);
    assert_eq!(b.told(), ["update 0"]);
    assert_eq!(
        b.machine.deadline(),
        Some(b.start + Duration::from_secs(20))
    );
}

#[test]
fn a_track_that_nobody_hears_is_cleaned_up_after_a_minute() {
    let mut b = Bench::playing("a");
    let told = b.run_until(59);
    assert!(told.iter().all(|t| t.starts_with("update")), "{told:?}");
    assert_eq!(b.run_until(60), ["update 0", "end a Cleanup 0"]);
}

#[test]
fn polls_put_the_cleanup_off() {
    let mut b = Bench::playing("a");
    b.run_until(45);
    b.now.polls += 1;
    assert!(b.run_until(109).iter().all(|t| t.starts_with("update")));
    assert!(b.run_until(110).contains(&"end a Cleanup 0".into()));
}

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
    b.machine.give_up_voice(attempt + 1);
    b.voice(OutputEvent::Opened);
    b.machine.give_up_voice(attempt);
    assert!(b.machine.state(b.now).is_connected);
    let attempt = b.machine.connect(b.now, target("b")).expect("it has begun");
    b.seen();
    b.machine.give_up_voice(attempt);
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
fn late_events_of_an_old_playback_change_nothing() {
    let mut b = Bench::playing("a");
    let old = b.generation();
    b.play("b");
    b.seen();
    for event in [
        Event::Reader(ReaderEvent::Drained),
        Event::Reader(ReaderEvent::Stuck),
        Event::Failed {
            failure: Failure::fault("late"),
            produced: false,
        },
        Event::Opened {
            length: Some(Samples(48)),
            is_seekable: false,
        },
    ] {
        b.machine.heard_sound(b.now, old, event);
    }
    assert_eq!(b.seen(), [""; 0]);
    assert_eq!(b.machine.shown(b.now).expect("b plays").length, 30_000);
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

#[test]
fn an_end_time_at_or_before_the_start_never_comes() {
    let mut b = bench();
    b.play_with("a", Some(5000), Some(1500));
    assert_eq!(b.seen()[0], "[start at 240000 until None]");
}

#[test]
fn an_end_time_set_too_late_never_comes() {
    let mut b = Bench::playing("a");
    b.hear(3000);
    b.change(Change {
        end_time: Some(Some(Millis(2500))),
        ..Change::default()
    });
    assert_eq!(b.seen(), [""; 0]);
}

#[test]
fn a_null_end_time_lifts_the_limit() {
    let mut b = bench();
    b.play_with("a", None, Some(1500));
    b.seen();
    b.change(Change {
        end_time: Some(None),
        ..Change::default()
    });
    assert_eq!(b.seen(), ["[limit None]"]);
}

#[test]
fn a_seek_past_the_end_time_finishes_at_once() {
    let mut b = bench();
    b.play_with("a", None, Some(8000));
    b.hear(1000);
    b.seen();
    b.seek(20_000);
    assert_eq!(b.seen(), ["update 20000", "[stop]", "end a Finished 1000"]);
}

#[test]
fn the_end_time_does_not_leak_into_the_next_track() {
    let mut b = bench();
    b.play_with("a", None, Some(1500));
    b.play("b");
    assert!(b.seen().contains(&"[start at 0 until None]".into()));
}

#[test]
fn a_seek_shows_its_target_at_once() {
    let mut b = Bench::playing("a");
    b.hear(8600);
    b.seek(3000);
    assert_eq!(b.seen(), ["[seek 144000]", "update 3000"]);
}

#[test]
fn a_seek_past_the_end_shows_the_target_and_ends_where_the_sound_was() {
    let mut b = Bench::playing("a");
    b.hear(600);
    b.seek(10_000_000);
    b.sound(Event::Reader(ReaderEvent::Drained));
    assert_eq!(b.told(), ["update 10000000", "end a Finished 600"]);
}

#[test]
fn a_negative_position_is_the_start() {
    let mut b = Bench::playing("a");
    b.hear(5000);
    b.seek(-5);
    assert_eq!(b.seen(), ["[seek 0]", "update 0"]);
    let mut b = bench();
    b.play_with("a", Some(-5), None);
    assert_eq!(b.seen()[0], "[start at 0 until None]");
}

#[test]
fn seeks_without_a_track_or_on_a_stream_are_ignored() {
    let mut b = bench();
    b.seek(1000);
    assert_eq!(b.seen(), [""; 0]);
    b.play("a");
    b.sound(Event::Opened {
        length: None,
        is_seekable: false,
    });
    b.seen();
    b.seek(1000);
    assert_eq!(b.seen(), [""; 0]);
}

#[test]
fn the_start_position_is_shown_before_anything_is_heard() {
    let mut b = bench();
    b.play_with("a", Some(7000), None);
    assert_eq!(b.told(), ["start a", "update 7000", "update 7000"]);
    assert_eq!(b.machine.state(b.now).position, Millis(7000));
}

#[test]
fn without_a_position_a_track_starts_where_it_says() {
    let mut b = bench();
    let mut moved = track("a");
    moved.info.position = 4000;
    b.machine.play(
        b.now,
        Play {
            track: moved,
            position: None,
            end_time: None,
            user_data: UserData::new(),
        },
    );
    assert_eq!(b.seen()[0], "[start at 192000 until None]");
}

#[test]
fn the_headers_correct_the_length_but_not_a_streams() {
    let mut b = Bench::playing("a");
    let opened = || Event::Opened {
        length: Some(Samples(48_000 * 29)),
        is_seekable: true,
    };
    b.sound(opened());
    assert_eq!(b.machine.shown(b.now).expect("a plays").length, 29_000);
    let mut stream = track("s");
    stream.info.is_stream = true;
    stream.info.length = crate::track::UNKNOWN_LENGTH;
    b.machine.play(
        b.now,
        Play {
            track: stream,
            position: None,
            end_time: None,
            user_data: UserData::new(),
        },
    );
    b.sound(opened());
    assert_eq!(b.machine.shown(b.now).expect("s plays").length, i64::MAX);
}

#[test]
fn volume_is_cut_at_both_ends() {
    let mut b = Bench::playing("a");
    for (asked, set) in [(1001, 1000), (-100, 0), (i64::MAX, 1000), (42, 42)] {
        b.change(Change {
            volume: Some(asked),
            ..Change::default()
        });
        assert_eq!(b.machine.volume(), set);
        assert_eq!(b.seen(), [format!("[volume {set}]")]);
    }
}

#[test]
fn the_parts_of_a_change_keep_their_order() {
    let mut b = Bench::playing("a");
    b.change(Change {
        paused: Some(true),
        user_data: Some(UserData::new()),
        volume: Some(50),
        position: Some(Millis(9000)),
        end_time: Some(Some(Millis(20_000))),
        filters: Some(FilterSpec::default()),
    });
    assert_eq!(
        b.seen(),
        [
            "[paused true]",
            "[volume 50]",
            "[seek 432000]",
            "update 9000",
            "[limit Some(Samples(960000))]",
            "[filters]",
            "update 9000"
        ]
    );
}

#[test]
fn pause_and_volume_tell_nothing() {
    let mut b = Bench::playing("a");
    b.change(Change {
        paused: Some(true),
        volume: Some(50),
        ..Change::default()
    });
    assert_eq!(b.told(), [""; 0]);
}

#[test]
fn user_data_replace_the_current_tracks_and_go_with_it() {
    let mut b = Bench::playing("a");
    let mut data = UserData::new();
    data.insert("k".into(), 2.into());
    b.change(Change {
        user_data: Some(data.clone()),
        ..Change::default()
    });
    assert_eq!(*b.machine.shown(b.now).expect("a plays").user_data, data);
    b.play("b");
    assert!(
        b.machine
            .shown(b.now)
            .expect("b plays")
            .user_data
            .is_empty()
    );
}

/// The recorded session (`oracle/transcripts`), from the first voice update to DELETE, in the order in which the
/// original told it (one update of each pair that slipped in before a `TrackStart` is put behind it).
#[test]
fn a_recorded_session_is_told_in_the_same_order() {
    let mut b = bench();
    b.machine.connect(b.now, target("tok"));
    b.voice(OutputEvent::Opened);
    b.voice(OutputEvent::Connected);
    assert_eq!(b.told(), ["update 0 ping 0"]);
    b.play("tone44.mp3");
    assert_eq!(
        b.told(),
        ["start tone44.mp3", "update 0 ping 0", "update 0 ping 0"]
    );
    b.hear(5000);
    b.machine.tick(b.now);
    assert_eq!(b.told(), ["update 5000 ping 0"]);
    b.seek(3000);
    assert_eq!(b.told(), ["update 3000 ping 0"]);
    b.now.position = Millis(3380).to_samples();
    b.change(Change {
        filters: Some(FilterSpec::default()),
        ..Change::default()
    });
    assert_eq!(b.told(), ["update 3380 ping 0"]);
    b.play("tone44.flac");
    assert_eq!(
        b.told(),
        [
            "end tone44.mp3 Replaced 3380",
            "start tone44.flac",
            "update 0 ping 0",
            "update 0 ping 0"
        ]
    );
    b.voice(closed(4014));
    assert_eq!(
        b.told(),
        ["closed 4014 \"closed by test\" true", "update 0"]
    );
    b.machine.connect(b.now, target("tok2"));
    b.voice(OutputEvent::Connected);
    assert_eq!(b.told(), ["update 0 ping 0"]);
    b.machine.destroy(b.now);
    assert_eq!(
        b.told(),
        [
            "end tone44.flac Stopped 0",
            "closed 1000 \"\" false",
            "update 0"
        ]
    );
}
