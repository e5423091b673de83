//! Owns: sound in MPEG transport streams (ISO 13818-1): which of the streams is played, its time stamps, and the bytes of it
//! put together for the demuxer of what they are (ADTS, LATM, MPEG audio, Opus).
//! Never knows: how such a stream is cut into frames.
//!
//! As in Lavalink a transport stream is endless: it has no length and is not sought in. Positions count from its first
//! frame; where that lies on the stream's own clock is [`Demuxer::origin`], for who plays several in a row (segments).
//! Positions count samples, as heard; time stamps are not looked at again, and what is lost on the way is left out.

mod opus;
mod packet;
mod pes;
mod tables;
#[cfg(test)]
mod tests;

use super::{DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo, Tags, adts, latm, mp3};
use crate::media::window::{ByteWindow, LaneWriter, Stop, lane};
use packet::{Framing, Reader, TsPacket};
use pes::{Pes, Scrambled};
use tables::{Kind, TableSections};

/// How much is looked at to find the first packet.
const LOOK: usize = 1024;
/// How much may be read before the first frame of sound: half a second of the largest streams that are broadcast.
const MAX_LEAD: u64 = 8 << 20;
/// Time stamps that are remembered while the first frame is looked for.
const MAX_STAMPS: usize = 64;
/// Sections with names of services that are kept until it is known which one is played.
const MAX_NAMES: usize = 8;
const NO_PROGRAM: DemuxError = DemuxError::Unsupported("The transport stream has no program.");
const NO_SOUND: DemuxError =
    DemuxError::Unsupported("The transport stream has no sound of a supported kind.");
const NO_LAYER_III: DemuxError =
    DemuxError::Unsupported("MPEG audio in the transport stream is not of layer III.");
const ENCRYPTED: DemuxError = DemuxError::Unsupported("The transport stream is encrypted.");

/// Opens a transport stream.
#[must_use]
pub fn open() -> Box<dyn Opening> {
    Box::new(Open::default())
}

/// Whether a stream that begins so is a transport stream.
pub(super) fn is_transport_stream(head: &[u8]) -> bool {
    Framing::detect(head).is_some()
}

/// What is read until it is known which stream is played.
#[derive(Default)]
struct Programs {
    list: TableSections,
    /// PIDs of the programs' tables, and what has come of them.
    tables: Vec<(u16, TableSections)>,
    /// Numbers of the programs in the list.
    numbers: Vec<u16>,
    /// Those of them whose table has come and has no sound in it.
    silent: Vec<u16>,
    services: TableSections,
    /// Names of services come in front of the list, or behind, or never.
    names: Vec<Vec<u8>>,
}

impl Programs {
    /// Takes a packet; once it is known, returns the program's number and the stream of it that is played.
    fn push(&mut self, packet: &TsPacket) -> Result<Option<(u16, tables::Stream)>, DemuxError> {
        if packet.is_damaged || packet.payload.is_empty() {
            return Ok(None);
        }
        match packet.pid {
            tables::PAT_PID => {
                let (numbers, known) = (&mut self.numbers, &mut self.tables);
                self.list.push(packet, |section| {
                    for (number, pid) in tables::programs(section) {
                        if numbers.len() < tables::MAX_PROGRAMS && !numbers.contains(&number) {
                            numbers.push(number);
                        }
                        if known.len() < tables::MAX_PROGRAMS && known.iter().all(|t| t.0 != pid) {
                            known.push((pid, TableSections::default()));
                        }
                    }
                });
            }
            tables::SDT_PID => {
                let names = &mut self.names;
                self.services.push(packet, |section| {
                    // each is sent every few seconds
                    if names.len() < MAX_NAMES && names.iter().all(|name| name != section) {
                        names.push(section.to_vec());
                    }
                });
            }
            pid => {
                let Some((_, table)) = self.tables.iter_mut().find(|table| table.0 == pid) else {
                    return Ok(None);
                };
                let (mut found, silent) = (Ok(None), &mut self.silent);
                table.push(packet, |section| match tables::sound(section) {
                    Ok(Some((number, Some(stream)))) => found = Ok(Some((number, stream))),
                    Ok(Some((number, None))) if !silent.contains(&number) => silent.push(number),
                    Ok(_) => {}
                    Err(error) => found = Err(error),
                });
                if matches!(found, Ok(None)) && self.numbers.iter().all(|n| silent.contains(n)) {
                    return Err(NO_SOUND);
                }
                return found;
            }
        }
        Ok(None)
    }

    fn tags(&self, program: u16) -> Tags {
        let mut names = self.names.iter();
        let found = names.find_map(|section| tables::names(section, program));
        found.unwrap_or_default()
    }
}

/// The bytes of one stream, on their way to the demuxer of what they are.
struct Elementary {
    pid: u16,
    pes: Pes,
    reader: Reader,
    writer: LaneWriter,
    window: ByteWindow,
    /// Bytes written so far.
    written: u64,
    /// While the first frame is looked for: where time stamps stand in the bytes written.
    stamps: Option<Vec<(u64, u64)>>,
    is_finished: bool,
}

impl Elementary {
    fn new(pid: u16, reader: Reader) -> Self {
        let (writer, mut window) = lane(usize::MAX);
        writer.describe(None, false);
        // nobody says of this window what was found in it; the one over the transport stream has the limit
        window.wander();
        Self {
            pid,
            pes: Pes::default(),
            reader,
            writer,
            window,
            written: 0,
            stamps: Some(Vec::new()),
            is_finished: false,
        }
    }

    /// Reads one packet of the transport stream.
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<(), Stop> {
        let packet = match self.reader.next(bytes) {
            Ok(packet) => packet,
            Err(Stop::End) => {
                self.writer.finish();
                self.is_finished = true;
                return Ok(());
            }
            Err(stop) => return Err(stop),
        };
        if packet.pid != self.pid {
            return Ok(());
        }
        if packet.is_damaged {
            self.pes.lose();
            return Ok(());
        }
        match self.pes.push(&packet) {
            Ok(Some(piece)) => {
                if let (Some(stamps), Some(stamp)) = (&mut self.stamps, piece.stamp)
                    && stamps.len() < MAX_STAMPS
                {
                    stamps.push((self.written, stamp));
                }
                self.written += piece.data.len() as u64;
                self.writer.push(piece.data);
            }
            Ok(None) => {}
            Err(Scrambled) if self.stamps.is_some() => return Err(ENCRYPTED.into()),
            // in the middle of a stream as good as lost
            Err(Scrambled) => self.pes.lose(),
        }
        Ok(())
    }

    /// Makes a call of the inner demuxer again and again, with more packets each time.
    fn until<T>(
        &mut self,
        bytes: &mut ByteWindow,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        loop {
            let need = match call(&mut self.window) {
                Err(Stop::Need(need)) if !self.is_finished => need,
                // it waits for what cannot come: it went back, which none of them does in a live stream
                Err(Stop::Need(_)) => return Err(Stop::End),
                done => return done,
            };
            while self.window.available() < need && !self.is_finished {
                if self.stamps.is_some() && bytes.position() > MAX_LEAD {
                    return Err(DemuxError::Broken("a transport stream without sound").into());
                }
                self.advance(bytes)?;
            }
        }
    }

    /// The time stamp of the frame that begins where the window stands; from now on there is no need for them.
    fn origin(&mut self) -> Option<u64> {
        let at = self.window.position();
        let stamps = self.stamps.take()?;
        let found = stamps.iter().rev().find(|(begin, _)| *begin <= at);
        found.map(|(_, stamp)| *stamp)
    }
}

/// Reads tables, then the beginning of the stream of sound.
#[derive(Default)]
enum Open {
    #[default]
    Framing,
    Tables(Reader, Box<Programs>),
    Sound(Box<Sound>),
    Done,
}

/// A stream of sound whose first frame is looked for.
struct Sound {
    kind: Kind,
    tags: Tags,
    stream: Elementary,
    opening: Box<dyn Opening>,
}

impl Sound {
    fn new(program: u16, stream: &tables::Stream, reader: Reader, programs: &Programs) -> Self {
        Self {
            kind: stream.kind,
            tags: programs.tags(program),
            stream: Elementary::new(stream.pid, reader),
            opening: match stream.kind {
                Kind::Adts => adts::open(),
                Kind::Latm => latm::open(),
                Kind::Mpeg => mp3::open(),
                Kind::Opus => opus::open(stream.opus_channels),
            },
        }
    }

    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<(StreamInfo, Box<dyn Demuxer>), Stop> {
        let opening = &mut self.opening;
        match self.stream.until(bytes, |window| opening.advance(window)) {
            Ok(opened) => {
                let info = StreamInfo {
                    length: None,
                    is_seekable: false,
                    ..opened.demuxer.info().clone()
                };
                Ok((info, opened.demuxer))
            }
            // layers I and II are met in broadcasts
            Err(Stop::Malformed(DemuxError::Broken(_))) if self.kind == Kind::Mpeg => {
                Err(NO_LAYER_III.into())
            }
            Err(Stop::End) => Err(NO_SOUND.into()),
            Err(stop) => Err(stop),
        }
    }
}

impl Opening for Open {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        loop {
            match self {
                Self::Framing => {
                    let head = match bytes.peek(LOOK) {
                        Ok(head) => head,
                        Err(Stop::End) => bytes.peek_up_to(LOOK),
                        Err(stop) => return Err(stop),
                    };
                    let framing = Framing::detect(head).ok_or(DemuxError::Broken(
                        "the stream does not begin with transport stream packets",
                    ))?;
                    bytes.skip(framing.first as u64);
                    *self = Self::Tables(Reader::new(framing), Box::default());
                }
                Self::Tables(reader, programs) => {
                    if bytes.position() > MAX_LEAD {
                        return Err(NO_PROGRAM.into());
                    }
                    let packet = match reader.next(bytes) {
                        Err(Stop::End) => return Err(NO_PROGRAM.into()),
                        packet => packet?,
                    };
                    if let Some((program, stream)) = programs.push(&packet)? {
                        let sound = Sound::new(program, &stream, *reader, programs);
                        *self = Self::Sound(Box::new(sound));
                    }
                }
                Self::Sound(sound) => {
                    let (info, inner) = sound.advance(bytes)?;
                    let Self::Sound(mut sound) = std::mem::replace(self, Self::Done) else {
                        unreachable!("matched above");
                    };
                    return Ok(Opened {
                        demuxer: Box::new(MpegTs {
                            info,
                            origin: sound.stream.origin(),
                            inner,
                            stream: sound.stream,
                        }),
                        container: "mpegts-adts",
                        tags: sound.tags,
                    });
                }
                Self::Done => return Err(Stop::End),
            }
        }
    }
}

struct MpegTs {
    info: StreamInfo,
    origin: Option<u64>,
    inner: Box<dyn Demuxer>,
    stream: Elementary,
}

impl Demuxer for MpegTs {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next_packet(&mut self, bytes: &mut ByteWindow) -> Result<Packet, Stop> {
        let inner = &mut self.inner;
        self.stream.until(bytes, |window| inner.next_packet(window))
    }

    fn seek(&mut self, _target: u64, _bytes: &mut ByteWindow) -> Result<(), Stop> {
        Err(DemuxError::Unsupported("seeking in a transport stream").into())
    }

    fn origin(&self) -> Option<u64> {
        self.origin
    }
}
