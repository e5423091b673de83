//! Owns: finding the cluster and the packet for a position: by cues, else by searching clusters, else by reading on.
//! Never knows: how packets are made.

use super::{
    ebml::{id, peek_element},
    header::parse_cues,
    reader::{Cues, Matroska, find_cluster},
};
use crate::media::{
    demux::{Packet, search::Search},
    window::{ByteWindow, Stop},
};

/// Cues of a day with an entry every two seconds have this much.
const MAX_CUES_BYTES: u64 = 1024 * 1024;

/// A seek that is under way.
#[derive(Debug)]
pub(super) struct Seeking {
    target: u64,
    /// Position of the packet to land on: the target less the preroll.
    wanted: i64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Reading the cues at this offset.
    Cues(u64),
    /// Searching a cluster without cues.
    Probe(Search),
    /// Reading packets up to the wanted one; the one before is kept.
    Read { held: Option<Packet> },
}

impl Matroska {
    /// One attempt at [`Demuxer::seek`](crate::media::demux::Demuxer::seek).
    pub(super) fn seek_to(&mut self, target: u64, bytes: &mut ByteWindow) -> Result<(), Stop> {
        if self.info.length.is_some_and(|length| target >= length) {
            self.seeking = None;
            self.is_ended = true;
            return Ok(());
        }
        let mut seeking = match self.seeking.take() {
            Some(seeking) if seeking.target == target => seeking,
            _ => self.start(target, bytes),
        };
        loop {
            match self.advance(&mut seeking, bytes) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(stop) => {
                    if matches!(stop, Stop::Need(_)) {
                        self.seeking = Some(seeking);
                    }
                    return Err(stop);
                }
            }
        }
    }

    fn start(&mut self, target: u64, bytes: &mut ByteWindow) -> Seeking {
        let wanted = i64::try_from(target)
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4)
            .saturating_sub(self.track.preroll.into());
        let first = self.places.first_cluster;
        let stage = match (&self.places.cues, bytes.length()) {
            _ if wanted <= 0 => self.read_from(first, bytes),
            (Cues::Known(_), _) => self.by_cues(wanted, bytes),
            (Cues::At(offset), _) if bytes.is_seekable() => Stage::Cues(*offset),
            (_, Some(length)) if bytes.is_seekable() => {
                let high = self.places.segment_end.unwrap_or(length).min(length);
                let start = (first, self.clock.origin());
                let density = self
                    .duration
                    .filter(|&ticks| ticks >= 1.0)
                    .map(|ticks| (high.saturating_sub(first), ticks as u64));
                Stage::Probe(Search::new(start, high, density))
            }
            // nothing but reading on helps, from here if the place lies ahead
            _ if self
                .reached
                .is_some_and(|reached| i64::try_from(reached).is_ok_and(|r| r <= wanted)) =>
            {
                self.is_ended = false;
                Stage::Read { held: None }
            }
            _ => self.read_from(first, bytes),
        };
        Seeking {
            target,
            wanted,
            stage,
        }
    }

    /// One step; true when the seek is done.
    fn advance(&mut self, seeking: &mut Seeking, bytes: &mut ByteWindow) -> Result<bool, Stop> {
        let wanted = seeking.wanted;
        match &mut seeking.stage {
            Stage::Cues(offset) => {
                let offset = *offset;
                self.places.cues = self.fetch_cues(offset, bytes)?;
                // start anew, with what is now known
                *seeking = self.start(seeking.target, bytes);
                Ok(false)
            }
            Stage::Probe(search) => {
                let ticks = self.clock.ticks_before(wanted);
                let found =
                    search.look(ticks, bytes, |search, bytes| {
                        let time = find_cluster(bytes, search.high)?;
                        Ok(time.map(|time| {
                            (bytes.position(), i64::try_from(time).unwrap_or(i64::MAX))
                        }))
                    })?;
                if let Some((cluster, _)) = found {
                    seeking.stage = self.read_from(cluster, bytes);
                }
                Ok(false)
            }
            Stage::Read { held } => self.read_up_to(wanted, held, bytes),
        }
    }

    fn read_from(&mut self, cluster: u64, bytes: &mut ByteWindow) -> Stage {
        self.enter(cluster, bytes);
        Stage::Read { held: None }
    }

    fn by_cues(&mut self, wanted: i64, bytes: &mut ByteWindow) -> Stage {
        let Cues::Known(cues) = &self.places.cues else {
            return self.read_from(self.places.first_cluster, bytes);
        };
        let ticks = self.clock.ticks_before(wanted);
        let count = cues.partition_point(|cue| i128::from(cue.time) <= i128::from(ticks));
        let cluster = match count.checked_sub(1) {
            // positions before the first cluster are nonsense
            Some(last) => cues[last].cluster.max(self.places.first_cluster),
            None => self.places.first_cluster,
        };
        self.read_from(cluster, bytes)
    }

    /// Reads the cues; `Missing` when there are none at that place.
    fn fetch_cues(&mut self, offset: u64, bytes: &mut ByteWindow) -> Result<Cues, Stop> {
        bytes.seek(offset);
        let element = match peek_element(bytes) {
            Err(Stop::End | Stop::Malformed(_)) => return Ok(Cues::Missing),
            other => other?,
        };
        let size = element.size.unwrap_or(u64::MAX);
        if element.id != id::CUES || size > MAX_CUES_BYTES {
            return Ok(Cues::Missing);
        }
        let body = match bytes.peek(element.header_len + size as usize) {
            Err(Stop::End) => return Ok(Cues::Missing),
            other => &other?[element.header_len..],
        };
        let cues = parse_cues(body, self.track.number, self.places.segment);
        Ok(if cues.is_empty() {
            Cues::Missing
        } else {
            Cues::Known(cues)
        })
    }

    /// Reads packets until the first in the queue is the one that contains `wanted`.
    fn read_up_to(
        &mut self,
        wanted: i64,
        held: &mut Option<Packet>,
        bytes: &mut ByteWindow,
    ) -> Result<bool, Stop> {
        loop {
            let Some(packet) = self.queue.front() else {
                match self.step(bytes) {
                    Err(Stop::End) => {
                        self.is_ended = true;
                        return Ok(true);
                    }
                    other => other?,
                }
                continue;
            };
            let end = packet.pts.saturating_add(packet.duration.into());
            let is_there = end > wanted || packet.pts > wanted;
            if is_there {
                // a packet of unknown length may reach beyond, and one of none fills the overlap for the next
                if let Some(before) = held.take_if(|before| before.duration == 0) {
                    self.queue.push_front(before);
                }
                return Ok(true);
            }
            *held = self.queue.pop_front();
        }
    }
}
