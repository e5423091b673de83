//! Owns: reading Bandcamp's pages: works with their tracks, lists of works, hits of a search (reference, 8.4). Pure.
//! Never knows: how they were asked for.

use super::Facts;
use crate::{
    net::address::Address,
    source::{
        UNKNOWN_AUTHOR, UNKNOWN_TITLE,
        findings::Findings,
        list::{Kind, List},
        site::{
            html::{attribute, between, element},
            json::{self, Pick, Unexpected},
        },
        unescape,
    },
    track::{Playlist, Track, TrackInfo, UNKNOWN_LENGTH},
};
use serde_json::Value;

/// The name of this source.
pub const NAME: &str = "bandcamp";
/// Tracks of a work that are looked at.
const MAX_TRACKS: usize = 1000;

/// A track, and where its sound is, if it is for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What clients see.
    pub track: Track,
    /// A link that holds for a while.
    pub stream: Option<Address>,
}

/// What a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// One track.
    Track(Box<Found>),
    /// Tracks with a name.
    Album {
        /// Its name.
        name: String,
        /// Its tracks, in order.
        tracks: Vec<Found>,
    },
    /// Works of an artist or label.
    Works {
        /// Whose.
        name: String,
        /// Their pages.
        links: Vec<Address>,
        /// The number of the artist or label; where no link is shown, the site must be asked for them.
        band: Option<i64>,
    },
}

/// Whether a page, wherever it is, is one of Bandcamp's.
#[must_use]
pub fn is_bandcamp(html: &str) -> bool {
    html.contains("data-tralbum=\"") || html.contains("data-band=\"")
}

/// Reads the page at an address; `None` when it shows nothing to be heard.
///
/// # Errors
/// When there is something, but not as it should be.
pub fn read(html: &str, address: &Address, facts: &Facts) -> Result<Option<Page>, Unexpected> {
    let work = work(html)?;
    let kind = work
        .as_ref()
        .and_then(|work| work.text("item_type").or_else(|| work.text("current.type")));
    let (Some(work), Some(kind)) = (&work, kind) else {
        let path = address.url().path();
        if path.starts_with("/track/") || path.starts_with("/album/") {
            return Err(Unexpected::Missing {
                path: "data-tralbum.item_type",
                wanted: "text",
            });
        }
        return works(html, address);
    };
    let author = work.text("artist").unwrap_or_default();
    let artwork = artwork(work, facts);
    let isrc = work.text("current.isrc").filter(|_| kind == "track");
    let read = |track: &Value| {
        let link = track.text("title_link")?;
        let page = address.join(link)?.url().to_string();
        let seconds = track.pick("duration").and_then(Value::as_f64);
        let shown = Shown {
            title: track.text("title").unwrap_or_default(),
            author,
            length: seconds.map_or(UNKNOWN_LENGTH, |it| (it * 1000.0) as i64),
            artwork: artwork.clone(),
            isrc,
        };
        Some(Found {
            track: shown.into_track(page),
            stream: stream(track, facts).ok().flatten(),
        })
    };
    let found = work.needed_list("trackinfo")?;
    let mut tracks: Vec<Found> = found.iter().take(MAX_TRACKS).filter_map(read).collect();
    if kind == "track" {
        let track = (!tracks.is_empty()).then(|| Box::new(tracks.swap_remove(0)));
        return Ok(track.map(Page::Track));
    }
    Ok(Some(Page::Album {
        name: work.text("current.title").unwrap_or(UNKNOWN_TITLE).into(),
        tracks,
    }))
}

/// Where the sound of a track's page is; `None` when it is not for everybody.
///
/// # Errors
/// When the page is not as it should be.
pub fn sound(html: &str, facts: &Facts) -> Result<Option<Address>, Unexpected> {
    let missing = Unexpected::Missing {
        path: "data-tralbum.trackinfo.0",
        wanted: "track",
    };
    let work = work(html)?;
    let track = work.as_ref().and_then(|work| work.pick("trackinfo.0"));
    stream(track.ok_or(missing)?, facts)
}

fn stream(track: &Value, facts: &Facts) -> Result<Option<Address>, Unexpected> {
    let link = track.pick("file").and_then(|files| {
        let mut formats = facts.formats.iter();
        formats.find_map(|format| files.get(format)?.as_str())
    });
    let Some(link) = link else { return Ok(None) };
    // a stray escape was seen there
    let address = Address::parse(&unescape(link)).filter(|address| facts.is_stream_host(address));
    address.map(Some).ok_or(Unexpected::Missing {
        path: "trackinfo.0.file",
        wanted: "address of a known host",
    })
}

/// What a page says of the work that it shows. Entities other than the quotation mark stay as they are: so does the original
/// (`Don&#39;t`), and tracks are told apart by their names.
fn work(html: &str) -> Result<Option<Value>, Unexpected> {
    let Some(text) = between(html, "data-tralbum=\"", "\"") else {
        return Ok(None);
    };
    json::read(text.replace("&quot;", "\"").as_bytes()).map(Some)
}

fn artwork(work: &Value, facts: &Facts) -> Option<String> {
    let id = work.number("art_id")?;
    let [before, after] = &facts.artwork;
    Some(format!("{before}{id:010}{after}"))
}

/// The works that an artist's page shows, or whose they are.
fn works(html: &str, address: &Address) -> Result<Option<Page>, Unexpected> {
    let Some(band) = between(html, "data-band=\"", "\"") else {
        return Ok(None);
    };
    let band = json::read(unescape(band).as_bytes())?;
    let mut links = Vec::new();
    // items of the grid begin so
    for item in html.split("class=\"music-grid-item").skip(1) {
        let link = between(item, "<a href=\"", "\"").map(unescape);
        let Some(link) = link.and_then(|link| address.join(&link)) else {
            continue;
        };
        let is_work =
            link.url().path().starts_with("/album/") || link.url().path().starts_with("/track/");
        if is_work && !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(Some(Page::Works {
        name: band.text("name").unwrap_or(UNKNOWN_AUTHOR).to_owned(),
        links,
        band: band.number("id"),
    }))
}

/// Hits of a search that are tracks. Their length is not known, although they are no streams; so it is in the original.
#[must_use]
pub fn hits(html: &str) -> Vec<Track> {
    let items = html.split("class=\"searchresult").skip(1).take(MAX_TRACKS);
    items.filter_map(hit).collect()
}

fn hit(item: &str) -> Option<Track> {
    if !element(item, "itemtype", "div")?.eq_ignore_ascii_case("track") {
        return None;
    }
    // without what the site wants to know of the way there
    let page = element(item, "itemurl", "div")?;
    let page = page.split('?').next()?.to_owned();
    Address::parse(&page)?;
    // `from Album by Artist`
    let subhead = element(item, "subhead", "div").unwrap_or_default();
    let author = match subhead.rsplit_once("by ") {
        Some((_, author)) => author.split(',').next().unwrap_or_default().trim(),
        None => "",
    };
    let art = item.split("class=\"art\"").nth(1);
    let shown = Shown {
        title: &element(item, "heading", "div")?,
        author,
        length: UNKNOWN_LENGTH,
        artwork: art.and_then(|art| attribute(art, "src")).map(unescape),
        isrc: None,
    };
    Some(shown.into_track(page))
}

/// Hits that the API gives for a search, in the same form.
#[must_use]
pub fn api_hits(answer: &Value, facts: &Facts) -> Vec<Track> {
    let hit = |hit: &Value| {
        let page = hit
            .text("item_url_path")
            .filter(|_| hit.text("type") == Some("t"))?;
        Address::parse(page)?;
        let shown = Shown {
            title: hit.text("name").unwrap_or_default(),
            author: hit.text("band_name").unwrap_or_default(),
            length: UNKNOWN_LENGTH,
            artwork: artwork(hit, facts),
            isrc: None,
        };
        Some(shown.into_track(page.to_owned()))
    };
    answer
        .list("auto.results")
        .iter()
        .take(MAX_TRACKS)
        .filter_map(hit)
        .collect()
}

/// Everything that the API gives for a search.
#[must_use]
pub fn api_findings(answer: &Value, facts: &Facts) -> Findings {
    let hits = || answer.list("auto.results").iter().take(MAX_TRACKS);
    Findings {
        tracks: api_hits(answer, facts),
        albums: hits().filter_map(|hit| album(hit, facts)).collect(),
        artists: hits().filter_map(artist).collect(),
        ..Findings::default()
    }
}

fn album(hit: &Value, facts: &Facts) -> Option<Playlist> {
    let url = hit
        .text("item_url_path")
        .filter(|_| hit.text("type") == Some("a"))?;
    Address::parse(url)?;
    let list = List {
        name: hit.text("name")?.to_owned(),
        kind: Kind::Album,
        url: Some(url.to_owned()),
        artwork_url: artwork(hit, facts),
        author: hit.text("band_name").map(str::to_owned),
        total_tracks: None,
    };
    Some(list.found())
}

/// An artist or a label.
fn artist(hit: &Value) -> Option<Playlist> {
    let url = hit
        .text("item_url_root")
        .filter(|_| hit.text("type") == Some("b"))?;
    Address::parse(url)?;
    let name = hit.text("name")?.to_owned();
    let list = List {
        author: Some(name.clone()),
        name,
        kind: Kind::Artist,
        url: Some(url.to_owned()),
        artwork_url: hit.text("img").map(str::to_owned),
        total_tracks: None,
    };
    Some(list.found())
}

/// What is shown of a track.
struct Shown<'a> {
    title: &'a str,
    author: &'a str,
    length: i64,
    artwork: Option<String>,
    isrc: Option<&'a str>,
}

impl Shown<'_> {
    fn into_track(self, page: String) -> Track {
        let known = |text: &str, unknown: &str| match text {
            "" => unknown.to_owned(),
            text => text.to_owned(),
        };
        Track::from(TrackInfo {
            identifier: page.clone(),
            is_seekable: true,
            author: known(self.author, UNKNOWN_AUTHOR),
            length: self.length,
            is_stream: false,
            position: 0,
            title: known(self.title, UNKNOWN_TITLE),
            uri: Some(page),
            artwork_url: self.artwork,
            isrc: self.isrc.map(str::to_owned),
            source_name: NAME.to_owned(),
        })
    }
}
