//! Owns: streams without end in which nothing can be heard, and who sends them.
//! Never knows: how they are given up.

use crate::forms::{
    boxed, data, element, flac_head, matroska, matroska_head, mp4, ogg_opus, page, table,
};
use bytes::Bytes;
use lavalink_rust::media::window::{LaneWriter, Task};

/// The most bytes that are read of a stream in which nothing can be heard.
const MAX_READ: usize = 40 << 20;

/// Gives `front`, and then `unit` for ever.
pub(crate) struct Endless {
    front: Vec<u8>,
    unit: Vec<u8>,
    at: u64,
    given: usize,
}

impl Endless {
    pub(crate) const fn new(front: Vec<u8>, unit: Vec<u8>) -> Self {
        Self {
            front,
            unit,
            at: 0,
            given: 0,
        }
    }

    fn piece(&mut self) -> Bytes {
        const LEN: usize = 64 << 10;
        let mut piece = Vec::with_capacity(LEN);
        while piece.len() < LEN {
            let behind = self.at + piece.len() as u64;
            let rest = match usize::try_from(behind)
                .ok()
                .and_then(|at| self.front.get(at..))
            {
                Some(rest) if !rest.is_empty() => rest,
                _ => {
                    let past = behind - self.front.len() as u64;
                    &self.unit[(past % self.unit.len() as u64) as usize..]
                }
            };
            piece.extend_from_slice(&rest[..rest.len().min(LEN - piece.len())]);
        }
        self.at += LEN as u64;
        self.given += LEN;
        piece.into()
    }

    /// Serves a window until it is closed or has had too much. True when it was closed.
    pub(crate) fn serve(mut self, mut writer: LaneWriter) -> bool {
        while self.given < MAX_READ {
            match writer.poll() {
                Some(Task::Deliver) => {
                    let piece = self.piece();
                    writer.push(piece);
                }
                Some(Task::Jump(to)) => self.at = to,
                Some(Task::Close) => return true,
                Some(Task::Renew) | None => std::thread::yield_now(),
            }
        }
        // whatever is asked for now, it is the end
        loop {
            match writer.poll() {
                Some(Task::Close) => return false,
                Some(Task::Jump(_) | Task::Renew) | None => std::thread::yield_now(),
                Some(Task::Deliver) => writer.finish(),
            }
        }
    }
}

/// Streams without end in which nothing can be heard: front, and what is repeated.
pub(crate) fn streams() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let cluster = [
        vec![
            0x1F, 0x43, 0xB6, 0x75, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
        element(0xE7, &[0]),
    ]
    .concat();
    let fragmented = mp4(
        b".mp3",
        &[table(b"stsz", &[0, 0])],
        &boxed(b"mvex", &table(b"trex", &[1, 1, 0, 0, 0])),
    );
    let vorbis = data("tone44.ogg");
    let behind = |count: usize| {
        let pages = vorbis.windows(4).enumerate();
        let mut pages = pages.filter(|(_, bytes)| bytes == b"OggS");
        pages.nth(count).expect("so many").0
    };
    let serial = u32::from_le_bytes([vorbis[14], vorbis[15], vorbis[16], vorbis[17]]);
    vec![
        (
            "pages of another stream",
            "ogg",
            ogg_opus(),
            page(2, 0, 0, &[9], b"something"),
        ),
        (
            "a packet without end",
            "ogg",
            ogg_opus(),
            page(1, 1, -1, &[255; 255], &[0; 255 * 255]),
        ),
        (
            "packets that are none",
            "ogg",
            ogg_opus(),
            page(1, 0, 0, &[1, 1, 0], b"\xFF\xFF"),
        ),
        (
            "Ogg pages of nothing",
            "ogg",
            ogg_opus(),
            page(1, 0, 0, &[], b""),
        ),
        ("Ogg streams that only begin", "ogg", ogg_opus(), ogg_opus()),
        (
            "Ogg headers without end",
            "ogg",
            page(1, 2, 0, &[19], &ogg_opus()[28..47]),
            page(2, 0, 0, &[1], b"x"),
        ),
        (
            "Vorbis headers for sound",
            "ogg",
            vorbis[..behind(2)].to_vec(),
            page(serial, 0, 0, &[8; 9], &b"\x03vorbis\0".repeat(9)),
        ),
        ("voids", "mka", matroska_head(), element(0xEC, &[0; 100])),
        (
            "voids in a cluster",
            "mka",
            [matroska(b"A_PCM/INT/LIT", &[]), cluster.clone()].concat(),
            element(0xEC, &[0; 100]),
        ),
        (
            "blocks of another track",
            "mka",
            [matroska(b"A_PCM/INT/LIT", &[]), cluster.clone()].concat(),
            element(0xA3, &[0x82, 0, 0, 0x80, 1, 2, 3]),
        ),
        (
            "empty blocks",
            "mka",
            [matroska(b"A_PCM/INT/LIT", &[]), cluster.clone()].concat(),
            element(0xA3, &[0x81, 0, 0, 0x80]),
        ),
        (
            "Opus blocks that are none",
            "mka",
            [matroska(b"A_OPUS", &[]), cluster.clone()].concat(),
            element(0xA3, &[0x81, 0, 0, 0x80, 0xFF, 0]),
        ),
        (
            "clusters of nothing",
            "mka",
            matroska(b"A_PCM/INT/LIT", &[]),
            cluster,
        ),
        (
            "free boxes",
            "mp4",
            boxed(b"ftyp", b"isom\0\0\0\0"),
            boxed(b"free", &[0; 100]),
        ),
        (
            "free boxes for fragments",
            "mp4",
            fragmented.clone(),
            boxed(b"free", &[0; 100]),
        ),
        (
            "fragments of nothing",
            "mp4",
            fragmented,
            boxed(b"moof", &boxed(b"traf", &table(b"tfhd", &[1]))),
        ),
        (
            "chunks of no interest in a WAV",
            "wav",
            b"RIFF\0\0\0\0WAVE".to_vec(),
            b"LIST\x04\0\0\0abcd".to_vec(),
        ),
        (
            "chunks of no interest in an AIFF",
            "aiff",
            b"FORM\0\0\0\0AIFF".to_vec(),
            b"ANNO\0\0\0\x04abcd".to_vec(),
        ),
        (
            "FLAC padding",
            "flac",
            b"fLaC".to_vec(),
            b"\x01\0\0\x04abcd".to_vec(),
        ),
        (
            "FLAC padding of 16 MB",
            "flac",
            b"fLaC".to_vec(),
            [&b"\x01\x0F\xFF\xFF"[..], &[0; 0x0F_FFFF]].concat(),
        ),
        ("a FLAC of zeros", "flac", flac_head(), vec![0]),
        (
            "tags",
            "mp3",
            Vec::new(),
            b"ID3\x04\0\0\0\0\0\x04abcd".to_vec(),
        ),
        ("zeros", "mp3", Vec::new(), vec![0]),
        (
            "zeros behind a frame of AAC",
            "aac",
            data("tone.aac")[..4000].to_vec(),
            vec![0],
        ),
    ]
}
