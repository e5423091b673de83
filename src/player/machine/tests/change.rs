//! Owns: the machine's tests about a client's changes: seek, end time, volume, the order of parts.
//! Never knows: anything that runs.

use super::*;

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
