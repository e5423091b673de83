//! Owns: the machine's tests about how tracks start, go on and end.
//! Never knows: anything that runs.

use super::*;

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
fn the_end_lies_within_the_track() {
    let mut b = Bench::playing("a");
    // the last frame of a track of 30 s is filled up with silence
    b.hear(30_013);
    b.sound(Event::Reader(ReaderEvent::Drained));
    assert_eq!(b.told(), ["end a Finished 30000"]);
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

#[test]
fn what_a_station_says_is_told_and_shown_until_the_next_track() {
    let mut b = Bench::playing("a");
    let title = |text: &str| {
        Event::Title(Title {
            text: text.to_owned(),
            url: None,
        })
    };
    let shown = |b: &Bench| {
        let shown = b.machine.shown(b.now).expect("a track");
        shown.stream_title.map(|title| title.to_string())
    };
    assert_eq!(shown(&b), None);
    b.sound(title("A - B"));
    assert_eq!(b.told(), ["title \"A - B\""]);
    assert_eq!(shown(&b).as_deref(), Some("A - B"));
    b.sound(Event::Rejoined(Rejoined {
        reason: Lost::Stalled,
        attempts: 2,
        silent_for: Duration::from_secs(3),
    }));
    assert_eq!(b.told(), ["rejoined Stalled 2"]);
    assert_eq!(shown(&b).as_deref(), Some("A - B"));
    b.sound(title(""));
    assert_eq!(b.told(), ["title \"\""]);
    assert_eq!(shown(&b), None);
    b.sound(title("C"));
    b.play("b");
    assert_eq!(shown(&b), None);
}
