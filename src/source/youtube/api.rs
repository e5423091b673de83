//! Owns: asking the site's API as one of its own clients: who the client says that it is, visitors, keys.
//! Never knows: what is made of the answers.

use super::{
    Settings,
    facts::{Client, Facts, Key, Task},
    items,
    keys::Keys,
    link::VideoId,
    refusal::Refusal,
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
        data::SiteData,
        html,
        json::Pick,
    },
};
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use url::Url;

/// How long the site's word that somebody is a visitor is kept: the original asks anew after ten minutes at the earliest, and
/// others keep it for hours.
const VISITORS: Limits = Limits {
    keep: Duration::from_secs(3600),
    keep_failure: Duration::from_secs(60),
    entries: 32,
};
/// The player changes a few times a week, and versions of it hold for days.
const SCRIPTS: Limits = Limits {
    keep: Duration::from_secs(6 * 3600),
    keep_failure: Duration::from_secs(30),
    entries: 1,
};

const CLIENT_NAME: HeaderName = HeaderName::from_static("x-youtube-client-name");
const CLIENT_VERSION: HeaderName = HeaderName::from_static("x-youtube-client-version");
const VISITOR: HeaderName = HeaderName::from_static("x-goog-visitor-id");

/// There is no player's script where one was found before.
#[derive(Debug, thiserror::Error)]
#[error("no version of the player is found in its page")]
struct NoScript;

/// Asks the API.
pub struct Api {
    site: Site,
    settings: Settings,
    /// What opens answers.
    pub keys: Keys,
    visitors: Cache<String, Option<Arc<str>>>,
    scripts: Cache<(), Url>,
}

/// A client, and what is known of the site while it is asked.
#[derive(Clone)]
pub struct Asker {
    data: Arc<SiteData>,
    name: String,
}

impl Asker {
    /// Its name in configurations.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of the site.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.data.youtube
    }

    /// What is known of the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.data.youtube.clients[&self.name]
    }
}

impl Api {
    /// Asks through `site`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let data = site.data();
        for name in settings.clients.iter().flatten() {
            if !data.youtube.clients.contains_key(name) {
                tracing::warn!(client = %name, "plugins.youtube.clients: a client that is not known is passed over");
            }
        }
        for option in settings.options.keys() {
            if !settings.knows(option, data.youtube.clients.keys()) {
                tracing::warn!(%option, "plugins.youtube.clientOptions: an option that is not known is passed over");
            }
        }
        Self {
            keys: Keys::new(&site, &settings),
            site,
            settings,
            visitors: Cache::new(VISITORS),
            scripts: Cache::new(SCRIPTS),
        }
    }

    /// The site.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// What the configuration says.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether requests may be signed in.
    #[must_use]
    pub const fn is_signed_in(&self) -> bool {
        self.keys.account.is_some()
    }

    /// The clients that can be asked for something, in order.
    #[must_use]
    pub fn askers(&self, task: Task) -> Vec<Asker> {
        let data = self.site.data();
        let clients = data.youtube.clients(task, &self.settings);
        let may = |client: &Client| match task {
            Task::Play => self.keys.have(&client.needs),
            Task::Video | Task::Search | Task::Playlist | Task::Mix | Task::Music => true,
        };
        let asker = |(name, _): (&str, &Client)| Asker {
            data: data.clone(),
            name: name.to_owned(),
        };
        clients
            .filter(|(_, client)| may(client))
            .map(asker)
            .collect()
    }

    /// What a client is told of a video, for playing it or not.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub async fn player(&self, asker: &Asker, id: &VideoId, task: Task) -> Result<Value, Refusal> {
        let client = asker.client();
        let mut body = json!({"videoId": id.as_str(), "contentCheckOk": true, "racyCheckOk": true});
        if let Some(params) = &client.params {
            body["params"] = json!(params);
        }
        let mut visitor = self.visitor(asker).await;
        if task == Task::Play {
            if client.needs.contains(&Key::Cipher)
                && let Some(cipher) = &self.keys.cipher
            {
                let timestamp = cipher.timestamp(&self.script().await?).await?;
                body["playbackContext"] =
                    json!({"contentPlaybackContext": {"signatureTimestamp": timestamp}});
            }
            if let Some(token) = self.po_token(asker, id).await? {
                body["serviceIntegrityDimensions"] = json!({"poToken": token.token.expose()});
                visitor = token.visitor_data.map(Into::into).or(visitor);
            }
        }
        // what the endpoint of short videos calls a request is wrapped once more
        let wrapped = match client.endpoint == "player" {
            true => body,
            false => json!({"playerRequest": body, "disablePlayerResponse": false}),
        };
        self.ask(asker, task, &client.endpoint, wrapped, visitor)
            .await
    }

    /// What says for this client that no robot asks, where it takes that.
    ///
    /// # Errors
    /// When there should be a token, but is none.
    pub async fn po_token(
        &self,
        asker: &Asker,
        id: &VideoId,
    ) -> Result<Option<super::potoken::Token>, Failure> {
        match &self.keys.po_token {
            Some(tokens) if asker.client().takes.contains(&Key::PoToken) => {
                tokens.of(id.as_str()).await
            }
            _ => Ok(None),
        }
    }

    /// Asks one of the list endpoints.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub async fn list(
        &self,
        asker: &Asker,
        task: Task,
        endpoint: &str,
        body: Value,
    ) -> Result<Value, Refusal> {
        let visitor = self.visitor(asker).await;
        self.ask(asker, task, endpoint, body, visitor).await
    }

    async fn ask(
        &self,
        asker: &Asker,
        task: Task,
        endpoint: &str,
        body: Value,
        visitor: Option<Arc<str>>,
    ) -> Result<Value, Refusal> {
        let answer = self.post(asker, task, endpoint, body, visitor).await?;
        match self.site.accept(answer)? {
            Some(answer) => Ok(self.site.json_of(&answer, items::is_read)?),
            None => Err(Refusal::Unknown),
        }
    }

    async fn post(
        &self,
        asker: &Asker,
        task: Task,
        endpoint: &str,
        mut body: Value,
        visitor: Option<Arc<str>>,
    ) -> Result<Answer, Failure> {
        let (facts, client) = (asker.facts(), asker.client());
        let base = match task {
            Task::Music => &facts.music_api,
            Task::Play | Task::Video | Task::Search | Task::Playlist | Task::Mix => &facts.api,
        };
        let mut url = self.url(&format!("{base}/{endpoint}"))?;
        url.query_pairs_mut().append_pair("prettyPrint", "false");
        if let Some(fields) = facts.fields.get(endpoint) {
            url.query_pairs_mut().append_pair("$fields", fields);
        }
        body["context"] = context(facts, client, visitor.as_deref());
        let mut call = Call::post_json(self.address(&url)?, &body);
        let headers = [
            (header::USER_AGENT, client.user_agent.clone()),
            (CLIENT_NAME, client.id.to_string()),
            (
                CLIENT_VERSION,
                client
                    .context
                    .get("clientVersion")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
            ),
            (VISITOR, visitor.as_deref().unwrap_or_default().to_owned()),
            (header::ORIGIN, url.origin().ascii_serialization()),
            (header::AUTHORIZATION, self.bearer(client).await?),
        ];
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            let mut value = HeaderValue::try_from(value).map_err(|error| {
                Failure::fault("Something that YouTube is to be sent is no header.").because(error)
            })?;
            value.set_sensitive(name == header::AUTHORIZATION);
            call = call.with(name, value);
        }
        self.site.ask(call).await
    }

    /// `Authorization` for clients that can be signed in; empty for others.
    async fn bearer(&self, client: &Client) -> Result<String, Failure> {
        match &self.keys.account {
            Some(account) if client.takes.contains(&Key::Oauth) => {
                let bearer = account.bearer().await?;
                Ok(bearer.map_or_else(String::new, |it| format!("Bearer {}", it.expose())))
            }
            _ => Ok(String::new()),
        }
    }

    /// A visitor of the site, as which a client goes on. Without one it is asked all the same.
    async fn visitor(&self, asker: &Asker) -> Option<Arc<str>> {
        let find = async {
            let found = self.find_visitor(asker).await;
            if let Err(failure) = &found {
                tracing::debug!(client = asker.name(), why = %failure.trace(), "there is no visitor");
            }
            found
        };
        self.visitors.get(&asker.name, find).await.ok().flatten()
    }

    async fn find_visitor(&self, asker: &Asker) -> Result<Option<Arc<str>>, Failure> {
        let answer = self.post(asker, Task::Video, "visitor_id", json!({}), None);
        let Some(answer) = self.site.accept(answer.await?)? else {
            return Ok(None);
        };
        let value = self.site.json_of(&answer, items::is_read)?;
        Ok(value.text("responseContext.visitorData").map(Into::into))
    }

    /// Where the player's script is.
    ///
    /// # Errors
    /// When that is not found out.
    pub async fn script(&self) -> Result<Url, Failure> {
        self.scripts.get(&(), self.find_script()).await
    }

    async fn find_script(&self) -> Result<Url, Failure> {
        let data = self.site.data();
        let (site, script) = (&data.youtube.site, &data.youtube.script);
        let page = self.url(&format!("{site}{}", script.page))?;
        let answer = self.site.ask(Call::get(self.address(&page)?)).await?;
        let answer = self
            .site
            .accept(answer)?
            .ok_or_else(|| self.site.changed(NoScript))?;
        let text = String::from_utf8_lossy(&answer.body);
        let version = html::between(&text, &script.mark, "\\")
            .filter(|it| {
                (4..=32).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric())
            })
            .ok_or_else(|| self.site.changed(NoScript))?;
        let [front, back] = &script.path;
        self.url(&format!("{site}{front}{version}{back}"))
    }

    /// Where a link of the site leads, one step on.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub async fn follow(&self, path: &str) -> Result<Option<Url>, Failure> {
        let data = self.site.data();
        let url = self.url(&format!("{}{path}", data.youtube.site))?;
        let answer = self.site.ask(Call::head(self.address(&url)?)).await?;
        match answer.redirect() {
            Some(target) => Ok(Some(target)),
            None => Ok(self.site.accept(answer)?.and(None)),
        }
    }

    fn url(&self, text: &str) -> Result<Url, Failure> {
        let wrong = |error| Failure::fault("An address of YouTube is none.").because(error);
        Url::parse(text).map_err(wrong)
    }

    fn address(&self, url: &Url) -> Result<Address, Failure> {
        let wrong = || Failure::fault("An address of YouTube is none.");
        Address::parse(url.as_str()).ok_or_else(wrong)
    }
}

/// Who asks.
fn context(facts: &Facts, client: &Client, visitor: Option<&str>) -> Value {
    let mut about: Map<String, Value> = client.context.clone();
    about.insert("hl".to_owned(), json!(facts.language));
    about.insert("gl".to_owned(), json!(facts.country));
    about.insert("utcOffsetMinutes".to_owned(), json!(0));
    if let Some(visitor) = visitor {
        about.insert("visitorData".to_owned(), json!(visitor));
    }
    json!({
        "client": about,
        "user": {"lockedSafetyMode": false},
        "request": {"useSsl": true, "internalExperimentFlags": []},
    })
}
