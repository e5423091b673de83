//! Owns: what a player can say of how it is doing: its last gaps in words, its counters, a snapshot of its parts.
//! Never knows: JSON, or who asks.

pub use super::note::Underrun;

use super::{
    Player, Report,
    note::{Shown, State},
};
use crate::{
    frame::{Cause, Count, Gap},
    output::OutputStats,
    track::Track,
    units::FRAME_DURATION,
};
use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};
use url::Url;

/// Gaps that are remembered for a player; older ones are forgotten, but not uncounted.
const REMEMBERED: usize = 32;

/// The last gaps of a player, oldest first.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Underrun>);

impl History {
    /// A reader tells a gap, `now`. The end of one that was told before takes its place.
    pub(super) fn heard(&mut self, now: Instant, gap: &Gap, host: Option<&str>) -> Underrun {
        let length = frames(gap.frames);
        let mut underrun = Underrun {
            cause: gap.cause,
            began: now.checked_sub(length).unwrap_or(now),
            position: gap.position.to_millis(),
            length,
            is_over: gap.is_over,
            detail: words(gap, host),
        };
        let same = |last: &&Underrun| {
            !last.is_over && last.cause == underrun.cause && last.position == underrun.position
        };
        if let Some(begun) = self.0.back().filter(same) {
            underrun.began = begun.began;
            self.0.pop_back();
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(underrun.clone());
        underrun
    }
}

fn frames(count: u64) -> Duration {
    FRAME_DURATION * u32::try_from(count).unwrap_or(u32::MAX)
}

fn words(gap: &Gap, host: Option<&str>) -> String {
    let mut text = match gap.cause {
        Cause::SourceStalled => {
            let waited = frames(gap.waited).as_secs_f64();
            match host {
                Some(host) => format!("waited {waited:.1} s for bytes from {host}"),
                None => format!("waited {waited:.1} s for bytes"),
            }
        }
        Cause::DecodeLate => "the bytes were there, but no frame was made of them in time".into(),
        Cause::SchedulerLate => {
            let late = frames(gap.frames).as_millis();
            format!("the sending thread came {late} ms too late")
        }
        Cause::SendError => match gap.os_error {
            Some(number) => {
                let error = io::Error::from_raw_os_error(number);
                format!("the system did not take the packets: {error}")
            }
            None => "the system did not take the packets".into(),
        },
    };
    if gap.untold > 0 {
        text += &format!(" ({} gaps before it were counted only)", gap.untold);
    }
    text
}

/// The host that a track comes from; `None` for files.
pub(super) fn host(track: &Track) -> Option<String> {
    let address = track.info.uri.as_deref().unwrap_or(&track.info.identifier);
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(())?;
    url.host_str().map(str::to_owned)
}

/// What a listener has of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audible {
    /// There is no track.
    Idle,
    /// It is paused.
    Paused,
    /// There is no voice connection, and no device.
    Disconnected,
    /// The first frame is not there yet.
    Starting,
    /// Frames are being heard.
    Playing,
    /// No frame is ready: there is a gap, or about to be one.
    Starving,
}

/// A player at a moment.
#[derive(Debug)]
pub struct Diagnosis {
    /// What is heard.
    pub audible: Audible,
    /// Position, connection, ping.
    pub state: State,
    /// The current track.
    pub track: Option<Shown>,
    /// The host that it comes from; `None` for files.
    pub host: Option<String>,
    /// How its playback is doing.
    pub report: Option<Report>,
    /// What the voice connection has sent, or the device has been given: whichever the sound goes to.
    pub output: Option<OutputStats>,
    /// Gaps since the player was made.
    pub counts: [(Cause, Count); Cause::ALL.len()],
    /// The last gaps, the latest first.
    pub gaps: Vec<Underrun>,
}

impl Player {
    /// How it is doing.
    #[must_use]
    pub fn diagnosis(&self, now: Instant) -> Diagnosis {
        let (track, state) = self.look(now);
        let report = self.running.as_ref().map(|r| r.sound.report());
        Diagnosis {
            audible: self.audible(self.machine.is_heard()),
            state,
            host: track.as_ref().and_then(|shown| host(&shown.track)),
            track,
            report,
            output: self.heard_through().map(|output| output.stats()),
            counts: Cause::ALL.map(|cause| (cause, self.underruns.count(cause))),
            gaps: self.history.0.iter().rev().cloned().collect(),
        }
    }

    fn audible(&self, is_heard: bool) -> Audible {
        let Some(running) = &self.running else {
            return Audible::Idle;
        };
        if self.is_paused() {
            Audible::Paused
        } else if !is_heard {
            Audible::Disconnected
        } else if running.progress.counts().0 == 0 {
            Audible::Starting
        } else if running.ring.level() == 0 {
            Audible::Starving
        } else {
            Audible::Playing
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests begin at any moment")]
mod tests {
    use super::*;
    use crate::units::{Millis, Samples};

    fn gap(cause: Cause, frames: u64, is_over: bool) -> Gap {
        Gap {
            cause,
            position: Samples(48_000),
            frames,
            is_over,
            waited: frames + 20,
            os_error: None,
            untold: 0,
        }
    }

    #[test]
    fn a_gap_began_when_its_first_frame_was_missing() {
        let mut history = History::default();
        let now = Instant::now() + Duration::from_secs(60);
        let told = history.heard(now, &gap(Cause::SourceStalled, 40, true), Some("a.example"));
        assert_eq!(told.began, now - Duration::from_millis(800));
        assert_eq!(told.position, Millis(1000));
        assert_eq!(told.detail, "waited 1.2 s for bytes from a.example");
    }

    #[test]
    fn a_long_gap_is_one_entry_that_keeps_its_beginning() {
        let mut history = History::default();
        let start = Instant::now() + Duration::from_secs(60);
        let second = Duration::from_secs(1);
        history.heard(start + second, &gap(Cause::DecodeLate, 50, false), None);
        // told a little late
        history.heard(start + 4 * second, &gap(Cause::DecodeLate, 100, true), None);
        assert_eq!(history.0.len(), 1);
        assert_eq!((history.0[0].began, history.0[0].is_over), (start, true));
        assert_eq!(history.0[0].length, 2 * second);
    }

    #[test]
    fn only_the_last_gaps_are_remembered() {
        let mut history = History::default();
        let now = Instant::now() + Duration::from_secs(60);
        for frames in 1..=100 {
            history.heard(now, &gap(Cause::SendError, frames, true), None);
        }
        let lengths: Vec<_> = history.0.iter().map(|g| g.length).collect();
        assert_eq!(lengths.len(), 32);
        assert_eq!((lengths[0], lengths[31]), (frames(69), frames(100)));
    }

    #[test]
    fn causes_are_told_in_words() {
        let late = gap(Cause::SchedulerLate, 7, true);
        assert_eq!(
            words(&late, None),
            "the sending thread came 140 ms too late"
        );
        let lost = Gap {
            os_error: Some(libc::ENOBUFS),
            untold: 3,
            ..gap(Cause::SendError, 1, true)
        };
        let text = words(&lost, None);
        assert!(
            text.contains("(os error 105)")
                && text.ends_with("(3 gaps before it were counted only)"),
            "{text}"
        );
    }

    #[test]
    fn of_an_address_only_the_host_is_told() {
        let mut track = Track::sample("a", "http");
        track.info.uri = Some("https://user:secret@radio.example:8443/a.mp3?key=secret".into());
        assert_eq!(host(&track).as_deref(), Some("radio.example"));
        track.info.uri = Some("/music/a.mp3".into());
        assert_eq!(host(&track), None);
    }
}
