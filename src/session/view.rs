//! Owns: how players, what they tell, and how they are doing look on the wire, and what a client's filters mean for the sound.
//! Never knows: why something is told.

use super::seat::Now;
use crate::{
    dsp::{
        ChannelMixSpec, DistortionSpec, EqualizerSpec, FilterSpec, KaraokeSpec, LowPassSpec,
        RotationSpec, TimescaleSpec, TremoloSpec, VibratoSpec,
    },
    error::Failure,
    frame::{Cause, Count},
    player::{
        Activity, Device, Mode, User,
        diagnosis::{Audible, Diagnosis, Underrun},
        note::{DeviceState, EndReason, Lost, Note, Quality, Shown, State, VoiceTarget},
        outlet::Choice,
    },
    protocol::{
        diagnosis,
        filters::Filters,
        message,
        message::Event,
        message::Message,
        outputs::{self, Output, Outputs},
        plugins, rest,
    },
    track::codec,
    units::{FRAME_DURATION, GuildId},
};
use std::time::Duration;

/// A track with its current position, encoded anew (reference, 2.2).
pub(super) fn track(shown: &Shown) -> rest::Track {
    // only a source that made up a text above 64 KiB fails here, and nobody could decode that
    let encoded = codec::encode(&shown.track, shown.position.0).unwrap_or_else(|error| {
        tracing::warn!(%error, "a track cannot be encoded");
        String::new()
    });
    let mut track = rest::Track::new(encoded, &shown.track, (*shown.user_data).clone());
    track.info.position = shown.position.0;
    track.info.length = shown.length;
    // the encoded track keeps its own title; here clients expect anything
    if let Some(title) = &shown.stream_title {
        let title = title.to_string().into();
        track.plugin_info.insert("streamTitle".to_owned(), title);
    }
    track
}

/// A state at a Unix time in milliseconds.
pub(super) fn state(state: State, time: i64) -> rest::PlayerState {
    rest::PlayerState {
        time,
        position: state.position.0,
        connected: state.is_connected,
        ping: state.ping_ms.map_or(-1, i64::from),
    }
}

/// Voice data; blanks without.
pub(super) fn voice(target: Option<&VoiceTarget>) -> rest::VoiceState {
    target.map_or_else(rest::VoiceState::default, |target| rest::VoiceState {
        token: target.token.expose().to_owned(),
        endpoint: target.endpoint.clone(),
        session_id: target.session_id.clone(),
        channel_id: Some(target.channel_id.to_string()),
    })
}

/// What was said of where the sound goes; `None` when nothing was.
pub(super) fn output(choice: &Choice) -> Option<Output> {
    match choice {
        Choice::Unsaid => None,
        Choice::Discord => Some(Output::Discord),
        Choice::Device(name) => Some(Output::Alsa {
            device: Some(name.to_string()),
        }),
        Choice::Nothing => Some(Output::None),
    }
}

/// What can be played on.
pub(super) fn outputs(listed: Result<Vec<Device>, Failure>) -> Outputs {
    let (devices, problem) = match listed {
        Ok(devices) => (devices, None),
        Err(why) => (Vec::new(), Some(why.message)),
    };
    let types = if problem.is_none() {
        &["discord", "none", "alsa"][..]
    } else {
        &["discord", "none"]
    };
    let known = |numbers: Vec<u32>| Some(numbers).filter(|them| !them.is_empty());
    let device = |it: Device| outputs::Device {
        device: it.name,
        description: it.description,
        is_default: it.is_default,
        sample_rates: known(it.rates),
        channels: known(it.channels),
        in_use: it.in_use.map(|user| user != User::Nobody),
        players: match it.in_use {
            Some(User::Us(players)) => players,
            Some(User::Nobody | User::Other) | None => 0,
        },
        delay_ms: it.delay.map(millis),
    };
    Outputs {
        types: types.to_vec(),
        devices: devices.into_iter().map(device).collect(),
        problem,
    }
}

const fn reason(reason: EndReason) -> message::EndReason {
    match reason {
        EndReason::Finished => message::EndReason::Finished,
        EndReason::LoadFailed => message::EndReason::LoadFailed,
        EndReason::Stopped => message::EndReason::Stopped,
        EndReason::Replaced => message::EndReason::Replaced,
        EndReason::Cleanup => message::EndReason::Cleanup,
    }
}

/// A message for the client.
pub(super) fn message(guild_id: GuildId, note: Note, at: Now) -> Message {
    Message::Event(match note {
        Note::Update(now) => {
            return Message::PlayerUpdate {
                state: state(now, at.unix_ms),
                guild_id,
            };
        }
        Note::TrackStart(shown) => Event::TrackStart {
            guild_id,
            track: track(&shown),
        },
        Note::TrackEnd(shown, why) => Event::TrackEnd {
            guild_id,
            track: track(&shown),
            reason: reason(why),
        },
        Note::TrackException(shown, failure) => Event::TrackException {
            guild_id,
            track: track(&shown),
            exception: rest::Exception::from(&failure),
        },
        Note::TrackStuck(shown, after) => Event::TrackStuck {
            guild_id,
            track: track(&shown),
            threshold_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        },
        Note::VoiceClosed {
            code,
            reason,
            by_remote,
        } => Event::WebSocketClosed {
            guild_id,
            code,
            reason,
            by_remote,
        },
        Note::StreamTitle(title) => Event::StreamTitle {
            guild_id,
            title: title.text,
            url: title.url,
        },
        Note::StreamRejoined(rejoined) => Event::StreamRejoined {
            guild_id,
            reason: lost(rejoined.reason),
            attempts: rejoined.attempts,
            silent_ms: millis(rejoined.silent_for),
        },
        Note::LyricsFound(lyrics) => Event::LyricsFound {
            guild_id,
            lyrics: plugins::Lyrics::from(&*lyrics),
        },
        Note::LyricsNotFound => Event::LyricsNotFound { guild_id },
        Note::LyricsLine {
            index,
            line,
            is_skipped,
        } => Event::LyricsLine {
            guild_id,
            line_index: index,
            line: plugins::Line::from(&line),
            skipped: is_skipped,
        },
        Note::SegmentsLoaded(segments) => Event::SegmentsLoaded {
            guild_id,
            segments: segments.iter().map(plugins::Segment::from).collect(),
        },
        Note::SegmentSkipped(segment) => Event::SegmentSkipped {
            guild_id,
            segment: plugins::Segment::from(&segment),
        },
        Note::ChaptersLoaded(chapters) => Event::ChaptersLoaded {
            guild_id,
            chapters: chapters.iter().map(plugins::Chapter::from).collect(),
        },
        Note::ChapterStarted(chapter) => Event::ChapterStarted {
            guild_id,
            chapter: plugins::Chapter::from(&chapter),
        },
        Note::Device(device, state) => {
            let (state, message) = match state {
                DeviceState::Interrupted => (message::OutputState::Interrupted, None),
                DeviceState::Lost(why) => (message::OutputState::Lost, Some(why.message)),
                DeviceState::Back => (message::OutputState::Back, None),
            };
            Event::Output {
                guild_id,
                device: device.to_string(),
                state,
                message,
            }
        }
        Note::Underrun(underrun) => Event::Underrun {
            guild_id,
            gap: gap(underrun, at),
        },
    })
}

/// What a player says of a change of the node's quality.
pub(super) fn quality(guild_id: GuildId, is: Quality) -> Message {
    let cause = is.cause;
    Message::Event(Event::Quality {
        guild_id,
        ladder: is.ladder,
        level: is.level,
        last_level: is.last,
        cause: cause.map(|cause| cause.resource),
        reading: cause.map(|cause| tenths(cause.reading)),
        threshold: cause.map(|cause| tenths(cause.threshold)),
        refusing: is.is_refusing,
    })
}

/// A sensor tells no more than a tenth.
fn tenths(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

const fn lost(reason: Lost) -> message::Lost {
    match reason {
        Lost::Ended => message::Lost::Ended,
        Lost::Broken => message::Lost::Broken,
        Lost::Stalled => message::Lost::Stalled,
        Lost::Refused => message::Lost::Refused,
        Lost::Unreadable => message::Lost::Unreadable,
        Lost::Paused => message::Lost::Paused,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn gap(underrun: Underrun, now: Now) -> message::Gap {
    let ago = millis(now.at.saturating_duration_since(underrun.began));
    message::Gap {
        cause: match underrun.cause {
            Cause::SourceStalled => message::GapCause::SourceStalled,
            Cause::DecodeLate => message::GapCause::DecodeLate,
            Cause::SchedulerLate => message::GapCause::SchedulerLate,
            Cause::SendError => message::GapCause::SendError,
        },
        time: now.unix_ms.saturating_sub_unsigned(ago),
        position: underrun.position.0,
        length: millis(underrun.length),
        ended: underrun.is_over,
        detail: underrun.detail,
    }
}

/// How a player is doing.
pub(super) fn diagnosis(guild_id: GuildId, is: Diagnosis, now: Now) -> diagnosis::Diagnosis {
    let report = is.report;
    let media = report.and_then(|report| report.media);
    let mut underruns = diagnosis::Underruns::default();
    for (cause, Count { gaps, frames }) in is.counts {
        let count = match cause {
            Cause::SourceStalled => &mut underruns.source_stalled,
            Cause::DecodeLate => &mut underruns.decode_late,
            Cause::SchedulerLate => &mut underruns.scheduler_late,
            Cause::SendError => &mut underruns.send_error,
        };
        *count = diagnosis::Count {
            gaps,
            missing_ms: frames * millis(FRAME_DURATION),
        };
    }
    let state = state(is.state, now.unix_ms);
    let retries = report.map(|report| report.retries).unwrap_or_default();
    diagnosis::Diagnosis {
        guild_id,
        audible: audible(is.audible),
        output: is.output.map(|sent| diagnosis::Output {
            connected: state.connected,
            ping: state.ping,
            packets_sent: sent.sent,
            send_errors: sent.dropped,
        }),
        state,
        source: is.track.map(|shown| diagnosis::Source {
            title: shown.track.info.title.clone(),
            source_name: shown.track.info.source_name.clone(),
            host: is.host,
            container: media.map(|media| media.container.to_owned()),
            codec: media.map(|media| media.codec.to_owned()),
            sample_rate: media.map(|media| media.rate),
            channels: media.map(|media| media.channels),
            bitrate: report.and_then(|report| report.bitrate),
            read_ahead_bytes: report.map_or(0, |report| report.read_ahead_bytes),
            retries: retries.total(),
            retries_by: diagnosis::Retries {
                request: retries.requests,
                fragment: retries.fragments,
                resolve: retries.resolves,
            },
        }),
        producer: report.map(|report| diagnosis::Producer {
            activity: activity(report.activity),
            mode: report.mode.map(|mode| match mode {
                Mode::Passthrough => diagnosis::Mode::Passthrough,
                Mode::Transcode => diagnosis::Mode::Transcode,
            }),
            waiting_for_bytes_ms: report.waits.map(millis),
            frames_ready: report.frames,
            frames_max: report.frames_max,
        }),
        underruns,
        gaps: is.gaps.into_iter().map(|g| gap(g, now)).collect(),
    }
}

const fn audible(audible: Audible) -> diagnosis::Audible {
    match audible {
        Audible::Idle => diagnosis::Audible::Idle,
        Audible::Paused => diagnosis::Audible::Paused,
        Audible::Disconnected => diagnosis::Audible::Disconnected,
        Audible::Starting => diagnosis::Audible::Starting,
        Audible::Playing => diagnosis::Audible::Playing,
        Audible::Starving => diagnosis::Audible::Starving,
    }
}

const fn activity(activity: Activity) -> diagnosis::Activity {
    match activity {
        Activity::Opening => diagnosis::Activity::Opening,
        Activity::Seeking => diagnosis::Activity::Seeking,
        Activity::Running => diagnosis::Activity::Running,
        Activity::Drained => diagnosis::Activity::Drained,
        Activity::Failed => diagnosis::Activity::Failed,
    }
}

/// What the filters ask of the sound.
#[must_use]
pub fn spec(filters: &Filters) -> FilterSpec {
    FilterSpec {
        volume: filters.volume,
        equalizer: filters
            .equalizer
            .as_ref()
            .map(|bands| EqualizerSpec::from_bands(bands.iter().map(|b| (b.band, b.gain)))),
        karaoke: filters.karaoke.map(|k| KaraokeSpec {
            level: k.level,
            mono_level: k.mono_level,
            filter_band: k.filter_band,
            filter_width: k.filter_width,
        }),
        timescale: filters.timescale.map(|t| TimescaleSpec {
            speed: t.speed,
            pitch: t.pitch,
            rate: t.rate,
        }),
        tremolo: filters.tremolo.map(|t| TremoloSpec {
            frequency: t.frequency,
            depth: t.depth,
        }),
        vibrato: filters.vibrato.map(|v| VibratoSpec {
            frequency: v.frequency,
            depth: v.depth,
        }),
        distortion: filters.distortion.map(|d| DistortionSpec {
            sin_offset: d.sin_offset,
            sin_scale: d.sin_scale,
            cos_offset: d.cos_offset,
            cos_scale: d.cos_scale,
            tan_offset: d.tan_offset,
            tan_scale: d.tan_scale,
            offset: d.offset,
            scale: d.scale,
        }),
        rotation: filters.rotation.map(|r| RotationSpec {
            rotation_hz: r.rotation_hz,
        }),
        channel_mix: filters.channel_mix.map(|m| ChannelMixSpec {
            left_to_left: m.left_to_left,
            left_to_right: m.left_to_right,
            right_to_left: m.right_to_left,
            right_to_right: m.right_to_right,
        }),
        low_pass: filters.low_pass.map(|l| LowPassSpec {
            smoothing: l.smoothing,
        }),
    }
}
