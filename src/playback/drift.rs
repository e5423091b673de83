//! Owns: what is done about a station whose clock is not ours: when a frame is left out, and when one is put in.
//! Never knows: how sound is made, or where bytes come from.
//!
//! A station sends by its own clock, the listener hears by Discord's: with 100 parts in a million between them, an hour
//! brings 0.36 s too much or too little. Too little, and what is ahead runs dry now and then; too much, and it fills the window,
//! the connection and the server's queue, until the server hangs up. So a frame of 20 ms is put in or left out now and then,
//! where it is quiet; in music without any quiet, frames are put in anyway before it runs dry, and none are left out, because
//! that can wait for hours. Whole frames fit the grid of Opus packets, so that these are passed on all the time between: only
//! to put a frame in are they decoded, and left out is one that is silent by its size, behind another such. Where an
//! encoder makes no small packets of silence, none is: a server that hangs up in the end is joined again.
//!
//! Time is counted in frames made, which is the clock of the output: Discord's, or that of a sound card.

/// Seconds ahead below which frames are put in, if so many find room; also what is waited for before the first frame.
pub(super) const CUSHION: f32 = 1.0;
/// Frames after which it is looked anew, by the least that was ahead in this time: 10 s. Stations send in bursts.
const PERIOD: u32 = 500;
/// The most that is put in, in frames for each frame made, when nothing is left ahead.
const MAX_PUT_IN: f32 = 0.001;
/// What is left out while the window is full.
const LEFT_OUT: f32 = 0.0004;
/// The most that is saved up for the next quiet place, in frames.
const MAX_OWED: f32 = 25.0;
/// Frames between two changes: a pause of a second is not used up by them.
const APART: u32 = 3;
/// The highest level that counts as quiet: -50 dB.
const QUIET: f32 = 0.003;

/// What is to be done with the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Leave one out.
    LeaveOut,
    /// Put one in.
    PutIn,
}

/// The decisions of one playback.
#[derive(Debug)]
pub(super) struct Drift {
    /// Frames of this period.
    frames: u32,
    least_ahead: f32,
    was_always_full: bool,
    /// Frames to leave out for each frame made; negative: to put in.
    rate: f32,
    owed: f32,
    /// How near it is to running dry: 0 at the cushion, 1 with nothing ahead.
    urgency: f32,
    since_change: u32,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            frames: 0,
            least_ahead: f32::INFINITY,
            was_always_full: true,
            rate: 0.0,
            owed: 0.0,
            urgency: 0.0,
            since_change: 0,
        }
    }
}

impl Drift {
    /// A frame has been made, with so many seconds ahead of it that have arrived. The window takes as much as lasts `room`
    /// seconds; `is_full`: it takes no more.
    pub(super) fn made(&mut self, ahead: f32, room: f32, is_full: bool) {
        self.least_ahead = self.least_ahead.min(ahead);
        self.was_always_full &= is_full;
        self.frames += 1;
        self.since_change = self.since_change.saturating_add(1);
        if self.frames == PERIOD {
            // with half of the room there is as much to lose on either side
            let cushion = CUSHION.min(room / 2.0);
            self.urgency = (1.0 - self.least_ahead / cushion).max(0.0);
            self.rate = if self.was_always_full {
                LEFT_OUT
            } else {
                -MAX_PUT_IN * self.urgency
            };
            if self.rate == 0.0 {
                self.owed = 0.0;
            }
            self.frames = 0;
            self.least_ahead = f32::INFINITY;
            self.was_always_full = true;
        }
        self.owed = (self.owed + self.rate).clamp(-MAX_OWED, MAX_OWED);
    }

    /// What is to be done as soon as it is quiet enough.
    pub(super) fn wish(&self) -> Option<Change> {
        if self.since_change < APART {
            None
        } else if self.owed >= 1.0 {
            Some(Change::LeaveOut)
        } else if self.owed <= -1.0 {
            Some(Change::PutIn)
        } else {
            None
        }
    }

    /// Whether sound whose highest level is `peak` (nominal 1) is quiet enough for it. With half of the cushion gone, any is.
    pub(super) fn is_quiet(&self, change: Change, peak: f32) -> bool {
        match change {
            Change::LeaveOut => peak <= QUIET,
            Change::PutIn => {
                // -50 dB rises to 0 dB
                peak <= QUIET * 10f32.powf(2.5 * (2.0 * self.urgency).min(1.0))
                    || self.urgency >= 0.5
            }
        }
    }

    /// It was done.
    pub(super) fn done(&mut self, change: Change) {
        self.since_change = 0;
        self.owed += match change {
            Change::LeaveOut => -1.0,
            Change::PutIn => 1.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f64 = 0.02;
    /// What the window holds, in seconds: 128 KiB at 128 kbit/s.
    const WINDOW: f64 = 8.2;
    /// The same at 1.5 Mbit/s, as FLAC has.
    const SMALL_WINDOW: f64 = 0.7;

    struct Outcome {
        underruns: u32,
        /// The longest way from the station to the listener in the last hour, and at the beginning.
        latency: f64,
        first_latency: f64,
        changes: u32,
        loudest: f32,
    }

    /// A station whose clock is off by so many parts in a million, over so many hours. It sends `burst` seconds at once, and
    /// then every second what it has. A song lasts three minutes and ends in a second of silence, if `has_pauses`.
    fn listen(off: f64, burst: f64, hours: u32, has_pauses: bool, is_controlled: bool) -> Outcome {
        listen_through(WINDOW, off, burst, hours, has_pauses, is_controlled)
    }

    /// The same through a window that holds so many seconds.
    fn listen_through(
        window: f64,
        off: f64,
        burst: f64,
        hours: u32,
        has_pauses: bool,
        is_controlled: bool,
    ) -> Outcome {
        let mut drift = Drift::default();
        let (mut sent, mut heard) = (burst.max(f64::from(CUSHION)), 0.0);
        let mut outcome = Outcome {
            underruns: 0,
            latency: 0.0,
            first_latency: sent,
            changes: 0,
            loudest: 0.0,
        };
        let frames = hours * 3600 * 50;
        for frame in 0..frames {
            if frame % 50 == 49 {
                sent += 1.0 + off * 1e-6;
            }
            let ahead = (sent - heard).min(window);
            if ahead < FRAME {
                outcome.underruns += 1;
                continue;
            }
            heard += FRAME;
            drift.made((ahead - FRAME) as f32, window as f32, ahead > window * 0.75);
            let in_song = heard % 180.0;
            let peak = if has_pauses && in_song > 179.0 {
                0.001
            } else {
                0.5
            };
            let change = drift.wish().filter(|_| is_controlled);
            if let Some(change) = change.filter(|change| drift.is_quiet(*change, peak)) {
                drift.done(change);
                outcome.changes += 1;
                outcome.loudest = outcome.loudest.max(peak);
                heard += match change {
                    Change::LeaveOut => FRAME,
                    Change::PutIn => -FRAME,
                };
            }
            if frame + 3600 * 50 > frames {
                outcome.latency = outcome.latency.max(sent - heard);
            }
        }
        outcome
    }

    #[test]
    fn ten_hours_of_a_slow_station_do_not_run_dry_and_without_this_they_do() {
        for (burst, has_pauses) in [(0.0, true), (0.0, false), (4.0, true), (4.0, false)] {
            let with = listen(-200.0, burst, 10, has_pauses, true);
            assert_eq!(with.underruns, 0, "{burst} {has_pauses}");
            // 7.2 s are missing, of which the burst brings some
            assert!(with.changes < 450, "{}", with.changes);
            assert!(listen(-200.0, burst, 10, has_pauses, false).underruns > 0);
        }
        assert!(listen(-200.0, 4.0, 10, true, true).loudest < QUIET);
    }

    #[test]
    fn ten_hours_of_a_fast_station_stay_near_and_without_this_they_do_not() {
        for burst in [0.0, 4.0, 8.0] {
            let with = listen(200.0, burst, 10, true, true);
            assert_eq!(with.underruns, 0);
            // one that sends nothing ahead is given a cushion first
            assert!(burst == 0.0 || with.loudest < QUIET);
            assert!(with.latency < WINDOW + 1.0, "{burst}: {}", with.latency);
            let without = listen(200.0, burst, 24, true, false);
            assert!(
                without.latency > WINDOW + 1.0 && without.latency > without.first_latency + 10.0
            );
        }
    }

    #[test]
    fn a_window_that_holds_less_than_the_cushion_is_no_reason_to_put_frames_in() {
        let with = listen_through(SMALL_WINDOW, 0.0, 2.0, 10, true, true);
        assert_eq!(with.underruns, 0);
        // of the 2 s, what is behind the window's mark of three quarters is left out once: 75 frames or fewer
        assert!(with.changes <= 75, "{}", with.changes);
        assert!(with.loudest < QUIET, "{}", with.loudest);
        for off in [-200.0, 200.0] {
            let with = listen_through(SMALL_WINDOW, off, 2.0, 10, true, true);
            assert_eq!(with.underruns, 0, "{off}");
            // 7.2 s, and the burst
            assert!(with.changes < 450, "{off}: {}", with.changes);
        }
    }

    #[test]
    fn a_station_of_our_own_clock_is_left_alone() {
        for burst in [2.0, 4.0] {
            assert_eq!(listen(0.0, burst, 10, true, true).changes, 0);
        }
    }
}
