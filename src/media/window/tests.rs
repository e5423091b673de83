//! Owns: what both ends of a lane are held to.
//! Never knows: who fetches, or what is read.

use super::*;
use std::{
    pin::pin,
    task::{Context, Wake, Waker},
};

fn fed(parts: &[&'static [u8]]) -> (LaneWriter, ByteWindow) {
    let (mut writer, window) = lane(1024);
    for part in parts {
        writer.push(Bytes::from_static(part));
    }
    (writer, window)
}

#[test]
fn reads_run_across_deliveries() {
    let (_w, mut window) = fed(&[b"abc", b"def", b"g"]);
    assert_eq!(window.peek(5).expect("there"), b"abcde");
    assert_eq!(window.take(4).expect("there"), "abcd");
    assert_eq!(
        (window.position(), window.take(3).expect("there")),
        (4, Bytes::from("efg"))
    );
}

#[test]
fn what_is_missing_is_named_and_nothing_moves() {
    let (mut writer, mut window) = fed(&[b"ab"]);
    assert!(matches!(window.take(3), Err(Stop::Need(3))));
    writer.push(Bytes::from_static(b"c"));
    assert_eq!(window.take(3).expect("there"), "abc");
}

#[test]
fn the_end_is_told_apart_from_waiting() {
    let (mut writer, mut window) = fed(&[b"ab"]);
    assert!(matches!(window.peek(3), Err(Stop::Need(3))));
    writer.finish();
    assert!(matches!(window.peek(3), Err(Stop::End)));
    assert_eq!(window.peek_up_to(3), b"ab");
    window.skip(2);
    assert!(matches!(window.peek(1), Err(Stop::End)));
}

#[test]
fn a_far_jump_asks_the_writer_and_drops_what_was_on_its_way() {
    let (mut writer, mut window) = fed(&[b"old"]);
    writer.describe(Some(10_000_000), true);
    window.seek(5_000_000);
    writer.push(Bytes::from_static(b"late"));
    assert_eq!(writer.poll(), Some(Task::Jump(5_000_000)));
    writer.push(Bytes::from_static(b"new"));
    assert_eq!(
        (window.take(3).expect("there"), window.position()),
        (Bytes::from("new"), 5_000_003)
    );
    assert_eq!(writer.shared.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn a_short_jump_reads_through() {
    let (mut writer, mut window) = fed(&[b"0123"]);
    writer.describe(Some(100), true);
    window.seek(6);
    assert_eq!(writer.poll(), Some(Task::Deliver));
    writer.push(Bytes::from_static(b"456789"));
    assert_eq!(
        (window.take(2).expect("there"), window.position()),
        (Bytes::from("67"), 8)
    );
}

#[test]
fn the_credit_stops_the_writer_and_a_large_wish_raises_it() {
    let (mut writer, mut window) = lane(4);
    writer.push(Bytes::from_static(b"12345"));
    assert_eq!(writer.poll(), None);
    assert!(matches!(window.peek(8), Err(Stop::Need(8))));
    assert_eq!(writer.poll(), Some(Task::Deliver));
    writer.push(Bytes::from_static(b"678"));
    assert_eq!(window.take(8).expect("there"), "12345678");
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_stopped_writer_is_woken_when_a_quarter_is_free_or_bytes_are_short() {
    let wakings = |steps: &[fn(&mut ByteWindow)]| {
        let (mut writer, mut window) = lane(8);
        writer.push(Bytes::from_static(b"12345678"));
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let mut ready = pin!(writer.ready());
        assert!(ready.as_mut().poll(&mut context).is_pending());
        for step in steps {
            step(&mut window);
        }
        let task = ready.as_mut().poll(&mut context);
        (count.0.load(Ordering::Relaxed), task.is_ready())
    };
    let take: fn(&mut ByteWindow) = |window| drop(window.take(1).expect("there"));
    let want: fn(&mut ByteWindow) = |window| assert!(window.peek(8).is_err());
    assert_eq!(wakings(&[take, take]).0, 0);
    assert_eq!(wakings(&[take, take, take]), (1, true));
    assert_eq!(wakings(&[take, want]), (1, true));
}

#[test]
fn a_whole_resource_can_be_jumped_about_in() {
    let mut window = ByteWindow::of(&b"0123456789"[..]);
    window.seek(8);
    assert_eq!(window.take(2).expect("there"), "89");
    assert!(matches!(window.peek(1), Err(Stop::End)));
    window.seek(1);
    assert_eq!(window.take(2).expect("there"), "12");
    window.seek(99);
    assert!(matches!(window.peek(1), Err(Stop::End)));
}

#[test]
fn what_is_held_can_be_read_again() {
    let (mut writer, mut window) = fed(&[b"ab", b"cdef"]);
    window.skip(1);
    window.hold();
    assert_eq!(window.take(2).expect("there"), "bc");
    window.skip(1);
    window.seek(1);
    assert_eq!(window.take(4).expect("there"), "bcde");
    window.seek(2);
    writer.push(Bytes::from_static(b"gh"));
    assert_eq!(window.take(6).expect("there"), "cdefgh");
    assert_eq!(writer.shared.waiting.load(Ordering::Relaxed), 0);
    assert_eq!(writer.poll(), Some(Task::Deliver));
    // no more than that
    window.seek(0);
    assert_eq!(writer.poll(), Some(Task::Jump(0)));
}

#[test]
fn a_dropped_writer_is_a_failure_not_an_end() {
    let (writer, mut window) = fed(&[b"a"]);
    drop(writer);
    assert!(matches!(window.peek(2), Err(Stop::Failed(_))));
}

#[test]
fn who_is_woken_by_a_dropped_writer_finds_the_failure() {
    let (writer, window) = fed(&[b"a"]);
    let window = Arc::new(Mutex::new(window));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (read, found) = (Arc::downgrade(&window), seen.clone());
    let look = move || {
        let window = read.upgrade().expect("the reader waits");
        let failed = matches!(window.lock().expect("free").peek(2), Err(Stop::Failed(_)));
        found.lock().expect("free").push(failed);
    };
    window.lock().expect("free").on_ready(look);
    assert!(matches!(
        window.lock().expect("free").peek(2),
        Err(Stop::Need(2))
    ));
    drop(writer);
    assert_eq!(*seen.lock().expect("free"), [true]);
}

/// Sections 3 and 4, of four and two bytes, and the end.
fn two_sections() -> (LaneWriter, ByteWindow) {
    let (mut writer, window) = lane_of_sections(1024);
    for (number, bytes) in [(3, &b"abcd"[..]), (4, b"ef")] {
        writer.begin_section(number);
        writer.push(Bytes::from_static(bytes));
    }
    writer.finish();
    (writer, window)
}

#[test]
fn a_section_ends_until_its_owner_moves_on() {
    let (_w, mut window) = two_sections();
    assert!(window.has_sections() && matches!(window.peek(1), Err(Stop::End)));
    assert_eq!(window.next_section().expect("there"), 3);
    assert_eq!(window.take(3).expect("there"), "abc");
    assert!(matches!(window.peek(2), Err(Stop::End)));
    assert_eq!((window.position(), window.available()), (3, 1));
    // over what is left
    assert_eq!(window.next_section().expect("there"), 4);
    assert_eq!(
        (window.position(), window.take(2).expect("there")),
        (0, Bytes::from("ef"))
    );
    assert!(matches!(window.peek(1), Err(Stop::End)));
    assert!(matches!(window.next_section(), Err(Stop::End)));
}

#[test]
fn seeks_in_a_section_do_not_leave_it() {
    let (_w, mut window) = two_sections();
    window.next_section().expect("there");
    window.seek(1 << 40);
    assert!(matches!(window.peek(1), Err(Stop::End)));
    assert_eq!(window.next_section().expect("there"), 4);
    window.skip(1);
    assert_eq!(window.take(1).expect("there"), "f");
}

#[test]
fn going_back_in_a_section_fetches_it_again() {
    let (mut writer, mut window) = two_sections();
    window.next_section().expect("there");
    window.take(4).expect("there");
    window.seek(1);
    assert_eq!(writer.poll(), Some(Task::Jump(3)));
    assert!(matches!(window.peek(1), Err(Stop::Need(1))));
    writer.begin_section(3);
    writer.push(Bytes::from_static(b"abcd"));
    assert_eq!(
        (window.position(), window.take(3).expect("there")),
        (1, Bytes::from("bcd"))
    );
    // it is gone by now: what comes instead is another section
    window.seek(0);
    assert_eq!(writer.poll(), Some(Task::Jump(3)));
    writer.begin_section(9);
    writer.push(Bytes::from_static(b"xy"));
    assert!(matches!(window.peek(1), Err(Stop::End)));
    assert_eq!(window.next_section().expect("there"), 9);
    assert_eq!(window.take(2).expect("there"), "xy");
}

#[test]
fn a_jump_leads_to_another_section() {
    let (mut writer, mut window) = two_sections();
    window.next_section().expect("there");
    window.jump_to_section(7);
    assert_eq!(writer.poll(), Some(Task::Jump(7)));
    assert!(matches!(window.next_section(), Err(Stop::Need(1))));
    writer.begin_section(7);
    assert_eq!(window.next_section().expect("there"), 7);
    assert!(matches!(window.peek(1), Err(Stop::Need(1))));
    writer.push(Bytes::from_static(b"z"));
    assert_eq!(window.take(1).expect("there"), "z");
}

#[test]
fn a_jump_is_not_held_up_by_a_section_that_waits() {
    // a station is joined again before its first section, which has no number, is read
    let (mut writer, mut window) = fed(&[b"abcd"]);
    writer.begin_section(1);
    writer.push(Bytes::from_static(b"ef"));
    assert!(matches!(window.peek(5), Err(Stop::End)));
    window.seek(2);
    window.seek(0);
    assert_eq!(writer.poll(), Some(Task::Jump(0)));
    writer.push(Bytes::from_static(b"gh"));
    assert_eq!(window.take(2).expect("there"), "gh");
    assert!(matches!(window.peek(1), Err(Stop::Need(1))));
}

#[test]
fn what_is_rejected_interrupts_the_fetch() {
    let (writer, mut window) = two_sections();
    assert!(!writer.is_interrupted());
    window.next_section().expect("there");
    assert_eq!(window.next_section().expect("there"), 4);
    window.reject_section();
    assert!(writer.is_interrupted());
    let (mut writer, window) = fed(&[b"ab"]);
    window.reject_section();
    assert!(writer.is_interrupted());
    assert_eq!(writer.poll(), Some(Task::Renew));
    assert!(!writer.is_interrupted());
}

#[test]
fn bytes_of_sections_count_until_they_are_passed() {
    let (mut writer, mut window) = lane_of_sections(4);
    for number in 0..2 {
        writer.begin_section(number);
        writer.push(Bytes::from_static(b"ab"));
    }
    assert_eq!(writer.poll(), None);
    assert_eq!(window.next_section().expect("there"), 0);
    assert_eq!(writer.poll(), None);
    assert_eq!(window.next_section().expect("there"), 1);
    assert_eq!(writer.poll(), Some(Task::Deliver));
}

#[test]
fn much_that_is_of_no_use_is_given_up() {
    let is_refused = |window: &mut ByteWindow| {
        matches!(
            window.peek(1),
            Err(Stop::Malformed(DemuxError::TooLarge(_)))
        )
    };
    let mut window = ByteWindow::of(vec![0; 34 << 20]);
    window.take(31 << 20).expect("there");
    assert!(!is_refused(&mut window));
    window.take(1 << 20).expect("there");
    assert!(is_refused(&mut window));
    window.found();
    window.take(1 << 20).expect("there");
    // what is jumped over is no work, but thousands of jumps are
    let mut window = ByteWindow::of(vec![0; 34 << 20]);
    window.skip(33 << 20);
    assert!(!is_refused(&mut window));
    for _ in 0..20_000 {
        window.seek(0);
        window.seek(1 << 20);
    }
    assert!(is_refused(&mut window));
    window.wander();
    window.seek(0);
    window.take(33 << 20).expect("there");
}
