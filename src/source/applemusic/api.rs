//! Owns: asking Apple's API: its tokens, its quota, lists page by page.
//! Never knows: what becomes of the answers.

use super::{
    Credentials,
    token::{self, Token},
};
use crate::{
    error::Failure,
    net::{
        address::Address,
        call::{Answer, Call},
    },
    source::site::{
        Site,
        cache::{Cache, Limits},
        json::Pick,
        quota::Quota,
    },
};
use http::{HeaderValue, header};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

/// Tokens hold for half a day at least; those that do not are refused, and got anew.
const TOKENS: Limits = Limits {
    keep: Duration::from_secs(6 * 3600),
    keep_failure: Duration::from_secs(10),
    entries: 1,
};
/// How old a token must be for a refusal to be its fault.
const GRACE: Duration = Duration::from_secs(5);

/// There is no token where the site's player had one.
#[derive(Debug, thiserror::Error)]
#[error("no token is found in the site's player")]
struct NoPlayerToken;

/// Asks the API.
pub struct Api {
    site: Site,
    credentials: Credentials,
    tokens: Cache<(), Token>,
    quota: Quota,
}

impl Api {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site, credentials: Credentials) -> Self {
        Self {
            site,
            credentials,
            tokens: Cache::new(TOKENS),
            quota: Quota::default(),
        }
    }

    /// The site that it belongs to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// What stands at a path of a country's catalog; `None` when there is nothing.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub async fn get(
        &self,
        country: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, Failure> {
        let api = &self.site.data().applemusic.api;
        let mut url = url(&format!("{api}/catalog/{country}{path}"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self.ask(&url).await?;
        if matches!(answer.status, 401 | 403) && self.credentials != Credentials::Player {
            return Err(Failure::common(
                "Apple Music does not accept the token of this node (plugins.lavasrc.applemusic).",
            ));
        }
        // what an id cannot be
        if answer.status == 400 {
            return Ok(None);
        }
        match self.site.accept(answer)? {
            Some(answer) => self.site.json(&answer).map(Some),
            None => Ok(None),
        }
    }

    /// The things of a list, at most `pages` of them; none when there is no list.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn items(
        &self,
        country: &str,
        path: &str,
        pages: usize,
    ) -> Result<Vec<Value>, Failure> {
        let size = self.site.data().applemusic.page_size;
        let mut items: Vec<Value> = Vec::new();
        for page in 0..pages {
            let (limit, offset) = (size.to_string(), (page * size).to_string());
            let query = [
                ("limit", &*limit),
                ("offset", &*offset),
                ("extend", "artistUrl"),
            ];
            let Some(found) = self.get(country, path, &query).await? else {
                break;
            };
            items.extend_from_slice(found.list("data"));
            if found.text("next").is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Asks with a token; with another one, if an old one is refused.
    async fn ask(&self, url: &Url) -> Result<Answer, Failure> {
        let mut may_renew = true;
        loop {
            let token = self.tokens.get(&(), self.find_token()).await?;
            let mut call = Call::get(address(url.as_str())?);
            let bearer = format!("Bearer {}", token.text.expose());
            let wrong =
                |_| Failure::common("A token of Apple Music has characters that cannot be sent.");
            let mut value = HeaderValue::try_from(bearer).map_err(wrong)?;
            value.set_sensitive(true);
            call = call.with(header::AUTHORIZATION, value);
            if let Some(origin) = &token.origin {
                let origin = HeaderValue::try_from(origin).map_err(wrong)?;
                call = call.with(header::ORIGIN, origin);
            }
            let answer = self.quota.ask(&self.site, call).await?;
            if may_renew && answer.status == 401 && self.tokens.forget(&(), GRACE) {
                may_renew = false;
                continue;
            }
            return Ok(answer);
        }
    }

    async fn find_token(&self) -> Result<Token, Failure> {
        match &self.credentials {
            Credentials::Token(text) => {
                Token::read(text.expose()).map_err(token::NoToken::into_failure)
            }
            Credentials::Key(key) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a token tells the time of day at which it was made"
                )]
                let now = SystemTime::now();
                let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                key.sign(now.as_secs())
                    .map_err(token::NoToken::into_failure)
            }
            Credentials::Player => self.find_player_token().await,
        }
    }

    /// The token of the player in the site's pages.
    async fn find_player_token(&self) -> Result<Token, Failure> {
        let data = self.site.data();
        let none = || self.site.changed(NoPlayerToken);
        let page = self.text(&data.applemusic.site).await?.ok_or_else(none)?;
        let script = token::script(&page, &data.applemusic.script_mark).ok_or_else(none)?;
        let script = url(&data.applemusic.site)?.join(script);
        let script = script.map_err(|error| self.site.changed(error))?;
        let script = self.text(script.as_str()).await?.ok_or_else(none)?;
        token::in_script(&script).ok_or_else(none)
    }

    async fn text(&self, url: &str) -> Result<Option<String>, Failure> {
        let answer = self.quota.ask(&self.site, Call::get(address(url)?)).await?;
        let answer = self.site.accept(answer)?;
        Ok(answer.map(|it| String::from_utf8_lossy(&it.body).into_owned()))
    }
}

fn url(text: &str) -> Result<Url, Failure> {
    Url::parse(text)
        .map_err(|error| Failure::fault("An address of Apple Music is none.").because(error))
}

fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text).ok_or_else(|| Failure::fault("An address of Apple Music is none."))
}
