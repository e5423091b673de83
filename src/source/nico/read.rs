//! Owns: reading what Niconico's API says of videos and lists: what clients see of them (reference, 8.4), what is needed to
//! play one, and why one cannot be played. Pure. Shapes and codes: yt-dlp's `niconico` extractors.
//! Never knows: how it was asked for.

use super::link::List;
use crate::{
    error::Failure,
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        site::json::{Pick, Unexpected},
    },
    track::{Track, TrackInfo},
    units::Secret,
};
use serde_json::Value;

/// The name of this source.
pub const NAME: &str = "niconico";

/// What is needed to ask for the playlist of a video.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Says that the video may be heard.
    pub key: Secret,
    /// Under which name the video was asked for: the key holds for that only.
    pub session: String,
    /// The form of the pictures, the smallest: there must be one.
    pub pictures: String,
    /// The form of the sound, the best.
    pub sound: String,
}

/// Why a video cannot be played.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By law or contract.
    #[error("Niconico must not show this video in the node's country.")]
    Country,
    /// It is for members of its channel.
    #[error("This Niconico video is for members of its channel only.")]
    Members,
    /// It is for those who pay Niconico.
    #[error("This Niconico video is for premium members only.")]
    Premium,
    /// It is sold.
    #[error("This Niconico video has to be paid for.")]
    Paid,
    /// It is shown to people who are logged in.
    #[error("Niconico shows this video to people who are logged in only.")]
    Login,
    /// Its owner hides it.
    #[error("This Niconico video is private, or not published yet.")]
    Private,
    /// It was there once.
    #[error("This Niconico video was deleted.")]
    Deleted,
    /// There is nothing to be played.
    #[error(
        "Niconico has this video in no form that can be played; it may still be in processing."
    )]
    NoForms,
    /// The site is not there for anybody.
    #[error("Niconico is under maintenance. Try again later.")]
    Maintenance,
    /// It does not say more.
    #[error("Niconico refuses to show this video.")]
    Other,
    /// It is no video.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

impl Refusal {
    /// What a client is told. What is not understood is the site's matter: `changed`.
    pub fn into_failure(self, changed: impl FnOnce(Unexpected) -> Failure) -> Failure {
        match self {
            Self::Unexpected(error) => changed(error),
            Self::Maintenance | Self::Other => Failure::suspicious(self.to_string()),
            other => Failure::common(other.to_string()),
        }
    }
}

/// The data of an answer; `None` when there is no such thing.
///
/// # Errors
/// When the site says why it is not shown, or it is no answer.
pub fn data(answer: &Value) -> Result<Option<&Value>, Refusal> {
    let status = answer.needed_number("meta.status")?;
    if matches!(status, 200..=299) {
        let data = answer.pick("data");
        let (path, wanted) = ("data", "object");
        return data
            .map(Some)
            .ok_or(Unexpected::Missing { path, wanted }.into());
    }
    Err(match answer.text("data.reasonCode").unwrap_or_default() {
        "DOMESTIC_VIDEO" | "HIGH_RISK_COUNTRY_VIDEO" => Refusal::Country,
        "CHANNEL_MEMBER_ONLY" => Refusal::Members,
        "PREMIUM_ONLY" => Refusal::Premium,
        "PPV_VIDEO" => Refusal::Paid,
        "HARMFUL_VIDEO" => Refusal::Login,
        "HIDDEN_VIDEO" => Refusal::Private,
        "ADMINISTRATOR_DELETE_VIDEO"
        | "RIGHT_HOLDER_DELETE_VIDEO"
        | "DELETED_CHANNEL_VIDEO"
        | "DELETED_COMMUNITY_VIDEO" => Refusal::Deleted,
        _ => match answer.text("meta.errorCode").unwrap_or_default() {
            "NOT_FOUND" | "INVALID_PARAMETER" => return Ok(None),
            "MAINTENANCE" => Refusal::Maintenance,
            "UNAUTHORIZED" => Refusal::Login,
            _ => Refusal::Other,
        },
    })
}

/// What clients see of the video with that number.
///
/// # Errors
/// When it is none.
pub fn track(data: &Value, id: &str, start: i64) -> Result<Track, Unexpected> {
    let author = data.text("owner.nickname");
    let shown = Shown {
        title: data.text("video.title"),
        author: author.or_else(|| data.text("channel.name")),
        seconds: data.needed_number("video.duration")?,
        artwork: data.text("video.thumbnail.url"),
    };
    Ok(shown.into_track(id, start))
}

/// What is needed to play a video.
///
/// # Errors
/// When it cannot be played by who is not logged in.
pub fn rights(data: &Value) -> Result<Rights, Refusal> {
    // of pictures the form with the fewest bits a second, of sound the one with the most
    let forms = |path| {
        let forms = data.list(path).iter();
        forms.filter_map(|form| {
            let is_available = form.pick("isAvailable").and_then(Value::as_bool)?;
            let id = form.text("id").filter(|_| is_available)?;
            Some((form.number("bitRate").unwrap_or(0), id.to_owned()))
        })
    };
    let pictures = forms("media.domand.videos").min_by_key(|(rate, _)| *rate);
    let sound = forms("media.domand.audios").max_by_key(|(rate, _)| *rate);
    let key = data.text("media.domand.accessRightKey");
    let (Some((_, pictures)), Some((_, sound)), Some(key)) = (pictures, sound, key) else {
        let is = |name: &str| {
            let flag = data.pick(&format!("payment.video.{name}"));
            flag.and_then(Value::as_bool) == Some(true)
        };
        return Err(match () {
            () if is("isPremium") => Refusal::Premium,
            () if is("isAdmission") => Refusal::Members,
            () if is("isPpv") || is("isContinuationBenefit") => Refusal::Paid,
            () => Refusal::NoForms,
        });
    };
    Ok(Rights {
        key: Secret::new(key),
        session: data.needed_text("client.watchTrackId")?.to_owned(),
        pictures,
        sound,
    })
}

/// Name and items of a list; items are the same for both kinds.
#[must_use]
pub fn list(data: &Value, kind: List) -> (String, &[Value]) {
    let (name, items) = match kind {
        List::Mylist => (data.text("mylist.name"), data.list("mylist.items")),
        List::Series => (data.text("detail.title"), data.list("items")),
    };
    (name.unwrap_or_default().to_owned(), items)
}

/// A video of a list; `None` when it is not to be seen any more.
#[must_use]
pub fn item(item: &Value) -> Option<Track> {
    if item.text("status").is_some_and(|status| status != "public") {
        return None;
    }
    let video = item.pick("video")?;
    let shown = Shown {
        title: video.text("title"),
        author: video.text("owner.name"),
        seconds: video.number("duration")?,
        artwork: video.text("thumbnail.url"),
    };
    Some(shown.into_track(video.text("id")?, 0))
}

/// What is shown of a video.
struct Shown<'a> {
    title: Option<&'a str>,
    author: Option<&'a str>,
    seconds: i64,
    artwork: Option<&'a str>,
}

impl Shown<'_> {
    fn into_track(self, id: &str, start: i64) -> Track {
        let length = self.seconds.max(0).saturating_mul(1000);
        Track::from(TrackInfo {
            identifier: id.to_owned(),
            is_seekable: true,
            author: self.author.unwrap_or(UNKNOWN_AUTHOR).to_owned(),
            length,
            is_stream: false,
            position: if start < length { start } else { 0 },
            title: self.title.unwrap_or(UNKNOWN_TITLE).to_owned(),
            uri: Some(format!("https://www.nicovideo.jp/watch/{id}")),
            artwork_url: self.artwork.map(str::to_owned),
            isrc: None,
            source_name: NAME.to_owned(),
        })
    }
}
