//! Owns: asking Spotify's API: its tokens, its quota, lists page by page.
//! Never knows: what becomes of the answers.

use super::{Credentials, Facts};
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
    units::Secret,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderValue, header};
use serde_json::Value;
use std::{sync::OnceLock, time::Duration};
use url::Url;

/// Tokens hold for an hour; those that do not are refused, and got anew.
const TOKENS: Limits = Limits {
    keep: Duration::from_secs(3300),
    keep_failure: Duration::from_secs(10),
    entries: 1,
};
/// How old a token must be for a refusal to be its fault.
const GRACE: Duration = Duration::from_secs(5);
/// Requests of one load that run at a time.
const AT_A_TIME: usize = 4;

/// Asks the API.
pub struct Api {
    site: Site,
    /// Who is asked for tokens in place of the site, once anybody was.
    helper: OnceLock<Site>,
    credentials: Option<Credentials>,
    tokens: Cache<(), Secret>,
    quota: Quota,
}

impl Api {
    /// Asks through `site`.
    #[must_use]
    pub fn new(site: Site, credentials: Option<Credentials>) -> Self {
        Self {
            site,
            helper: OnceLock::new(),
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

    /// What stands at a path of the public API; `None` when there is nothing.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let url = self.url(path, query)?;
        self.read(self.ask(&url).await?)
    }

    /// The same of what only some credentials may see, and what is nice to have: `None` when it is refused, too.
    ///
    /// # Errors
    /// When the site does not work.
    pub async fn get_if_allowed(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, Failure> {
        let answer = self.ask(&self.url(path, query)?).await?;
        match answer.status {
            400..=428 => Ok(None),
            _ => self.read(answer),
        }
    }

    /// What stands at an address of the site's own API.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_own(&self, path: &str) -> Result<Option<Value>, Failure> {
        let base = &self.site.data().spotify.client;
        let url = Url::parse(&format!("{base}{path}")).map_err(wrong)?;
        self.read(self.ask(&url).await?)
    }

    /// The items of a list, at most `pages` of them; the first page is `first`, when it was told already. `None` when there
    /// is no list.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn items(
        &self,
        path: &str,
        first: Option<Value>,
        size: usize,
        pages: usize,
    ) -> Result<Option<Vec<Value>>, Failure> {
        let first = match first {
            Some(first) => first,
            None => match self.page(path, 0, size).await? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let read = |page: &Value| page.list("items").to_vec();
        let mut items = read(&first);
        let total = first
            .number("total")
            .and_then(|it| usize::try_from(it).ok());
        let total = total.unwrap_or(items.len());
        // pages may be shorter than what was asked for
        let step = items.len().clamp(1, size);
        let has_more = first.text("next").is_some();
        let starts = (1..pages).map(|page| page * step);
        let starts = starts.take_while(|start| has_more && *start < total);
        let more: Vec<Option<Value>> = stream::iter(starts)
            .map(|start| self.page(path, start, step))
            .buffered(AT_A_TIME)
            .try_collect()
            .await?;
        items.extend(more.iter().flatten().flat_map(read));
        Ok(Some(items))
    }

    async fn page(&self, path: &str, start: usize, size: usize) -> Result<Option<Value>, Failure> {
        let (size, start) = (size.to_string(), start.to_string());
        self.get(path, &[("limit", &size), ("offset", &start)])
            .await
    }

    /// Where a short link leads; `None` when it leads nowhere.
    ///
    /// # Errors
    /// When the site does not work.
    pub async fn lengthen(&self, short: &str) -> Result<Option<Url>, Failure> {
        let Some(address) = Address::parse(short) else {
            return Ok(None);
        };
        Ok(self.site.ask(Call::head(address)).await?.redirect())
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Failure> {
        let base = &self.site.data().spotify.api;
        let mut url = Url::parse(&format!("{base}{path}")).map_err(wrong)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Asks with a token; with another one, if an old one is refused.
    async fn ask(&self, url: &Url) -> Result<Answer, Failure> {
        let mut may_renew = true;
        loop {
            let token = self.tokens.get(&(), self.find_token()).await?;
            let call = Call::get(address(url.as_str())?);
            let call = call.with(header::AUTHORIZATION, bearer(&token)?);
            let answer = self.quota.ask(&self.site, call).await?;
            if may_renew && answer.status == 401 && self.tokens.forget(&(), GRACE) {
                may_renew = false;
                continue;
            }
            return Ok(answer);
        }
    }

    fn read(&self, answer: Answer) -> Result<Option<Value>, Failure> {
        if matches!(answer.status, 401 | 403) {
            return Err(Failure::common(
                "Spotify does not show this to the credentials of this node (plugins.lavasrc.spotify).",
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

    async fn find_token(&self) -> Result<Secret, Failure> {
        let data = self.site.data();
        let (site, answer, field) = match &self.credentials {
            None => {
                return Err(Failure::common(
                    "Spotify needs credentials: set clientId and clientSecret, or customTokenEndpoint, in \
                     plugins.lavasrc.spotify.",
                ));
            }
            Some(Credentials::Client { id, secret }) => {
                let call = client_call(&data.spotify, id, secret)?;
                let answer = self.quota.ask(&self.site, call).await?;
                (&self.site, answer, "access_token")
            }
            Some(Credentials::Endpoint(endpoint)) => {
                let address = address(endpoint.expose())?;
                let helper = self.helper.get_or_init(|| {
                    self.site
                        .helper("The token endpoint for Spotify", address.url())
                });
                // when it is busy, Spotify is not
                let answer = helper.ask(Call::get(address)).await?;
                (helper, answer, "accessToken")
            }
        };
        if matches!(answer.status, 400 | 401 | 403) {
            return Err(Failure::common(
                "Spotify does not accept the credentials of this node (plugins.lavasrc.spotify).",
            ));
        }
        let none = || site.changed(NoToken);
        let answer = site.accept(answer)?.ok_or_else(none)?;
        let told = site.json(&answer)?;
        told.text(field).map(Secret::new).ok_or_else(none)
    }
}

/// There is no token where one should be.
#[derive(Debug, thiserror::Error)]
#[error("there is no token in the answer")]
struct NoToken;

/// Asks for a token: RFC 6749, 4.4.
fn client_call(facts: &Facts, id: &str, secret: &Secret) -> Result<Call, Failure> {
    let pair = STANDARD.encode(format!("{id}:{}", secret.expose()));
    let call = Call::post_form(
        address(&facts.accounts)?,
        &[("grant_type", "client_credentials")],
    );
    let basic = header_value(&format!("Basic {pair}"))?;
    Ok(call.with(header::AUTHORIZATION, basic))
}

fn bearer(token: &Secret) -> Result<HeaderValue, Failure> {
    header_value(&format!("Bearer {}", token.expose()))
}

fn header_value(text: &str) -> Result<HeaderValue, Failure> {
    let wrong = |_| Failure::common("A credential of Spotify has characters that cannot be sent.");
    let mut value = HeaderValue::try_from(text).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text).ok_or_else(|| Failure::fault("An address of Spotify is none."))
}

fn wrong(error: url::ParseError) -> Failure {
    Failure::fault("An address of Spotify is none.").because(error)
}
