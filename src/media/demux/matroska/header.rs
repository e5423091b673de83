//! Owns: the elements before the clusters: Info, Tracks, Tags, SeekHead, Cues.
//! Never knows: how they are fetched.

use super::{
    ebml::{self, Children, child, float, id, text, uint},
    track::Track,
};
use crate::media::demux::{DemuxError, Tags};

/// RFC 9559, section 5.1.2.9: a tick is a millisecond unless told.
const DEFAULT_SCALE: u64 = 1_000_000;

/// The Info element.
#[derive(Clone, Debug)]
pub(super) struct Info {
    /// Nanoseconds of a tick; not 0.
    pub scale: u64,
    /// Ticks, finite and positive.
    pub duration: Option<f64>,
    pub title: Option<String>,
}

impl Default for Info {
    fn default() -> Self {
        Self {
            scale: DEFAULT_SCALE,
            duration: None,
            title: None,
        }
    }
}

/// Reads an Info body.
pub(super) fn parse_info(body: &[u8]) -> Info {
    Info {
        scale: child(body, id::TIMESTAMP_SCALE)
            .and_then(uint)
            .filter(|&scale| scale != 0)
            .unwrap_or(DEFAULT_SCALE),
        duration: child(body, id::DURATION)
            .and_then(float)
            .filter(|ticks| ticks.is_finite() && *ticks > 0.0),
        title: child(body, id::TITLE).and_then(text),
    }
}

/// Chooses the track to play, as other players do: the first that can be played of those that are marked as default and not
/// switched off; without such a one, the first that can be played. (Lavaplayer goes by codecs: it may take a commentary.)
///
/// # Errors
/// What is wrong with the last audio track, when none can be played.
pub(super) fn parse_tracks(body: &[u8]) -> Result<Track, DemuxError> {
    let mut problem = DemuxError::Unsupported("no supported audio format in the Matroska file");
    let mut best: Option<Track> = None;
    for (found, entry) in Children(body) {
        if found != id::TRACK_ENTRY {
            continue;
        }
        match Track::parse(entry) {
            Ok(Some(track)) => {
                if best.as_ref().is_none_or(|best| track.rank > best.rank) {
                    best = Some(track);
                }
            }
            Ok(None) => {}
            Err(error) => problem = error,
        }
    }
    best.ok_or(problem)
}

/// Reads a Tags body into what is still unknown.
pub(super) fn parse_tags(body: &[u8], tags: &mut Tags) {
    for (_, tag) in Children(body).filter(|(found, _)| *found == id::TAG) {
        for (_, simple) in Children(tag).filter(|(found, _)| *found == id::SIMPLE_TAG) {
            let (Some(name), Some(value)) = (
                child(simple, id::TAG_NAME).and_then(text),
                child(simple, id::TAG_STRING).and_then(text),
            ) else {
                continue;
            };
            let place = match name.to_ascii_uppercase().as_str() {
                "TITLE" => &mut tags.title,
                "ARTIST" => &mut tags.artist,
                "ISRC" => &mut tags.isrc,
                _ => continue,
            };
            place.get_or_insert(value);
        }
    }
}

/// Where a SeekHead says that an element is, relative to the segment's body.
pub(super) fn find_in_seek_head(body: &[u8], wanted: u32) -> Option<u64> {
    Children(body)
        .filter(|(found, _)| *found == id::SEEK)
        .find(|(_, seek)| child(seek, id::SEEK_ID).and_then(uint) == Some(wanted.into()))
        .and_then(|(_, seek)| child(seek, id::SEEK_POSITION).and_then(uint))
}

/// One entry of Cues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    /// Ticks.
    pub time: u64,
    /// Offset of the cluster in the file. Where in the cluster the block is does not matter: it is read from its front.
    pub cluster: u64,
}

/// Reads a Cues body: the entries of `track`, or of any when it has none; by time.
pub(super) fn parse_cues(body: &[u8], track: u64, segment: u64) -> Vec<Cue> {
    let mut own = Vec::new();
    let mut other = Vec::new();
    for (_, point) in Children(body).filter(|(found, _)| *found == id::CUE_POINT) {
        let Some(time) = child(point, id::CUE_TIME).and_then(uint) else {
            continue;
        };
        for (_, place) in Children(point).filter(|(found, _)| *found == id::CUE_TRACK_POSITIONS) {
            let Some(position) = child(place, id::CUE_CLUSTER_POSITION).and_then(uint) else {
                continue;
            };
            let cue = Cue {
                time,
                cluster: segment.saturating_add(position),
            };
            if child(place, id::CUE_TRACK).and_then(uint) == Some(track) {
                own.push(cue);
            } else {
                other.push(cue);
            }
        }
    }
    let mut cues = if own.is_empty() { other } else { own };
    cues.sort_by_key(|cue| cue.time);
    cues.dedup_by_key(|cue| cue.cluster);
    cues
}

/// The time of a cluster whose bytes begin here, as far as they are given; `None` when this is no cluster.
pub(super) fn cluster_time(bytes: &[u8]) -> Option<u64> {
    let rest = bytes.strip_prefix(&id::CLUSTER.to_be_bytes())?;
    let size_len = rest.first()?.leading_zeros() as usize + 1;
    for (found, body) in Children(rest.get(size_len..)?) {
        match found {
            id::TIMESTAMP => return uint(body),
            id::CRC_32 | id::VOID | id::POSITION | id::PREV_SIZE => {}
            _ => return None,
        }
    }
    None
}

/// Whether the document is one that this demuxer reads.
pub(super) fn is_known_doc_type(body: &[u8]) -> bool {
    child(body, id::DOC_TYPE)
        .and_then(ebml::text)
        .is_some_and(|name| matches!(name.as_str(), "matroska" | "webm"))
}
