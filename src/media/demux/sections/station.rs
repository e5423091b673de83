//! Owns: endless streams that may be interrupted: what comes after an interruption is opened anew, and its packets follow those
//! before without a gap in time.
//! Never knows: why a stream was interrupted.

use super::reader::{Read, Reader};
use crate::media::{
    demux::{DemuxError, Demuxer, Opened, Packet, StreamInfo, probe::Hint},
    window::{ByteWindow, Stop},
};

/// What is open, and after it the sections that follow. For windows whose length is not known.
#[must_use]
pub fn follow(opened: Opened) -> Box<dyn Demuxer> {
    // what is joined in the middle of a frame shows no sign at its beginning
    let extension = match opened.container {
        "mp3" => Some("mp3"),
        "adts" => Some("aac"),
        _ => None,
    };
    let hint = Hint {
        mime: None,
        extension: extension.map(str::to_owned),
    };
    Box::new(Station {
        info: opened.demuxer.info().clone(),
        changes: 0,
        reader: Reader::of(opened.demuxer, hint),
        later: None,
        end: 0,
    })
}

struct Station {
    /// As the first section tells it; only the codec changes.
    info: StreamInfo,
    changes: u32,
    reader: Reader,
    /// `None` in the first section, whose times are right as they are.
    later: Option<Later>,
    /// Where the packets so far end.
    end: i64,
}

/// Times of a section after the first.
#[derive(Clone, Copy)]
struct Later {
    /// Where it begins.
    begin: i64,
    /// By its own count.
    first: i64,
    /// Of its own count.
    rate: u32,
}

impl Later {
    /// A time of its own count, at `rate`.
    fn place(self, pts: i64, rate: u32) -> i64 {
        let passed = i128::from(pts.saturating_sub(self.first).max(0));
        let passed = passed * i128::from(rate) / i128::from(self.rate);
        self.begin
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

impl Station {
    /// A section begins: a decoder of its own for each, because what comes has nothing to do with what came.
    fn enter(&mut self, first: &Packet) {
        let Some(info) = self.reader.info() else {
            return;
        };
        self.later = Some(Later {
            begin: self.end,
            first: first.pts,
            rate: info.rate.max(1),
        });
        self.info.codec = info.codec.clone();
        self.info.channels = info.channels;
        self.info.length = None;
        self.changes = self.changes.wrapping_add(1);
    }
}

impl Demuxer for Station {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn changes(&self) -> u32 {
        self.changes
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let Read { packet, is_first } = self.reader.read(bytes)?;
        if is_first {
            self.enter(&packet);
        }
        // known only at the end of some files; the end of a station's stream is not the station's
        if let (None, false, Some(info)) = (self.later, bytes.is_live(), self.reader.info()) {
            self.info.length = info.length;
        }
        let end = packet.pts.saturating_add(packet.duration.into());
        let (pts, end) = match self.later {
            None => (packet.pts, end),
            Some(later) => {
                let place = |at| later.place(at, self.info.rate);
                (place(packet.pts), place(end))
            }
        };
        self.end = self.end.max(end);
        Ok(Packet {
            data: packet.data,
            pts,
            duration: u32::try_from(end - pts).unwrap_or(packet.duration),
        })
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in a stream without an end").into())
    }
}
