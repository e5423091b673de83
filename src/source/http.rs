//! Owns: the `http` source: URLs of sound and of playlists (reference, 6.5).
//! Never knows: what a container is.

use super::{
    Media, Outcome, Page, Reference, Source, Stranded, Supply,
    probe::{self, Found, Stream},
};
use crate::{
    error::{Failure, Severity},
    media::{
        demux::probe::Hint,
        hls::{self, HlsError},
        http,
        icy::latin_or_utf8,
    },
    net::{Clients, NetError, address::Address, freshness},
    track::{LoadResult, Track},
};
use ::http::{HeaderMap, header};
use futures_util::{FutureExt, future::BoxFuture};
use std::{borrow::Cow, time::Duration};
use tokio::runtime::Handle;

/// The name of this source.
const NAME: &str = "http";

/// Loads and opens `http`, `https` and `icy` URLs.
pub struct Http {
    clients: Clients,
    runtime: Handle,
    playlist_bytes: usize,
}

impl Http {
    /// Makes requests through `clients`; fetch tasks live on `runtime`. Of a playlist, `playlist_bytes` are read.
    #[must_use]
    pub const fn new(clients: Clients, runtime: Handle, playlist_bytes: usize) -> Self {
        Self {
            clients,
            runtime,
            playlist_bytes,
        }
    }

    async fn look_up(&self, reference: &Reference) -> Result<Outcome, Failure> {
        let Some(url) = as_http(&reference.identifier) else {
            return Ok(Outcome::NotMine);
        };
        let address = parse(&url)?;
        let opened = http::open(&self.clients, address.clone())
            .await
            .inspect_err(|_| freshness::at_most(Duration::ZERO))
            .map_err(NetError::into_load_failure)?;
        // a file may be replaced, a station may be over: without a word on it, it is looked at each time
        freshness::at_most(freshness::of(opened.headers()).unwrap_or_default());
        if let Some(location) = opened.redirect() {
            let target = address
                .join(&location)
                .ok_or_else(|| NetError::BadRedirect.into_load_failure())?;
            return Ok(Outcome::Reference(Reference {
                identifier: target.to_identifier(),
                title: reference.title.clone(),
            }));
        }
        match opened.status() {
            200 | 203 | 206 => {}
            404 => return Ok(Outcome::Found(LoadResult::Empty)),
            status => {
                let why = NetError::Status(status).into_load_failure();
                return match matches!(status, 403 | 406 | 503) && is_like_a_page(&address) {
                    true => Ok(Outcome::Stranded(Stranded { address, why })),
                    false => Err(why),
                };
            }
        }
        let icy = Icy::of(opened.headers());
        let hint = Hint {
            mime: mime(opened.headers()),
            extension: address.extension(),
        };
        let window = opened.into_window(&self.runtime);
        let origin = probe::Origin {
            source: NAME,
            identifier: &url,
            title: icy.title.or_else(|| reference.title.clone()),
            author: icy.author,
        };
        let is_sound = hint
            .mime
            .as_ref()
            .is_some_and(|mime| mime.starts_with("audio/") || mime.starts_with("video/"));
        let probed = match probe::probe(window, hint, self.playlist_bytes).await {
            // files that cannot be played are not worth a second look
            Err(why)
                if why.severity == Severity::Common && !is_sound && is_like_a_page(&address) =>
            {
                return Ok(Outcome::Stranded(Stranded { address, why }));
            }
            probed => probed?,
        };
        let found = match probed {
            Found::Page(text) => return Ok(Outcome::Page(Page { address, text })),
            Found::Hls(text) => {
                let summary = hls::inspect(&self.clients, &address, &text)
                    .await
                    .map_err(HlsError::into_load_failure)?;
                Found::Stream(Stream::hls(summary.length))
            }
            found => found,
        };
        // a list from the network never leads to local files
        found.into_outcome(origin, |link| Some(address.join(link)?.to_identifier()))
    }
}

impl Source for Http {
    fn name(&self) -> &'static str {
        NAME
    }

    fn takes_as_given(&self) -> bool {
        true
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.look_up(reference).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let identifier = &track.info.identifier;
        let url = as_http(identifier).unwrap_or(Cow::Borrowed(identifier));
        let address = parse(&url)?;
        let hint = probe::hint(track, address.extension());
        if probe::is_hls(track) {
            let window = hls::fetch(&self.clients, address, &self.runtime);
            return Ok(Supply::Window(Box::new(Media { window, hint })));
        }
        let window = http::fetch(&self.clients, address, &self.runtime);
        Ok(Supply::Window(Box::new(Media { window, hint })))
    }
}

/// The URL that is asked for; `None` for what is no business of this source.
fn as_http(identifier: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = identifier.strip_prefix("icy://") {
        return Some(Cow::Owned(format!("http://{rest}")));
    }
    let is_mine = identifier.starts_with("http://") || identifier.starts_with("https://");
    is_mine.then_some(Cow::Borrowed(identifier))
}

fn parse(url: &str) -> Result<Address, Failure> {
    Address::parse(url).ok_or_else(|| Failure::common("Not a valid URL."))
}

/// Whether an address may be that of a page by its name, and is not plainly a file's.
fn is_like_a_page(address: &Address) -> bool {
    match address.extension() {
        None => true,
        Some(extension) => matches!(
            &*extension,
            "html" | "htm" | "xhtml" | "php" | "asp" | "aspx" | "jsp" | "cgi"
        ),
    }
}

/// The media type without its parameters, in lower case.
fn mime(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mime = text.split(';').next()?.trim();
    (!mime.is_empty()).then(|| mime.to_ascii_lowercase())
}

/// What a radio station says of itself (reference, R.1.36).
struct Icy {
    title: Option<String>,
    author: Option<String>,
}

impl Icy {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let text = latin_or_utf8(headers.get(name)?.as_bytes());
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Self {
            title: text("icy-description").or_else(|| text("icy-url")),
            author: text("icy-name"),
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
