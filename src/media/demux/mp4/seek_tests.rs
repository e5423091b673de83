//! Owns: seeks over many fragments, and how many bytes and requests they take.
//! Never knows: the fragments' insides.

use super::{
    boxes::tests::boxed,
    open,
    tests::{DASH, top, words},
};
use crate::media::demux::testing;

/// Seconds of [`lasting`].
const SECONDS: u64 = 600;
/// Packets of a second in it.
const PER_SECOND: u32 = 43;

/// Ten minutes of fragments of a second, 10 MB, without an index; the four letters of a fragment stand in the sound too.
fn lasting() -> Vec<u8> {
    const SIZE: u32 = 380;
    let parts = top(DASH);
    let mut file = [parts[0], parts[1]].concat();
    for second in 0..SECONDS as u32 {
        let fragment = |data_offset: u32| {
            // the track's only fragment is the base; packets of 1024 samples
            let tfhd = boxed(b"tfhd", &words(&[0x02_0018, 1, 1024, SIZE]));
            let tfdt = boxed(b"tfdt", &words(&[1 << 24, 0, second * PER_SECOND * 1024]));
            let trun = boxed(b"trun", &words(&[1, PER_SECOND, data_offset]));
            let traf = boxed(b"traf", &[tfhd, tfdt, trun].concat());
            let mfhd = boxed(b"mfhd", &words(&[0, second + 1]));
            boxed(b"moof", &[mfhd, traf].concat())
        };
        file.extend(fragment(fragment(0).len() as u32 + 8));
        let mut sound = vec![0xAA; (PER_SECOND * SIZE) as usize];
        sound[4000..4020].copy_from_slice(b"\0\0\0\x30moof\0\0\0\x10mfhd\0\0\0\0");
        file.extend(boxed(b"mdat", &sound));
    }
    file
}

/// An `mfra` behind a file, with a place for each of its fragments.
fn with_places(mut file: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    let mut places = Vec::new();
    for one in top(&file) {
        if &one[4..8] == b"moof" {
            places.push(at);
        }
        at += one.len() as u64;
    }
    let mut tfra = words(&[1 << 24, 1, 0, places.len() as u32]);
    for (second, place) in (0u64..).zip(&places) {
        tfra.extend((second * u64::from(PER_SECOND) * 1024).to_be_bytes());
        tfra.extend(place.to_be_bytes());
        tfra.extend([1, 1, 1]);
    }
    let tfra = boxed(b"tfra", &tfra);
    let mfro = boxed(b"mfro", &words(&[0, tfra.len() as u32 + 24]));
    file.extend(boxed(b"mfra", &[tfra, mfro].concat()));
    file
}

#[test]
fn a_far_seek_over_fragments_without_an_index_needs_few_requests() {
    // the place itself; what is read before fragments have shown how dense they are, and an mfra
    for (file, most) in [(lasting(), 4), (with_places(lasting()), 2)] {
        let (mut served, mut window) = testing::Served::new(&file, 4096, true);
        let mut opening = open();
        let opened = served.run(&mut window, |w| opening.advance(w));
        let mut demuxer = opened.expect("opens").demuxer;
        for second in [570, 31, 300, 599, 2] {
            let before = (served.delivered, served.jumps);
            let target = second * u64::from(PER_SECOND) * 1024 + 500;
            let sought = served.run(&mut window, |w| demuxer.seek(target, w));
            sought.expect("seeks");
            let packet = served.run(&mut window, |w| demuxer.next_packet(w));
            let pts = packet.expect("reads").pts;
            let wanted = target as i64 - 2048;
            assert!(pts <= wanted && wanted < pts + 1024, "{pts} for {target}");
            let (bytes, jumps) = (served.delivered - before.0, served.jumps - before.1);
            assert!(
                bytes < 300_000 && jumps <= most,
                "{bytes} bytes, {jumps} jumps"
            );
        }
    }
}

#[test]
fn a_tail_that_lists_nothing_right_is_left_alone() {
    let file = with_places(lasting());
    let target = 400 * u64::from(PER_SECOND) * 1024;
    // its length, and the order of its places
    for (behind, damage) in [(4, [0xFF; 4]), (4, [0, 0, 0, 9]), (9000, [0xFF; 4])] {
        let mut file = file.clone();
        let at = file.len() - behind;
        file[at..at + 4].copy_from_slice(&damage);
        let (pts, _) = testing::seek_slowly(&file, open(), target, 4096);
        let wanted = target as i64 - 2048;
        assert!(pts <= wanted && wanted < pts + 1024, "{pts}");
    }
}

#[test]
fn fragments_that_follow_each_other_are_read_in_one_go() {
    let (mut served, mut window) = testing::Served::new(&lasting(), 4096, true);
    let mut opening = open();
    let opened = served.run(&mut window, |w| opening.advance(w));
    let mut demuxer = opened.expect("opens").demuxer;
    for _ in 0..10 * PER_SECOND {
        let packet = served.run(&mut window, |w| demuxer.next_packet(w));
        packet.expect("reads");
    }
    assert_eq!(served.jumps, 0);
}
