//! Owns: what feeding is held to, against a card of our own in a time of our own: it plays at its rate, runs dry, falls asleep and
//! is unplugged as ALSA's documentation says.
//! Never knows: ALSA, threads.

use super::*;
use crate::{
    frame::{FrameFormat, FrameWriter, ReaderEvent, ring},
    output::alsa::{
        desk::{Given, Seat},
        shape::{Sample, Shape},
    },
    units::Samples,
};
use std::{cell::RefCell, rc::Rc, sync::Mutex};

const MS: Duration = Duration::from_millis(1);

/// The world of a card.
struct World {
    now: Instant,
    agreed: Agreed,
    /// Since when it plays, and how much it had played before.
    playing: Option<Instant>,
    played: u64,
    /// What it was given, all in all.
    taken: Vec<u8>,
    ran_dry: bool,
    is_gone: bool,
    /// How often it says that it still sleeps; then it is awake.
    sleeps: Option<u32>,
    has_clock: bool,
    most_held: usize,
}

impl World {
    fn new(rate: u32, is_low_latency: bool) -> Rc<RefCell<Self>> {
        let samples = |ms: usize| rate as usize * ms / 1000;
        let (ahead, period) = if is_low_latency { (30, 5) } else { (70, 10) };
        Rc::new(RefCell::new(Self {
            now: start(),
            agreed: Agreed {
                shape: Shape {
                    sample: Sample::F32,
                    is_big_endian: false,
                    channels: 2,
                },
                rate,
                buffer: samples(ahead),
                period: samples(period),
                ahead: samples(ahead),
            },
            playing: None,
            played: 0,
            taken: Vec::new(),
            ran_dry: false,
            is_gone: false,
            sleeps: None,
            has_clock: true,
            most_held: 0,
        }))
    }

    fn given(&self) -> u64 {
        (self.taken.len() / self.agreed.shape.stride()) as u64
    }

    fn position(&self) -> u64 {
        let since = self
            .playing
            .map_or(Duration::ZERO, |since| self.now - since);
        self.played + since.as_micros() as u64 * u64::from(self.agreed.rate) / 1_000_000
    }

    fn check(&mut self) -> Result<usize, i32> {
        if self.is_gone {
            return Err(libc::ENODEV);
        }
        if self.sleeps.is_some() {
            return Err(libc::ESTRPIPE);
        }
        if !self.has_clock {
            return Ok(0);
        }
        if self.position() > self.given() {
            self.halt();
            self.ran_dry = true;
        }
        if self.ran_dry {
            return Err(libc::EPIPE);
        }
        let held = (self.given() - self.position()) as usize;
        self.most_held = self.most_held.max(held);
        Ok(held)
    }

    fn halt(&mut self) {
        self.played = self.position().min(self.given());
        self.playing = None;
    }

    /// The left channel of all that it was given.
    fn left(&self) -> Vec<f32> {
        self.taken
            .chunks(8)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect()
    }
}

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
    Instant::now()
}

struct Toy(Rc<RefCell<World>>);

impl Sink for Toy {
    fn agreed(&self) -> Agreed {
        self.0.borrow().agreed
    }

    fn ask(&self) -> Result<(usize, usize), i32> {
        let held = self.0.borrow_mut().check()?;
        Ok((held, held))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, i32> {
        let mut world = self.0.borrow_mut();
        let held = world.check()?;
        let stride = world.agreed.shape.stride();
        let taken = (world.agreed.buffer - held).min(bytes.len() / stride) * stride;
        if taken == 0 {
            return Err(libc::EAGAIN);
        }
        world.taken.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn start(&mut self) -> Result<(), i32> {
        let mut world = self.0.borrow_mut();
        world.check()?;
        world.playing = Some(world.now);
        Ok(())
    }

    fn stop(&mut self) {
        self.0.borrow_mut().halt();
    }

    fn prepare(&mut self) -> Result<(), i32> {
        let mut world = self.0.borrow_mut();
        if world.is_gone {
            return Err(libc::ENODEV);
        }
        world.halt();
        world.ran_dry = false;
        world.played = world.given();
        Ok(())
    }

    fn resume(&mut self) -> Result<(), i32> {
        let mut world = self.0.borrow_mut();
        match world.sleeps {
            Some(0) | None => {
                world.sleeps = None;
                Ok(())
            }
            Some(n) => {
                world.sleeps = Some(n - 1);
                Err(libc::EAGAIN)
            }
        }
    }
}

/// A device with one player, whose every frame has the number of the frame as its samples (in thousandths).
struct Rig {
    world: Rc<RefCell<World>>,
    feed: Feed<Toy, Box<dyn FnMut() -> Result<Toy, i32>>>,
    pulse: Arc<Pulse>,
    writer: FrameWriter,
    /// Frames that are still to be made.
    to_make: u64,
    /// The last of them is the track's last.
    ends: bool,
    made: u64,
    heard: Arc<Mutex<Vec<ReaderEvent>>>,
    told: Arc<Mutex<Vec<&'static str>>>,
}

impl Rig {
    fn new(world: &Rc<RefCell<World>>, frames: u64) -> Self {
        let heard = Arc::<Mutex<Vec<ReaderEvent>>>::default();
        let sink = heard.clone();
        let (writer, reader) = ring(
            FrameFormat::Pcm,
            20,
            u32::MAX,
            || (),
            move |event| sink.lock().expect("no panic").push(event),
        );
        let told = Arc::<Mutex<Vec<&'static str>>>::default();
        let sink = told.clone();
        let tell = move |event| {
            sink.lock().expect("no panic").push(match event {
                OutputEvent::Connected => "connected",
                OutputEvent::Interrupted => "interrupted",
                _ => "else",
            });
        };
        let mut seat = Seat::new(Arc::<Given>::default(), Box::new(tell));
        seat.play(Some(reader));
        let again = world.clone();
        let open = move || match again.borrow().is_gone {
            true => Err(libc::ENODEV),
            false => Ok(Toy(again.clone())),
        };
        let pulse = Arc::<Pulse>::default();
        let now = world.borrow().now;
        let open: Box<dyn FnMut() -> Result<Toy, i32>> = Box::new(open);
        let mut feed = Feed::new(Toy(world.clone()), open, 1.0, pulse.clone(), now);
        feed.desk.add(1, seat);
        Self {
            world: world.clone(),
            feed,
            pulse,
            writer,
            to_make: frames,
            ends: true,
            made: 0,
            heard,
            told,
        }
    }

    fn make(&mut self) {
        while self.to_make > 0 && self.writer.room() > 0 {
            self.made += 1;
            let sample = (self.made as f32 / 1000.0).to_le_bytes();
            let frame = sample.repeat(FRAME_SAMPLES * 2);
            let at = Samples((self.made - 1) * FRAME_SAMPLES as u64);
            assert!(self.writer.push(&frame, at));
            self.to_make -= 1;
            if self.to_make == 0 && self.ends {
                self.writer.push_end();
            }
        }
    }

    /// Lets time pass, with frames made as soon as there is room.
    fn run(&mut self, time: Duration) {
        self.pass(time, true);
    }

    /// Lets time pass without any frame made.
    fn starve(&mut self, time: Duration) {
        self.pass(time, false);
    }

    fn pass(&mut self, time: Duration, makes: bool) {
        let end = self.world.borrow().now + time;
        let mut steps = 0;
        loop {
            if makes {
                self.make();
            }
            let now = self.world.borrow().now;
            let rest = match self.feed.step(now) {
                Rest::None => Duration::ZERO,
                Rest::For(rest) => rest,
                Rest::Forever => time,
            };
            steps += 1;
            assert!(
                steps < 20 + time.as_millis() * 3,
                "{steps} steps in {time:?}: it spins"
            );
            if now + rest >= end {
                self.world.borrow_mut().now = end;
                return;
            }
            self.world.borrow_mut().now = now + rest;
        }
    }

    /// The machine stands still.
    fn stall(&self, time: Duration) {
        self.world.borrow_mut().now += time;
    }

    fn gaps(&self) -> Vec<(Cause, u64)> {
        let heard = self.heard.lock().expect("no panic");
        let gap = |event: &ReaderEvent| match event {
            ReaderEvent::Gap(gap) if gap.is_over => Some((gap.cause, gap.frames)),
            _ => None,
        };
        heard.iter().filter_map(gap).collect()
    }

    fn told(&self) -> Vec<&'static str> {
        self.told.lock().expect("no panic").clone()
    }

    /// Frames of sound, at 48 kHz, in the order in which the card got them: each must be there once, whole but for fades.
    fn frames(&self) -> Vec<u64> {
        let left = self.world.borrow().left();
        let middle = left
            .chunks(FRAME_SAMPLES)
            .map(|frame| frame[frame.len() / 2]);
        middle
            .map(|sample| (sample * 1000.0).round() as u64)
            .filter(|number| *number > 0)
            .collect()
    }
}

#[test]
fn a_card_gets_every_sample_once_and_in_time() {
    for (is_low_latency, promised) in [(false, 100), (true, 50)] {
        let world = World::new(48_000, is_low_latency);
        let mut rig = Rig::new(&world, 250);
        rig.run(MS * 1000);
        let delay = Duration::from_micros(rig.pulse.delay.load(Ordering::Relaxed));
        assert!(
            delay > MS * 20 && delay + MS * 20 <= MS * promised,
            "{delay:?}"
        );
        rig.run(MS * 7000);
        assert_eq!(rig.frames(), (1..=250).collect::<Vec<_>>());
        let world = world.borrow();
        let left = world.left();
        let expected = (0..250 * FRAME_SAMPLES).map(|i| ((i / FRAME_SAMPLES + 1) as f32) / 1000.0);
        assert!(left.iter().copied().zip(expected).all(|(a, b)| a == b));
        assert!(
            world.most_held <= (promised as usize - 20) * 48,
            "{}",
            world.most_held
        );
        assert!(!world.ran_dry && world.playing.is_none());
        assert_eq!(rig.gaps(), []);
        assert_eq!(rig.pulse.delay.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_card_that_runs_dry_plays_on_with_the_next_sample() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 100);
    rig.run(MS * 500);
    let held = world.borrow_mut().check().expect("it plays") / 48;
    rig.stall(MS * 400);
    rig.run(MS * 3000);
    assert_eq!(rig.frames(), (1..=100).collect::<Vec<_>>());
    let missing = (400.0 - held as f64) / 20.0;
    assert_eq!(rig.gaps(), [(Cause::SchedulerLate, missing.round() as u64)]);
    assert_eq!(rig.pulse.xruns.load(Ordering::Relaxed), 1);
}

#[test]
fn a_device_that_is_unplugged_is_back_with_the_sound_where_it_was() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 100);
    rig.run(MS * 500);
    world.borrow_mut().is_gone = true;
    rig.run(MS * 100);
    assert_eq!(rig.told(), ["interrupted"]);
    let waiting = rig.made;
    rig.run(MS * 2000);
    assert_eq!(
        (rig.told().len(), rig.made),
        (1, waiting),
        "nothing is taken"
    );
    {
        let mut world = world.borrow_mut();
        world.is_gone = false;
        world.halt();
        world.played = world.given();
    }
    rig.run(MS * 5000);
    assert_eq!(rig.told(), ["interrupted", "connected"]);
    let frames = rig.frames();
    assert!(frames.is_sorted_by(|a, b| a < b) && frames.last() == Some(&100));
    // what was mixed and not yet taken by the card is lost with it
    assert!(frames.len() >= 99);
    assert_eq!(rig.gaps(), []);
}

#[test]
fn a_machine_that_was_suspended_plays_on() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 100);
    rig.run(MS * 500);
    {
        let mut world = world.borrow_mut();
        world.halt();
        world.sleeps = Some(3);
    }
    rig.run(MS * 3000);
    assert_eq!(rig.frames(), (1..=100).collect::<Vec<_>>());
    assert_eq!((rig.gaps(), rig.told()), (vec![], vec![]));
}

#[test]
fn frames_that_come_late_but_in_time_are_not_missed() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 20);
    rig.ends = false;
    rig.run(MS * 350);
    assert_eq!(rig.writer.level(), 0, "the card has got all");
    (rig.to_make, rig.ends) = (20, true);
    rig.run(MS * 1500);
    assert_eq!(rig.frames(), (1..=40).collect::<Vec<_>>());
    assert_eq!(rig.gaps(), []);
}

#[test]
fn what_is_missing_is_silent_and_counted() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 100);
    rig.run(MS * 300);
    let ahead = rig.made * 20;
    rig.starve(MS * 1000);
    rig.run(MS * 3000);
    assert_eq!(rig.frames(), (1..=100).collect::<Vec<_>>());
    let [(cause, frames)] = rig.gaps()[..] else {
        panic!("{:?}", rig.gaps());
    };
    assert_eq!(cause, Cause::DecodeLate);
    // 1300 ms had passed when the next frame was made, and `ahead` of them had sound
    let missing = (1300 - ahead) / 20;
    assert!(
        frames.abs_diff(missing) <= 4,
        "{frames} instead of {missing}"
    );
    assert_eq!(world.borrow().played, world.borrow().given(), "no xrun");
    assert_eq!(rig.pulse.xruns.load(Ordering::Relaxed), 0);
}

#[test]
fn when_the_last_player_goes_all_that_the_card_was_given_is_heard() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 30);
    while rig.frames().len() < 30 {
        rig.run(MS * 10);
    }
    rig.run(MS * 20);
    rig.feed.desk.remove(1);
    assert!(!rig.feed.is_over());
    let mut waited = Duration::ZERO;
    while !rig.feed.is_over() {
        rig.run(MS * 5);
        waited += MS * 5;
    }
    assert!(waited < MS * 200, "{waited:?}");
    assert!(world.borrow().played >= 30 * FRAME_SAMPLES as u64);
}

#[test]
fn a_card_of_another_rate_hears_the_same_time() {
    let world = World::new(44_100, false);
    let mut rig = Rig::new(&world, 50);
    rig.run(MS * 3000);
    let left = world.borrow().left();
    let sound = left.iter().rposition(|x| x.abs() > 1e-4).expect("sound") + 1;
    // half a filter rings on behind the last sample
    assert!((44_100..44_140).contains(&sound), "{sound}");
    // in the middle of a frame, its own number: steps ring off within 64 taps
    for frame in 0..50 {
        let middle = left[frame * 882 + 441];
        let expected = (frame + 1) as f32 / 1000.0;
        assert!((middle - expected).abs() < 2e-5, "{middle} {expected}");
    }
}

#[test]
fn a_device_without_a_clock_is_fed_at_ours() {
    let world = World::new(48_000, false);
    world.borrow_mut().has_clock = false;
    let mut rig = Rig::new(&world, 100_000);
    rig.run(MS * 10_000);
    let seconds = world.borrow().given() as f64 / 48_000.0;
    assert!((10.0..10.5).contains(&seconds), "{seconds}");
}

#[test]
fn a_card_that_hangs_is_prepared_and_then_opened_anew() {
    let world = World::new(48_000, false);
    let mut rig = Rig::new(&world, 1000);
    rig.run(MS * 500);
    // its clock stands
    world.borrow_mut().halt();
    rig.run(MS * 1500);
    assert_eq!(rig.told(), [] as [&str; 0]);
    assert!(world.borrow().playing.is_some(), "prepared and started");
    assert_eq!(rig.pulse.xruns.load(Ordering::Relaxed), 1);
}
