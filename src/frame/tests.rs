//! Owns: what both ends of a ring are held to.
//! Never knows: what frames hold.

use super::*;
use std::sync::Mutex;

type Events = Arc<Mutex<Vec<ReaderEvent>>>;

fn opus(capacity: usize) -> (FrameWriter, FrameReader, Events) {
    let events = Events::default();
    let sink = events.clone();
    let (w, r) = ring(
        FrameFormat::Opus,
        capacity,
        3,
        || (),
        move |e| sink.lock().expect("no panic").push(e),
    );
    (w, r, events)
}

fn at(frame: u64) -> Samples {
    Samples(frame * 960)
}

fn take(reader: &mut FrameReader) -> Option<Vec<u8>> {
    let mut out = [0u8; MAX_OPUS_BYTES];
    match reader.take(&mut out) {
        Taken::Frame { len, .. } => Some(out[..len].to_vec()),
        Taken::Underrun | Taken::Over => None,
    }
}

#[test]
fn frames_come_out_in_order_and_unchanged() {
    let (mut w, mut r, _) = opus(4);
    let payloads: Vec<Vec<u8>> = (0..50u8)
        .map(|i| vec![i; usize::from(i) * 25 % 1276])
        .collect();
    for (i, p) in payloads.iter().enumerate() {
        assert!(w.push(p, at(i as u64)));
        assert_eq!(take(&mut r).as_ref(), Some(p));
    }
}

#[test]
fn a_full_ring_refuses_frames_but_takes_the_end() {
    let (mut w, mut r, events) = opus(2);
    assert!(w.push(b"a", at(0)) && w.push(b"b", at(1)));
    assert!(!w.push(b"c", at(2)));
    w.push_end();
    assert_eq!(
        (take(&mut r), take(&mut r)),
        (Some(b"a".to_vec()), Some(b"b".to_vec()))
    );
    assert_eq!(r.take(&mut [0; MAX_OPUS_BYTES]), Taken::Over);
    assert_eq!(
        *events.lock().expect("no panic"),
        [ReaderEvent::Started, ReaderEvent::Drained]
    );
}

#[test]
fn position_is_where_the_next_frame_starts() {
    let (mut w, mut r, _) = opus(4);
    w.push(b"a", at(10));
    assert_eq!(r.progress().position(), Samples::ZERO);
    take(&mut r);
    assert_eq!(r.progress().position(), at(11));
}

#[test]
fn frames_taken_back_are_never_seen() {
    let (mut w, mut r, _) = opus(8);
    for i in 0..6u8 {
        w.push(&[i], at(i.into()));
    }
    take(&mut r);
    assert_eq!(w.rewind(1), 4);
    w.push(b"new", at(2));
    assert_eq!(
        (take(&mut r), take(&mut r)),
        (Some(vec![1]), Some(b"new".to_vec()))
    );
}

#[test]
fn the_end_can_be_taken_back() {
    let (mut w, mut r, _) = opus(2);
    w.push_end();
    assert_eq!(w.rewind(0), 1);
    w.push(b"x", at(0));
    assert_eq!(take(&mut r), Some(b"x".to_vec()));
}

#[test]
fn the_limit_stops_before_the_first_frame_beyond_it() {
    let (mut w, mut r, events) = opus(4);
    for i in 0..3u8 {
        w.push(&[i], at(i.into()));
    }
    r.progress().set_limit(Some(Samples(961)));
    assert_eq!(
        (take(&mut r), take(&mut r), take(&mut r)),
        (Some(vec![0]), Some(vec![1]), None)
    );
    assert_eq!(r.take(&mut [0; MAX_OPUS_BYTES]), Taken::Over);
    assert_eq!(
        events.lock().expect("no panic").last(),
        Some(&ReaderEvent::LimitReached)
    );
}

#[test]
fn a_seek_shows_its_target_until_it_arrives() {
    let (mut w, mut r, _) = opus(4);
    w.push(b"old", at(3));
    r.progress().begin_seek(at(100));
    take(&mut r);
    assert_eq!(r.progress().position(), at(100));
    r.progress().end_seek(at(100), at(99));
    assert_eq!(r.progress().position(), at(99));
}

#[test]
fn a_newer_seek_outlives_the_end_of_an_older_one() {
    let (_w, r, _) = opus(4);
    let progress = r.progress();
    progress.begin_seek(at(100));
    progress.begin_seek(at(200));
    progress.end_seek(at(100), at(100));
    assert_eq!(progress.position(), at(200));
    progress.cancel_seek(at(100));
    assert_eq!(progress.position(), at(200));
    progress.cancel_seek(at(200));
    assert_eq!(progress.position(), at(100));
}

#[test]
fn the_end_alone_can_be_taken_back_and_is_there_once() {
    let (mut w, mut r, events) = opus(4);
    assert!(!w.take_back_end());
    w.push(b"a", at(0));
    w.push_end();
    w.push_end();
    assert!(w.take_back_end());
    assert!(!w.take_back_end());
    assert_eq!(take(&mut r), Some(b"a".to_vec()));
    assert_eq!(r.take(&mut [0; MAX_OPUS_BYTES]), Taken::Underrun);
    w.push(b"b", at(1));
    w.push_end();
    assert_eq!(take(&mut r), Some(b"b".to_vec()));
    assert_eq!(r.take(&mut [0; MAX_OPUS_BYTES]), Taken::Over);
    let mut events = events.lock().expect("no panic");
    events.retain(|event| !matches!(event, ReaderEvent::Gap(_)));
    assert_eq!(*events, [ReaderEvent::Started, ReaderEvent::Drained]);
}

#[test]
fn stuck_is_told_once_after_the_threshold() {
    let (_w, mut r, events) = opus(4);
    for _ in 0..10 {
        assert_eq!(r.take(&mut [0; MAX_OPUS_BYTES]), Taken::Underrun);
    }
    assert_eq!(*events.lock().expect("no panic"), [ReaderEvent::Stuck]);
    assert_eq!(r.progress().counts(), (0, 10));
}

#[test]
fn a_dropped_reader_goes_home_and_reads_on() {
    let (mut w, mut r, _) = opus(4);
    w.push(b"a", at(0));
    w.push(b"b", at(1));
    assert_eq!(take(&mut r), Some(b"a".to_vec()));
    let (home, back) = std::sync::mpsc::channel();
    drop(r.with_home(move |reader| home.send(reader).expect("the test listens")));
    assert!(!w.is_abandoned());
    let mut r = back.recv().expect("it came home");
    assert_eq!(take(&mut r), Some(b"b".to_vec()));
    drop(r);
    assert!(w.is_abandoned());
}

#[test]
fn counters_survive_their_own_overflow() {
    let (mut w, mut r, _) = opus(5);
    let near = COUNTER_MASK - 2;
    r.ring.ends.store(
        Ends {
            head: near,
            tail: near,
            era: u16::MAX,
        }
        .pack(),
        Ordering::Relaxed,
    );
    for i in 0..20u8 {
        assert!(w.push(&[i], at(i.into())));
        assert_eq!(take(&mut r), Some(vec![i]));
    }
}

#[test]
fn a_reader_and_a_rewinding_writer_lose_and_invent_nothing() {
    let (mut w, mut r, _) = opus(16);
    let writer = std::thread::spawn(move || {
        // every frame says its own position; after a rewind production goes on from what was taken back
        let mut next = 0u64;
        let mut step = 0u64;
        while next < 20_000 {
            step += 1;
            if step.is_multiple_of(7) {
                next -= w.rewind(step as usize % 3) as u64;
            }
            if w.push(&next.to_le_bytes(), at(next)) {
                next += 1;
            } else {
                std::thread::yield_now();
            }
        }
        w.push_end();
    });
    let (mut out, mut expected) = ([0u8; MAX_OPUS_BYTES], 0u64);
    while expected < 20_000 {
        match r.take(&mut out) {
            Taken::Frame { len, position } => {
                assert_eq!(
                    (&out[..len], position),
                    (&expected.to_le_bytes()[..], at(expected))
                );
                expected += 1;
            }
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => panic!("over at {expected}"),
        }
    }
    writer.join().expect("the writer's asserts hold");
}

/// The gaps that were told.
fn gaps(events: &Events) -> Vec<Gap> {
    let events = events.lock().expect("no panic");
    let gap = |event: &ReaderEvent| match event {
        ReaderEvent::Gap(gap) => Some(*gap),
        _ => None,
    };
    events.iter().filter_map(gap).collect()
}

fn nothing(reader: &mut FrameReader, polls: usize) {
    for _ in 0..polls {
        assert_eq!(reader.take(&mut [0; MAX_OPUS_BYTES]), Taken::Underrun);
    }
}

#[test]
fn a_gap_knows_whether_bytes_were_missing() {
    for waits in [true, false] {
        let (mut w, mut r, events) = opus(4);
        w.push(b"a", at(0));
        if waits {
            w.progress().begin_waiting();
        }
        take(&mut r);
        nothing(&mut r, 2);
        w.progress().end_waiting();
        w.push(b"b", at(1));
        take(&mut r);
        let [gap] = gaps(&events)[..] else {
            panic!("one gap: {events:?}");
        };
        let (cause, waited) = match waits {
            // it began one frame earlier, which was still there to be heard
            true => (Cause::SourceStalled, 2),
            false => (Cause::DecodeLate, 0),
        };
        assert_eq!((gap.cause, gap.waited), (cause, waited));
        assert_eq!((gap.position, gap.frames, gap.is_over), (at(1), 2, true));
    }
}

#[test]
fn a_start_is_no_gap() {
    let (mut w, mut r, events) = opus(4);
    nothing(&mut r, 100);
    w.push(b"a", at(0));
    take(&mut r);
    assert_eq!(gaps(&events), []);
}

#[test]
fn a_seek_is_a_gap_only_beyond_its_first_second() {
    for (polls, frames) in [(50, None), (60, Some(10))] {
        let (mut w, mut r, events) = opus(4);
        w.push(b"a", at(0));
        take(&mut r);
        w.progress().begin_seek(at(500));
        w.progress().begin_waiting();
        nothing(&mut r, polls);
        w.progress().end_seek(at(500), at(500));
        w.push(b"b", at(500));
        take(&mut r);
        let told: Vec<_> = gaps(&events);
        let lengths: Vec<_> = told.iter().map(|g| (g.position, g.frames)).collect();
        assert_eq!(lengths, Vec::from_iter(frames.map(|n| (at(500), n))));
    }
}

#[test]
fn a_rest_ends_a_gap() {
    let (mut w, mut r, events) = opus(4);
    w.push(b"a", at(0));
    take(&mut r);
    nothing(&mut r, 1);
    r.rest();
    assert_eq!(gaps(&events).len(), 1);
    w.push(b"b", at(1));
    take(&mut r);
    assert_eq!(gaps(&events).len(), 1);
}

#[test]
fn a_gap_that_lasts_to_the_end_is_told_before_it() {
    let (mut w, mut r, events) = opus(4);
    w.push(b"a", at(0));
    take(&mut r);
    nothing(&mut r, 1);
    w.push_end();
    take(&mut r);
    let events = events.lock().expect("no panic");
    assert!(
        matches!(events[..], [_, ReaderEvent::Gap(gap), ReaderEvent::Drained] if gap.is_over),
        "{events:?}"
    );
}

#[test]
fn what_is_lost_after_it_was_made_is_counted() {
    let (mut w, r, events) = opus(4);
    let underruns = Arc::new(Underruns::default());
    let mut r = r.counting(underruns.clone());
    (0..4).for_each(|i| assert!(w.push(b"a", at(i))));
    take(&mut r);
    r.lost(Cause::SchedulerLate, 7, None);
    take(&mut r);
    r.lost(Cause::SendError, 1, Some(11));
    assert_eq!(
        underruns.count(Cause::SchedulerLate),
        Count { gaps: 1, frames: 7 }
    );
    assert_eq!(
        underruns.count(Cause::SendError),
        Count { gaps: 1, frames: 1 }
    );
    let [gap] = gaps(&events)[..] else {
        panic!("one is over: {events:?}");
    };
    assert_eq!((gap.cause, gap.position), (Cause::SchedulerLate, at(1)));
}
