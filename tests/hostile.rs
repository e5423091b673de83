//! Owns: proof that bytes made to do harm end in an exception that blames them, in bounded memory, after a bounded part of
//! them was read: one table of files that end, one of streams that do not.
//! Never knows: how a parser works inside.

#![allow(
    unsafe_code,
    reason = "an allocator that counts can only be made of unsafe functions"
)]

use bytes::Bytes;
use lavalink_rust::{
    dsp::FilterSpec,
    error::{Failure, Severity},
    frame::{FrameFormat, PCM_FRAME_BYTES, Taken},
    media::{
        demux::probe::Hint,
        window::{ByteWindow, LaneWriter, Task, lane},
    },
    playback::{Engine, Event, Request, Settings},
    units::Samples,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

/// The most memory that one track may take, in bytes: an MP4's tables may have 32 MiB and are gathered from what was
/// delivered of them.
const MAX_MEMORY: usize = 96 << 20;
/// The most bytes that are read of a stream in which nothing can be heard.
const MAX_READ: usize = 40 << 20;

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator unchanged; counting touches nothing else.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory is counted for all tests together: one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Plays up to the end, or up to half a second of sound; gives the failure and how many frames there were.
fn play(window: ByteWindow, extension: &str) -> (Option<Failure>, usize) {
    let engine = Engine::new(1, Settings::default());
    let (tell, events) = mpsc::channel();
    let request = Request {
        window,
        hint: Hint {
            mime: None,
            extension: Some(extension.to_owned()),
        },
        start: Samples::ZERO,
        volume: 100,
        filters: FilterSpec::default(),
        format: FrameFormat::Pcm,
        stuck_after: Duration::MAX,
    };
    let (_playback, mut reader) = engine.start(request, move |event| drop(tell.send(event)));
    let mut out = [0; PCM_FRAME_BYTES];
    let mut frames = 0;
    while frames < 25 {
        match reader.take(&mut out) {
            Taken::Frame { .. } => frames += 1,
            Taken::Underrun => std::thread::yield_now(),
            Taken::Over => break,
        }
    }
    let failure = events.try_iter().find_map(|event| match event {
        Event::Failed { failure, .. } => Some(failure),
        _ => None,
    });
    (failure, frames)
}

/// It was refused, and whose fault that is said to be.
fn assert_blamed(name: &str, failure: Option<Failure>) {
    let failure = failure.unwrap_or_else(|| panic!("{name}: no exception"));
    assert!(
        matches!(failure.severity, Severity::Common | Severity::Suspicious),
        "{name}: {failure:?}"
    );
    assert!(!failure.message.is_empty(), "{name}");
}

/// Plays while memory is counted.
fn counted<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak < MAX_MEMORY, "{name}: {} MiB", peak >> 20);
    done
}

/// A box of an MP4 file that claims a size.
fn claiming(kind: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [&size.to_be_bytes(), &kind[..], body].concat()
}

/// A box of an MP4 file.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    claiming(kind, body.len() as u32 + 8, body)
}

/// An MP4 file of one track of mp3 sound with these further tables.
fn mp4(entry: &[u8; 4], tables: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 20];
    head[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    let mut sound = vec![0; 28];
    sound[7] = 1;
    sound[17] = 2;
    sound[24..26].copy_from_slice(&44_100_u16.to_be_bytes());
    let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(entry, &sound)].concat();
    let stbl = [boxed(b"stsd", &stsd), tables.concat()].concat();
    let mdia = [
        boxed(b"mdhd", &head),
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0"),
        boxed(b"minf", &boxed(b"stbl", &stbl)),
    ];
    let mut tkhd = vec![0; 20];
    tkhd[15] = 1;
    let trak = [boxed(b"tkhd", &tkhd), boxed(b"mdia", &mdia.concat())];
    let moov = [
        boxed(b"mvhd", &head),
        boxed(b"trak", &trak.concat()),
        behind.to_vec(),
    ];
    [
        boxed(b"ftyp", b"isom\0\0\0\0"),
        boxed(b"moov", &moov.concat()),
    ]
    .concat()
}

/// A table of an MP4 file: version and flags, then words.
fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    boxed(kind, &[0; 4].into_iter().chain(words).collect::<Vec<_>>())
}

/// An EBML element with a size of eight bytes, which may be a lie.
fn lying(id: u32, size: u64, body: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let zeros = id.iter().take_while(|&&byte| byte == 0).count();
    [&id[zeros..], &(size | 1 << 56).to_be_bytes(), body].concat()
}

fn element(id: u32, body: &[u8]) -> Vec<u8> {
    lying(id, body.len() as u64, body)
}

/// A Matroska file up to its first cluster, with one track of 8-bit samples or of the codec given.
fn matroska(codec: &[u8], more: &[u8]) -> Vec<u8> {
    let entry = [
        element(0xD7, &[1]),
        element(0x83, &[2]),
        element(0x86, codec),
        element(0xE1, &element(0x6264, &[8])),
        more.to_vec(),
    ];
    let tracks = element(0x1654_AE6B, &element(0xAE, &entry.concat()));
    [matroska_head(), tracks].concat()
}

/// EBML header and the beginning of a segment without end.
fn matroska_head() -> Vec<u8> {
    [
        element(0x1A45_DFA3, &element(0x4282, b"matroska")),
        vec![
            0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
    ]
    .concat()
}

/// A page of Ogg (RFC 3533, section 6) with its checksum.
fn page(serial: u32, flags: u8, granule: i64, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend([0; 8]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(body);
    let mut sum = 0_u32;
    for byte in &page {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
        }
    }
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// The headers of an Opus stream in Ogg.
fn ogg_opus() -> Vec<u8> {
    let head = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
    let tags = b"OpusTags\0\0\0\0\0\0\0\0";
    [page(1, 2, 0, &[19], head), page(1, 0, 0, &[16], tags)].concat()
}

/// Bytes that look like chance (xorshift, Marsaglia 2003).
fn noise(len: usize) -> Vec<u8> {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).expect("there")
}

/// `file` with what follows `mark` replaced.
fn patched(mut file: Vec<u8>, mark: &[u8], with: &[u8]) -> Vec<u8> {
    let at = file.windows(mark.len()).position(|bytes| bytes == mark);
    let at = at.expect("it is there") + mark.len();
    file[at..at + with.len()].copy_from_slice(with);
    file
}

/// The marker and STREAMINFO of a FLAC file, which frames follow.
fn flac_head() -> Vec<u8> {
    let mut head = data("tone.flac")[..42].to_vec();
    head[4] |= 0x80;
    head
}

/// Files that end, with what their name says they are.
fn files() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    const ALL: u32 = u32::MAX;
    let wav = |format: &[u8]| {
        [
            &b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0"[..],
            format,
            b"data\xFF\xFF\xFF\xFF",
            &[0; 4000],
        ]
        .concat()
    };
    let head = |name: &str, len: usize| data(name)[..len].to_vec();
    let encrypted = element(
        0x6D80,
        &element(
            0x6240,
            &[element(0x5033, &[1]), element(0x5035, &[])].concat(),
        ),
    );
    let mut deep = Vec::new();
    for _ in 0..2000 {
        deep = boxed(b"moov", &deep);
    }
    let samples = [
        table(b"stsz", &[1, ALL]),
        table(b"stsc", &[1, 1, ALL, 1]),
        table(b"stco", &[1, 600]),
        table(b"stts", &[1, ALL, 0]),
    ];
    vec![
        ("nothing", "mp3", Vec::new()),
        (
            "a page of HTML",
            "mp3",
            b"<!doctype html><title>404</title>".repeat(3000),
        ),
        (
            "a picture",
            "m4a",
            [b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", &noise(1 << 20)[..]].concat(),
        ),
        (
            "an archive",
            "flac",
            [b"PK\x03\x04", &noise(1 << 20)[..]].concat(),
        ),
        ("noise as mp3", "mp3", noise(1 << 20)),
        ("noise as aac", "aac", noise(1 << 20)),
        ("noise", "", noise(1 << 20)),
        ("zeros", "mp3", vec![0; 4 << 20]),
        ("the front of an MP4", "mp4", head("boxes-front.m4a", 200)),
        (
            "the front of a Matroska",
            "webm",
            head("boxes-aac.mka", 200),
        ),
        ("the front of a FLAC", "flac", head("tone.flac", 30)),
        ("the front of an Ogg", "ogg", head("tone44.ogg", 100)),
        (
            "the front of an AIFF",
            "aiff",
            b"FORM\0\0\0\x20AIFFCOMM\0\0\0\x12".to_vec(),
        ),
        (
            "a WAV of 65535 channels",
            "wav",
            wav(b"\x01\0\xFF\xFF\x80\xBB\0\0\0\0\0\0\0\0\x08\0"),
        ),
        (
            "a WAV of 4 GHz",
            "wav",
            wav(b"\x01\0\x02\0\xFF\xFF\xFF\xFF\0\0\0\0\x04\0\x10\0"),
        ),
        (
            "a WAV of no rate",
            "wav",
            wav(b"\x01\0\x02\0\0\0\0\0\0\0\0\0\x04\0\x10\0"),
        ),
        (
            "a moov of 4 GB",
            "mp4",
            [boxed(b"ftyp", b"isom\0\0\0\0"), claiming(b"moov", ALL, &[])].concat(),
        ),
        (
            "a moov in a moov, 2000 deep",
            "mp4",
            [boxed(b"ftyp", b"isom\0\0\0\0"), deep].concat(),
        ),
        (
            "a compressed moov",
            "mov",
            [
                boxed(b"ftyp", b"qt  \0\0\0\0"),
                boxed(
                    b"moov",
                    &boxed(
                        b"cmov",
                        &[
                            boxed(b"dcom", b"zlib"),
                            boxed(b"cmvd", &[&ALL.to_be_bytes()[..], &noise(1000)].concat()),
                        ]
                        .concat(),
                    ),
                ),
            ]
            .concat(),
        ),
        (
            "2^32 samples of nothing",
            "mp4",
            mp4(b".mp3", &samples, &[]),
        ),
        (
            "2^32 sizes that are not there",
            "mp4",
            mp4(b".mp3", &[table(b"stsz", &[0, ALL])], &[]),
        ),
        (
            "2^32 chunks that are not there",
            "mp4",
            mp4(
                b".mp3",
                &[table(b"stsz", &[1, 9]), table(b"stco", &[ALL])],
                &[],
            ),
        ),
        ("an encrypted MP4", "mp4", mp4(b"enca", &[], &[])),
        ("an encrypted purchase", "m4p", mp4(b"drms", &[], &[])),
        (
            "MP4 fragments of nothing",
            "mp4",
            [
                mp4(
                    b".mp3",
                    &[table(b"stsz", &[0, 0])],
                    &boxed(b"mvex", &table(b"trex", &[1, 1, 0, 0, 0])),
                ),
                boxed(b"moof", &[]),
            ]
            .concat(),
        ),
        (
            "an encrypted Matroska",
            "webm",
            [matroska(b"A_OPUS", &encrypted), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "Tracks of 2^50 bytes",
            "mka",
            [matroska_head(), lying(0x1654_AE6B, 1 << 50, &[0; 999])].concat(),
        ),
        (
            "a Matroska without tracks",
            "mka",
            [matroska_head(), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "a void of 2^40 bytes",
            "mka",
            [matroska_head(), lying(0xEC, 1 << 40, &[0; 999])].concat(),
        ),
        (
            "a block of 2^40 bytes",
            "mka",
            [
                matroska(b"A_PCM/INT/LIT", &[]),
                lying(
                    0x1F43_B675,
                    1 << 41,
                    &[
                        element(0xE7, &[0]),
                        lying(0xA3, 1 << 40, &[0x81, 0, 0, 0x80]),
                    ]
                    .concat(),
                ),
            ]
            .concat(),
        ),
        (
            "an unknown codec",
            "mka",
            [matroska(b"A_TRUEHD", &[]), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "FLAC metadata of 16 MB",
            "flac",
            [&b"fLaC\x80\xFF\xFF\xFF"[..], &[0; 4000]].concat(),
        ),
        (
            "FLAC of no rate",
            "flac",
            patched(data("tone.flac"), b"fLaC", &[0; 30]),
        ),
        (
            "a FLAC of noise",
            "flac",
            [flac_head(), noise(3 << 20)].concat(),
        ),
        (
            "Vorbis comments by the billion",
            "ogg",
            [
                page(1, 2, 0, &[30], &data("tone44.ogg")[28..58]),
                page(1, 0, 0, &[16], b"\x03vorbis\0\0\0\0\xFF\xFF\xFF\xFF\x01"),
                page(1, 4, 0, &[9], b"\x05vorbisab"),
            ]
            .concat(),
        ),
        (
            "an Ogg of pictures",
            "ogg",
            [
                page(1, 2, 0, &[9], b"\x80theora-x"),
                page(1, 0, 0, &[4], b"more"),
            ]
            .concat(),
        ),
        (
            "Opus of 255 channels",
            "opus",
            [
                page(
                    1,
                    2,
                    0,
                    &[255, 21],
                    &[
                        &b"OpusHead\x01\xFF\0\0\x80\xBB\0\0\0\0\xFF\xFF\xFF"[..],
                        &[0xFE; 255],
                    ]
                    .concat(),
                ),
                page(1, 0, 0, &[16], b"OpusTags\0\0\0\0\0\0\0\0"),
                page(1, 4, 960, &[3], b"\xFC\xFF\xFE"),
            ]
            .concat(),
        ),
        (
            "an ID3 tag of 256 MB",
            "mp3",
            [&b"ID3\x04\0\0\x7F\x7F\x7F\x7F"[..], &[0; 9999]].concat(),
        ),
    ]
}

#[test]
fn every_file_is_refused() {
    let _turn = TURN.lock().expect("no test has failed");
    for (name, extension, file) in files() {
        let (failure, frames) = counted(name, || play(ByteWindow::of(file), extension));
        assert!(frames < 25, "{name}: sound");
        assert_blamed(name, failure);
    }
}

/// Gives `front`, and then `unit` for ever.
struct Endless {
    front: Vec<u8>,
    unit: Vec<u8>,
    at: u64,
    given: usize,
}

impl Endless {
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
    fn serve(mut self, mut writer: LaneWriter) -> bool {
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
fn streams() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
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

#[test]
fn every_stream_is_given_up() {
    let _turn = TURN.lock().expect("no test has failed");
    // a station, and a server that claims a terabyte and has ranges, in turn
    let lengths = [None, Some(1 << 40)].into_iter().cycle();
    for ((name, extension, front, unit), length) in streams().into_iter().zip(lengths) {
        let (writer, window) = lane(128 << 10);
        writer.describe(length, length.is_some());
        let endless = Endless {
            front,
            unit,
            at: 0,
            given: 0,
        };
        let (failure, is_closed) = counted(name, || {
            let serving = std::thread::spawn(move || endless.serve(writer));
            let (failure, _) = play(window, extension);
            (failure, serving.join().expect("no panic"))
        });
        assert!(is_closed, "{name}, {length:?}: read on and on");
        assert_blamed(name, failure);
    }
}
