//! Owns: telling containers apart by their first bytes, and trying the likely ones in order.
//! Never knows: what is inside them.

use super::{DemuxError, Opened, Opening, adts, aiff, flac, matroska, mp3, mp4, ogg, wav};
use crate::media::window::{ByteWindow, Stop};

/// Signatures lie within this many bytes; so much is read before anything is tried (reference, 6.2).
const HEAD_BYTES: usize = 1024;
/// What clients see when nothing matches.
const UNKNOWN: DemuxError = DemuxError::Unsupported("Unknown file format.");

/// What is known of a resource besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// `Content-Type`, as the server sent it.
    pub mime: Option<String>,
    /// Ending of the name, without the dot.
    pub extension: Option<String>,
}

struct Candidate {
    matches: fn(&[u8]) -> bool,
    is_hinted: fn(&Hint) -> bool,
    open: fn() -> Box<dyn Opening>,
}

fn mime(hint: &Hint, wanted: &str) -> bool {
    hint.mime.as_deref().is_some_and(|m| m.split(';').next().is_some_and(|m| m.trim().eq_ignore_ascii_case(wanted)))
}

fn extension(hint: &Hint, wanted: &str) -> bool {
    hint.extension.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(wanted))
}

const NEVER: fn(&Hint) -> bool = |_| false;

/// In the order of the reference (6.2), with our own added.
const CANDIDATES: &[Candidate] = &[
    Candidate {
        matches: |h| h.len() >= 12 && matches!(&h[..4], b"RIFF" | b"RF64" | b"BW64") && &h[8..12] == b"WAVE",
        is_hinted: NEVER,
        open: wav::open,
    },
    Candidate { matches: |h| h.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]), is_hinted: NEVER, open: matroska::open },
    Candidate { matches: |h| h.len() >= 8 && &h[4..8] == b"ftyp", is_hinted: NEVER, open: mp4::open },
    Candidate {
        matches: |h| h.starts_with(b"OggS"),
        is_hinted: NEVER,
        open: ogg::open,
    },
    Candidate {
        matches: |h| h.starts_with(b"fLaC"),
        is_hinted: NEVER,
        open: flac::open,
    },
    Candidate {
        matches: |h| h.len() >= 12 && h.starts_with(b"FORM") && matches!(&h[8..12], b"AIFF" | b"AIFC"),
        is_hinted: NEVER,
        open: aiff::open,
    },
    Candidate {
        matches: |h| h.starts_with(b"ID3") || (h.len()>1 && h[0]==0xFF && h[1]&0xE6==0xE2),
        is_hinted: |hint| mime(hint, "audio/mpeg") || extension(hint, "mp3"),
        open: mp3::open,
    },
    Candidate {
        matches: |h| h.len()>1 && h[0]==0xFF && h[1]&0xF6==0xF0,
        is_hinted: |hint| mime(hint, "audio/aac") || mime(hint, "audio/aacp") || extension(hint, "aac"),
        open: adts::open,
    },
];

enum State {
    Looking,
    /// Behind an ID3 tag: what follows decides.
    BehindTag(u64),
    Trying { opening: Box<dyn Opening>, left: Vec<fn() -> Box<dyn Opening>> },
}

/// Opens whatever it is.
pub struct Prober {
    hint: Hint,
    state: State,
}

impl Prober {
    /// Begins at the resource's first byte.
    #[must_use]
    pub const fn new(hint: Hint) -> Self {
        Self { hint, state: State::Looking }
    }

    fn look(&mut self, bytes: &mut ByteWindow, base: u64) -> Result<(), Stop> {
        let head = match bytes.peek(HEAD_BYTES) {
            Ok(head) => head,
            Err(Stop::End) => bytes.peek_up_to(HEAD_BYTES),
            Err(stop) => return Err(stop),
        };
        let is_transport = head.len() > 376 && [0, 188, 376].iter().all(|at| head[*at] == 0x47);
        let mut found: Vec<&Candidate> = CANDIDATES.iter().filter(|c| (c.matches)(head)).collect();
        if is_transport && found.is_empty() {
            return Err(DemuxError::Unsupported("MPEG transport streams are not supported.").into());
        }
        found.sort_by_key(|c| !(c.is_hinted)(&self.hint));
        let mut left: Vec<_> = found.into_iter().rev().map(|c| c.open).collect();
        if base > 0 && left.is_empty() {
            // an ID3 tag is a promise of mp3, however much rubbish follows it
            left.push(mp3::open);
        }
        let first = left.pop().ok_or(UNKNOWN)?;
        bytes.seek(0);
        self.state = State::Trying { opening: first(), left };
        Ok(())
    }
}

impl Opening for Prober {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            match &mut self.state {
                State::Looking => self.look(bytes, 0)?,
                State::BehindTag(size) => {
                    let size = *size;
                    bytes.seek(size);
                    self.look(bytes, size)?;
                }
                State::Trying { opening, left } => match opening.advance(bytes) {
                    Err(Stop::Malformed(_) | Stop::End) if !left.is_empty() => {
                        *opening = left.pop().expect("looked at above")();
                        bytes.seek(0);
                    }
                    Err(Stop::End) => return Err(UNKNOWN.into()),
                    other => return other,
                },
            }
        }
    }
}
