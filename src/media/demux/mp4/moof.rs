//! Owns: what one `moof` says (ISO 14496-12, section 8.8): its samples' places, sizes and times.
//! Never knows: where the next one is.

use super::boxes::{Children, child};
use crate::media::demux::{DemuxError, fields::Fields};
use std::collections::VecDeque;

/// Default values of the track (`trex`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// The track's number.
    pub track: u32,
    duration: u32,
    size: u32,
}

impl Defaults {
    /// Reads the `trex` of a track in an `mvex` body; zeros when there is none.
    pub(super) fn parse(mvex: &[u8], track: u32) -> Result<Self, DemuxError> {
        let mut defaults = Self {
            track,
            duration: 0,
            size: 0,
        };
        for (kind, body) in Children(mvex) {
            let mut fields = Fields::new(body, "trex ends early");
            if &kind != b"trex" {
                continue;
            }
            fields.skip(4)?;
            if fields.u32()? == track {
                fields.skip(4)?;
                defaults.duration = fields.u32()?;
                defaults.size = fields.u32()?;
            }
        }
        Ok(defaults)
    }
}

/// Samples that follow each other in the file and are alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub offset: u64,
    pub time: u64,
    pub count: u32,
    pub size: u32,
    pub duration: u32,
}

impl Run {
    /// Moves past so many of them.
    pub(super) fn drop_first(&mut self, count: u32) {
        self.offset = self
            .offset
            .saturating_add(u64::from(count) * u64::from(self.size));
        self.time = self
            .time
            .saturating_add(u64::from(count) * u64::from(self.duration));
        self.count -= count;
    }

    /// Media ticks at which the last one ends.
    pub(super) fn end(&self) -> u64 {
        self.time
            .saturating_add(u64::from(self.count) * u64::from(self.duration))
    }
}

/// One `moof` while it is read.
pub(super) struct Fragment {
    defaults: Defaults,
    moof: u64,
    /// Media ticks before it, then behind it.
    pub clock: u64,
    /// Time of its first sample.
    pub start: Option<u64>,
    /// Whether it said that time itself.
    pub is_timed: bool,
    /// Its samples.
    pub runs: VecDeque<Run>,
}

impl Fragment {
    /// `clock` media ticks have passed before the fragment at offset `moof`.
    pub(super) fn new(defaults: Defaults, moof: u64, clock: u64) -> Self {
        Self {
            defaults,
            moof,
            clock,
            start: None,
            is_timed: false,
            runs: VecDeque::new(),
        }
    }

    /// Reads the body of the `moof`.
    pub(super) fn parse(&mut self, body: &[u8]) -> Result<(), DemuxError> {
        for (kind, traf) in Children(body) {
            if &kind == b"traf" {
                self.track(traf)?;
            }
        }
        Ok(())
    }

    fn track(&mut self, traf: &[u8]) -> Result<(), DemuxError> {
        let tfhd = child(traf, b"tfhd").ok_or(DemuxError::Broken("a fragment has no header"))?;
        let mut fields = Fields::new(tfhd, "a fragment header ends early");
        let flags = fields.u32()?;
        if fields.u32()? != self.defaults.track {
            return Ok(());
        }
        let mut defaults = self.defaults;
        let base = if flags & 1 != 0 {
            fields.u64()?
        } else {
            self.moof
        };
        if flags & 2 != 0 {
            fields.skip(4)?;
        }
        if flags & 8 != 0 {
            defaults.duration = fields.u32()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = fields.u32()?;
        }
        if let Some(tfdt) = child(traf, b"tfdt") {
            let mut fields = Fields::new(tfdt, "tfdt ends early");
            let version = fields.u32()? >> 24;
            self.is_timed = true;
            self.clock = if version == 1 {
                fields.u64()?
            } else {
                fields.u32()?.into()
            };
        }
        self.start.get_or_insert(self.clock);
        let mut offset = base;
        for (kind, trun) in Children(traf) {
            if &kind == b"trun" {
                offset = self.run(trun, base, offset, defaults)?;
            }
        }
        Ok(())
    }

    /// Reads one `trun`; gives the offset behind its samples.
    fn run(
        &mut self,
        trun: &[u8],
        base: u64,
        mut offset: u64,
        defaults: Defaults,
    ) -> Result<u64, DemuxError> {
        let mut fields = Fields::new(trun, "a fragment's run ends early");
        let flags = fields.u32()?;
        let count = fields.u32()?;
        if flags & 1 != 0 {
            offset = base.saturating_add_signed(i64::from(fields.u32()? as i32));
        }
        if flags & 4 != 0 {
            fields.skip(4)?;
        }
        if flags & 0xF00 == 0 {
            return Ok(self.push(Run {
                offset,
                time: self.clock,
                count,
                size: defaults.size,
                duration: defaults.duration,
            }));
        }
        for _ in 0..count {
            let mut sample = Run {
                offset,
                time: self.clock,
                count: 1,
                size: defaults.size,
                duration: defaults.duration,
            };
            if flags & 0x100 != 0 {
                sample.duration = fields.u32()?;
            }
            if flags & 0x200 != 0 {
                sample.size = fields.u32()?;
            }
            fields.skip((flags & 0xC00).count_ones() as usize * 4)?;
            offset = self.push(sample);
        }
        Ok(offset)
    }

    /// Adds samples, to the last run where they are alike; gives the offset behind them. Empty samples only take time.
    fn push(&mut self, run: Run) -> u64 {
        let mut after = run;
        after.drop_first(run.count);
        self.clock = after.time;
        if run.size == 0 || run.count == 0 {
            return after.offset;
        }
        match self.runs.back_mut() {
            Some(last)
                if last.size == run.size
                    && last.duration == run.duration
                    && last
                        .offset
                        .checked_add(u64::from(last.count) * u64::from(last.size))
                        == Some(run.offset)
                    && last.end() == run.time
                    && last.count.checked_add(run.count).is_some() =>
            {
                last.count += run.count;
            }
            _ => self.runs.push_back(run),
        }
        after.offset
    }
}
