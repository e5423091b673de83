//! Owns: tests of packets that are passed on, and of streams that are not what their headers promise.
//! Never knows: volume, filters, seeks.

use super::*;
use crate::media::opus::Frames;

/// The packets of a file, one after the other.
fn packets(file: &[u8]) -> Vec<bytes::Bytes> {
    use crate::media::demux::{Opening, probe::Prober};
    let mut window = ByteWindow::of(file.to_vec());
    let opened = Prober::new(Hint::default()).advance(&mut window);
    let mut opened = opened.unwrap_or_else(|stop| panic!("{stop:?}"));
    let next = || opened.demuxer.next_packet(&mut window).ok();
    std::iter::from_fn(next).map(|packet| packet.data).collect()
}

/// What a listener hears of Opus packets: both channels, interleaved.
fn heard<P: AsRef<[u8]>>(packets: &[P]) -> Vec<f32> {
    let mut decoder =
        opus2::Decoder::new(48_000, opus2::Channels::Stereo).expect("libopus has memory");
    let mut out = Vec::new();
    for packet in packets {
        let mut pcm = [0f32; 5760 * 2];
        let n = decoder.decode_float(packet.as_ref(), &mut pcm, false);
        out.extend_from_slice(&pcm[..n.expect("a good packet") * 2]);
    }
    out
}

/// The frames of an Opus packet.
fn in_packet(packet: &[u8]) -> Vec<Vec<u8>> {
    let frames = Frames::of(packet).expect("an Opus packet");
    frames.ranges().map(|at| packet[at].to_vec()).collect()
}

#[test]
fn packets_of_other_durations_and_mono_ones_are_passed_on_without_decoding() {
    for name in [
        "opus-10ms.webm",
        "opus-60ms.webm",
        "opus-speech-60ms.webm",
        "opus-mono.opus",
    ] {
        let file = std::fs::read(format!("tests/data/{name}")).expect("there");
        let mut run = start(file.clone(), FrameFormat::Opus, Samples::ZERO, 100);
        let frames = run.rest();
        let whole: Vec<_> = frames.iter().map(|(frame, _)| frame).collect();
        assert!(whole.iter().all(|frame| frame.len() <= MAX_OPUS_BYTES));
        let raster = |(i, (_, at)): (usize, &(Vec<u8>, Samples))| at.0 == (i * 960) as u64;
        assert!(frames.iter().enumerate().all(raster), "{name}");
        // 2 s and the delay; encoded anew it would be something else (half a frame, at the end of one of them, is)
        assert_eq!(frames.len(), 101, "{name}");
        let (source, passed) = (heard(&packets(&file)), heard(&whole[..100]));
        assert!(passed[..] == source[..passed.len()], "{name}");

        let all: Vec<_> = packets(&file).iter().flat_map(|p| in_packet(p)).collect();
        let len = Frames::of(&frames[0].0).expect("Opus").toc.frame_samples() as usize;
        let at = Samples(48_000 + 500);
        let part = start(file, FrameFormat::Opus, at, 100).rest();
        let (first, position) = &part[0];
        assert!((at.0 - 960..=at.0).contains(&position.0), "{name}");
        // the frames in it are those that lie there in the file
        let (inside, index) = (in_packet(first), position.0 as usize / len);
        assert_eq!(inside, all[index..index + inside.len()], "{name}");
    }
}

#[test]
fn frames_that_cannot_be_split_are_encoded_once_and_for_all() {
    let file = std::fs::read("tests/data/opus-silk-60ms.webm").expect("there");
    // configuration 11 is wideband SILK of 60 ms (RFC 6716, table 2)
    assert!(packets(&file).iter().all(|packet| packet[0] == 11 << 3));
    let frames = start(file, FrameFormat::Opus, Samples::ZERO, 100).rest();
    // our encoder's packets are CELT, fullband, 20 ms, stereo
    assert!(frames.iter().all(|(frame, _)| frame[0] == 0xFC));
    assert_eq!(frames.len(), 101);
    let highest = peaks(&frames.into_iter().map(|(f, _)| f).collect::<Vec<_>>());
    assert!(highest[5..95].iter().all(|top| (0.2..0.5).contains(top)));
}

/// `file` with the bytes behind `mark` changed.
fn patched(file: &[u8], mark: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.windows(mark.len()).position(|bytes| bytes == mark);
    let behind = at.expect("it is in the file") + mark.len();
    change(&mut file[behind..]);
    file
}

/// Samples of a whole track.
fn length_of(file: Vec<u8>) -> usize {
    let mut run = start(file, FrameFormat::Pcm, Samples::ZERO, 100);
    run.rest().iter().map(|(frame, _)| frame.len() / 8).sum()
}

#[test]
fn a_length_that_a_header_only_promises_cuts_nothing() {
    let read = |name| std::fs::read(format!("tests/data/{name}")).expect("there");
    // 44 100 samples in STREAMINFO (RFC 9639, 8.2: 36 bits at byte 13, the first four are in the byte before)
    let flac = read("tone.flac");
    let short = patched(&flac, b"fLaC", |info| {
        info[4 + 14..4 + 18].copy_from_slice(&44_100_u32.to_be_bytes());
    });
    assert_eq!(length_of(short), length_of(flac));
    // half a second in Duration, a float of eight bytes
    let matroska = read("boxes-cues-front.webm");
    let short = patched(&matroska, &[0x44, 0x89, 0x88], |body| {
        body[..8].copy_from_slice(&500f64.to_be_bytes());
    });
    assert_eq!(length_of(short), length_of(matroska));
    // 100 of 460 frames in the Info header, behind its flags; the padding is then cut off where the file ends
    let mp3 = read("tone44.mp3");
    let short = patched(&mp3, b"Info\0\0\0\x0F", |body| {
        body[..4].copy_from_slice(&100_u32.to_be_bytes());
    });
    let (short, whole) = (length_of(short), length_of(mp3.clone()));
    assert!((whole - 1700..=whole).contains(&short), "{short} samples");
    // two files, one behind the other; ffmpeg makes 1 061 039 samples at 44.1 kHz of it
    let twice = length_of([mp3.clone(), mp3].concat());
    assert!(twice.abs_diff(1_061_039 * 160 / 147) < 2500, "{twice}");
}

/// Plays what comes in pieces of `piece` bytes and has no length, as from a station.
fn station(bytes: Vec<u8>, piece: usize, format: FrameFormat) -> Run {
    let (mut lane, window) = crate::media::window::lane(1 << 16);
    let engine = Engine::new(1, Settings::default());
    let run = play(&engine, window, format, |request| request);
    std::mem::forget(engine);
    std::thread::spawn(move || {
        let pieces = bytes::Bytes::from(bytes);
        for from in (0..pieces.len()).step_by(piece) {
            until(|| lane.poll().is_some());
            lane.push(pieces.slice(from..pieces.len().min(from + piece)));
        }
        lane.finish();
        until(|| lane.poll() == Some(crate::media::window::Task::Close));
    });
    run
}

#[test]
fn streams_that_follow_each_other_are_played_one_after_the_other() {
    let read = |name| std::fs::read(format!("tests/data/{name}")).expect("there");
    // Opus, Vorbis at 44.1 kHz, FLAC at 48 kHz, Opus again: 5, 12, 5 and 5 s
    let names = ["tone.opus", "tone44.ogg", "tone-flac.ogg", "tone.opus"];
    let file = names.map(read).concat();
    let frames = station(file.clone(), 997, FrameFormat::Pcm).rest();
    let total: usize = frames.iter().map(|(frame, _)| frame.len() / 8).sum();
    // a change of the rate may round up by a sample
    assert!((27 * 48_000..27 * 48_000 + 3).contains(&total), "{total}");
    let is_loud = |(frame, _): &(Vec<u8>, Samples)| left(frame).iter().any(|s| s.abs() > 2000);
    assert!(frames.iter().rev().skip(1).all(is_loud), "no gaps");
    let frames = station(file, 4096, FrameFormat::Opus).rest();
    // the encoder's delay is one frame more, each time that it begins after packets were passed on
    assert!((1350..=1354).contains(&frames.len()), "{}", frames.len());
    let packets = packets(&read("tone.opus"));
    let passed = |(frame, _): &&(Vec<u8>, Samples)| packets.iter().any(|p| p == frame);
    assert!(frames.iter().filter(passed).count() > 2 * 230);
}

#[test]
fn every_usual_rate_gives_its_exact_length() {
    for rate in [
        8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200,
        96_000, 176_400, 192_000,
    ] {
        let samples = rate as usize / 5;
        assert_eq!(length_of(wav(samples, rate)), 9600, "{rate} Hz");
    }
}

#[test]
fn a_file_put_behind_itself_is_heard_twice() {
    for (name, seconds) in [("tone.opus", 5), ("tone44.ogg", 12)] {
        let file = std::fs::read(format!("tests/data/{name}")).expect("there");
        let length = length_of([file.clone(), file].concat());
        let wanted = 2 * seconds * 48_000;
        assert!((wanted..wanted + 3).contains(&length), "{name}: {length}");
    }
}
