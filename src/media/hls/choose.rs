//! Owns: which of a master playlist's forms is played (RFC 8216, section 4.3.4; codec names: RFC 6381). A pure decision.
//! Never knows: how anything is fetched.
//!
//! Only the sound counts, so that a form without pictures wins, be it a rendition or a variant; among forms with pictures
//! the one that costs the least. Where forms are alike, the first.

use super::playlist::{Master, Rendition, Variant};
use std::cmp::Reverse;

/// Bits a second above which there are pictures where nothing is told: 320 kbit/s of mp3 and what is around them.
const MOST_SOUND: u64 = 350_000;

/// How well a codec can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sound {
    /// There is none, or only in a codec that is not decoded.
    None,
    /// It does not say.
    Unknown,
    /// Made for low rates (HE-AAC).
    Low,
    /// As good as it gets.
    Full,
}

/// Address of the media playlist that is played; `None` when nothing in it can be.
#[must_use]
pub fn choose(master: &Master) -> Option<&str> {
    let forms = master
        .variants
        .iter()
        .filter_map(|variant| Form::of(variant, &master.renditions));
    // the last of equals would win
    let forms: Vec<Form<'_>> = forms.collect();
    let best = forms.iter().rev().max_by_key(|form| form.rank())?;
    Some(best.uri)
}

/// One way to hear it.
struct Form<'a> {
    uri: &'a str,
    sound: Sound,
    has_pictures: bool,
    /// Three and more channels only become two.
    is_surround: bool,
    bandwidth: u64,
}

impl<'a> Form<'a> {
    /// The sound of a variant: a rendition of its group that has a list of its own, else the variant itself.
    fn of(variant: &'a Variant, renditions: &'a [Rendition]) -> Option<Self> {
        let sound = sound(variant.codecs.as_deref());
        if sound == Sound::None {
            return None;
        }
        let group = || {
            let group = variant.audio.as_deref();
            renditions.iter().filter(move |r| Some(&*r.group) == group)
        };
        let rendition = group().find(|r| r.is_default).or_else(|| group().next());
        let is_surround = rendition.is_some_and(|r| r.channels.is_some_and(|n| n > 2));
        let (uri, has_pictures) = match rendition.and_then(|r| r.uri.as_deref()) {
            Some(uri) => (uri, false),
            None => (&*variant.uri, has_pictures(variant)),
        };
        Some(Self {
            uri,
            sound,
            has_pictures,
            is_surround,
            bandwidth: variant.bandwidth,
        })
    }

    fn rank(&self) -> impl Ord {
        let (gain, cost) = if self.has_pictures {
            (0, Reverse(self.bandwidth))
        } else {
            (self.bandwidth, Reverse(0))
        };
        (
            !self.has_pictures,
            self.sound,
            !self.is_surround,
            gain,
            cost,
        )
    }
}

/// The best sound among these codecs.
fn sound(codecs: Option<&[String]>) -> Sound {
    let Some(codecs) = codecs else {
        return Sound::Unknown;
    };
    codecs
        .iter()
        .map(|codec| match &*codec.to_ascii_lowercase() {
            // object types of MPEG-4: AAC-LC; MPEG-1 layer III, also as 13818-3 and 11172-3
            "mp4a.40.2" | "mp4a.40.34" | "mp4a.69" | "mp4a.6b" | "mp3" => Sound::Full,
            "opus" | "flac" | "alac" => Sound::Full,
            "mp4a.40.5" | "mp4a.40.29" => Sound::Low,
            "mp4a" | "mp4a.40" => Sound::Unknown,
            _ => Sound::None,
        })
        .max()
        .unwrap_or(Sound::Unknown)
}

fn has_pictures(variant: &Variant) -> bool {
    const VIDEO: [&str; 10] = [
        "avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "vp08", "vp09", "av01", "mp4v",
    ];
    match &variant.codecs {
        _ if variant.has_pictures => true,
        Some(codecs) => codecs
            .iter()
            .any(|codec| VIDEO.iter().any(|video| codec.starts_with(video))),
        None => variant.bandwidth > MOST_SOUND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::hls::playlist::{Playlist, parse};

    fn chosen(lines: &str) -> Option<String> {
        match parse(&format!("#EXTM3U\n{lines}")) {
            Ok(Playlist::Master(master)) => choose(&master).map(str::to_owned),
            other => panic!("{other:?}"),
        }
    }

    const VIDEO: &str = "#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1x1\nhigh\n\
        #EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1x1\nlow\n";

    #[test]
    fn of_forms_with_pictures_the_smallest_is_played() {
        assert_eq!(chosen(VIDEO).as_deref(), Some("low"));
    }

    #[test]
    fn but_not_for_worse_sound() {
        let worse = "#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.4d401f,mp4a.40.5\"\nhe\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.4d401f,ec-3\"\ndolby\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.4d401f\"\nmute\n";
        assert_eq!(chosen(&format!("{worse}{VIDEO}")).as_deref(), Some("low"));
        assert_eq!(chosen(worse).as_deref(), Some("he"));
    }

    #[test]
    fn sound_alone_wins_and_the_best_of_it() {
        let sound = "#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.5\"\nhe\n\
            #EXT-X-STREAM-INF:BANDWIDTH=70000,CODECS=\"mp4a.40.2\"\nsmall\n\
            #EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\nlarge\n\
            #EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\nmirror\n";
        assert_eq!(chosen(&format!("{VIDEO}{sound}")).as_deref(), Some("large"));
    }

    #[test]
    fn a_rendition_of_its_own_is_sound_alone() {
        let text = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"other\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"y\",DEFAULT=YES,URI=\"default\",CHANNELS=\"2\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"z\",URI=\"surround\",CHANNELS=\"6\"\n\
            #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"a\",NAME=\"s\",DEFAULT=YES,URI=\"text\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.4d401f,mp4a.40.2\",AUDIO=\"b\"\nvb\n\
            #EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.4d401f,mp4a.40.2\",AUDIO=\"a\"\nva\n";
        assert_eq!(chosen(text).as_deref(), Some("default"));
    }

    #[test]
    fn a_rendition_without_a_list_is_in_the_variant() {
        let text = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",DEFAULT=YES\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\",RESOLUTION=1x1\nhigh\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\",RESOLUTION=1x1\nlow\n";
        assert_eq!(chosen(text).as_deref(), Some("low"));
    }

    #[test]
    fn where_nothing_is_told_little_is_sound_and_much_is_pictures() {
        let bare = "#EXT-X-STREAM-INF:BANDWIDTH=64000\na\n#EXT-X-STREAM-INF:BANDWIDTH=128000\nb\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900000\nc\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\nd\n";
        assert_eq!(chosen(bare).as_deref(), Some("b"));
        let (_, large) = bare.split_at(bare.find("#EXT-X-STREAM-INF:BANDWIDTH=9").expect("there"));
        assert_eq!(chosen(large).as_deref(), Some("c"));
    }

    #[test]
    fn what_cannot_be_heard_is_not_chosen() {
        let silent = "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.4d401f\"\nv\n";
        assert_eq!(chosen(silent), None);
    }
}
