//! Owns: the movie header: the audio track to be played, its edits and its place on the audible timeline.
//! Never knows: how the file is walked, or how fragments are read.

use super::{
    boxes::{Children, child, descend},
    entry::{self, Entry},
    moof::Defaults,
    table::SampleTable,
    tags::{self, Gapless},
};
use crate::media::demux::{DemuxError, Tags, fields::Fields};

/// Converts between media ticks and audible samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    /// Media ticks a second; not 0.
    pub scale: u32,
    /// Samples a second; not 0.
    pub rate: u32,
    /// Media ticks before the first audible sample.
    pub start: i64,
}

impl Timeline {
    /// The audible position of a media time, to the nearest sample. Exact whenever the scale is at least the rate.
    pub(super) fn position(&self, time: u64) -> i64 {
        let ticks = i128::from(time) - i128::from(self.start);
        let scale = i128::from(self.scale);
        let samples = (2 * ticks * i128::from(self.rate) + scale).div_euclid(2 * scale);
        samples.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The media time of an audible position, rounded down; times before the first sample are 0.
    pub(super) fn time(&self, position: i64) -> u64 {
        let ticks = (i128::from(position) * i128::from(self.scale))
            .div_euclid(i128::from(self.rate))
            + i128::from(self.start);
        u64::try_from(ticks.max(0)).unwrap_or(u64::MAX)
    }
}

/// What the movie header says.
#[derive(Debug)]
pub(super) struct Movie {
    pub entry: Entry,
    pub timeline: Timeline,
    /// Audible samples, when an edit list, a gapless note or complete tables say so.
    pub length: Option<u64>,
    /// Whether `length` is exact to the sample, so that sound beyond it is to be cut.
    pub is_exact: bool,
    pub table: Option<SampleTable>,
    /// Present when fragments follow.
    pub fragments: Option<Defaults>,
    pub tags: Tags,
}

/// Reads a `moov` body.
///
/// # Errors
/// [`DemuxError::Unsupported`] when no audio track can be played, [`DemuxError::Broken`] when its tables are damaged.
pub(super) fn parse(moov: &[u8]) -> Result<Movie, DemuxError> {
    // QuickTime, up to 2000 or so
    if child(moov, b"cmov").is_some() {
        return Err(DemuxError::Unsupported(
            "the MP4 file's header is compressed",
        ));
    }
    let movie = Header::parse(
        child(moov, b"mvhd").ok_or(DemuxError::Broken("the movie has no header"))?,
        "the movie header ends early",
    )?;
    let mut problem = DemuxError::Unsupported("the MP4 file has no audio track");
    let mut tracks: Vec<&[u8]> = Children(moov)
        .filter(|(kind, trak)| kind == b"trak" && is_audio(trak))
        .map(|(_, trak)| trak)
        .collect();
    // stable: the first of those that are switched on, then of those that are not (other languages, comments)
    tracks.sort_by_key(|trak| !is_enabled(trak));
    for trak in tracks {
        match parse_track(moov, trak, movie) {
            Ok(parsed) => return Ok(parsed),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

/// The lowest flag of `tkhd` (ISO 14496-12, 8.3.2).
fn is_enabled(trak: &[u8]) -> bool {
    child(trak, b"tkhd").is_some_and(|tkhd| tkhd.get(3).is_some_and(|flags| flags & 1 != 0))
}

fn is_audio(trak: &[u8]) -> bool {
    descend(trak, &[b"mdia", b"hdlr"]).and_then(|hdlr| hdlr.get(8..12)) == Some(b"soun")
}

/// The part that `mvhd` and `mdhd` share.
#[derive(Clone, Copy, Debug)]
struct Header {
    scale: u32,
    duration: u64,
}

impl Header {
    fn parse(body: &[u8], part: &'static str) -> Result<Self, DemuxError> {
        let mut fields = Fields::new(body, part);
        let version = fields.u8()?;
        fields.skip(3)?;
        let (scale, duration) = if version == 1 {
            fields.skip(16)?;
            (fields.u32()?, fields.u64()?)
        } else {
            fields.skip(8)?;
            (fields.u32()?, fields.u32()?.into())
        };
        if scale == 0 {
            return Err(DemuxError::Broken("a time scale is 0"));
        }
        Ok(Self { scale, duration })
    }
}

fn parse_track(moov: &[u8], trak: &[u8], movie: Header) -> Result<Movie, DemuxError> {
    const INCOMPLETE: DemuxError = DemuxError::Broken("the audio track is incomplete");
    let mdia = child(trak, b"mdia").ok_or(INCOMPLETE)?;
    let media = Header::parse(
        child(mdia, b"mdhd").ok_or(INCOMPLETE)?,
        "the media header ends early",
    )?;
    let stbl = descend(mdia, &[b"minf", b"stbl"]).ok_or(INCOMPLETE)?;
    let entry = entry::parse(child(stbl, b"stsd").ok_or(INCOMPLETE)?)?;
    let table = SampleTable::parse(stbl)?;
    let mvex = child(moov, b"mvex");
    let fragments = match mvex {
        Some(mvex) => Some(Defaults::parse(mvex, track_id(trak)?)?),
        None => None,
    };
    let edit = parse_edits(trak, movie)?;
    let (tags, gapless) = tags::parse(moov);
    let spans = Spans {
        media_scale: media.scale,
        movie_scale: movie.scale,
        total: match (&table, &fragments) {
            (Some(table), None) => Some(table.total_time()),
            _ => None,
        },
        told: told_duration(mvex, movie),
    };
    let (timeline, length, is_exact) = spans.place(&entry, edit, gapless);
    Ok(Movie {
        entry,
        timeline,
        length,
        is_exact,
        table,
        fragments,
        tags,
    })
}

fn track_id(trak: &[u8]) -> Result<u32, DemuxError> {
    let tkhd = child(trak, b"tkhd").ok_or(DemuxError::Broken("the track has no header"))?;
    let mut fields = Fields::new(tkhd, "the track header ends early");
    let version = fields.u8()?;
    fields.skip(if version == 1 { 19 } else { 11 })?;
    fields.u32()
}

/// `mehd`, else `mvhd`: movie ticks of the whole fragmented movie.
fn told_duration(mvex: Option<&[u8]>, movie: Header) -> Option<u64> {
    let extended = mvex.and_then(|mvex| child(mvex, b"mehd")).and_then(|mehd| {
        let mut fields = Fields::new(mehd, "mehd ends early");
        let version = fields.u32().ok()? >> 24;
        if version == 1 {
            fields.u64().ok()
        } else {
            fields.u32().ok().map(u64::from)
        }
    });
    let told = extended
        .filter(|&ticks| ticks != 0)
        .unwrap_or(movie.duration);
    // all ones: unknown
    (told != 0 && told != u64::from(u32::MAX) && told != u64::MAX).then_some(told)
}

/// The part of the media that an edit list shows.
#[derive(Clone, Copy, Debug)]
struct Edit {
    /// Media ticks left out at the start.
    start: u64,
    /// Movie ticks shown; 0: up to the end.
    shown: u64,
}

/// Reads `edts/elst`. An empty edit at the front only aligns the sound with a picture: it is not played. Of several edits
/// the first says where to begin, and everything from there on is played: sound is never left out.
fn parse_edits(trak: &[u8], movie: Header) -> Result<Option<Edit>, DemuxError> {
    let Some(elst) = descend(trak, &[b"edts", b"elst"]) else {
        return Ok(None);
    };
    let mut fields = Fields::new(elst, "the edit list ends early");
    let version = fields.u32()? >> 24;
    let count = fields.u32()?;
    let mut edit: Option<Edit> = None;
    for _ in 0..count {
        let (shown, start) = if version == 1 {
            (fields.u64()?, fields.u64()? as i64)
        } else {
            (fields.u32()?.into(), i64::from(fields.u32()? as i32))
        };
        fields.skip(4)?;
        // negative: empty
        let Ok(start) = u64::try_from(start) else {
            continue;
        };
        match &mut edit {
            None => edit = Some(Edit { start, shown }),
            Some(first) => {
                first.shown = 0;
            }
        }
    }
    // some writers put a length of 0 or "unknown" for "all of it"
    Ok(edit.map(|edit| Edit {
        shown: if edit.shown >= u64::from(u32::MAX) || movie.scale == 0 {
            0
        } else {
            edit.shown
        },
        ..edit
    }))
}

/// The figures that the audible part is worked out from.
struct Spans {
    media_scale: u32,
    movie_scale: u32,
    /// Media ticks of all samples, when they are all in the tables.
    total: Option<u64>,
    /// Movie ticks that the headers tell for a fragmented file.
    told: Option<u64>,
}

impl Spans {
    /// Timeline, length, and whether the length is exact.
    fn place(
        &self,
        entry: &Entry,
        edit: Option<Edit>,
        gapless: Option<Gapless>,
    ) -> (Timeline, Option<u64>, bool) {
        let mut timeline = Timeline {
            scale: self.media_scale,
            rate: entry.rate,
            start: 0,
        };
        let from_samples = |samples: u64| {
            i64::try_from(
                i128::from(samples) * i128::from(self.media_scale) / i128::from(entry.rate),
            )
            .unwrap_or(i64::MAX)
        };
        let is_useful = edit.is_some_and(|edit| edit.start != 0);
        match (edit, gapless) {
            (Some(edit), _) if is_useful => {
                timeline.start = i64::try_from(edit.start).unwrap_or(i64::MAX);
            }
            (_, Some(gapless)) => timeline.start = from_samples(gapless.delay.into()),
            _ => timeline.start = from_samples(entry.pre_skip.into()),
        }
        let all = self
            .total
            .map(|total| u64::try_from(timeline.position(total)).unwrap_or(0));
        if let (Some(gapless), false) = (gapless, is_useful) {
            let length = all.map_or(gapless.length, |all| all.min(gapless.length));
            return (timeline, Some(length), true);
        }
        let shown = edit
            .map(|edit| edit.shown)
            .filter(|&shown| shown != 0)
            .map(|shown| self.movie_ticks(shown, entry.rate));
        match (shown, all) {
            // a movie tick is coarse: within one, the media itself knows better
            (Some(shown), Some(all)) if shown + self.movie_ticks(1, entry.rate) > all => {
                (timeline, Some(all), true)
            }
            (Some(shown), Some(_)) => (timeline, Some(shown), true),
            (None, Some(all)) => (timeline, Some(all), true),
            (shown, None) => {
                let told = self.told.map(|told| self.movie_ticks(told, entry.rate));
                (timeline, shown.or(told), false)
            }
        }
    }

    /// Movie ticks as samples, rounded up.
    fn movie_ticks(&self, ticks: u64, rate: u32) -> u64 {
        let samples = (u128::from(ticks) * u128::from(rate)).div_ceil(u128::from(self.movie_scale));
        // positions are signed elsewhere
        samples.min(i64::MAX as u128 / 4) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_scales_finer_than_the_rate_convert_without_loss() {
        let timeline = Timeline {
            scale: 90_000,
            rate: 44_100,
            start: 0,
        };
        for packet in 0..10_000i64 {
            // media times as a muxer rounds them
            let time = (packet * 1024 * 90_000 + 22_050) / 44_100;
            assert_eq!(timeline.position(time as u64), packet * 1024);
        }
    }

    #[test]
    fn an_edit_that_starts_late_makes_the_priming_negative() {
        let timeline = Timeline {
            scale: 44_100,
            rate: 44_100,
            start: 1024,
        };
        assert_eq!((timeline.position(0), timeline.time(0)), (-1024, 1024));
        assert_eq!(timeline.time(-5000), 0);
    }
}
