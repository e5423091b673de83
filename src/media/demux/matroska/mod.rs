//! Owns: Matroska and WebM (RFC 9559): from the first byte to the first cluster.
//! Never knows: how the fetched bytes come, or how a packet is decoded.

mod block;
mod clock;
mod ebml;
mod header;
mod meter;
mod reader;
mod seek;
#[cfg(test)]
mod tests;
mod track;

use super::{DemuxError, Opened, Opening, Tags};
use crate::media::window::{ByteWindow, Stop};
use ebml::{Element, id, peek_element};
use header::{
    Info, find_in_seek_head, is_known_doc_type, parse_cues, parse_info, parse_tags, parse_tracks,
};
use reader::{Cues, Matroska, Places};
use track::Track;

/// Header elements may have this many bytes; larger ones (attachments, mostly) are left out.
const MAX_HEADER_BYTES: u64 = 1024 * 1024;

/// Starts to read a Matroska or WebM file from its first byte.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(MatroskaOpening::default())
}

#[derive(Debug, Default)]
struct MatroskaOpening {
    is_known: bool,
    /// Offsets of the segment's body and behind it.
    segment: Option<(u64, Option<u64>)>,
    info: Info,
    track: Option<Track>,
    tags: Tags,
    cues_at: Option<u64>,
    cues: Option<Vec<header::Cue>>,
    /// Where the SeekHead says that the tracks are; taken when it was tried.
    tracks_at: Option<u64>,
    /// First cluster, when it came before the tracks.
    first_cluster: Option<u64>,
    /// Ready, but for its first packet.
    reader: Option<Matroska>,
}

impl Opening for MatroskaOpening {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            if let Some(reader) = &mut self.reader {
                reader.prime(bytes)?;
            }
            if let Some(reader) = self.reader.take() {
                return Ok(Opened {
                    demuxer: Box::new(reader),
                    container: "matroska/webm",
                    tags: std::mem::take(&mut self.tags),
                });
            }
            self.element(bytes)?;
        }
    }
}

impl MatroskaOpening {
    /// Reads one element, or leaves it out.
    fn element(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let at = bytes.position();
        let element = peek_element(bytes)?;
        let behind_header = at + element.header_len as u64;
        if !self.is_known {
            if element.id != id::EBML {
                return Err(DemuxError::Broken("no EBML header").into());
            }
            let body = body(element, bytes)?.ok_or(DemuxError::TooLarge("the EBML header"))?;
            if !is_known_doc_type(body) {
                return Err(DemuxError::Unsupported("the EBML document is not Matroska").into());
            }
            self.is_known = true;
            return leave(element, bytes);
        }
        let Some((segment, _)) = self.segment else {
            if element.id == id::SEGMENT {
                let end = element.size.map(|size| behind_header.saturating_add(size));
                self.segment = Some((behind_header, end));
                bytes.skip(element.header_len as u64);
                return Ok(());
            }
            return leave(element, bytes);
        };
        if element.id == id::CLUSTER {
            return self.cluster(at, bytes);
        }
        if let Some(body) = body(element, bytes)? {
            self.header(element.id, body, at, segment)?;
        } else if element.id == id::TRACKS {
            return Err(DemuxError::TooLarge("the Tracks element").into());
        }
        if self.track.is_some()
            && let Some(cluster) = self.first_cluster
        {
            // back from the tracks behind the clusters
            bytes.seek(cluster);
            return Ok(());
        }
        leave(element, bytes)
    }

    fn header(&mut self, id: u32, body: &[u8], at: u64, segment: u64) -> Result<(), DemuxError> {
        match id {
            id::SEEK_HEAD => {
                let find = |wanted| {
                    find_in_seek_head(body, wanted).map(|position| segment.saturating_add(position))
                };
                self.cues_at = self.cues_at.or(find(id::CUES));
                self.tracks_at = self.tracks_at.or(find(id::TRACKS)).filter(|&to| to > at);
            }
            id::INFO => {
                self.info = parse_info(body);
                if let Some(title) = self.info.title.take() {
                    self.tags.title = Some(title);
                }
            }
            id::TRACKS if self.track.is_none() => self.track = Some(parse_tracks(body)?),
            id::TAGS => parse_tags(body, &mut self.tags),
            id::CUES => {
                let track = self.track.as_ref().map_or(0, |track| track.number);
                self.cues = Some(parse_cues(body, track, segment));
            }
            _ => {}
        }
        Ok(())
    }

    /// The first cluster: the headers end here, unless the tracks are said to come later.
    fn cluster(&mut self, at: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let Some(track) = self.track.take() else {
            let tracks = self
                .tracks_at
                .take()
                .filter(|&to| to > at)
                .ok_or(DemuxError::Broken("the Matroska file has no tracks"))?;
            self.first_cluster = Some(at);
            bytes.seek(tracks);
            return Ok(());
        };
        let (segment, segment_end) = self.segment.unwrap_or((0, None));
        let cues = match (self.cues.take(), self.cues_at) {
            (Some(cues), _) if !cues.is_empty() => Cues::Known(cues),
            (_, Some(offset)) => Cues::At(offset),
            _ => Cues::Missing,
        };
        let places = Places {
            segment,
            segment_end,
            first_cluster: at,
            cues,
        };
        self.reader = Some(Matroska::new(track, &self.info, places));
        Ok(())
    }
}

/// The whole body of a header element; `None` when it is one of the large ones.
///
/// # Errors
/// [`DemuxError::Broken`] for an unknown size, which only segments and clusters may have.
fn body(element: Element, bytes: &mut ByteWindow) -> Result<Option<&[u8]>, Stop> {
    let size = element
        .size
        .ok_or(DemuxError::Broken("a header element has no size"))?;
    if size > MAX_HEADER_BYTES || matches!(element.id, id::VOID | id::ATTACHMENTS) {
        return Ok(None);
    }
    let whole = bytes.peek(element.header_len + size as usize)?;
    Ok(Some(&whole[element.header_len..]))
}

fn leave(element: Element, bytes: &mut ByteWindow) -> Result<(), Stop> {
    let size = element
        .size
        .ok_or(DemuxError::Broken("a header element has no size"))?;
    bytes.skip(size.saturating_add(element.header_len as u64));
    Ok(())
}
