//! Owns: tests of the ways between packets that are passed on and frames of our own.
//! Never knows: formulas of filters.

use super::{changes::*, *};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

/// [`chirp`] as Opus packets of 20 ms in Ogg (RFC 7845).
pub(super) fn opus() -> Vec<u8> {
    use ogg::writing::{PacketWriteEndInfo::*, PacketWriter};
    let mut run = start(chirp(3), FrameFormat::Opus, Samples::ZERO, 100);
    let mut file = Vec::new();
    let mut writer = PacketWriter::new(&mut file);
    let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
    for header in [head, tags] {
        writer.write_packet(header, 1, EndPage, 0).expect("memory");
    }
    for (n, (frame, _)) in run.rest().into_iter().enumerate() {
        let end = (n as u64 + 1) * FRAME_SAMPLES as u64;
        let info = if n % 25 == 24 { EndPage } else { NormalPacket };
        writer.write_packet(frame, 1, info, end).expect("memory");
    }
    drop(writer);
    file
}

/// The frames of a playback of [`opus`] that nothing is asked of, by position: the file's own packets.
fn packets(file: &[u8]) -> BTreeMap<Samples, Vec<u8>> {
    let mut run = start(file.to_vec(), FrameFormat::Opus, Samples::ZERO, 100);
    run.rest()
        .into_iter()
        .map(|(frame, at)| (at, frame))
        .collect()
}

#[test]
fn packets_are_passed_on_again_when_the_last_filter_goes() {
    let file = opus();
    let packets = packets(&file);
    for (name, one, _) in filters() {
        // filtered from the start, so that the packets' grid has never been met
        let frames = listen(
            &opus(),
            FrameFormat::Opus,
            &wish(one.clone()),
            Some(&wish(none())),
        );
        let is_passed = |(frame, at): &(Vec<u8>, Samples)| packets.get(at) == Some(frame);
        let passed_from = frames
            .iter()
            .rposition(|frame| !is_passed(frame))
            .map_or(0, |n| n + 1);
        // one frame left alone, one in which the filter goes, three for the listener's decoder
        assert!(
            (BEFORE..=BEFORE + 5).contains(&passed_from),
            "{name}: passed on from frame {passed_from}"
        );
        for (n, pair) in frames.windows(2).enumerate().skip(BEFORE + 1) {
            let step = pair[1].1.0 - pair[0].1.0;
            assert_eq!(step, 960, "{name}: frame {n} to the next");
        }
        let pace = (960.0 * factor(&one)) as i64;
        for pair in frames[..BEFORE + 2].windows(2) {
            let step = pair[1].1.0 as i64 - pair[0].1.0 as i64;
            assert!((pace - 481..=pace + 481).contains(&step), "{name}: {step}");
        }
        let heard = sound(&frames, FrameFormat::Opus);
        let edge = BEFORE * FRAME_SAMPLES;
        let usual = bend(&heard, 4_800, edge).max(bend(&heard, edge + 9_600, edge + 16_000));
        let at_change = bend(&heard, edge - 960, edge + 9_600);
        assert!(
            at_change < 1.5 * usual + 2e-3,
            "{name}: bends by {at_change}, usually {usual}"
        );
    }
}

#[test]
fn from_packets_that_are_passed_on_a_filter_is_heard_with_the_second_frame() {
    let file = opus();
    let packets = packets(&file);
    let mut all = changes_of_filters(filters());
    all.retain(|(_, first, _)| *first == wish(none()));
    all.extend(changes_of_volume().into_iter().take(1));
    for (name, first, then) in all {
        let frames = listen(&file, FrameFormat::Opus, &first, Some(&then));
        let is_passed = |(frame, at): &(Vec<u8>, Samples)| packets.get(at) == Some(frame);
        let own = frames.iter().position(|frame| !is_passed(frame));
        assert_eq!(own, Some(BEFORE + 1), "{name}");
        let heard = sound(&frames, FrameFormat::Opus);
        let edge = BEFORE * FRAME_SAMPLES;
        let usual = bend(&heard, 4_800, edge).max(bend(&heard, edge + 9_600, edge + 16_000));
        let at_change = bend(&heard, edge - 960, edge + 9_600);
        assert!(
            at_change < 1.5 * usual + 2e-3,
            "{name}: bends by {at_change}, usually {usual}"
        );
    }
}

/// Frames from the first at or behind `from` on.
fn frames_from(run: &mut Run, from: Samples) -> Vec<(Vec<u8>, Samples)> {
    let all = run.rest();
    let first = all.iter().position(|(_, at)| *at >= from);
    all[first.expect("it arrives")..].to_vec()
}

#[test]
fn a_volume_is_heard_after_a_seek_among_packets_that_are_passed_on() {
    let file = opus();
    let packets = packets(&file);
    let mut run = start(file, FrameFormat::Opus, Samples::ZERO, 100);
    run.frame().expect("sound");
    let target = Samples(48_000);
    run.playback.seek(target);
    while run.frame().expect("sound").1 < target {}
    run.playback.set_volume(50);
    let frames = run.rest();
    let is_passed = |(frame, at): &(Vec<u8>, Samples)| packets.get(at) == Some(frame);
    // those that were taken before the pool had the wish are passed on
    let own = frames.iter().position(|frame| !is_passed(frame));
    assert!(own.is_some_and(|own| own <= 22), "{own:?}");
    assert!(!frames[22..].iter().any(is_passed));
}

#[test]
fn a_volume_that_changes_while_a_seek_waits_is_heard_from_its_place_on() {
    let file = bytes::Bytes::from(opus());
    let packets = packets(&file);
    let (mut lane, window) = crate::media::window::lane(4096);
    lane.describe(Some(file.len() as u64), true);
    // the lane takes 0.3 s ahead, and nothing comes while this is set
    let is_held = Arc::new(AtomicBool::new(false));
    let held = is_held.clone();
    std::thread::spawn(move || {
        use crate::media::window::Task;
        let mut at = 0;
        loop {
            match lane.poll() {
                Some(Task::Jump(to)) => at = to as usize,
                Some(Task::Deliver) if held.load(Ordering::Acquire) => std::thread::yield_now(),
                Some(Task::Deliver) if at >= file.len() => lane.finish(),
                Some(Task::Deliver) => {
                    let end = file.len().min(at + 1024);
                    lane.push(file.slice(at..end));
                    at = end;
                }
                Some(Task::Close) => return,
                _ => std::thread::yield_now(),
            }
        }
    });
    let mut run = run(Settings::default(), "", FrameFormat::Opus, |request| {
        Request { window, ..request }
    });
    run.frame().expect("sound");
    is_held.store(true, Ordering::Release);
    let target = Samples(2 * 48_000);
    run.playback.seek(target);
    while run.playback.report().activity != Activity::Seeking {
        std::thread::yield_now();
    }
    run.playback.set_volume(50);
    is_held.store(false, Ordering::Release);
    let frames = frames_from(&mut run, target);
    let is_passed = |(frame, at): &(Vec<u8>, Samples)| packets.get(at) == Some(frame);
    assert!(!frames.iter().any(is_passed));
    assert!(frames.len() > 30);
}
