//! Owns: endless streams that may be interrupted: what comes after an interruption is opened anew, and its packets follow those
//! before without a gap in time.
//! Never knows: why a stream was interrupted.
//!
//! What a stream begins with that is not to be heard, its encoder's delay, lies before the end of the one before. Between
//! streams of Opus it is made whole frames of 20 ms: their packets may be passed on, and must then follow each other in one
//! raster.

use super::reader::{Read, Reader};
use crate::{
    media::{
        demux::{Codec, DemuxError, Demuxer, Opened, Packet, StreamInfo},
        window::{ByteWindow, Stop},
    },
    units::FRAME_SAMPLES,
};

/// What is open, and after it the sections that follow. For windows whose length is not known.
#[must_use]
pub fn follow(opened: Opened) -> Box<dyn Demuxer> {
    Box::new(Station {
        info: opened.demuxer.info().clone(),
        stream: 0,
        of_section: opened.demuxer.stream(),
        reader: Reader::of(opened),
        is_joined: false,
        shift: 0,
        end: 0,
    })
}

struct Station {
    /// Of what is sent now.
    info: StreamInfo,
    stream: u32,
    /// The number that the section's own demuxer gives the stream.
    of_section: u32,
    reader: Reader,
    /// Whether this is not the first section any more.
    is_joined: bool,
    /// What is added to the section's own positions, at its rate.
    shift: i64,
    /// Where the packets so far end.
    end: i64,
}

impl Station {
    /// What comes from now on has a decoder of its own, because it has nothing to do with what came; positions go on.
    fn change(&mut self, info: StreamInfo) {
        let (from, to) = (self.info.rate.max(1), info.rate.max(1));
        let rescale = |at: i64| {
            let at = i128::from(at) * i128::from(to) / i128::from(from);
            i64::try_from(at).unwrap_or(i64::MAX)
        };
        self.shift = rescale(self.shift);
        self.end = rescale(self.end);
        self.info = StreamInfo {
            length: None,
            is_seekable: false,
            ..info
        };
        self.stream = self.stream.wrapping_add(1);
    }

    /// How many samples before the end of what came a section begins whose first packet lies at `pts`: those before its 0,
    /// if they are no more than a second, which no encoder's delay is. More of them where Opus follows Opus.
    fn lead(&self, pts: i64, was_opus: bool) -> i64 {
        if pts >= 0 || pts < -i64::from(self.info.rate) {
            return 0;
        }
        let lead = pts.unsigned_abs();
        let lead = if was_opus && is_opus(&self.info) {
            lead.next_multiple_of(FRAME_SAMPLES as u64)
        } else {
            lead
        };
        lead as i64
    }
}

const fn is_opus(info: &StreamInfo) -> bool {
    matches!(info.codec, Codec::Opus { .. })
}

impl Demuxer for Station {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn stream(&self) -> u32 {
        self.stream
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let Read { packet, is_first } = self.reader.read(bytes)?;
        let was_opus = is_opus(&self.info);
        if let Some((info, of_section)) = self.reader.current() {
            if is_first || of_section != self.of_section {
                let info = info.clone();
                self.of_section = of_section;
                self.change(info);
            } else if !self.is_joined && !bytes.is_station() {
                // known only at the end of some files; the end of a station's stream is not the station's
                self.info.length = info.length;
            }
        }
        if is_first {
            self.is_joined = true;
            let begin = self.end.saturating_sub(self.lead(packet.pts, was_opus));
            self.shift = begin.saturating_sub(packet.pts);
        }
        let pts = packet.pts.saturating_add(self.shift);
        self.end = self.end.max(pts.saturating_add(packet.duration.into()));
        Ok(Packet { pts, ..packet })
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in a stream without an end").into())
    }
}
