//! Owns: what holds where the decoded rate is not the one that the container tells: AAC at 22.05 kHz with SBR that nothing
//! announces is 44.1 kHz.
//! Never knows: how SBR is found.

use super::{tests::Given, *};
use crate::media::demux::adts;
use std::collections::VecDeque;

/// 29 access units of 1024 samples at 22.05 kHz.
const FILE: &[u8] = include_bytes!("../../../tests/data/he/v1.aac");
const LENGTH: u64 = 28 * 1024 + 100;

fn feed(damage: Option<usize>) -> Feed {
    let mut bytes = ByteWindow::of(FILE);
    let opened = adts::open().advance(&mut bytes);
    let mut demuxer = opened.map(|opened| opened.demuxer).expect("opens");
    let info = StreamInfo {
        length: Some(LENGTH),
        ..demuxer.info().clone()
    };
    let mut packets = VecDeque::new();
    while let Ok(packet) = demuxer.next_packet(&mut bytes) {
        packets.push_back(packet);
    }
    if let Some(packet) = damage {
        packets[packet].data = packets[packet].data.slice(..9);
    }
    Feed::new(Box::new(Given(info, packets)), ResamplingQuality::High)
}

fn rest(feed: &mut Feed) -> PcmBlock {
    let mut out = PcmBlock::default();
    while feed.pull(&mut ByteWindow::of(""), &mut out).is_ok() {}
    out
}

#[test]
fn the_length_stays_that_of_the_container() {
    if !codec::HAS_HE_AAC {
        return;
    }
    let mut feed = feed(None);
    let length = rescale(LENGTH, 22_050, SAMPLE_RATE);
    assert_eq!(feed.length(), Some(Samples(length)));
    let out = rest(&mut feed);
    assert!(out.len().abs_diff(length as usize) <= 2, "{}", out.len());
    assert_eq!(feed.position(), Samples(out.len() as u64));
}

#[test]
fn a_damaged_packet_is_silence_of_its_own_length() {
    if !codec::HAS_HE_AAC {
        return;
    }
    for damaged in [0, 10] {
        let (whole, broken) = (rest(&mut feed(None)), rest(&mut feed(Some(damaged))));
        assert!(whole.len().abs_diff(broken.len()) <= 2, "{}", broken.len());
        if damaged == 0 {
            // the header of SBR stood in it
            continue;
        }
        // half a second later all is as it was
        let at = 12 * 1024 * 320 / 147 + 24_000;
        let error = (at..at + 5000)
            .map(|i| (whole.channels[0][i] - broken.channels[0][i]).abs())
            .fold(0.0, f32::max);
        assert!(error < 0.01, "{error} after packet {damaged}");
    }
}

#[test]
fn sound_made_again_is_the_same() {
    if !codec::HAS_HE_AAC {
        return;
    }
    let whole = rest(&mut feed(None));
    // with room in front for the resampler, as the pipeline leaves it
    for position in [1, 9_999, 30_000, 48_100] {
        let mut feed = feed(None);
        let mut out = PcmBlock::default();
        for _ in 0..26 {
            feed.pull(&mut ByteWindow::of(""), &mut out).expect("plays");
        }
        assert!(feed.can_restart_at(Samples(position)));
        feed.restart_at(Samples(position));
        let again = rest(&mut feed);
        let expected = &whole.channels[1][position as usize..];
        assert_eq!(again.len(), expected.len());
        let pairs = again.channels[1].iter().zip(expected);
        let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 1e-4, "{error} from {position} on");
    }
}
