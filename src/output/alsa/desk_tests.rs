//! Owns: what the mixing desk is held to: nobody's sound is changed without need, nothing clicks, nothing is lost.
//! Never knows: ALSA, threads.

use super::*;
use crate::{
    frame::{FrameFormat, FrameWriter, ReaderEvent, ring},
    units::Samples,
};
use std::sync::Mutex;

/// The largest step between two samples of a fade over 240 samples, with room for rounding.
const STEP: f32 = 1.0 / 240.0 + 1e-6;

struct Player {
    writer: FrameWriter,
    reader: Option<FrameReader>,
    events: Arc<Mutex<Vec<ReaderEvent>>>,
    written: u64,
}

impl Player {
    fn new() -> Self {
        let events = Arc::<Mutex<Vec<ReaderEvent>>>::default();
        let sink = events.clone();
        let tell = move |event| sink.lock().expect("no panic").push(event);
        let (writer, reader) = ring(FrameFormat::Pcm, 8, u32::MAX, || (), tell);
        Self {
            writer,
            reader: Some(reader),
            events,
            written: 0,
        }
    }

    /// A frame whose samples are all `left` and `right`.
    fn push(&mut self, left: f32, right: f32) {
        let pair = [left.to_le_bytes(), right.to_le_bytes()].concat();
        let at = Samples(self.written * FRAME_SAMPLES as u64);
        assert!(self.writer.push(&pair.repeat(FRAME_SAMPLES), at));
        self.written += 1;
    }

    fn sit(&mut self, desk: &mut Desk, id: u64) -> Arc<Given> {
        let given = Arc::<Given>::default();
        let mut seat = Seat::new(given.clone(), Box::new(|_| ()));
        seat.play(self.reader.take());
        desk.add(id, seat);
        given
    }
}

fn turn(desk: &mut Desk) -> PcmBlock {
    let mut mix = PcmBlock::default();
    desk.turn(&mut mix);
    assert_eq!(mix.len(), FRAME_SAMPLES);
    mix
}

fn is_constant(mix: &PcmBlock, left: f32, right: f32) -> bool {
    mix.channels[0].iter().all(|x| *x == left) && mix.channels[1].iter().all(|x| *x == right)
}

/// The largest step from one sample to the next over these blocks.
fn largest_step(blocks: &[PcmBlock]) -> f32 {
    let all: Vec<f32> = blocks
        .iter()
        .flat_map(|b| b.channels[0].iter().copied())
        .collect();
    all.windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .fold(0.0, f32::max)
}

#[test]
fn one_player_is_heard_unchanged() {
    let mut desk = Desk::default();
    let mut player = Player::new();
    let given = player.sit(&mut desk, 1);
    player.push(0.25, -0.5);
    player.push(1.5, -1.5);
    assert!(is_constant(&turn(&mut desk), 0.25, -0.5));
    assert!(is_constant(&turn(&mut desk), 1.5, -1.5));
    assert_eq!(given.sent.load(Ordering::Relaxed), 2);
}

#[test]
fn two_players_are_added() {
    let mut desk = Desk::default();
    let (mut a, mut b) = (Player::new(), Player::new());
    a.sit(&mut desk, 1);
    b.sit(&mut desk, 2);
    a.push(0.25, 0.25);
    a.push(0.25, 0.25);
    b.push(0.5, -0.5);
    assert!(is_constant(&turn(&mut desk), 0.75, -0.25));
    assert!(desk.has_sound() && desk.lacks_sound(), "b had some before");
    assert!(is_constant(&turn(&mut desk), 0.25, 0.25));
    a.push(0.25, 0.25);
    assert!(!desk.lacks_sound(), "b is not waited for any more");
}

#[test]
fn a_pause_fades_out_and_nothing_is_lost_in_it() {
    let mut desk = Desk::default();
    let mut player = Player::new();
    player.sit(&mut desk, 1);
    for _ in 0..5 {
        player.push(1.0, 1.0);
    }
    let mut heard = vec![turn(&mut desk)];
    desk.change(1, |seat| seat.pause(true));
    assert!(desk.is_active(), "until it has faded out");
    heard.push(turn(&mut desk));
    assert!(!desk.is_active());
    heard.push(turn(&mut desk));
    assert!(is_constant(&heard[2], 0.0, 0.0));
    desk.change(1, |seat| seat.pause(false));
    assert!(desk.has_sound());
    heard.push(turn(&mut desk));
    assert_eq!(
        player.writer.level(),
        3,
        "the frame that faded out is heard again"
    );
    heard.push(turn(&mut desk));
    assert!(largest_step(&heard) <= STEP, "{}", largest_step(&heard));
    assert!(is_constant(&heard[4], 1.0, 1.0));
}

#[test]
fn a_track_that_is_replaced_fades_out_under_the_next() {
    let mut desk = Desk::default();
    let (mut a, mut b) = (Player::new(), Player::new());
    a.sit(&mut desk, 1);
    for _ in 0..4 {
        a.push(1.0, 1.0);
        b.push(0.0, 0.0);
    }
    let mut heard = vec![turn(&mut desk)];
    let next = b.reader.take();
    desk.change(1, |seat| seat.play(next));
    heard.push(turn(&mut desk));
    assert!(a.writer.is_abandoned());
    heard.push(turn(&mut desk));
    assert!(largest_step(&heard) <= STEP);
    assert_eq!(b.writer.level(), 2, "the next track lost no frame");
}

#[test]
fn tracks_that_follow_each_other_are_not_faded() {
    let mut desk = Desk::default();
    let (mut a, mut b) = (Player::new(), Player::new());
    a.sit(&mut desk, 1);
    a.push(0.5, 0.5);
    a.writer.push_end();
    b.push(0.5, 0.5);
    assert!(is_constant(&turn(&mut desk), 0.5, 0.5));
    let next = b.reader.take();
    turn(&mut desk);
    assert_eq!(
        *a.events.lock().expect("no panic"),
        [ReaderEvent::Started, ReaderEvent::Drained]
    );
    desk.change(1, |seat| seat.play(next));
    assert!(is_constant(&turn(&mut desk), 0.5, 0.5));
}

#[test]
fn sound_fades_in_behind_a_gap() {
    let mut desk = Desk::default();
    let mut player = Player::new();
    player.sit(&mut desk, 1);
    player.push(1.0, 1.0);
    turn(&mut desk);
    let mut heard = vec![turn(&mut desk)];
    assert!(is_constant(&heard[0], 0.0, 0.0));
    player.push(1.0, 1.0);
    heard.push(turn(&mut desk));
    assert!(largest_step(&heard) <= STEP);
    let events = player.events.lock().expect("no panic");
    let gaps = events
        .iter()
        .filter(|event| matches!(event, ReaderEvent::Gap(gap) if gap.frames == 1));
    assert_eq!(gaps.count(), 1, "{events:?}");
}

#[test]
fn a_player_that_goes_fades_out_and_its_reader_with_it() {
    let mut desk = Desk::default();
    let mut player = Player::new();
    player.sit(&mut desk, 1);
    player.push(1.0, 1.0);
    player.push(1.0, 1.0);
    let mut heard = vec![turn(&mut desk)];
    desk.remove(1);
    assert!(!desk.is_empty() && desk.is_active());
    heard.push(turn(&mut desk));
    heard.push(turn(&mut desk));
    assert!(largest_step(&heard) <= STEP);
    assert!(desk.is_empty() && player.writer.is_abandoned());
}

#[test]
fn a_silent_player_goes_at_once() {
    let mut desk = Desk::default();
    let mut player = Player::new();
    player.sit(&mut desk, 1);
    desk.remove(1);
    assert!(desk.is_empty() && player.writer.is_abandoned());
}

#[test]
fn what_a_card_lost_is_a_gap_for_those_who_were_heard() {
    let mut desk = Desk::default();
    let (mut a, mut b) = (Player::new(), Player::new());
    let given = a.sit(&mut desk, 1);
    b.sit(&mut desk, 2);
    a.push(1.0, 1.0);
    turn(&mut desk);
    desk.lost(Cause::SchedulerLate, 7);
    a.push(1.0, 1.0);
    turn(&mut desk);
    let gap = |player: &Player| {
        player
            .events
            .lock()
            .expect("no panic")
            .iter()
            .any(|event| matches!(event, ReaderEvent::Gap(gap) if gap.frames == 7))
    };
    assert!(gap(&a) && !gap(&b));
    assert_eq!(given.dropped.load(Ordering::Relaxed), 7);
}
