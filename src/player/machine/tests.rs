//! Owns: what a player must do, case by case: the rows of reference 1.4, the steps of 2.6, the findings of R.1.
//! Never knows: anything that runs.

mod change;
mod outlet;
mod places;
mod track;
mod voice;

use super::*;
use crate::{
    player::note::{DeviceState, Lost, Rejoined, Title, UserData},
    track::Track,
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
    bench_with(None)
}

/// A machine whose configuration names a device.
fn bench_with(device: Option<&str>) -> Bench {
    let at = Instant::now();
    Bench {
        machine: Machine::new(Settings {
            update_every: Duration::from_secs(5),
            stuck_after: Duration::from_secs(10),
            device: device.map(Arc::from),
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
    Track::sample(name, "http")
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
            if s.is_connected && s.ping_ms.is_none() {
                text += " on a device";
            }
            text
        }
        Effect::Tell(Note::Device(name, DeviceState::Lost(why))) => format!("lost {name}: {why}"),
        Effect::Tell(Note::Device(name, state)) => format!("{state:?} {name}").to_lowercase(),
        Effect::OpenDevice { name, .. } => format!("[open device {name}]"),
        Effect::UseDevice => "[use device]".into(),
        Effect::CloseDevice => "[close device]".into(),
        Effect::DropDevice => "[drop device]".into(),
        Effect::Reroute => "[reroute]".into(),
        Effect::Tell(Note::LyricsFound(_)) => "lyrics found".into(),
        Effect::Tell(Note::LyricsNotFound) => "no lyrics".into(),
        Effect::Tell(Note::LyricsLine {
            index, is_skipped, ..
        }) => format!("line {index}{}", if *is_skipped { " skipped" } else { "" }),
        Effect::Tell(Note::SegmentsLoaded(all)) => {
            all.iter().fold("segments".to_owned(), |all, it| {
                format!("{all} {}-{}", it.start.0, it.end.0)
            })
        }
        Effect::Tell(Note::SegmentSkipped(it)) => format!("skipped {}-{}", it.start.0, it.end.0),
        Effect::Tell(Note::ChaptersLoaded(all)) => format!("chapters {}", all.len()),
        Effect::Tell(Note::ChapterStarted(it)) => format!("chapter {}", it.name),
        Effect::FindLyrics {
            skip_track_source, ..
        } => format!("[find lyrics {skip_track_source}]"),
        Effect::FindMarks { categories, .. } => format!("[find marks {categories:?}]"),
        Effect::Tell(Note::StreamTitle(title)) => format!("title {:?}", title.text),
        Effect::Tell(Note::StreamRejoined(r)) => format!("rejoined {:?} {}", r.reason, r.attempts),
        Effect::Tell(Note::Underrun(u)) => format!("underrun {:?}", u.cause),
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
