//! Owns: reading what a client is told of a video: what it is, and the forms that its sound has. Pure.
//! Never knows: how it was asked for, or how a form is fetched.

use super::{
    cipher::SIGNATURE,
    facts::Facts,
    items,
    link::VideoId,
    refusal::{self, Refusal},
};
use crate::{
    source::site::json::{Pick, Unexpected},
    track::{Track, UNKNOWN_LENGTH},
};
use serde_json::Value;
use std::{cmp::Reverse, time::Duration};

/// Forms of one video that are looked at; 13 languages come to 190.
const MAX_FORMS: usize = 1000;
/// How long links hold where nothing is said: what is said, as a rule, is a bit more.
const HOLDS: Duration = Duration::from_secs(5 * 3600);

/// A video, as one client sees it.
#[derive(Clone, Debug)]
pub struct Video {
    /// What clients of this node see.
    pub track: Track,
    /// How it can be played.
    pub sound: Sound,
}

/// How a video can be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// The forms that can be, the best first.
    pub files: Vec<File>,
    /// The playlist of its segments.
    pub hls: Option<String>,
    /// Whether it is live.
    pub is_live: bool,
    /// How long the links hold.
    pub holds: Duration,
}

/// Which of a video's forms: the bytes of one are the same for each client and at all times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormId {
    /// Number of the site's for codec and quality.
    itag: i64,
    /// Tells languages and loudness apart.
    tags: Option<String>,
}

/// One form in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Which one.
    pub id: FormId,
    /// Where it is.
    pub place: Place,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here.
    Open(String),
    /// At a link with a signature that has to be deciphered.
    Sealed {
        /// The link without it.
        url: String,
        /// The signature.
        signature: String,
        /// Name of its parameter.
        key: String,
    },
}

/// Reads the answer for a video.
///
/// # Errors
/// When it says no, or is not understood.
pub fn read(
    answer: &Value,
    id: &VideoId,
    facts: &Facts,
) -> Result<Result<Video, Refusal>, Unexpected> {
    let answer = answer.pick("playerResponse").unwrap_or(answer);
    let Some(status) = answer.pick("playabilityStatus") else {
        // what is not there is not described, either
        return match answer.as_object().is_none_or(serde_json::Map::is_empty) {
            true => Ok(Err(Refusal::Nothing)),
            false => Err(missing("playabilityStatus")),
        };
    };
    if let Some(refusal) = refusal::of_status(status, facts)? {
        return Ok(Err(refusal));
    }
    let details = answer
        .pick("videoDetails")
        .ok_or_else(|| missing("videoDetails"))?;
    // another video in its place says that this one is not for us
    if details.needed_text("videoId")? != id.as_str() {
        return Err(missing("the video that was asked for"));
    }
    let seconds = items::whole(details.pick("lengthSeconds")).unwrap_or(0);
    let may_be_live = status.pick("liveStreamability").is_some();
    let is_live = details.pick("isLive") == Some(&Value::Bool(true)) || may_be_live && seconds == 0;
    let length = match is_live || seconds <= 0 {
        true => UNKNOWN_LENGTH,
        false => seconds.saturating_mul(1000),
    };
    let described = items::Described {
        id: id.clone(),
        title: details.text("title"),
        author: details.text("author"),
        length,
        is_live,
        artwork: items::artwork(id, details),
    };
    Ok(Ok(Video {
        track: described.track(),
        sound: sound(answer, is_live, facts),
    }))
}

const fn missing(path: &'static str) -> Unexpected {
    let wanted = "value";
    Unexpected::Missing { path, wanted }
}

fn sound(answer: &Value, is_live: bool, facts: &Facts) -> Sound {
    let Some(data) = answer.pick("streamingData") else {
        return Sound::default();
    };
    let all = data
        .list("adaptiveFormats")
        .iter()
        .chain(data.list("formats"));
    let mut forms: Vec<_> = all
        .take(MAX_FORMS)
        .filter_map(|form| Some((rank(form, facts)?, form)))
        .collect();
    forms.sort_by_key(|(rank, _)| *rank);
    let files = forms.into_iter().filter_map(|(_, form)| file(form));
    let holds = data.pick("expiresInSeconds").and_then(|it| {
        let seconds = items::whole(Some(it))?;
        u64::try_from(seconds).ok().map(Duration::from_secs)
    });
    Sound {
        files: files.collect(),
        hls: data.text("hlsManifestUrl").map(str::to_owned),
        is_live,
        holds: holds.unwrap_or(HOLDS),
    }
}

/// The smaller, the better; `None` for what cannot be played. The original's order (reference, 8.2), but what it leaves out
/// comes last here.
fn rank(form: &Value, facts: &Facts) -> Option<impl Ord + Copy + use<>> {
    let (mime, rest) = form.text("mimeType")?.split_once(';')?;
    let codecs = rest.split_once('"')?.1.split_once('"')?.0;
    let kind = facts.forms.iter().position(|known| {
        known.mime == mime.trim() && codecs.split(',').any(|codec| codec.trim() == known.codec)
    })?;
    let is_set = |path: &str| form.pick(path) == Some(&Value::Bool(true));
    let is_translated = form.pick("audioTrack").is_some() && !is_set("audioTrack.audioIsDefault");
    let is_surround = form.number("audioChannels").is_some_and(|n| n > 2);
    let bitrate = items::whole(form.pick("bitrate")).unwrap_or(0);
    Some((
        is_translated,
        is_surround,
        kind,
        is_set("isDrc"),
        Reverse(bitrate),
    ))
}

fn file(form: &Value) -> Option<File> {
    let place = match form.text("url") {
        Some(url) => Place::Open(url.to_owned()),
        None => sealed(
            form.text("signatureCipher")
                .or_else(|| form.text("cipher"))?,
        )?,
    };
    let id = FormId {
        itag: form.number("itag")?,
        tags: form.text("xtags").map(str::to_owned),
    };
    Some(File { id, place })
}

/// `s=…&sp=sig&url=…`, each percent-encoded.
fn sealed(text: &str) -> Option<Place> {
    let (mut url, mut signature, mut key) = (None, None, SIGNATURE.to_owned());
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            "url" => url = Some(value.into_owned()),
            "s" => signature = Some(value.into_owned()),
            "sp" => key = value.into_owned(),
            _ => {}
        }
    }
    let (url, signature) = (url?, signature?);
    Some(Place::Sealed {
        url,
        signature,
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::site::data::SiteData;
    use serde_json::json;

    const ID: &str = "Kn56bMZ9OE8";

    fn read_it(answer: &Value) -> Result<Result<Video, Refusal>, Unexpected> {
        let id = VideoId::parse(ID).expect("an id");
        read(answer, &id, &SiteData::built_in().youtube)
    }

    fn details(more: Value) -> Value {
        let mut details = json!({
            "videoId": ID, "title": "A title", "author": "A channel", "lengthSeconds": "304",
            "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi/Kn56bMZ9OE8/hq720.jpg"}]},
        });
        for (name, value) in more.as_object().expect("an object") {
            details[name] = value.clone();
        }
        details
    }

    fn answer(details_too: Value, data: Value) -> Value {
        json!({
            "playabilityStatus": {"status": "OK"},
            "videoDetails": details(details_too),
            "streamingData": data,
        })
    }

    fn video(details_too: Value, data: Value) -> Video {
        let read = read_it(&answer(details_too, data)).expect("understood");
        read.expect("a video")
    }

    fn form(itag: i64, mime: &str, codecs: &str, bitrate: i64) -> Value {
        json!({
            "itag": itag, "mimeType": format!("{mime}; codecs=\"{codecs}\""), "bitrate": bitrate,
            "audioChannels": 2, "url": format!("https://r1.googlevideo.com/videoplayback?itag={itag}"),
        })
    }

    fn with(mut form: Value, name: &str, value: Value) -> Value {
        form[name] = value;
        form
    }

    fn order(forms: Vec<Value>) -> Vec<i64> {
        let sound = video(json!({}), json!({ "adaptiveFormats": forms })).sound;
        sound.files.iter().map(|file| file.id.itag).collect()
    }

    /// Fields of a track: reference, 8.2.
    #[test]
    fn a_video_is_described_as_in_the_original() {
        let track = video(json!({}), json!({})).track;
        let info = &track.info;
        assert_eq!((&*info.title, &*info.author), ("A title", "A channel"));
        assert_eq!((info.length, info.position), (304_000, 0));
        assert!(info.is_seekable && !info.is_stream);
        assert_eq!((&*info.identifier, &*info.source_name), (ID, "youtube"));
        let page = "https://www.youtube.com/watch?v=Kn56bMZ9OE8";
        assert_eq!(info.uri.as_deref(), Some(page));
        let artwork = "https://i.ytimg.com/vi/Kn56bMZ9OE8/mqdefault.jpg";
        assert_eq!(info.artwork_url.as_deref(), Some(artwork));
        assert_eq!(info.isrc, None);
    }

    #[test]
    fn a_live_stream_has_no_end_and_one_that_was_has() {
        for (details, length, is_stream) in [
            (
                json!({"isLive": true, "isLiveContent": true, "lengthSeconds": "0"}),
                UNKNOWN_LENGTH,
                true,
            ),
            (json!({"isLiveContent": true}), 304_000, false),
            (json!({"lengthSeconds": 7.0}), 7_000, false),
        ] {
            let info = video(details.clone(), json!({})).track.info;
            assert_eq!(
                (info.length, info.is_stream),
                (length, is_stream),
                "{details}"
            );
        }
    }

    /// The order of reference, 8.2.
    #[test]
    fn opus_is_played_before_all_else_and_pictures_last() {
        let forms = vec![
            form(18, "video/mp4", "avc1.42001E, mp4a.40.2", 300_000),
            form(140, "audio/mp4", "mp4a.40.2", 130_000),
            form(248, "video/webm", "vp9", 1_000_000),
            form(249, "audio/webm", "opus", 50_000),
            form(139, "audio/mp4", "mp4a.40.5", 48_000),
            form(43, "video/webm", "vp8.0, vorbis", 600_000),
            form(251, "audio/webm", "opus", 150_000),
            form(171, "audio/webm", "vorbis", 128_000),
            form(999, "audio/x-new", "new", 1),
        ];
        assert_eq!(order(forms), [251, 249, 171, 140, 139, 43, 18]);
    }

    #[test]
    fn the_original_s_language_and_loudness_are_played_first() {
        let opus = |itag| form(itag, "audio/webm", "opus", 150_000 + itag);
        let track = |is_default: bool| json!({"id": "en.4", "audioIsDefault": is_default});
        let forms = vec![
            with(opus(5), "audioTrack", track(false)),
            with(opus(4), "audioChannels", json!(6)),
            with(opus(3), "isDrc", json!(true)),
            with(opus(2), "audioTrack", track(true)),
            form(1, "audio/mp4", "mp4a.40.2", 1),
        ];
        assert_eq!(order(forms), [2, 3, 1, 4, 5]);
    }

    #[test]
    fn a_form_is_known_again_by_number_and_tags() {
        let tagged = with(form(251, "audio/webm", "opus", 1), "xtags", json!("abc"));
        let sound = video(
            json!({}),
            json!({ "formats": [tagged], "expiresInSeconds": "21540" }),
        )
        .sound;
        let tags = Some("abc".to_owned());
        assert_eq!(sound.files[0].id, FormId { itag: 251, tags });
        assert_eq!(sound.holds, Duration::from_secs(21540));
    }

    #[test]
    fn sealed_links_are_taken_apart_and_forms_without_links_left_out() {
        let mut closed = form(251, "audio/webm", "opus", 2);
        closed["url"] = Value::Null;
        let cipher = "s=ab%3Dc&sp=sig&url=https%3A%2F%2Fr1.googlevideo.com%2Fvideoplayback%3Fn%3Dx";
        let forms = vec![
            closed.clone(),
            with(closed, "signatureCipher", json!(cipher)),
        ];
        let sound = video(json!({}), json!({ "adaptiveFormats": forms })).sound;
        let place = Place::Sealed {
            url: "https://r1.googlevideo.com/videoplayback?n=x".to_owned(),
            signature: "ab=c".to_owned(),
            key: "sig".to_owned(),
        };
        assert_eq!(sound.files.len(), 1);
        assert_eq!(sound.files[0].place, place);
    }

    #[test]
    fn an_answer_of_the_other_endpoint_is_wrapped() {
        let wrapped = json!({ "playerResponse": answer(json!({}), json!({})) });
        assert!(read_it(&wrapped).expect("understood").is_ok());
        assert!(matches!(read_it(&json!({})), Ok(Err(Refusal::Nothing))));
    }

    #[test]
    fn another_video_or_none_is_not_understood() {
        let other = answer(json!({"videoId": "dQw4w9WgXcQ"}), json!({}));
        for odd in [
            other,
            json!({"playabilityStatus": {"status": "OK"}}),
            json!({"x": 1}),
        ] {
            assert!(read_it(&odd).is_err(), "{odd}");
        }
    }
}
