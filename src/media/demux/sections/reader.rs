//! Owns: reading section after section: opening each, and passing over those that cannot be read.
//! Never knows: where in the stream a section lies.

use crate::media::{
    demux::{
        DemuxError, Demuxer, Opened, Opening, Packet, StreamInfo, Tags,
        id3::Id3,
        probe::{Hint, Prober},
    },
    window::{ByteWindow, Stop},
};

/// Sections in a row that cannot be read before the stream is given up.
const MAX_BAD: u32 = 3;

/// When a section begins, by a clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Samples at the section's rate, from anywhere on.
    Samples(i64),
    /// 90,000 ticks a second; 33 bits, which wrap (ISO 13818-1, 2.4.3.7).
    Clock(u64),
}

/// Reads packets through all sections.
#[derive(Default)]
pub(super) struct Reader {
    part: Part,
    /// What the next section may be: what the last one was.
    hint: Hint,
    /// Number of the section at hand.
    pub number: u64,
    /// Its time stamp, once its first packet is read.
    pub stamp: Option<Stamp>,
    is_fresh: bool,
    /// Whether its packets tell the time by themselves.
    has_own_time: bool,
    /// Sections in a row that could not be read, and why the first of them could not.
    bad: u32,
    problem: Option<DemuxError>,
    tags: Option<Tags>,
}

/// How far the section at hand is read.
#[derive(Default)]
enum Part {
    /// To its end.
    #[default]
    Passed,
    /// The tags in front are read; one of them may be a time stamp.
    Tagged(Id3),
    /// Its headers are read.
    Opening(Prober),
    /// Its packets are read.
    Open(Box<dyn Demuxer>),
}

/// A packet as its section has it.
pub(super) struct Read {
    pub packet: Packet,
    /// Whether it is the first of its section.
    pub is_first: bool,
}

/// What is joined in the middle of a frame shows no sign at its beginning.
fn hint(container: &str) -> Hint {
    let extension = match container {
        "mp3" => Some("mp3"),
        "adts" => Some("aac"),
        _ => None,
    };
    Hint {
        mime: None,
        extension: extension.map(str::to_owned),
    }
}

impl Reader {
    /// Reads what is open already, and then the sections behind it.
    pub(super) fn of(opened: Opened) -> Self {
        Self {
            hint: hint(opened.container),
            part: Part::Open(opened.demuxer),
            ..Self::default()
        }
    }

    /// Goes on with the section of this number.
    pub(super) fn jump(&mut self, number: u64, bytes: &mut ByteWindow) {
        bytes.jump_to_section(number);
        self.part = Part::Passed;
    }

    /// The next packet of this section, or the first of the next one that has any.
    ///
    /// # Errors
    /// As [`Demuxer::next_packet`]; what is wrong with a section only when too many in a row cannot be read.
    pub(super) fn read(&mut self, bytes: &mut ByteWindow) -> Result<Read, Stop> {
        loop {
            match &mut self.part {
                Part::Passed => {
                    self.number = bytes.next_section()?;
                    self.stamp = None;
                    self.part = Part::Tagged(Id3::default());
                }
                Part::Tagged(id3) => match id3.advance(bytes) {
                    // nothing behind the tags is no damage
                    Ok(()) if matches!(bytes.peek(1), Err(Stop::End)) => self.part = Part::Passed,
                    Ok(()) => {
                        self.stamp = id3.transport_time().map(Stamp::Clock);
                        self.part = Part::Opening(Prober::of_section(self.hint.clone()));
                    }
                    Err(stop) => self.pass(stop, bytes)?,
                },
                Part::Opening(prober) => match prober.advance(bytes) {
                    Ok(opened) => self.opened(opened),
                    Err(stop) => self.pass(stop, bytes)?,
                },
                Part::Open(demuxer) => match demuxer.next_packet(bytes) {
                    Ok(packet) => return Ok(self.got(packet)),
                    Err(stop) => self.pass(stop, bytes)?,
                },
            }
        }
    }

    /// What the section of the last packet is, and the number of the stream in it.
    pub(super) fn current(&self) -> Option<(&StreamInfo, u32)> {
        match &self.part {
            Part::Open(demuxer) => Some((demuxer.info(), demuxer.stream())),
            _ => None,
        }
    }

    /// What the section of the last packet is.
    pub(super) fn info(&self) -> Option<&StreamInfo> {
        self.current().map(|(info, _)| info)
    }

    /// The tags of the first section.
    pub(super) fn take_tags(&mut self) -> Tags {
        self.tags.replace(Tags::default()).unwrap_or_default()
    }

    fn opened(&mut self, opened: Opened) {
        self.tags.get_or_insert(opened.tags);
        self.part = Part::Open(opened.demuxer);
        self.is_fresh = true;
        self.has_own_time = opened.container == "mp4";
        self.hint = hint(opened.container);
        if let Part::Open(demuxer) = &self.part {
            self.stamp = demuxer.origin().map(Stamp::Clock).or(self.stamp);
        }
    }

    fn got(&mut self, packet: Packet) -> Read {
        self.bad = 0;
        self.problem = None;
        let is_first = std::mem::take(&mut self.is_fresh);
        if is_first && self.has_own_time {
            self.stamp = Some(Stamp::Samples(packet.pts));
        }
        Read { packet, is_first }
    }

    /// Leaves the section at its end, or where it cannot be read any further.
    fn pass(&mut self, stop: Stop, bytes: &ByteWindow) -> Result<(), Stop> {
        match stop {
            Stop::End => {}
            // another follows, or a failure
            Stop::Malformed(_) if bytes.is_station() => bytes.reject_section(),
            Stop::Malformed(error) if !bytes.has_sections() => return Err(error.into()),
            Stop::Malformed(error) => {
                let problem = *self.problem.get_or_insert(error);
                self.bad += 1;
                if self.bad == MAX_BAD {
                    return Err(problem.into());
                }
            }
            stop @ (Stop::Need(_) | Stop::Again | Stop::Failed(_)) => return Err(stop),
        }
        self.part = Part::Passed;
        Ok(())
    }
}
