//! Owns: the ways to a video of Vimeo's for who has no account: the player for other pages, the video's own page, and the API
//! of the site (reference, 8.4). Each is refused now and then; which are tried, and in which order, stands in `sites.json`.
//! Shapes: yt-dlp's and NodeLink's extractors, lavaplayer for the API.
//! Never knows: what becomes of the answers.

use super::{
    config::{self, Found, Refusal, Streams},
    link::Link,
};
use crate::{
    error::{Failure, Severity},
    net::{
        address::Address,
        call::{Answer, Call},
    },
    source::site::{
        Site,
        cache::{Cache, Limits},
        html,
        json::{self, Pick, Unexpected},
    },
    track::Track,
    units::Secret,
};
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Words that open the API hold for about an hour, builds of the site for days.
const WORDS: Limits = Limits {
    keep: Duration::from_secs(600),
    keep_failure: Duration::from_secs(10),
    entries: 1,
};
/// How old what is known of a build must be for it to be gone.
const GRACE: Duration = Duration::from_secs(60);
/// What the API calls a video that it shows to people with an account only, in some countries.
const NEEDS_ACCOUNT: i64 = 5460;

/// A way to a video.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The player as other pages embed it.
    Player,
    /// The data of the video's page, which have a signature for the API.
    Page,
    /// The API, with the word that any visitor is given.
    Api,
}

/// Something is missing in a page where it stood before.
#[derive(Debug, thiserror::Error)]
#[error("the page has no {0}")]
struct Missing(&'static str);

/// What data of pages are asked for by.
struct Build {
    id: String,
    locale: String,
}

/// What is known of a video.
pub struct Known {
    /// What clients see.
    pub track: Track,
    /// Its streams.
    pub streams: Told,
}

/// The streams of a video.
pub enum Told {
    /// These.
    Here(Streams),
    /// Those that the player's configuration at this address has.
    At(Address),
}

/// Asks the site.
pub struct Api {
    site: Site,
    words: Cache<(), Secret>,
    builds: Cache<(), Arc<Build>>,
}

impl Api {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            words: Cache::new(WORDS),
            builds: Cache::new(WORDS),
        }
    }

    /// The site that it belongs to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// A video, by the first way that leads to it; `None` when there is none.
    ///
    /// # Errors
    /// When no way leads there: with what was said of the video, if anything was.
    pub async fn video(&self, link: &Link) -> Result<Option<Known>, Failure> {
        let data = self.site.data();
        let mut verdict = None;
        for way in &data.vimeo.ways {
            let found = match way {
                Way::Player => self.by_player(link).await,
                Way::Page => self.by_page(link).await,
                Way::Api => self.by_api(link).await,
            };
            if matches!(found, Ok(Some(_))) {
                return found;
            }
            if let Err(why) = &found {
                tracing::debug!(?way, why = %why.trace(), "a way to a video is closed");
            }
            if weight(&found) > verdict.as_ref().map_or(0, weight) {
                verdict = Some(found);
            }
        }
        verdict.unwrap_or(Ok(None))
    }

    /// The streams of a video, by the configuration of its player.
    ///
    /// # Errors
    /// When it is not to be played, or the site refuses, or does not work.
    pub async fn streams(&self, config: Address, link: &Link) -> Result<Option<Streams>, Failure> {
        let answer = self.site.ask(Call::get(config)).await?;
        let found = self.player_answer(answer, link, json::read)?;
        Ok(found.map(|found| found.streams))
    }

    async fn by_player(&self, link: &Link) -> Result<Option<Known>, Failure> {
        let base = format!("{}/video/{}", self.site.data().vimeo.player, link.id);
        let hash: Vec<_> = link.hash.iter().map(|hash| ("h", &**hash)).collect();
        let page = self.site.address(&base, &hash)?;
        let answer = self.site.ask(Call::get(page)).await?;
        let data = self.site.data();
        let marks = &data.vimeo.config_marks;
        let found = self.player_answer(answer, link, |page| {
            let page = String::from_utf8_lossy(page);
            let behind = marks.iter().find_map(|mark| {
                let at = page.find(mark.as_str())? + mark.len();
                page.get(at..)
            });
            let behind = behind.ok_or(Unexpected::Missing {
                path: "playerConfig",
                wanted: "object",
            })?;
            json::read_first(behind.as_bytes())
        })?;
        Ok(found.map(|found| Known {
            track: found.track,
            streams: Told::Here(found.streams),
        }))
    }

    /// The player's configuration, as `read` takes it out of an answer. Refusals come with a status that says little.
    fn player_answer(
        &self,
        answer: Answer,
        link: &Link,
        read: impl FnOnce(&[u8]) -> Result<Value, Unexpected>,
    ) -> Result<Option<Found>, Failure> {
        if answer.status == 403 {
            let data = self.site.data();
            let body = String::from_utf8_lossy(&answer.body);
            if body.contains(&data.vimeo.locked_mark) {
                return Err(self.refused(Refusal::Locked));
            }
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let config = read(&answer.body).map_err(|error| self.site.changed(error))?;
        let found = config::read(&config, link).map_err(|refusal| self.refused(refusal))?;
        Ok(Some(found))
    }

    async fn by_page(&self, link: &Link) -> Result<Option<Known>, Failure> {
        let mut page = self.page(link).await?;
        // a build that is gone looks like a video that is not there
        if page.is_none() && self.builds.forget(&(), GRACE) {
            page = self.page(link).await?;
        }
        let Some(page) = page else {
            return Ok(None);
        };
        let changed = |error| self.site.changed(error);
        let signature = page
            .needed_text("pageProps.pageMetadata.clipSignature")
            .map_err(changed)?;
        let word = page
            .needed_text("pageProps.viewerBootstrap.jwt")
            .map_err(changed)?;
        let data = self.site.data();
        let query = [
            ("anon_signature", signature),
            ("fields", &*data.vimeo.page_fields),
        ];
        self.ask_api(link, &Secret::new(word), &query, "embed_player_config_url")
            .await
    }

    /// The data of a video's page.
    async fn page(&self, link: &Link) -> Result<Option<Value>, Failure> {
        let build = self.builds.get(&(), self.build()).await?;
        let data = self.site.data();
        let facts = &data.vimeo;
        let base = format!(
            "{}/_next/data/{}/{}/{}.json",
            facts.site, build.id, build.locale, link.id
        );
        let hash: Vec<_> = link.hash.iter().map(|hash| ("h", &**hash)).collect();
        let call = Call::get(self.site.address(&base, &hash)?);
        let Some(answer) = self.site.accept(self.site.ask(call).await?)? else {
            return Ok(None);
        };
        self.site.json(&answer).map(Some)
    }

    async fn build(&self) -> Result<Arc<Build>, Failure> {
        let base = format!("{}/watch", self.site.data().vimeo.site);
        let call = Call::get(self.site.address(&base, &[])?);
        let page = self.site.accept(self.site.ask(call).await?)?;
        let missing = || self.site.changed(Missing("data of a build"));
        let page = page.ok_or_else(missing)?;
        let page = String::from_utf8_lossy(&page.body);
        let script = html::between(&page, "id=\"__NEXT_DATA__\"", "</script>");
        let text = script.and_then(|script| script.split_once('>'));
        let (_, text) = text.ok_or_else(missing)?;
        let data = json::read(text.as_bytes()).map_err(|error| self.site.changed(error))?;
        let part = |path| {
            let text = data.text(path).unwrap_or_default();
            // both become parts of a path
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            let is_sane = !text.is_empty() && text.chars().all(is_plain);
            is_sane.then(|| text.to_owned()).ok_or_else(missing)
        };
        Ok(Arc::new(Build {
            id: part("buildId")?,
            locale: part("locale")?,
        }))
    }

    async fn by_api(&self, link: &Link) -> Result<Option<Known>, Failure> {
        let word = self.words.get(&(), self.word()).await?;
        let data = self.site.data();
        let query = [("fields", &*data.vimeo.api_fields)];
        self.ask_api(link, &word, &query, "config_url").await
    }

    /// The word that every visitor is given.
    async fn word(&self) -> Result<Secret, Failure> {
        let base = format!("{}/_next/viewer", self.site.data().vimeo.site);
        let call = Call::get(self.site.address(&base, &[])?);
        let answer = self.site.accept(self.site.ask(call).await?)?;
        let missing = || self.site.changed(Missing("word for the API"));
        let answer = self.site.json(&answer.ok_or_else(missing)?)?;
        answer.text("jwt").map(Secret::new).ok_or_else(missing)
    }

    async fn ask_api(
        &self,
        link: &Link,
        word: &Secret,
        query: &[(&str, &str)],
        config: &'static str,
    ) -> Result<Option<Known>, Failure> {
        let base = format!(
            "{}/videos/{}",
            self.site.data().vimeo.api,
            link.identifier()
        );
        let mut word = HeaderValue::try_from(format!("jwt {}", word.expose()))
            .map_err(|error| self.site.changed(error))?;
        word.set_sensitive(true);
        let call = Call::get(self.site.address(&base, query)?).with(header::AUTHORIZATION, word);
        let answer = self.site.ask(call).await?;
        if let Some(refusal) = refusal(&answer) {
            return Err(self.refused(refusal));
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let video = self.site.json(&answer)?;
        // who has no account may be told of a video, and no more
        let config = video.text(config).and_then(Address::parse);
        let config = config.ok_or_else(|| self.refused(Refusal::Account))?;
        Ok(Some(Known {
            track: config::read_api(&video, link),
            streams: Told::At(config),
        }))
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        refusal.into_failure(|error| self.site.changed(error))
    }
}

/// How much a way's failure tells of the video itself: its own refusal, then that it is not there, then trouble.
const fn weight(found: &Result<Option<Known>, Failure>) -> u8 {
    match found {
        Ok(Some(_)) => 4,
        Err(failure) if matches!(failure.severity, Severity::Common) => 3,
        Ok(None) => 2,
        Err(_) => 1,
    }
}

/// What the API says against a video.
fn refusal(answer: &Answer) -> Option<Refusal> {
    if !matches!(answer.status, 400 | 404) {
        return None;
    }
    let said = json::read(&answer.body).ok()?;
    let is_password = |field: &Value| field.text("field") == Some("password");
    if said.list("invalid_parameters").iter().any(is_password) {
        return Some(Refusal::Password);
    }
    (said.number("error_code") == Some(NEEDS_ACCOUNT)).then_some(Refusal::Account)
}
