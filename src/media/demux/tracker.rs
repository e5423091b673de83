//! Owns: tracker modules (MOD, XM, S3M, IT): recognising, loading and playing them, with `xmrs` and `xmrsplayer`.
//! Never knows: how notes become samples.
//!
//! What a module plays is only known by playing it, so that packets hold samples, 20 ms each. It ends where it would begin
//! again. Seeking plays it silently up to the target: some milliseconds for each second.

use super::{
    Codec, DemuxError, Demuxer, MAX_TAG_BYTES, Opened, Opening, Packet, PcmFormat, PcmSample,
    StreamInfo, Tags,
};
use crate::media::window::{ByteWindow, Stop};
use self_cell::self_cell;
use xmrs::prelude::Module;
use xmrsplayer::prelude::XmrsPlayer;

/// Samples a second that are played.
const RATE: u32 = 48_000;
/// Samples of a packet.
const PACKET: usize = 960;
/// The largest file: the largest modules that people share have half of it.
const MAX_FILE: usize = 16 << 20;
/// What is read at a time where nobody says how long a file is.
const STEP: usize = 64 << 10;
/// Where modules end that would go on longer: half an hour, in samples.
const MAX_LENGTH: u64 = 30 * 60 * RATE as u64;
/// Voices at a time; more are cut off, the weakest first.
const MAX_VOICES: usize = 64;

/// The tracker that made a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mod,
    Xm,
    S3m,
    It,
}

impl Kind {
    /// By the marks of the formats; those of MOD files stand behind 31 samples, at 1080.
    fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"Extended Module: ") {
            return Some(Self::Xm);
        }
        if head.starts_with(b"IMPM") {
            return Some(Self::It);
        }
        if head.get(44..48) == Some(b"SCRM") {
            return Some(Self::S3m);
        }
        let mark = head.get(1080..1084)?;
        let is_mod = match mark {
            b"M.K." | b"M!K!" | b"M&K!" | b"N.T." | b"FLT4" | b"FLT8" | b"OCTA" | b"CD81" => true,
            [count, b'C', b'H', b'N'] => count.is_ascii_digit(),
            [tens, ones, b'C', b'H' | b'N'] => tens.is_ascii_digit() && ones.is_ascii_digit(),
            _ => false,
        };
        is_mod.then_some(Self::Mod)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Mod => "mod",
            Self::Xm => "xm",
            Self::S3m => "s3m",
            Self::It => "it",
        }
    }

    fn load(self, file: &[u8]) -> Option<Module> {
        let loaded = match self {
            Self::Mod => Module::load_mod(file),
            Self::Xm => Module::load_xm(file),
            Self::S3m => Module::load_s3m(file),
            Self::It => Module::load_it(file),
        };
        // its errors say nothing that anybody could do something about
        loaded.ok()
    }
}

/// Whether a file that begins so is a module.
pub(super) fn is_module(head: &[u8]) -> bool {
    Kind::of(head).is_some()
}

/// Opens a module; all of it must arrive first.
pub(super) fn open() -> Box<dyn Opening> {
    Box::new(Open)
}

struct Open;

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let file = whole(bytes)?;
        let broken = DemuxError::Broken("the tracker module");
        let kind = Kind::of(file).ok_or(broken)?;
        let module = kind.load(file).ok_or(broken)?;
        let title = module.name.trim().to_owned();
        let is_named = !title.is_empty() && title.len() <= MAX_TAG_BYTES;
        let demuxer = Tracker::new(module);
        if demuxer.info.length == Some(0) {
            return Err(DemuxError::Unsupported("The tracker module is empty.").into());
        }
        Ok(Opened {
            demuxer: Box::new(demuxer),
            container: kind.name(),
            tags: Tags {
                title: is_named.then_some(title),
                ..Tags::default()
            },
        })
    }
}

/// All bytes of the file.
fn whole(bytes: &mut ByteWindow) -> Result<&[u8], Stop> {
    let too_large = DemuxError::TooLarge("the tracker module");
    if bytes
        .length()
        .is_some_and(|length| length > MAX_FILE as u64)
    {
        return Err(too_large.into());
    }
    let length = bytes.length();
    loop {
        let want = match length {
            Some(length) => (length as usize).max(1),
            None => bytes.available() + STEP,
        };
        match bytes.peek(want) {
            Ok(_) | Err(Stop::End) if length.is_some() => break,
            Err(Stop::End) => break,
            Ok(_) if want > MAX_FILE => return Err(too_large.into()),
            Ok(_) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(bytes.peek_up_to(MAX_FILE))
}

self_cell!(
    /// A player and what it plays.
    struct Playing {
        owner: Box<Module>,
        #[not_covariant]
        dependent: XmrsPlayer,
    }
);

/// Starts at the beginning of the first song, which is played once.
fn begin(module: Box<Module>) -> Playing {
    Playing::new(module, |module| {
        let mut player = XmrsPlayer::new_with_voice_pool_capacity(module, RATE, 0, MAX_VOICES);
        player.set_max_loop_count(1);
        player
    })
}

struct Tracker {
    info: StreamInfo,
    /// `None` only while it is started again.
    playing: Option<Playing>,
    /// Sample that comes next.
    at: u64,
}

impl Tracker {
    fn new(module: Module) -> Self {
        let mut playing = begin(Box::new(module));
        let length = playing.with_dependent_mut(|_, player| length(player));
        let format = PcmFormat {
            sample: PcmSample::I16,
            is_big_endian: false,
            speakers: 0,
        };
        Self {
            info: StreamInfo {
                codec: Codec::Pcm(format),
                rate: RATE,
                channels: 2,
                length: Some(length),
                is_seekable: true,
                preroll: 0,
            },
            playing: Some(begin(playing.into_owner())),
            at: 0,
        }
    }

    fn end(&self) -> u64 {
        self.info.length.unwrap_or(MAX_LENGTH)
    }

    /// Plays one sample; `None` at the end.
    fn sample(&mut self) -> Option<(i16, i16)> {
        if self.at >= self.end() {
            return None;
        }
        let playing = self.playing.as_mut()?;
        let sample = playing.with_dependent_mut(|_, player| player.sample(true))?;
        self.at += 1;
        Some(sample)
    }
}

/// Samples until the song begins again: all its ticks, without their sound. A tick lasts 2.5 s divided by the beats a minute
/// (ProTracker's definition, kept by all).
fn length(player: &mut XmrsPlayer) -> u64 {
    let mut seconds = 0.0;
    let max = MAX_LENGTH as f64 / f64::from(RATE);
    while seconds < max && player.advance_trace_tick() {
        seconds += 2.5 / player.get_bpm().max(1) as f64;
    }
    ((seconds * f64::from(RATE)).round() as u64).min(MAX_LENGTH)
}

impl Demuxer for Tracker {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, _bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let pts = self.at as i64;
        let mut data = Vec::with_capacity(PACKET * 4);
        while data.len() < PACKET * 4
            && let Some((left, right)) = self.sample()
        {
            data.extend_from_slice(&left.to_le_bytes());
            data.extend_from_slice(&right.to_le_bytes());
        }
        if data.is_empty() {
            return Err(Stop::End);
        }
        Ok(Packet {
            pts,
            duration: (data.len() / 4) as u32,
            data: data.into(),
        })
    }

    fn seek(&mut self, target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        let target = target.min(self.end());
        if target < self.at {
            self.playing = self
                .playing
                .take()
                .map(|playing| begin(playing.into_owner()));
            self.at = 0;
        }
        while self.at < target && self.sample().is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::{
        probe::{Hint, Prober},
        testing,
    };

    /// A MOD of one pattern: note C-2 (period 428) of sample 1, a square wave, in the first row on channel 1 (left), and
    /// silence on the three others. At speed 6 and 125 beats a minute: 64 rows of 6 ticks of 20 ms, 7.68 s.
    fn module(effect: [u8; 2]) -> Vec<u8> {
        let mut file = b"tiny tune".to_vec();
        file.resize(20, 0);
        let mut sample = vec![0; 30];
        // length in words, fine tune, volume, loop start and length in words
        sample[22..30].copy_from_slice(&[0, 16, 0, 64, 0, 0, 0, 16]);
        file.extend_from_slice(&sample);
        let mut empty = [0; 30];
        empty[29] = 1;
        file.extend(empty.repeat(30));
        // one position, which is pattern 0
        file.extend_from_slice(&[1, 0x7F]);
        file.extend_from_slice(&[0; 128]);
        file.extend_from_slice(b"M.K.");
        let mut pattern = vec![0; 1024];
        pattern[..4].copy_from_slice(&[0x01, 0xAC, 0x10 | effect[0], effect[1]]);
        file.extend(pattern);
        file.extend_from_slice(&[[64; 16], [192; 16]].concat());
        file
    }

    fn sound(packets: &[Packet]) -> Vec<i16> {
        let bytes: Vec<u8> = packets.iter().flat_map(|p| p.data.to_vec()).collect();
        let samples = bytes.chunks_exact(2);
        samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
    }

    #[test]
    fn a_tune_is_played_once_at_its_own_pitch() {
        let file = module([0, 0]);
        let mut window = ByteWindow::of(file.clone());
        let opened = Prober::new(Hint::default()).advance(&mut window);
        let mut opened = opened.unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(
            (opened.container, opened.tags.title.as_deref()),
            ("mod", Some("tiny tune"))
        );
        let info = opened.demuxer.info().clone();
        assert_eq!((info.length, info.is_seekable), (Some(7_680 * 48), true));
        let packets = testing::rest(&mut *opened.demuxer, &mut window);
        testing::assert_gapless(&packets);
        let samples = sound(&packets);
        assert!(
            samples.len().abs_diff(7_680 * 48 * 2) <= 4,
            "{}",
            samples.len()
        );
        // 7 159 090.5 Hz / (2 · 428) samples a second (NTSC Amiga), 32 of them a period: 261.36 Hz
        let left = samples.iter().step_by(2).skip(4800).take(48_000 * 5);
        let signs: Vec<bool> = left.map(|s| *s > 0).collect();
        let periods = signs.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!(periods.abs_diff(1307) <= 2, "{periods} in five seconds");
    }

    #[test]
    fn seeking_gives_what_continuous_playing_gives() {
        let file = module([0, 0]);
        let (mut opened, mut window) = testing::open(&file, open());
        let whole = sound(&testing::rest(&mut *opened.demuxer, &mut window));
        for target in [100_001, 7, 300_000, 0] {
            opened.demuxer.seek(target, &mut window).expect("seeks");
            let packet = opened.demuxer.next_packet(&mut window).expect("plays");
            assert_eq!(packet.pts, target as i64);
            let at = target as usize * 2;
            assert_eq!(sound(&[packet])[..], whole[at..at + 1920]);
        }
        opened.demuxer.seek(u64::MAX, &mut window).expect("seeks");
        assert!(matches!(
            opened.demuxer.next_packet(&mut window),
            Err(Stop::End)
        ));
    }

    #[test]
    fn a_tune_that_jumps_back_ends_there() {
        // effect B00: go on at position 0, after the first row; 6 ticks of 20 ms
        let (opened, _) = testing::open(&module([0x0B, 0]), open());
        assert_eq!(opened.demuxer.info().length, Some(120 * 48));
    }

    #[test]
    fn it_arrives_in_pieces_and_with_or_without_a_length() {
        testing::assert_same_in_pieces(&module([0, 0]), open);
        let file = module([0, 0]);
        let (mut served, mut window) = testing::Served::live(&file, 100);
        let mut opening = open();
        let opened = served.run(&mut window, |w| opening.advance(w));
        assert!(opened.is_ok());
    }

    #[test]
    fn what_is_too_large_is_not_waited_for() {
        let mut file = module([0, 0]);
        file.resize(MAX_FILE + 1, 0);
        let stop = open().advance(&mut ByteWindow::of(file));
        assert!(matches!(
            stop,
            Err(Stop::Malformed(DemuxError::TooLarge(_)))
        ));
    }

    #[test]
    fn formats_are_told_by_their_marks() {
        let at = |offset: usize, mark: &[u8]| [&vec![0; offset], mark].concat();
        for (head, kind) in [
            (at(0, b"Extended Module: x"), Some(Kind::Xm)),
            (at(0, b"IMPM"), Some(Kind::It)),
            (at(44, b"SCRM"), Some(Kind::S3m)),
            (at(1080, b"M.K."), Some(Kind::Mod)),
            (at(1080, b"8CHN"), Some(Kind::Mod)),
            (at(1080, b"16CH"), Some(Kind::Mod)),
            (at(1080, b"MTHd"), None),
            (at(40, b"SCRM"), None),
            (Vec::new(), None),
        ] {
            assert_eq!(Kind::of(&head), kind);
        }
    }

    #[test]
    fn cut_and_damaged_files_come_to_an_end() {
        let file = module([0, 0]);
        for cut in (0..file.len()).step_by(97) {
            let mut window = ByteWindow::of(file[..cut].to_vec());
            if let Ok(mut opened) = open().advance(&mut window) {
                testing::rest(&mut *opened.demuxer, &mut window);
            }
        }
    }
}
