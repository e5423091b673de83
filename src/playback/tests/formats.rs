//! Owns: tests of playbacks whose frames become others under way, because another output takes them.
//! Never knows: outputs.

use super::{passing::opus, *};

const FRAME: u64 = FRAME_SAMPLES as u64;

/// Waits until no more is made: more than half of a ring of 21 frames is there.
fn wait_until_stocked(run: &Run) {
    until(|| run.reader.level() > 10);
}

/// Goes over to another format while frames wait, and drops the reader before.
fn change(run: &mut Run, format: FrameFormat) {
    wait_until_stocked(run);
    run.reader = run.playback.change_format(format);
}

/// The left channel of samples.
fn left(frames: &[(Vec<u8>, Samples)]) -> Vec<f32> {
    let bytes = frames.iter().flat_map(|(frame, _)| frame.chunks_exact(8));
    bytes
        .map(|pair| f32::from_le_bytes(pair[..4].try_into().expect("four")))
        .collect()
}

fn hear(run: &mut Run, frames: u64, from: u64) {
    for n in from..from + frames {
        let (_, at) = run.frame().expect("it goes on");
        assert_eq!(at, Samples(n * FRAME));
    }
}

#[test]
fn samples_go_on_where_packets_were_left_and_none_is_missing() {
    let mut run = start(wav(96_000, 48_000), FrameFormat::Opus, Samples::ZERO, 100);
    hear(&mut run, 20, 0);
    change(&mut run, FrameFormat::Pcm);
    assert_eq!(run.playback.progress().position(), Samples(20 * FRAME));
    let rest = run.rest();
    assert_eq!(rest[0].1, Samples(20 * FRAME));
    let heard = left(&rest);
    let expected: Vec<f32> = (20 * FRAME_SAMPLES..96_000)
        .map(|i| f32::from(ramp(i)) / 32_768.0)
        .collect();
    assert_eq!(heard, expected);
}

#[test]
fn it_is_the_same_at_the_end_when_everything_has_been_made() {
    let mut run = start(wav(24_000, 48_000), FrameFormat::Opus, Samples::ZERO, 100);
    // what is left fits into the ring, however the two threads took turns
    hear(&mut run, 16, 0);
    until(|| run.playback.report().activity == Activity::Drained);
    run.reader = run.playback.change_format(FrameFormat::Pcm);
    let heard = left(&run.rest());
    let expected: Vec<f32> = (16 * FRAME_SAMPLES..24_000)
        .map(|i| f32::from(ramp(i)) / 32_768.0)
        .collect();
    assert_eq!(heard[..expected.len()], expected);
    // what the encoder would have needed to come to its end
    assert!(heard[expected.len()..].iter().all(|x| *x == 0.0) && heard.len() < 24_000);
}

#[test]
fn there_and_back_at_once_loses_nothing_either() {
    let mut run = start(wav(96_000, 48_000), FrameFormat::Pcm, Samples::ZERO, 100);
    hear(&mut run, 12, 0);
    change(&mut run, FrameFormat::Opus);
    let unheard = run.playback.change_format(FrameFormat::Pcm);
    run.reader = unheard;
    hear(&mut run, 12, 12);
    change(&mut run, FrameFormat::Opus);
    hear(&mut run, 76, 24);
}

#[test]
fn packets_that_are_passed_on_become_samples_and_packets_again() {
    let file = opus();
    let mut plain = start(file.clone(), FrameFormat::Opus, Samples::ZERO, 100);
    let packets = plain.rest();
    let mut run = start(file, FrameFormat::Opus, Samples::ZERO, 100);
    let mut at = Vec::new();
    for _ in 0..20 {
        at.push(run.frame().expect("a packet").1);
    }
    change(&mut run, FrameFormat::Pcm);
    for _ in 0..20 {
        let (frame, position) = run.frame().expect("samples");
        assert_eq!(frame.len(), PCM_FRAME_BYTES);
        at.push(position);
    }
    change(&mut run, FrameFormat::Opus);
    let rest = run.rest();
    at.extend(rest.iter().map(|(_, at)| *at));
    let expected: Vec<Samples> = packets.iter().map(|(_, at)| *at).collect();
    assert_eq!(at, expected);
    // three frames for the listener's decoder, then the file's own
    assert_eq!(rest[4..], packets[44..]);
}

#[test]
fn a_seek_under_way_arrives_in_the_new_format() {
    let mut run = start(wav(480_000, 48_000), FrameFormat::Opus, Samples::ZERO, 100);
    hear(&mut run, 5, 0);
    wait_until_stocked(&run);
    run.playback.seek(Samples(240_000));
    run.reader = run.playback.change_format(FrameFormat::Pcm);
    let (frame, at) = run.frame().expect("it goes on");
    assert_eq!((frame.len(), at), (PCM_FRAME_BYTES, Samples(240_000)));
}

#[test]
fn what_has_failed_is_over_in_any_format() {
    let mut run = start(vec![0; 100], FrameFormat::Opus, Samples::ZERO, 100);
    until(|| run.playback.report().activity == Activity::Failed);
    run.reader = run.playback.change_format(FrameFormat::Pcm);
    assert_eq!(run.frame(), None);
}

#[test]
fn a_change_before_the_first_frame_counts_from_it() {
    let mut run = start(
        wav(9600, 48_000),
        FrameFormat::Opus,
        Samples(FRAME * 2),
        100,
    );
    run.reader = run.playback.change_format(FrameFormat::Pcm);
    let heard = left(&run.rest());
    let expected: Vec<f32> = (1920..9600)
        .map(|i| f32::from(ramp(i)) / 32_768.0)
        .collect();
    assert_eq!(heard, expected);
}
