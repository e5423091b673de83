//! Owns: MP3 streams: tags, the first frame, the frames one by one, and seeking in them.
//! Never knows: how a frame is decoded.
//!
//! # Which positions are exact
//! A frame's position is its number, and only two things tell the number for sure: frames counted from the beginning, and a
//! constant bitrate. So seeks are exact where the bitrate is constant, in local files, to whatever was played or passed
//! before, and up to 2 MiB behind that. A longer way through a changing bitrate on a server goes by the table that
//! the encoder wrote (Xing, VBRI). That has a hundred entries in 256ths of the file and may be seconds off; positions are
//! then off by as much, but the sound goes on to its true end.

mod map;
mod open;
mod summary;

use super::{
    Codec, DemuxError, Demuxer, Opening, Packet, StreamInfo,
    codecs::mp3::{FrameHeader, PREROLL_FRAMES},
    id3::Id3,
    sync::{self, FrameSync},
};
use crate::media::window::{ByteWindow, Stop};
use map::{Map, Passed};
use summary::Trim;

/// So much may lie in front of the first frame, and between two frames in the middle.
const MAX_GARBAGE: u64 = 1 << 20;
/// A place so near behind a known one is gone to frame by frame, which is exact, rather than by an inexact table.
const WALK: u64 = 2 << 20;
/// A decoder gives each sample so much later (the filter bank's delay and one, as all players count it).
const DECODER_DELAY: u32 = 529;

/// Opens an MP3 stream. Anything up to 64 KiB may lie between the tags and the first frame.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(open::Open::default())
}

/// Whether these bytes can be a frame header, free format included.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    FrameHeader::parse_any(bytes).is_some()
}

/// What opening found out.
struct Layout {
    header: FrameHeader,
    /// File offset of the first frame with sound.
    first: u64,
    map: Map,
    passed: Passed,
    /// Samples before the audible timeline begins, the decoder's delay included.
    lead: u32,
    /// What the encoder added.
    trim: Trim,
    /// Samples to be heard, perhaps an estimate.
    length: Option<u64>,
    /// Whether `length` comes from a count of all frames.
    is_counted: bool,
    is_seekable: bool,
}

struct Mp3 {
    info: StreamInfo,
    like: FrameHeader,
    first: u64,
    lead: u32,
    trim: Trim,
    /// Samples to be heard if frames are numbered right; `info` has it as this run will reach it.
    length: Option<u64>,
    is_counted: bool,
    map: Map,
    passed: Passed,
    /// Number of the frame at the window's position.
    frame: u64,
    /// Whether that number is sure.
    is_exact: bool,
    /// Bytes passed over while looking for a frame; `None` when frames follow one another.
    lost: Option<u64>,
    /// A tag in the middle (files put together), being skipped.
    tag: Option<Id3>,
    seeking: Option<Seek>,
    is_over: bool,
}

#[derive(Clone, Copy)]
struct Seek {
    target: u64,
    /// The frame to stop at.
    wanted: u64,
    way: Way,
}

#[derive(Clone, Copy)]
enum Way {
    /// Frame by frame.
    Walk,
    /// To the next frame from here, whatever its number.
    Land { skipped: u64 },
}

impl Mp3 {
    fn new(layout: Layout) -> Self {
        let samples = layout.header.samples();
        Self {
            info: StreamInfo {
                codec: Codec::Mp3,
                rate: layout.header.rate,
                channels: if layout.header.is_mono { 1 } else { 2 },
                length: layout.length,
                is_seekable: layout.is_seekable,
                preroll: PREROLL_FRAMES * samples,
            },
            like: layout.header,
            first: layout.first,
            lead: layout.lead,
            trim: layout.trim,
            length: layout.length,
            is_counted: layout.is_counted,
            map: layout.map,
            passed: layout.passed,
            frame: 0,
            is_exact: true,
            lost: None,
            tag: None,
            seeking: None,
            is_over: false,
        }
    }

    /// Moves to the next frame, wherever it is, and returns its header.
    fn locate(&mut self, bytes: &mut ByteWindow) -> Result<FrameHeader, Stop> {
        loop {
            if let Some(tag) = &mut self.tag {
                match tag.advance(bytes) {
                    Ok(()) | Err(Stop::Malformed(_)) => self.tag = None,
                    Err(stop) => return Err(stop),
                }
                self.lost = self.lost.or(Some(0));
            }
            if let Some(lost) = &mut self.lost {
                let header = sync::find(bytes, Some(&self.like), lost, MAX_GARBAGE)?;
                self.lost = None;
                self.realign(bytes.position());
                return Ok(header);
            }
            let seen = bytes.peek(FrameHeader::LEN)?;
            match FrameHeader::parse(seen).filter(|h| h.is_alike(&self.like)) {
                Some(header) => return Ok(header),
                None if seen.starts_with(b"ID3") => self.tag = Some(Id3::default()),
                None => self.lost = Some(0),
            }
        }
    }

    /// After damage: frames that were overwritten have passed in time, bytes that were put in between have not. With a
    /// constant bitrate the place tells which: after an overwritten stretch frames lie where they always would.
    fn realign(&mut self, position: u64) {
        let offset = position.saturating_sub(self.first);
        let frame = self.map.frame_at(offset);
        if !self.map.is_exact() {
            self.is_exact = false;
        } else if frame > self.frame && self.is_in_place(offset) {
            self.frame = frame;
        }
    }

    /// Whether a frame begins at this offset if the bitrate is constant, give or take a byte of padding.
    fn is_in_place(&self, offset: u64) -> bool {
        let at = self.map.offset_of(self.map.frame_at(offset));
        at.is_some_and(|at| at.abs_diff(offset) <= 1)
    }

    /// Passes the frame at the window's position without its bytes.
    fn pass(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let header = self.locate(bytes)?;
        self.note(bytes.position());
        bytes.skip(header.frame_len() as u64);
        self.frame += 1;
        Ok(())
    }

    fn note(&mut self, offset: u64) {
        if self.is_exact && !self.map.is_exact() {
            self.passed.note(self.frame, offset);
        }
    }

    /// Where frames are not counted for sure, sees to it that the length never ends sound that is there: it lies beyond the
    /// frame at the window's position until the last ones are in sight, and then is exact.
    fn look_out(&mut self, header: &FrameHeader, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let samples = u64::from(self.like.samples());
        let through = self.frame.saturating_add(1).saturating_mul(samples);
        if self.is_exact && self.length < Some(self.trim.audible(through)) {
            // counted was only the first of files that were put together
            self.is_counted = false;
        }
        let is_told = self.is_exact && self.is_counted;
        // nothing to wait for in a stream that simply ends
        let is_open = self.length.is_none() && self.trim.padding == 0;
        if is_told || is_open {
            return Ok(());
        }
        let cut = u64::from(self.trim.padding.saturating_sub(DECODER_DELAY));
        let wanted = cut.div_ceil(samples) + 1;
        let following = self.following(header, wanted, bytes)?;
        let frames = self.frame.saturating_add(1 + following);
        let sound = self.trim.audible(frames.saturating_mul(samples));
        if following < wanted {
            self.info.length = Some(sound);
        } else if let Some(length) = &mut self.info.length
            && *length < sound
        {
            // a second more, so that it is not told anew with every frame
            *length = sound.saturating_add(self.info.rate.into());
        }
        if self.is_exact && self.length.is_some() {
            self.length = self.info.length;
        }
        Ok(())
    }

    /// How many frames lie between the one at the window's position and the end, at most `most`; that many also when it is
    /// something else than the end that interrupts them.
    fn following(
        &self,
        header: &FrameHeader,
        most: u64,
        bytes: &mut ByteWindow,
    ) -> Result<u64, Stop> {
        let mut at = header.frame_len();
        for count in 0..most {
            let seen = match bytes.peek(at + FrameHeader::LEN) {
                Ok(seen) => &seen[at..],
                Err(Stop::End) => return Ok(count),
                Err(stop @ Stop::Need(_)) => return Err(stop),
                // the frame itself may still be there
                Err(_) => return Ok(most),
            };
            match FrameHeader::parse(seen).filter(|h| h.is_alike(&self.like)) {
                Some(next) => at += next.frame_len(),
                None if sync::is_closing_tag(seen) => return Ok(count),
                None => return Ok(most),
            }
        }
        Ok(most)
    }

    /// Decides how to get to `target`, and moves the window to where that begins.
    fn set_out(&mut self, target: u64, bytes: &mut ByteWindow) -> Seek {
        let samples = u64::from(self.like.samples());
        let wanted = (target.saturating_add(u64::from(self.lead)) / samples)
            .saturating_sub(PREROLL_FRAMES.into());
        let here = (self.is_exact && self.lost.is_none() && self.tag.is_none())
            .then(|| (self.frame, bytes.position()))
            .filter(|&(frame, _)| frame <= wanted);
        let known = [here, self.passed.before(wanted), Some((0, self.first))];
        let (frame, offset) = known
            .into_iter()
            .flatten()
            .max()
            .expect("the first frame is known");
        self.lost = None;
        self.tag = None;
        self.is_over = false;
        self.info.length = self.length;
        let guess = self
            .map
            .offset_of(wanted)
            .map(|at| self.first.saturating_add(at));
        // without ranges, all the bytes on the way come anyway
        let is_walkable = bytes.is_local() || !bytes.is_seekable();
        let is_far = |guess: u64| !is_walkable && guess > offset.saturating_add(WALK);
        match guess {
            // two bytes of slack for padding that is spread differently
            Some(guess) if wanted > frame && (self.map.is_exact() || is_far(guess)) => {
                bytes.seek(guess.saturating_sub(2).max(self.first));
                Seek {
                    target,
                    wanted,
                    way: Way::Land { skipped: 0 },
                }
            }
            _ => {
                bytes.seek(offset);
                self.frame = frame;
                self.is_exact = true;
                Seek {
                    target,
                    wanted,
                    way: Way::Walk,
                }
            }
        }
    }

    /// Goes on on the way; `Ok` on arrival.
    fn travel(&mut self, seek: &mut Seek, bytes: &mut ByteWindow) -> Result<(), Stop> {
        match &mut seek.way {
            Way::Walk => {
                while self.frame < seek.wanted {
                    self.pass(bytes)?;
                }
            }
            Way::Land { skipped } => {
                sync::find(bytes, Some(&self.like), skipped, MAX_GARBAGE)?;
                let offset = bytes.position().saturating_sub(self.first);
                self.frame = self.map.frame_at(offset);
                self.is_exact = self.map.is_exact() && self.is_in_place(offset);
            }
        }
        Ok(())
    }
}

impl Demuxer for Mp3 {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        self.seeking = None;
        if self.is_over {
            return Err(Stop::End);
        }
        let header = self.locate(bytes)?;
        self.look_out(&header, bytes)?;
        let offset = bytes.position();
        let data = bytes.take(header.frame_len())?;
        self.note(offset);
        let samples = self.like.samples();
        let at = self.frame.saturating_mul(u64::from(samples));
        self.frame += 1;
        Ok(Packet {
            data,
            pts: i64::try_from(at).unwrap_or(i64::MAX) - i64::from(self.lead),
            duration: samples,
        })
    }

    fn seek(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let mut seek = match self.seeking {
            Some(seek) if seek.target == target => seek,
            _ => {
                if !self.info.is_seekable {
                    return Err(
                        DemuxError::Unsupported("seeking in an MP3 stream without length").into(),
                    );
                }
                let is_sure = self.is_counted || self.map.is_exact();
                if is_sure && self.length.is_some_and(|length| target >= length) {
                    self.is_over = true;
                    self.seeking = None;
                    return Ok(());
                }
                self.set_out(target, bytes)
            }
        };
        let arrival = self.travel(&mut seek, bytes);
        self.seeking = Some(seek).filter(|_| matches!(arrival, Err(Stop::Need(_))));
        match arrival {
            Err(Stop::End) => {
                self.is_over = true;
                Ok(())
            }
            arrival => arrival,
        }
    }
}

#[cfg(test)]
mod tests;
