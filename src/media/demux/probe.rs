//! Owns: finding out which container a stream is in, by its first bytes and what its source says of it.
//! Never knows: what is in a container.

use super::{
    DemuxError, Opened, Opening, adts, aiff, flac, latm, matroska, mp3, mp4, mpegts, ogg, sections,
    tracker_module, wav,
};
use crate::media::window::{ByteWindow, Stop};
use std::{cmp::Ordering, collections::VecDeque};

/// How much is looked at: 1024 bytes as in the original (reference, 6.2), and the mark of a MOD file behind them.
const LOOK: usize = 1084;
/// How far into it a sync word may begin.
const SCAN: usize = 1000;
/// What is said when nothing matches: clients see it, and the original says it so.
const UNKNOWN: DemuxError = DemuxError::Unsupported("Unknown file format.");

/// What a source says of a stream before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// MIME type, as a `Content-Type` header has it; parameters are ignored.
    pub mime: Option<String>,
    /// File name extension, without the dot.
    pub extension: Option<String>,
}

impl Hint {
    /// Whether the MIME type or the extension is one of these; neither has a case.
    fn is_one_of(&self, mimes: &[&str], extensions: &[&str]) -> bool {
        let is_in = |value: &str, list: &[&str]| list.iter().any(|l| l.eq_ignore_ascii_case(value));
        let mime = self.mime.as_deref().and_then(|mime| mime.split(';').next());
        mime.is_some_and(|mime| is_in(mime.trim(), mimes))
            || self
                .extension
                .as_deref()
                .is_some_and(|e| is_in(e, extensions))
    }
}

/// Opens a stream in whichever container it is.
pub struct Prober {
    hint: Hint,
    /// What is still to be tried; `None` before the first bytes were looked at.
    candidates: Option<VecDeque<Candidate>>,
    opening: Option<(Box<dyn Opening>, Sign)>,
    failure: Option<DemuxError>,
    is_section: bool,
    /// Where the stream begins in the window: behind the tags of a section.
    start: Option<u64>,
}

#[derive(Clone, Copy)]
struct Candidate {
    open: Open,
    sign: Sign,
}

/// Begins to open a container.
type Open = fn() -> Box<dyn Opening>;

/// How sure a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A magic number: what the container then says is the answer.
    Sure,
    /// A sync word: nothing but a guess.
    Likely,
}

impl Prober {
    /// Starts at the beginning of a stream.
    #[must_use]
    pub const fn new(hint: Hint) -> Self {
        Self {
            hint,
            candidates: None,
            opening: None,
            failure: None,
            is_section: false,
            start: None,
        }
    }

    /// Starts in a section of a stream.
    pub(super) fn of_section(hint: Hint) -> Self {
        Self {
            is_section: true,
            ..Self::new(hint)
        }
    }

    /// Takes note of why a container could not be opened.
    fn fail(&mut self, sign: Sign, error: DemuxError) {
        let counts = sign == Sign::Sure || matches!(error, DemuxError::Unsupported(_));
        if counts {
            self.failure.get_or_insert(error);
        }
    }
}

impl Opening for Prober {
    /// # Errors
    /// [`DemuxError::Unsupported`] with the text `Unknown file format.` when nothing matches; else what the container that
    /// matches says.
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let start = *self.start.get_or_insert(bytes.position());
        loop {
            if let Some((opening, sign)) = &mut self.opening {
                let sign = *sign;
                match opening.advance(bytes) {
                    Ok(opened) => {
                        bytes.let_go();
                        return Ok(opened);
                    }
                    // nothing else has its magic number: a sync word in it would be an accident
                    Err(stop @ Stop::Malformed(DemuxError::Unsupported(_)))
                        if sign == Sign::Sure =>
                    {
                        return Err(stop);
                    }
                    Err(Stop::Malformed(error)) => self.fail(sign, error),
                    // cut off in its headers
                    Err(Stop::End) => {}
                    answer => return answer,
                }
                self.opening = None;
                bytes.seek(start);
            }
            if bytes.has_sections() && !self.is_section && self.candidates.is_none() {
                self.candidates = Some(VecDeque::from([Candidate {
                    open: sections::open,
                    sign: Sign::Sure,
                }]));
            }
            let Some(candidates) = &mut self.candidates else {
                if bytes.length().is_none() {
                    bytes.hold();
                }
                let head = match bytes.peek(LOOK) {
                    Ok(head) => head,
                    Err(Stop::End) => {
                        // only now is it known
                        if bytes.has_sections() && !self.is_section {
                            continue;
                        }
                        bytes.peek_up_to(LOOK)
                    }
                    Err(stop) => return Err(stop),
                };
                self.candidates = Some(candidates(head, &self.hint, self.is_section));
                continue;
            };
            let Some(next) = candidates.pop_front() else {
                return Err(self.failure.unwrap_or(UNKNOWN).into());
            };
            self.opening = Some(((next.open)(), next.sign));
        }
    }
}

/// What these first bytes can be, the likeliest first. An MP4 that is a section may begin without saying its type.
fn candidates(head: &[u8], hint: &Hint, is_section: bool) -> VecDeque<Candidate> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|h| h.starts_with(magic));
    let form = |kind: &[u8]| at(8, kind);
    let sure: [(bool, Open); 7] = [
        (
            (at(0, b"RIFF") || at(0, b"RF64")) && form(b"WAVE"),
            wav::open,
        ),
        (at(0, &[0x1A, 0x45, 0xDF, 0xA3]), matroska::open),
        (
            at(4, b"ftyp") || is_section && (at(4, b"styp") || at(4, b"moov")),
            mp4::open,
        ),
        (at(0, b"fLaC"), flac::open),
        (at(0, b"OggS"), ogg::open),
        (
            at(0, b"FORM") && (form(b"AIFF") || form(b"AIFC")),
            aiff::open,
        ),
        (mpegts::is_transport_stream(head), mpegts::open),
    ];
    let sure = sure.into_iter().filter(|(matches, _)| *matches);
    let mut found: VecDeque<_> = sure
        .map(|(_, open)| Candidate {
            open,
            sign: Sign::Sure,
        })
        .collect();
    found.extend(tracker_module(head).map(|open| Candidate {
        open,
        sign: Sign::Sure,
    }));
    found.extend(likely(head, hint));
    found
}

/// Formats without a magic number. What the hint names is tried first and without any sign, because more may lie in front of
/// the first frame than is looked at here; then what has its sync word first.
fn likely(head: &[u8], hint: &Hint) -> impl Iterator<Item = Candidate> {
    let has_tag = head.starts_with(b"ID3");
    let sync = |is_header: fn(&[u8]) -> bool| {
        let begins = 0..head.len().min(SCAN);
        let found = begins.into_iter().find(|&at| is_header(&head[at..]));
        found.or(has_tag.then_some(0))
    };
    let is_mp3 = hint.is_one_of(&["audio/mpeg", "audio/mp3"], &["mp3"]);
    let is_aac = hint.is_one_of(&["audio/aac", "audio/aacp"], &["aac"]);
    let is_latm = hint.is_one_of(&["audio/mp4a-latm"], &["latm", "loas"]);
    let is_flac = hint.is_one_of(&["audio/flac", "audio/x-flac"], &["flac"]);
    let mut likely: Vec<(bool, Option<usize>, Open)> = vec![
        (is_mp3, sync(mp3::is_header), mp3::open),
        (is_aac, sync(adts::is_header), adts::open),
        // only behind an ID3 tag, else its magic number would have been seen
        (is_flac && has_tag, has_tag.then_some(0), flac::open),
        (is_latm, sync(latm::is_header), latm::open),
    ];
    likely.retain(|(is_hinted, sync, _)| *is_hinted || sync.is_some());
    likely.sort_by(|(a_hinted, a, _), (b_hinted, b, _)| {
        b_hinted.cmp(a_hinted).then(match (a, b) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => Ordering::Equal,
        })
    });
    likely.into_iter().map(|(_, _, open)| Candidate {
        open,
        sign: Sign::Likely,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::demux::testing;

    const MP3: &[u8] = include_bytes!("../../../tests/data/tone44.mp3");
    const ADTS: &[u8] = include_bytes!("../../../tests/data/tone.aac");
    const FLAC: &[u8] = include_bytes!("../../../tests/data/tone.flac");
    const OPUS: &[u8] = include_bytes!("../../../tests/data/tone.opus");
    const MATROSKA: &[u8] = include_bytes!("../../../tests/data/boxes-aac.mka");
    const MP4: &[u8] = include_bytes!("../../../tests/data/boxes-front.m4a");
    const TRANSPORT: &[u8] = include_bytes!("../../../tests/data/ts/aac.ts");
    const LATM: &[u8] = include_bytes!("../../../tests/data/tone.latm");
    /// 8-bit mono at 8 kHz, four samples.
    const WAV: &[u8] = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x40\x1F\0\0\x01\0\x08\0data\x04\0\0\0abcd";

    fn hint(mime: &str, extension: &str) -> Hint {
        let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        Hint {
            mime: text(mime),
            extension: text(extension),
        }
    }

    fn probe(data: &[u8], hint: Hint) -> Result<&'static str, DemuxError> {
        let (mut served, mut window) = testing::Served::new(data, 700, true);
        let mut prober = Prober::new(hint);
        match served.run(&mut window, |w| prober.advance(w)) {
            Ok(opened) => Ok(opened.container),
            Err(Stop::Malformed(error)) => Err(error),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn every_stream_is_recognised_whatever_the_hint_says() {
        for hint in [
            Hint::default(),
            hint("audio/mpeg; charset=x", ""),
            hint("", "AAC"),
            hint("text/html", "ts"),
        ] {
            for (data, container) in [
                (MP3, "mp3"),
                (ADTS, "adts"),
                (FLAC, "flac"),
                (OPUS, "ogg"),
                (MATROSKA, "matroska/webm"),
                (MP4, "mp4"),
                (WAV, "wav"),
                (TRANSPORT, "mpegts-adts"),
                (LATM, "latm"),
            ] {
                assert_eq!(probe(data, hint.clone()), Ok(container), "{hint:?}");
            }
        }
    }

    #[test]
    fn what_follows_an_id3_tag_decides() {
        let tag = b"ID3\x03\0\0\0\0\0\x14TIT2\0\0\0\x0A\0\0\0XXXXXXXXX";
        for (data, container) in [(MP3, "mp3"), (ADTS, "adts"), (FLAC, "flac")] {
            assert_eq!(probe(&[tag, data].concat(), Hint::default()), Ok(container));
        }
    }

    #[test]
    fn an_mp3_file_with_garbage_in_front_is_found_by_its_hint() {
        let data = [&vec![b'x'; 20_000], MP3].concat();
        assert_eq!(probe(&data, hint("audio/mpeg", "")), Ok("mp3"));
        assert_eq!(probe(&data, Hint::default()), Err(UNKNOWN));
    }

    #[test]
    fn nothing_known_is_said_as_the_original_says_it() {
        let page = b"<!doctype html><title>no sound</title>".repeat(2_000);
        for data in [
            &[][..],
            b"I",
            b"ID3",
            b"OggS",
            b"fLaC",
            b"RIFF\0\0\0\0WAVE",
            &page,
        ] {
            for hint in [Hint::default(), hint("audio/mpeg", "aac")] {
                let error = probe(data, hint).expect_err("unknown");
                assert_eq!(
                    error.to_string(),
                    "Unknown file format.",
                    "{:?}",
                    &data[..data.len().min(20)]
                );
            }
        }
    }

    #[test]
    fn a_transport_stream_is_never_taken_for_what_is_in_it() {
        // three ADTS frames of 50 bytes in every packet, but no table that tells of them
        let mut frame = ADTS[..50].to_vec();
        frame[3] &= !3;
        frame[4] = 50 >> 3;
        frame[5] = frame[5] & 0x1F | (50 << 5) as u8;
        let packet = [&[0x47, 0x41, 0, 0x10][..], &[0xFF; 34], &frame.repeat(3)].concat();
        for hint in [Hint::default(), hint("audio/aac", "aac")] {
            let error = probe(&packet.repeat(20), hint).expect_err("no tables");
            assert_eq!(error.to_string(), "The transport stream has no program.");
        }
    }

    #[test]
    fn a_sure_container_says_itself_what_is_wrong() {
        let data = [b"fLaC\xFF\0\0\0", &[0; 2000][..]].concat();
        assert_ne!(probe(&data, Hint::default()), Err(UNKNOWN));
    }

    #[test]
    fn cut_and_damaged_files_come_to_an_end() {
        fn open() -> Box<dyn Opening> {
            Box::new(Prober::new(Hint::default()))
        }
        for data in [&MP3[..30_000], &ADTS[..30_000], &FLAC[..30_000], OPUS] {
            testing::assert_survives(data, open);
        }
    }
}
