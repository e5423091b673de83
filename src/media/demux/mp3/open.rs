//! Owns: reading the beginning of an MP3 stream: tags, the first frame, the length.
//! Never knows: the frames after it, except as far as they must be counted.

use super::{
    DECODER_DELAY, FrameHeader, Layout, Mp3,
    map::{Map, Passed, Survey},
    summary::{Summary, Trim},
};
use crate::media::{
    demux::{
        DemuxError, Opened, Opening, Tags,
        id3::Id3,
        sync::{self, FrameSync},
    },
    window::{ByteWindow, Stop},
};

/// How much may lie between tags and the first frame. Lavaplayer looks at 1000 bytes.
const MAX_LEAD: u64 = 64 << 10;
/// The same where a station is joined in the middle of a frame: two of the longest (160 kbit/s at 8 kHz: 2881 bytes each).
const MAX_JOINED_LEAD: u64 = 6 << 10;
/// How much of a stream without a summary is looked at to see whether the bitrate changes.
const SURVEY: usize = 32 << 10;
/// A stream of changing bitrate without a summary is counted through when it is no longer than this.
const MAX_COUNTED: u64 = 1 << 20;

pub(super) struct Open {
    tags: Tags,
    step: Step,
}

enum Step {
    Tags(Id3),
    /// Looking for the first frame.
    Sync {
        skipped: u64,
        is_free_format: bool,
    },
    /// The first frame begins at the window's position.
    First(FrameHeader),
    /// All frames are passed to count them.
    Count(Box<Mp3>),
    Done,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            tags: Tags::default(),
            step: Step::Tags(Id3::default()),
        }
    }
}

impl Open {
    fn finish(&mut self, demuxer: Mp3) -> Opened {
        Opened {
            demuxer: Box::new(demuxer),
            container: "mp3",
            tags: std::mem::take(&mut self.tags),
        }
    }
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            match &mut self.step {
                Step::Tags(id3) => {
                    id3.advance(bytes)?;
                    let is_free_format = begins_otherwise(bytes)?;
                    self.tags = std::mem::take(id3).into_tags();
                    self.step = Step::Sync {
                        skipped: 0,
                        is_free_format,
                    };
                }
                Step::Sync {
                    skipped,
                    is_free_format,
                } => match sync::find(
                    bytes,
                    None,
                    skipped,
                    sync::lead(bytes, MAX_LEAD, MAX_JOINED_LEAD),
                ) {
                    Ok(header) => self.step = Step::First(header),
                    Err(Stop::Malformed(_) | Stop::End) if *is_free_format => {
                        return Err(DemuxError::Unsupported("MP3 in free format").into());
                    }
                    Err(Stop::End) => return Err(DemuxError::Broken(FrameHeader::MISSING).into()),
                    Err(stop) => return Err(stop),
                },
                Step::First(header) => {
                    let header = *header;
                    match measure(header, bytes)? {
                        Measured::Ready(layout) => return Ok(self.finish(Mp3::new(layout))),
                        Measured::MustCount(layout) => {
                            self.step = Step::Count(Box::new(Mp3::new(layout)));
                        }
                    }
                }
                Step::Count(counted) => match counted.pass(bytes) {
                    Ok(()) => {}
                    Err(Stop::End) => {
                        bytes.seek(counted.first);
                        let Step::Count(counted) = std::mem::replace(&mut self.step, Step::Done)
                        else {
                            unreachable!("matched above");
                        };
                        return Ok(self.finish(counted.counted()));
                    }
                    Err(stop) => return Err(stop),
                },
                Step::Done => return Err(Stop::End),
            }
        }
    }
}

impl Mp3 {
    /// Back at the first frame, with the length counted.
    fn counted(mut self) -> Self {
        self.length = Some(self.frame * u64::from(self.like.samples()));
        self.info.length = self.length;
        self.is_counted = true;
        self.frame = 0;
        self.is_exact = true;
        self.lost = None;
        self
    }
}

/// Looks at what follows the tags: whether it is in free format.
///
/// # Errors
/// [`DemuxError::Broken`] when it is another format with ID3 tags in front.
fn begins_otherwise(bytes: &mut ByteWindow) -> Result<bool, Stop> {
    let seen = match bytes.peek(FrameHeader::LEN) {
        Ok(seen) => seen,
        Err(Stop::End) => return Ok(false),
        Err(stop) => return Err(stop),
    };
    if seen == b"fLaC" {
        return Err(DemuxError::Broken("a FLAC stream behind an ID3 tag, not MP3").into());
    }
    Ok(FrameHeader::parse_any(seen).is_some_and(|header| header.bitrate == 0))
}

enum Measured {
    Ready(Layout),
    MustCount(Layout),
}

/// Finds out how long the stream is, and how to seek in it, from its first frames.
fn measure(header: FrameHeader, bytes: &mut ByteWindow) -> Result<Measured, Stop> {
    let at = bytes.position();
    let file_len = bytes.length();
    let available = file_len.map(|len| len.saturating_sub(at));
    let samples = u64::from(header.samples());
    let second = u64::from(header.rate) / samples + 1;
    let mut layout = Layout {
        header,
        first: at,
        map: Map::None,
        passed: Passed::every(second),
        lead: 0,
        trim: Trim::default(),
        length: None,
        is_counted: false,
        is_seekable: file_len.is_some(),
    };
    let summary = Summary::parse(&header, bytes.peek(header.frame_len())?);
    let mut lead = 0;
    if let Some(summary) = summary {
        lead = header.frame_len();
        layout.first += lead as u64;
        if let Some(trim) = summary.trim {
            layout.lead = trim.delay + DECODER_DELAY;
            layout.trim = trim;
        }
        if let Some(frames) = summary.frames {
            // a station may send a file's header and then anything
            layout.is_counted = file_len.is_some();
            let length = layout.trim.audible(u64::from(frames) * samples);
            layout.length = Some(length).filter(|_| layout.is_counted);
            layout.map = Map::from_summary(summary, lead as u64, available);
            bytes.skip(lead as u64);
            return Ok(Measured::Ready(layout));
        }
    }
    let Some(available) = available else {
        bytes.skip(lead as u64);
        return Ok(Measured::Ready(layout));
    };
    let seen = match bytes.peek(lead + SURVEY) {
        Ok(seen) => seen,
        Err(Stop::End) => bytes.peek_up_to(lead + SURVEY),
        Err(stop) => return Err(stop),
    };
    let survey = Survey::of(&seen[lead..], &header);
    bytes.skip(lead as u64);
    if !survey.is_constant() && available <= MAX_COUNTED && bytes.is_seekable() {
        return Ok(Measured::MustCount(layout));
    }
    layout.map = survey.map(&header);
    layout.length = Some(estimate(&layout.map, available.saturating_sub(lead as u64)) * samples);
    Ok(Measured::Ready(layout))
}

/// How many frames so many bytes hold; a last frame may lack the byte of its padding.
fn estimate(map: &Map, bytes: u64) -> u64 {
    match map {
        Map::Constant {
            bytes: per, frames, ..
        } => {
            let frames = u128::from(bytes + 1) * u128::from(*frames) / u128::from(*per);
            u64::try_from(frames).unwrap_or(u64::MAX / 4096)
        }
        _ => 0,
    }
}
