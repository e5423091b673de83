//! Owns: tests of volume and filters that change while a track plays: how soon it is heard, that nothing clicks, and where
//! in the track it goes on.
//! Never knows: formulas of filters.

use super::*;
use crate::dsp::{
    ChannelMixSpec, DistortionSpec, EqualizerSpec, KaraokeSpec, LowPassSpec, RotationSpec,
    TimescaleSpec, TremoloSpec, VibratoSpec,
};
use std::f64::consts::TAU;

/// Frequency of [`chirp`] at its start, in Hz, and how much it grows in a second.
const CHIRP: (f64, f64) = (400.0, 400.0);
/// Frames taken before a wish: the ring is steady by then, and no wish comes at the beginning of anything.
pub(super) const BEFORE: usize = 14;
/// Frames looked at after it.
const AFTER: usize = 18;
/// How many of [`filters`] are no time-scale.
const FILTERS: usize = 10;

/// A tone that rises, so that its frequency tells the place in the track: a stereo WAV of 32-bit floats, the right channel
/// quieter and a quarter of a turn behind.
pub(super) fn chirp(seconds: usize) -> Vec<u8> {
    let wave = |i: usize, shift: f64| {
        let t = i as f64 / 48_000.0;
        (TAU * ((CHIRP.0 + CHIRP.1 * t / 2.0) * t - shift)).sin()
    };
    let data: Vec<u8> = (0..seconds * 48_000)
        .flat_map(|i| [0.25 * wave(i, 0.0), 0.15 * wave(i, 0.25)])
        .flat_map(|x| (x as f32).to_le_bytes())
        .collect();
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x03\0\x02\0");
    file.extend_from_slice(&48_000u32.to_le_bytes());
    file.extend_from_slice(&(48_000u32 * 8).to_le_bytes());
    file.extend_from_slice(b"\x08\0\x20\0data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    file
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wish {
    volume: u16,
    filters: FilterSpec,
}

pub(super) fn wish(filters: FilterSpec) -> Wish {
    Wish {
        volume: 100,
        filters,
    }
}

fn loudness(volume: u16) -> Wish {
    Wish {
        volume,
        filters: none(),
    }
}

pub(super) fn none() -> FilterSpec {
    FilterSpec::default()
}

fn scale(speed: f64, pitch: f64, rate: f64) -> FilterSpec {
    FilterSpec {
        timescale: Some(TimescaleSpec { speed, pitch, rate }),
        ..none()
    }
}

pub(super) fn factor(filters: &FilterSpec) -> f64 {
    filters.timescale.map_or(1.0, |t| t.speed * t.rate)
}

fn pitch(filters: &FilterSpec) -> f64 {
    filters.timescale.map_or(1.0, |t| t.pitch * t.rate)
}

/// Two settings of each filter.
pub(super) fn filters() -> Vec<(&'static str, FilterSpec, FilterSpec)> {
    let eq = |bands: &[(u8, f32)]| FilterSpec {
        equalizer: Some(EqualizerSpec::from_bands(bands.iter().copied())),
        ..none()
    };
    let tremolo = |frequency, depth| FilterSpec {
        tremolo: Some(TremoloSpec { frequency, depth }),
        ..none()
    };
    let vibrato = |frequency, depth| FilterSpec {
        vibrato: Some(VibratoSpec { frequency, depth }),
        ..none()
    };
    let karaoke = |level| FilterSpec {
        karaoke: Some(KaraokeSpec {
            level,
            ..Default::default()
        }),
        ..none()
    };
    let distortion = |scale| FilterSpec {
        distortion: Some(DistortionSpec {
            scale,
            cos_offset: 0.5,
            ..Default::default()
        }),
        ..none()
    };
    let rotation = |rotation_hz| FilterSpec {
        rotation: Some(RotationSpec { rotation_hz }),
        ..none()
    };
    let mix = |left_to_right| FilterSpec {
        channel_mix: Some(ChannelMixSpec {
            left_to_right,
            ..Default::default()
        }),
        ..none()
    };
    let low_pass = |smoothing| FilterSpec {
        low_pass: Some(LowPassSpec { smoothing }),
        ..none()
    };
    let volume = |volume| FilterSpec {
        volume: Some(volume),
        ..none()
    };
    vec![
        ("volume", volume(0.5), volume(1.3)),
        (
            "equalizer",
            eq(&[(4, 0.5), (5, -0.2)]),
            eq(&[(5, 0.4), (6, -0.2)]),
        ),
        ("karaoke", karaoke(0.6), karaoke(1.0)),
        ("tremolo", tremolo(6.0, 0.9), tremolo(6.0, 0.4)),
        ("tremolo's frequency", tremolo(6.0, 0.9), tremolo(9.0, 0.9)),
        ("vibrato", vibrato(5.0, 0.9), vibrato(5.0, 0.3)),
        ("distortion", distortion(1.0), distortion(0.6)),
        ("rotation", rotation(2.0), rotation(3.0)),
        ("channel mix", mix(0.5), mix(1.0)),
        ("low pass", low_pass(10.0), low_pass(40.0)),
        ("speed", scale(1.25, 1.0, 1.0), scale(0.8, 1.0, 1.0)),
        ("half speed", scale(0.5, 1.0, 1.0), scale(2.0, 1.0, 1.0)),
        ("pitch", scale(1.0, 1.2, 1.0), scale(1.0, 0.8, 1.0)),
        ("rate", scale(1.0, 1.0, 1.2), scale(1.0, 1.0, 0.9)),
        (
            "nightcore",
            scale(1.165, 1.125, 1.05),
            scale(0.85, 0.9, 1.0),
        ),
    ]
}

/// Modulation beside other filters: its phase must not jump when they change.
fn modulated(filters: FilterSpec) -> FilterSpec {
    FilterSpec {
        tremolo: Some(TremoloSpec {
            frequency: 7.0,
            depth: 0.8,
        }),
        vibrato: Some(VibratoSpec {
            frequency: 5.0,
            depth: 0.7,
        }),
        rotation: Some(RotationSpec { rotation_hz: 1.5 }),
        ..filters
    }
}

/// What is changed to what.
pub(super) type Change = (String, Wish, Wish);

pub(super) fn changes_of_volume() -> Vec<Change> {
    let mut all = vec![
        ("100 to 40".to_owned(), loudness(100), loudness(40)),
        ("40 to 150".to_owned(), loudness(40), loudness(150)),
        ("40 to 100".to_owned(), loudness(40), loudness(100)),
    ];
    for (name, filters) in [
        ("modulation", modulated(none())),
        ("half speed", scale(0.5, 1.0, 1.0)),
        ("nightcore", modulated(scale(1.165, 1.125, 1.05))),
    ] {
        let (volume, quiet) = (60, filters.clone());
        let quiet = Wish {
            volume,
            filters: quiet,
        };
        all.push((format!("down under {name}"), wish(filters), quiet));
    }
    all
}

/// Each filter comes, changes, and goes.
pub(super) fn changes_of_filters(all: Vec<(&'static str, FilterSpec, FilterSpec)>) -> Vec<Change> {
    let each = |(name, one, other): (&str, FilterSpec, FilterSpec)| {
        [
            (format!("{name} on"), wish(none()), wish(one.clone())),
            (format!("{name} changed"), wish(one.clone()), wish(other)),
            (format!("{name} off"), wish(one), wish(none())),
        ]
    };
    all.into_iter().flat_map(each).collect()
}

/// Filters beside others that stay.
fn changes_in_company() -> Vec<Change> {
    let (all, mut changes) = (filters(), Vec::new());
    for (name, one, other) in &all[..FILTERS] {
        let among = |spec: &FilterSpec| {
            wish(FilterSpec {
                timescale: scale(1.25, 1.1, 1.0).timescale,
                ..spec.clone()
            })
        };
        changes.push((
            format!("{name} changed at speed 1.25"),
            among(one),
            among(other),
        ));
    }
    for (name, one, other) in all.iter().filter(|(name, ..)| {
        ["volume", "equalizer", "low pass", "half speed", "nightcore"].contains(name)
    }) {
        let among = |spec: &FilterSpec| wish(modulated(spec.clone()));
        changes.push((
            format!("{name} on among modulation"),
            among(&none()),
            among(one),
        ));
        changes.push((
            format!("{name} changed among modulation"),
            among(one),
            among(other),
        ));
        changes.push((
            format!("{name} off among modulation"),
            among(one),
            among(&none()),
        ));
    }
    changes
}

/// What the listener gets: [`BEFORE`] frames, then the wish, then [`AFTER`] more.
pub(super) fn listen(
    file: &[u8],
    format: FrameFormat,
    first: &Wish,
    then: Option<&Wish>,
) -> Vec<(Vec<u8>, Samples)> {
    let mut run = start_filtered(
        file.to_vec(),
        format,
        Samples::ZERO,
        first.volume,
        first.filters.clone(),
    );
    run.wait_until_full();
    let mut frames = Vec::new();
    for n in 0..BEFORE {
        frames.push(run.frame().expect("sound"));
        if n % 5 == 4 && n + 1 < BEFORE {
            // 16 frames wait: more than half a ring, so nobody has been woken
            run.playback.waker.wake();
            run.wait_until_full();
        }
    }
    if let Some(then) = then {
        run.playback.wish(|wishes| {
            wishes.volume = then.volume;
            wishes.filters = then.filters.clone();
        });
    } else {
        run.playback.waker.wake();
    }
    // full again means that they were made anew
    run.wait_until_full();
    frames.extend((0..AFTER).map(|_| run.frame().expect("sound")));
    frames
}

/// The samples of each frame, left and right.
pub(super) fn sound(frames: &[(Vec<u8>, Samples)], format: FrameFormat) -> [Vec<f32>; 2] {
    let mut decoder = opus2::Decoder::new(48_000, opus2::Channels::Stereo).expect("memory");
    let mut out = [Vec::new(), Vec::new()];
    for (frame, _) in frames {
        let mut pcm = [0f32; FRAME_SAMPLES * 2];
        match format {
            FrameFormat::Pcm => {
                for (x, bytes) in pcm.iter_mut().zip(frame.chunks_exact(4)) {
                    *x = f32::from_le_bytes(bytes.try_into().expect("four bytes"));
                }
            }
            FrameFormat::Opus => {
                decoder
                    .decode_float(frame, &mut pcm, false)
                    .expect("a good packet");
            }
        }
        for pair in pcm.chunks_exact(2) {
            out[0].push(pair[0]);
            out[1].push(pair[1]);
        }
    }
    out
}

/// The sharpest bend between samples `from` and `to`: a click is a bend far beyond those of the tones in it.
pub(super) fn bend(sound: &[Vec<f32>; 2], from: usize, to: usize) -> f32 {
    sound
        .iter()
        .flat_map(|channel| channel[from..to].windows(3))
        .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
        .fold(0.0, f32::max)
}

/// How much the frame differs, against its own loudness.
fn difference(a: &[Vec<f32>; 2], b: &[Vec<f32>; 2], frame: usize) -> f64 {
    let range = frame * FRAME_SAMPLES..(frame + 1) * FRAME_SAMPLES;
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        (0..2)
            .flat_map(|c| a[c][range.clone()].iter().zip(&b[c][range.clone()]))
            .map(|(x, y)| f(f64::from(*x), f64::from(*y)).powi(2))
            .sum()
    };
    (sum(&|x, y| x - y) / sum(&|_, y| y).max(1e-9)).sqrt()
}

/// Where in the track the sound of a frame lies, in samples, by its frequency; the left channel's.
fn place(sound: &[Vec<f32>; 2], frame: usize, filters: &FilterSpec) -> f64 {
    let samples = &sound[0][frame * FRAME_SAMPLES..(frame + 1) * FRAME_SAMPLES];
    let rises: Vec<f64> = samples
        .windows(2)
        .enumerate()
        .filter(|(_, w)| w[0] < 0.0 && w[1] >= 0.0)
        .map(|(n, w)| n as f64 + f64::from(w[0] / (w[0] - w[1])))
        .collect();
    let (first, last) = (rises[0], rises[rises.len() - 1]);
    let hz = (rises.len() - 1) as f64 / (last - first) * 48_000.0 / pitch(filters);
    let middle = (hz - CHIRP.0) / CHIRP.1 * 48_000.0;
    middle - (first + last) / 2.0 * factor(filters)
}

/// Makes the changes while a track plays and looks at what is heard.
fn check(changes: Vec<Change>) {
    let (file, format) = (chirp(3), FrameFormat::Pcm);
    let mut wrong = Vec::new();
    let mut plain: Vec<(Wish, [Vec<f32>; 2])> = Vec::new();
    for (name, first, then) in changes {
        let changed = listen(&file, format, &first, Some(&then));
        let heard = sound(&changed, format);
        if plain.iter().all(|(wish, _)| *wish != first) {
            let sound = sound(&listen(&file, format, &first, None), format);
            plain.push((first.clone(), sound));
        }
        let known = plain.iter().find(|(wish, _)| *wish == first);
        let same = &known.expect("put there if it was missing").1;
        // Another tempo is heard by where in the track the sound is; in between it is the same sound.
        if pitch(&first.filters) != pitch(&then.filters)
            || factor(&first.filters) == factor(&then.filters)
        {
            let late = (BEFORE..BEFORE + AFTER).position(|n| difference(&heard, same, n) > 0.01);
            if late.is_none_or(|frames| frames > 1) {
                wrong.push(format!("{name}: heard with frame {late:?}"));
            }
        }
        let edge = BEFORE * FRAME_SAMPLES;
        let usual = bend(same, edge / 2, edge).max(bend(&heard, edge + 7_200, edge + 14_400));
        let at_change = bend(&heard, edge - 960, edge + 7_200);
        if at_change > 1.5 * usual + 5e-4 {
            wrong.push(format!("{name}: bends by {at_change}, usually {usual}"));
        }
        let (old, new) = (factor(&first.filters), factor(&then.filters));
        for (n, pair) in changed.windows(2).enumerate().skip(BEFORE - 5) {
            let step = pair[1].1.0 as f64 - pair[0].1.0 as f64;
            // one frame is left alone, from the next one on the pace is the new one; 10 ms may be left out or doubled
            let (least, most) = match n {
                _ if n < BEFORE => (960.0 * old, 960.0 * old),
                _ if n < BEFORE + 2 => (
                    960.0 * old.min(new) - 480.0 * new,
                    960.0 * old.max(new) + 480.0 * new,
                ),
                _ => (960.0 * new, 960.0 * new),
            };
            if step < least - 2.0 || step > most + 2.0 {
                wrong.push(format!("{name}: frame {n} is {step} samples long"));
            }
            // Within a piece of 90 ms sound runs at the old tempo: at half speed up to 20 ms from where it should be, and
            // 12 ms by the choice of the piece.
            let is_pure = then.filters.vibrato.is_none()
                && then.filters.distortion.is_none()
                && then.filters.rotation.is_none();
            if is_pure && n > BEFORE + 1 {
                let off = (place(&heard, n, &then.filters) - pair[0].1.0 as f64).abs() / 48.0;
                if off > 40.0 {
                    wrong.push(format!("{name}: frame {n} lies {off} ms from its position"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_volume_is_heard_with_the_second_frame_and_does_not_click() {
    check(changes_of_volume());
}

#[test]
fn a_filter_is_heard_with_the_second_frame_and_does_not_click() {
    let mut all = filters();
    all.truncate(FILTERS);
    check(changes_of_filters(all));
}

#[test]
fn a_time_scale_is_heard_with_the_second_frame_and_does_not_click() {
    check(changes_of_filters(filters().split_off(FILTERS)));
}

#[test]
fn filters_that_stay_go_on_while_others_change() {
    check(changes_in_company());
}

/// Settings under which positions are told as in Lavalink.
fn as_heard() -> Settings {
    Settings {
        timescale_position: TimescalePosition::Output,
        ..Settings::default()
    }
}

#[test]
fn positions_and_the_limit_are_in_the_tracks_own_time() {
    for (speed, frames) in [(2.0, 25), (0.5, 100)] {
        let mut run = start_filtered(
            chirp(2),
            FrameFormat::Pcm,
            Samples::ZERO,
            100,
            scale(speed, 1.0, 1.0),
        );
        run.playback.progress().set_limit(Some(Samples(48_000)));
        let heard = run.rest();
        assert_eq!(
            heard.len(),
            frames,
            "a second of the track at speed {speed}"
        );
        for (n, (_, at)) in heard.iter().enumerate() {
            let want = n as f64 * 960.0 * speed;
            assert!((at.0 as f64 - want).abs() <= 2.0, "frame {n} at {at:?}");
        }
    }
}

#[test]
fn positions_and_the_limit_count_what_is_heard_if_asked_for() {
    // reference R.1.33: at speed 2 an end time of 3 s comes after 6 s of the track, here 1 s after 2 s
    let mut run = start_with(as_heard(), chirp(3), scale(2.0, 1.0, 1.0));
    run.playback.progress().set_limit(Some(Samples(48_000)));
    let heard = run.rest();
    assert_eq!(heard.len(), 50);
    let in_step = |(n, (_, at)): (usize, &(Vec<u8>, Samples))| at.0 == n as u64 * 960;
    assert!(heard.iter().enumerate().all(in_step));
    let place = place(&sound(&heard, FrameFormat::Pcm), 48, &scale(2.0, 1.0, 1.0));
    assert!((place - 48.0 * 1_920.0).abs() < 40.0 * 48.0, "{place}");

    // and a track of 2 s at rate 2 ends at 1 s
    let mut run = start_with(as_heard(), chirp(2), scale(1.0, 1.0, 2.0));
    assert_eq!(run.rest().last().map(|(_, at)| at.0), Some(49 * 960));
    assert_eq!(run.playback.progress().position(), Samples(48_000));
}

#[test]
fn as_heard_positions_go_on_over_changes_and_begin_anew_with_a_seek() {
    let mut run = start_with(as_heard(), chirp(4), scale(2.0, 1.0, 1.0));
    run.wait_until_full();
    let mut at: Vec<u64> = (0..5).map(|_| run.frame().expect("sound").1.0).collect();
    run.playback.set_filters(none());
    run.wait_until_full();
    at.extend((0..30).map(|_| run.frame().expect("sound").1.0));
    assert!(at.iter().enumerate().all(|(n, at)| *at == n as u64 * 960));
    run.playback.seek(Samples(96_000));
    let there = std::iter::from_fn(|| run.frame())
        .find(|(_, at)| at.0 >= 96_000)
        .expect("it arrives");
    assert_eq!(there.1, Samples(96_000));
}
