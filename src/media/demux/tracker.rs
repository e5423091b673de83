//! Owns: tracker modules (MOD, XM, S3M, IT): recognising, loading and playing them, with `xmrs` and `xmrsplayer`.
//! Never knows: how notes become samples.
//!
//! What a module plays is only known by playing it, so that packets hold samples, 20 ms each. It ends where it would begin
//! again. Seeking plays it silently up to the target: some milliseconds for each second. That, and counting how long it is, is
//! done in slices.

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
/// Where modules end that would go on longer: half an hour, in samples.
const MAX_LENGTH: u64 = 30 * 60 * RATE as u64;
/// Samples that one call plays in order to seek: as many as a turn of playing makes.
const SEEK_SLICE: u64 = 12 * PACKET as u64;
/// Ticks that one call counts for the length, which takes about as long.
const LENGTH_SLICE: usize = 250;
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
    Box::new(Open(None))
}

/// What is loaded; `None` before all bytes are there.
struct Open(Option<Loaded>);

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let mut loaded = match self.0.take() {
            Some(loaded) => loaded,
            None => Loaded::read(whole(bytes)?)?,
        };
        let Some(length) = loaded.count() else {
            self.0 = Some(loaded);
            return Err(Stop::Again);
        };
        if length == 0 {
            return Err(DemuxError::Unsupported("The tracker module is empty.").into());
        }
        let module = loaded.playing.into_owner();
        let title = module.name.trim().to_owned();
        let is_named = !title.is_empty() && title.len() <= MAX_TAG_BYTES;
        Ok(Opened {
            demuxer: Box::new(Tracker::new(module, length)),
            container: loaded.kind.name(),
            tags: Tags {
                title: is_named.then_some(title),
                ..Tags::default()
            },
        })
    }
}

/// All bytes of the file.
fn whole(bytes: &mut ByteWindow) -> Result<&[u8], Stop> {
    const TOO_LARGE: Stop = Stop::Malformed(DemuxError::TooLarge("the tracker module"));
    let length = bytes.length();
    if length.is_some_and(|length| length > MAX_FILE as u64) {
        return Err(TOO_LARGE);
    }
    // where nobody says how long it is, it is there when no more comes
    let want = length.map_or(MAX_FILE + 1, |length| length as usize);
    match bytes.peek(want.max(1)) {
        Ok(_) if length.is_none() => return Err(TOO_LARGE),
        Ok(_) | Err(Stop::End) => {}
        Err(stop) => return Err(stop),
    }
    Ok(bytes.peek_up_to(MAX_FILE))
}

/// A module whose length is being counted.
struct Loaded {
    kind: Kind,
    playing: Playing,
    /// Its length, as far as it is counted.
    seconds: f64,
}

impl Loaded {
    fn read(file: &[u8]) -> Result<Self, DemuxError> {
        let broken = DemuxError::Broken("the tracker module");
        let kind = Kind::of(file).ok_or(broken)?;
        let module = kind.load(file).ok_or(broken)?;
        Ok(Self {
            kind,
            playing: begin(Box::new(module)),
            seconds: 0.0,
        })
    }

    /// Samples until the song begins again: all its ticks, without their sound. A tick lasts 2.5 s divided by the beats a
    /// minute (ProTracker's definition, kept by all). `None` when there are more than one call counts.
    fn count(&mut self) -> Option<u64> {
        let max = MAX_LENGTH as f64 / f64::from(RATE);
        let seconds = &mut self.seconds;
        let is_counted = self.playing.with_dependent_mut(|_, player| {
            for _ in 0..LENGTH_SLICE {
                if *seconds >= max || !player.advance_trace_tick() {
                    return true;
                }
                *seconds += 2.5 / player.get_bpm().max(1) as f64;
            }
            false
        });
        let samples = (*seconds * f64::from(RATE)).round() as u64;
        is_counted.then_some(samples.min(MAX_LENGTH))
    }
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
    fn new(module: Box<Module>, length: u64) -> Self {
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
            playing: Some(begin(module)),
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
        let slice = target.min(self.at + SEEK_SLICE);
        while self.at < slice {
            if self.sample().is_none() {
                return Ok(());
            }
        }
        if self.at < target {
            return Err(Stop::Again);
        }
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
        repeated(effect, 1)
    }

    /// The same with its pattern so many times.
    fn repeated(effect: [u8; 2], times: u8) -> Vec<u8> {
        let mut file = b"tiny tune".to_vec();
        file.resize(20, 0);
        let mut sample = vec![0; 30];
        // length in words, fine tune, volume, loop start and length in words
        sample[22..30].copy_from_slice(&[0, 16, 0, 64, 0, 0, 0, 16]);
        file.extend_from_slice(&sample);
        let mut empty = [0; 30];
        empty[29] = 1;
        file.extend(empty.repeat(30));
        // positions, which all are pattern 0
        file.extend_from_slice(&[times, 0x7F]);
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
        let mut prober = Prober::new(Hint::default());
        let opened = testing::again(|| prober.advance(&mut window));
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
            testing::again(|| opened.demuxer.seek(target, &mut window)).expect("seeks");
            let packet = opened.demuxer.next_packet(&mut window).expect("plays");
            assert_eq!(packet.pts, target as i64);
            let at = target as usize * 2;
            assert_eq!(sound(&[packet])[..], whole[at..at + 1920]);
        }
        testing::again(|| opened.demuxer.seek(u64::MAX, &mut window)).expect("seeks");
        assert!(matches!(
            opened.demuxer.next_packet(&mut window),
            Err(Stop::End)
        ));
    }

    /// How often a call wants to be made again.
    fn calls<T>(mut call: impl FnMut() -> Result<T, Stop>) -> (usize, T) {
        let mut again = 0;
        loop {
            match call() {
                Ok(done) => return (again, done),
                Err(Stop::Again) => again += 1,
                Err(stop) => panic!("{stop:?}"),
            }
        }
    }

    #[test]
    fn what_takes_long_is_done_in_slices() {
        // 100 times 64 rows of 6 ticks: 38 400
        let mut window = ByteWindow::of(repeated([0, 0], 100));
        let mut opening = open();
        let (again, mut opened) = calls(|| opening.advance(&mut window));
        assert_eq!(again, 153);
        let demuxer = &mut opened.demuxer;
        assert_eq!(demuxer.info().length, Some(100 * 7_680 * 48));
        for (target, expected) in [(20 * 48_000, 83), (24_000, 2), (48_001, 2), (48_000, 4)] {
            let (again, ()) = calls(|| demuxer.seek(target, &mut window));
            assert_eq!(again, expected, "{target}");
            let packet = demuxer.next_packet(&mut window).expect("plays");
            assert_eq!(packet.pts, target as i64);
        }
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
    fn what_has_no_length_and_no_end_is_not_waited_for_either() {
        const CHUNK: usize = 64 << 10;
        let mut file = module([0, 0]);
        file.resize(2 * MAX_FILE, 0);
        let (mut served, mut window) = testing::Served::live(&file, CHUNK);
        let mut opening = open();
        let opened = served.run(&mut window, |w| opening.advance(w));
        assert!(matches!(
            opened,
            Err(Stop::Malformed(DemuxError::TooLarge(_)))
        ));
        assert!(
            served.delivered < MAX_FILE + 4 * CHUNK,
            "{}",
            served.delivered
        );
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
            let mut opening = open();
            if let Ok(mut opened) = testing::again(|| opening.advance(&mut window)) {
                testing::rest(&mut *opened.demuxer, &mut window);
            }
        }
    }
}
