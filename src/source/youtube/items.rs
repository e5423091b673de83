//! Owns: reading lists of the site's pages: videos, songs, albums in all the shapes that they come in. Pure.
//! Never knows: how a page was asked for.
//!
//! The site renames what holds a list every few months, but seldom an item: so items are looked for wherever they are, and
//! only what is known to be beside the matter (shelves of other things) is passed over.

use super::{link::VideoId, refusal::text_of};
use crate::{
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        list::{Kind, List},
        site::json::Pick,
    },
    track::{Playlist, Track, TrackInfo, UNKNOWN_LENGTH},
};
use serde_json::{Map, Value};

/// The name of this source.
pub const NAME: &str = "youtube";

/// The fields of answers that are read, here and elsewhere in this source; all others are dropped while an answer is read.
/// What holds a list of items has one of many names, so that those are known by their endings.
pub fn is_read(name: &str) -> bool {
    const ENDINGS: [&str; 5] = ["Renderer", "ViewModel", "Results", "Continuation", "Action"];
    // what is below them is large, and never read
    const PASSED: [&str; 8] = [
        "secondaryResults",
        "menuRenderer",
        "channelThumbnailWithLinkRenderer",
        "reelPlayerOverlayRenderer",
        "engagementPanelSectionListRenderer",
        "desktopTopbarRenderer",
        "toggleButtonViewModel",
        "buttonViewModel",
    ];
    const NAMES: &[&str] = &[
        // a video
        "playabilityStatus",
        "videoDetails",
        "streamingData",
        "playerResponse",
        "status",
        "reason",
        "messages",
        "errorScreen",
        "subreason",
        "liveStreamability",
        "videoId",
        "lengthSeconds",
        "isLive",
        "author",
        "adaptiveFormats",
        "formats",
        "expiresInSeconds",
        "hlsManifestUrl",
        "itag",
        "mimeType",
        "bitrate",
        "url",
        "signatureCipher",
        "cipher",
        "xtags",
        "audioTrack",
        "audioIsDefault",
        "isDrc",
        "audioChannels",
        // lists
        "contents",
        "content",
        "items",
        "item",
        "tabs",
        "playlist",
        "primaryContents",
        "onResponseReceivedActions",
        "onResponseReceivedCommands",
        "continuationContents",
        "continuationItems",
        "continuations",
        "nextContinuationData",
        "continuation",
        "continuationEndpoint",
        "continuationCommand",
        "commandExecutorCommand",
        "commands",
        "token",
        // items
        "title",
        "headline",
        "runs",
        "text",
        "simpleText",
        "navigationEndpoint",
        "watchEndpoint",
        "browseEndpoint",
        "browseId",
        "longBylineText",
        "shortBylineText",
        "ownerText",
        "lengthText",
        "badges",
        "style",
        "upcomingEventData",
        "unplayableText",
        "isPlayable",
        "thumbnail",
        "thumbnails",
        "thumbnailRenderer",
        "flexColumns",
        "fixedColumns",
        "playlistItemData",
        "contentId",
        "contentType",
        "contentImage",
        "metadata",
        "metadataRows",
        "metadataParts",
        "image",
        "sources",
        "overlays",
        "thumbnailBadges",
        "badgeStyle",
        "overlayMetadata",
        "primaryText",
        "onTap",
        "innertubeCommand",
        "reelWatchEndpoint",
        // what a page says of itself
        "header",
        "sidebar",
        "microformat",
        "alerts",
        "type",
        "pageTitle",
        "urlCanonical",
        "endpoint",
        "responseContext",
        "visitorData",
        "suggestion",
        "searchEndpoint",
        "query",
    ];
    !PASSED.contains(&name)
        && (NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

/// What a page holds.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Videos and songs that can be played, in order.
    pub tracks: Vec<Track>,
    /// Albums, artists and playlists, without their tracks.
    pub lists: Vec<Playlist>,
    /// What the next page is asked for with.
    pub next: Option<String>,
}

impl Page {
    /// Reads all that is in a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut page = Self::default();
        page.walk(value);
        page
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                let before = self.tracks.len();
                for item in items {
                    self.walk(item);
                }
                let token = items.iter().find_map(token);
                // a page has several: the one that counts goes on where the items end
                if self.next.is_none() && self.tracks.len() > before {
                    self.next = token;
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.field(name, value);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, value: &Value) {
        match name {
            "videoRenderer"
            | "compactVideoRenderer"
            | "gridVideoRenderer"
            | "playlistVideoRenderer"
            | "playlistPanelVideoRenderer"
            | "reelItemRenderer" => {
                self.tracks.extend(video(value));
            }
            "lockupViewModel" => self.tracks.extend(lockup(value)),
            "shortsLockupViewModel" => self.tracks.extend(short(value)),
            "musicResponsiveListItemRenderer" => {
                self.tracks.extend(song(value));
                self.lists.extend(list(value));
            }
            "playlistVideoListContinuation"
            | "playlistVideoListRenderer"
            | "musicPlaylistShelfRenderer" => {
                self.walk(value);
                let token = value.text("continuations.0.nextContinuationData.continuation");
                self.next = self.next.take().or_else(|| token.map(str::to_owned));
            }
            // shelves of other things: what others watched, what is short, what is new
            "shelfRenderer"
            | "reelShelfRenderer"
            | "richShelfRenderer"
            | "gridShelfViewModel"
            | "horizontalCardListRenderer"
            | "musicCardShelfRenderer" => {}
            _ => self.walk(value),
        }
    }
}

/// What the next page is asked for with, if this item says so.
fn token(item: &Value) -> Option<String> {
    let endpoint = item.pick("continuationItemRenderer.continuationEndpoint")?;
    let path = "continuationCommand.token";
    let commands = endpoint.list("commandExecutorCommand.commands").iter();
    let token = endpoint
        .text(path)
        .or_else(|| commands.filter_map(|command| command.text(path)).next());
    token.map(str::to_owned)
}

/// A video, as far as it is described.
pub struct Described<'a> {
    /// Which one.
    pub id: VideoId,
    /// `None`: nothing is said.
    pub title: Option<&'a str>,
    /// Its channel.
    pub author: Option<&'a str>,
    /// Milliseconds.
    pub length: i64,
    /// Whether it is live.
    pub is_live: bool,
    /// Address of a picture.
    pub artwork: String,
}

impl Described<'_> {
    /// What clients see (reference, 8.2).
    #[must_use]
    pub fn track(&self) -> Track {
        Track {
            info: TrackInfo {
                identifier: self.id.to_string(),
                is_seekable: true,
                author: self.author.unwrap_or(UNKNOWN_AUTHOR).to_owned(),
                length: self.length,
                is_stream: self.is_live,
                position: 0,
                title: self.title.unwrap_or(UNKNOWN_TITLE).to_owned(),
                uri: Some(self.id.page()),
                artwork_url: Some(self.artwork.clone()),
                isrc: None,
                source_name: NAME.to_owned(),
            },
            details: Vec::new(),
            plugin_info: Map::new(),
            originals: Vec::new(),
        }
    }
}

/// A picture of a video: the largest there is, when that is as large as can be, else one that each video has.
#[must_use]
pub fn artwork(id: &VideoId, item: &Value) -> String {
    let last = item.list("thumbnail.thumbnails").last();
    let largest = last.and_then(|it| it.text("url"));
    match largest.filter(|url| url.contains("maxresdefault")) {
        Some(url) => url.to_owned(),
        None => format!("https://i.ytimg.com/vi/{id}/mqdefault.jpg"),
    }
}

/// A whole number, which some answers have as text or with a fraction of zero.
#[must_use]
pub fn whole(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    if let Some(text) = value.as_str() {
        return text.parse().ok();
    }
    // the fraction, if any, is of no interest
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|it| it as i64))
}

/// Milliseconds of `1:02:03`.
#[must_use]
pub fn clock(text: &str) -> Option<i64> {
    let parts = text.trim().split(':').collect::<Vec<_>>();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let seconds = parts.iter().try_fold(0i64, |sum, part| {
        let is_number =
            !part.is_empty() && part.len() <= 5 && part.bytes().all(|it| it.is_ascii_digit());
        sum.checked_mul(60)?
            .checked_add(is_number.then(|| part.parse().ok())??)
    })?;
    seconds.checked_mul(1000)
}

fn first_run(value: Option<&Value>) -> Option<&str> {
    let value = value?;
    value
        .text("runs.0.text")
        .or_else(|| value.text("simpleText"))
}

/// An item of the older kinds.
fn video(item: &Value) -> Option<Track> {
    let is_away = item.pick("unplayableText").is_some()
        || item.pick("upcomingEventData").is_some()
        || item.pick("isPlayable") == Some(&Value::Bool(false));
    if is_away {
        return None;
    }
    let id = VideoId::parse(item.text("videoId")?)?;
    let title = text_of(item.pick("headline").or_else(|| item.pick("title"))?)?;
    let bylines = ["longBylineText", "shortBylineText", "ownerText"];
    let author = bylines.iter().find_map(|name| first_run(item.pick(name)));
    // what has neither an author nor a length was taken away
    let length = whole(item.pick("lengthSeconds")).map(|seconds| seconds.saturating_mul(1000));
    let length = length.or_else(|| clock(&text_of(item.pick("lengthText")?)?));
    let is_live = length.is_none() && has_live_badge(item);
    if author.is_none() && length.is_none() && !is_live {
        return None;
    }
    let described = Described {
        title: Some(&title),
        author,
        length: length.unwrap_or(UNKNOWN_LENGTH),
        is_live,
        artwork: artwork(&id, item),
        id,
    };
    Some(described.track())
}

fn has_live_badge(item: &Value) -> bool {
    let is_live = |badge: &Value| {
        let style = badge.text("metadataBadgeRenderer.style");
        style.is_some_and(|style| style.contains("LIVE"))
    };
    item.list("badges").iter().any(is_live)
}

/// An item of the newer kind, which is a video, a playlist or something else.
fn lockup(item: &Value) -> Option<Track> {
    if item.text("contentType")? != "LOCKUP_CONTENT_TYPE_VIDEO" {
        return None;
    }
    let id = VideoId::parse(item.text("contentId")?)?;
    let data = item.pick("metadata.lockupMetadataViewModel")?;
    let title = data.text("title.content")?;
    let rows = "metadata.contentMetadataViewModel.metadataRows.0.metadataParts.0.text.content";
    let (length, is_live) = badge(item.pick("contentImage")?);
    if length.is_none() && !is_live {
        // not begun, or gone
        return None;
    }
    let described = Described {
        title: Some(title),
        author: data.text(rows),
        length: length.unwrap_or(UNKNOWN_LENGTH),
        is_live,
        artwork: artwork(&id, item),
        id,
    };
    Some(described.track())
}

/// The length that stands on a picture, and whether it says that it is live.
fn badge(value: &Value) -> (Option<i64>, bool) {
    match value {
        Value::Object(fields) => {
            let style = fields.get("badgeStyle").and_then(Value::as_str);
            if style.is_some_and(|style| style.contains("LIVE")) {
                return (None, true);
            }
            let text = fields.get("text").and_then(Value::as_str);
            match text.and_then(clock) {
                Some(length) => (Some(length), false),
                None => first_badge(fields.values()),
            }
        }
        Value::Array(items) => first_badge(items.iter()),
        _ => (None, false),
    }
}

fn first_badge<'a>(values: impl Iterator<Item = &'a Value>) -> (Option<i64>, bool) {
    values
        .map(badge)
        .find(|found| *found != (None, false))
        .unwrap_or((None, false))
}

/// A short video of the newer kind, which says neither its channel nor its length.
fn short(item: &Value) -> Option<Track> {
    let id = item.text("onTap.innertubeCommand.reelWatchEndpoint.videoId")?;
    let id = VideoId::parse(id)?;
    let described = Described {
        title: Some(item.text("overlayMetadata.primaryText.content")?),
        author: None,
        length: UNKNOWN_LENGTH,
        is_live: false,
        artwork: artwork(&id, item),
        id,
    };
    Some(described.track())
}

fn column(item: &Value, number: usize) -> &[Value] {
    item.list(&format!(
        "flexColumns.{number}.musicResponsiveListItemFlexColumnRenderer.text.runs"
    ))
}

/// A song or a video of YouTube Music. Its author is the first of its artists, as in the original.
fn song(item: &Value) -> Option<Track> {
    let title = column(item, 0).first()?;
    let id = title
        .text("navigationEndpoint.watchEndpoint.videoId")
        .or_else(|| item.text("playlistItemData.videoId"))?;
    let id = VideoId::parse(id)?;
    let about = column(item, 1);
    let length = about
        .last()
        .and_then(|run| clock(run.text("text")?))
        .or_else(|| {
            let fixed =
                item.pick("fixedColumns.0.musicResponsiveListItemFixedColumnRenderer.text")?;
            clock(&text_of(fixed)?)
        })?;
    let described = Described {
        title: title.text("text"),
        author: about.first().and_then(|run| run.text("text")),
        length,
        is_live: false,
        artwork: cover(item).unwrap_or_else(|| artwork(&id, item)),
        id,
    };
    Some(described.track())
}

/// The cover of an item of YouTube Music, made larger: its address says how large it is to be.
fn cover(item: &Value) -> Option<String> {
    let all = item.list("thumbnail.musicThumbnailRenderer.thumbnail.thumbnails");
    let url = all.last()?.text("url")?;
    if !url.contains("googleusercontent.com") {
        return None;
    }
    let (front, _) = url.split_once('=')?;
    Some(format!("{front}=w1000-h1000"))
}

/// An album, artist or playlist of YouTube Music. What clients see of one is as LavaSrc has it (reference, 8.5).
fn list(item: &Value) -> Option<Playlist> {
    let id = item.text("navigationEndpoint.browseEndpoint.browseId")?;
    let (kind, url) = match id {
        _ if id.starts_with("MPREb_") => (
            Kind::Album,
            format!("https://music.youtube.com/browse/{id}"),
        ),
        _ if id.starts_with("UC") => (
            Kind::Artist,
            format!("https://music.youtube.com/channel/{id}"),
        ),
        _ => {
            let id = id.strip_prefix("VL")?;
            (
                Kind::Playlist,
                format!("https://music.youtube.com/playlist?list={id}"),
            )
        }
    };
    let name = column(item, 0).first()?.text("text")?;
    let about = column(item, 1).iter().filter_map(|run| run.text("text"));
    // "Album • Artist • 2007", "Artist • 13 m listeners", "Somebody • 5 k views"
    let author = match kind {
        Kind::Artist => Some(name),
        Kind::Album => about.filter(|text| *text != " • ").nth(1),
        _ => about.into_iter().next(),
    };
    let list = List {
        name: name.to_owned(),
        kind,
        url: Some(url),
        artwork_url: cover(item),
        author: author.map(str::to_owned),
        total_tracks: None,
    };
    Some(list.found())
}

/// The name of a playlist's page.
#[must_use]
pub fn name_of(page: &Value) -> Option<String> {
    let sidebar = page.list("sidebar.playlistSidebarRenderer.items").iter();
    let primary = sidebar.filter_map(|it| it.pick("playlistSidebarPrimaryInfoRenderer.title"));
    [
        "metadata.playlistMetadataRenderer.title",
        "header.playlistHeaderRenderer.title",
        "header.pageHeaderRenderer.pageTitle",
        "microformat.microformatDataRenderer.title",
    ]
    .into_iter()
    .filter_map(|path| page.pick(path))
    .chain(primary)
    .find_map(text_of)
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
