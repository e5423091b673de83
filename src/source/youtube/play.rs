//! Owns: where the sound of a video is: which client is asked, which form is taken, and the same form again when a link has
//! expired.
//! Never knows: how the site's answers look.

use super::{
    Shared,
    api::{Api, Asker},
    cipher::Sealed,
    facts::{Key, Task},
    link::VideoId,
    player::{self, File, FormId, Place, Sound, Video},
    refusal::{Refusal, Refusals},
};
use crate::{
    error::Failure,
    media::located::{Link, Located},
    net::address::Address,
    source::site::is_below,
};
use http::{HeaderMap, HeaderValue, header};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use url::Url;

/// A link leads to a host that is not known.
#[derive(Debug, thiserror::Error)]
#[error("a link leads to another host than known ones")]
struct UnknownHost;

/// What is played.
pub struct Wanted {
    id: VideoId,
    /// What was found before, by which it is found again. Held for a copy.
    last: Mutex<Option<Arc<Found>>>,
}

impl Wanted {
    /// A video, nothing of which is known yet.
    #[must_use]
    pub const fn new(id: VideoId) -> Self {
        let last = Mutex::new(None);
        Self { id, last }
    }

    fn last(&self) -> Option<Arc<Found>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn remember(&self, found: Arc<Found>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

/// Where a video is.
pub struct Found {
    /// Who was told so.
    client: String,
    form: Form,
    link: Link,
    /// When the link is void.
    until: Instant,
}

/// What of a video is played.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// One of its files.
    File(FormId),
    /// Its segments.
    Hls,
}

impl Found {
    /// What an answer that was not asked for playing says of it; `None` when it has to be asked for.
    #[must_use]
    pub fn of(asker: &Asker, sound: &Sound, api: &Api) -> Option<Self> {
        let client = asker.client();
        let has_token = api.keys.po_token.is_some() && client.takes.contains(&Key::PoToken);
        let plays = client.does.contains(&Task::Play)
            && client.needs.is_empty()
            && !has_token
            && api.settings().allows(asker.name(), Task::Play);
        let (form, url) = plays.then(|| choose(sound, None))??;
        let Chosen::Open(url) = url else {
            return None;
        };
        found(asker, sound, form, &Url::parse(url).ok()?)
    }

    fn located(&self) -> Located {
        match self.form {
            Form::File(_) => Located::File(self.link.clone()),
            Form::Hls => Located::Hls(self.link.clone()),
        }
    }

    /// The clients in the order in which they are asked for the same form again: when its time was over the same one first,
    /// else it was refused to that one, which comes last.
    fn order(&self, askers: Vec<Asker>, now: Instant) -> Vec<Asker> {
        let is_last = |asker: &Asker| asker.name() == self.client;
        let (same, mut others): (Vec<_>, Vec<_>) = askers.into_iter().partition(is_last);
        match now >= self.until {
            true => [same, others].concat(),
            false => {
                others.extend(same);
                others
            }
        }
    }
}

/// Where a chosen form is.
enum Chosen<'a> {
    Open(&'a str),
    Sealed(&'a File),
}

/// The form to play: the best, or the one that was played before.
fn choose<'a>(sound: &'a Sound, before: Option<&Form>) -> Option<(Form, Chosen<'a>)> {
    let file = |file: &'a File| {
        let place = match &file.place {
            Place::Open(url) => Chosen::Open(url),
            Place::Sealed { .. } => Chosen::Sealed(file),
        };
        (Form::File(file.id.clone()), place)
    };
    let hls = || Some((Form::Hls, Chosen::Open(sound.hls.as_deref()?)));
    match before {
        Some(Form::Hls) => hls(),
        Some(Form::File(id)) => sound.files.iter().find(|it| it.id == *id).map(file),
        // the files of what is live are pieces
        None if sound.is_live => hls(),
        None => sound.files.first().map(file).or_else(hls),
    }
}

/// `None` when the link leads out of the site.
fn found(asker: &Asker, sound: &Sound, form: Form, url: &Url) -> Option<Found> {
    let known = &asker.facts().media_hosts;
    let address = Address::parse(url.as_str()).filter(|it| is_below(it.url(), known))?;
    let mut headers = HeaderMap::new();
    // links are void for other programs than the one that was given them
    headers.insert(
        header::USER_AGENT,
        HeaderValue::try_from(&asker.client().user_agent).ok()?,
    );
    Some(Found {
        client: asker.name().to_owned(),
        form,
        link: Link::new(address, headers),
        until: Instant::now() + sound.holds,
    })
}

impl Shared {
    /// Finds out where the sound of a video is. `is_again` when what was found before has been refused.
    pub(super) async fn locate(&self, wanted: &Wanted, is_again: bool) -> Result<Located, Failure> {
        let id = &wanted.id;
        if is_again {
            self.found.forget(id, std::time::Duration::ZERO);
        }
        let found = match wanted.last() {
            Some(last) => self.find(id, Some(&last)).await?,
            None => self.found.get(id, self.find(id, None)).await?,
        };
        let located = found.located();
        wanted.remember(found);
        Ok(located)
    }

    async fn find(&self, id: &VideoId, last: Option<&Found>) -> Result<Arc<Found>, Failure> {
        let mut askers = self.api.askers(Task::Play);
        if let Some(last) = last {
            askers = last.order(askers, Instant::now());
        }
        let mut refusals = Refusals::default();
        for asker in askers {
            let found = match self.described(&asker, id, Task::Play).await {
                Ok(video) => self.open(&asker, id, &video.sound, last).await,
                Err(refusal) => Err(refusal),
            };
            match found {
                Ok(found) => return Ok(Arc::new(found)),
                Err(refusal) => refusals.add(asker.name(), refusal, self.api.is_signed_in())?,
            }
        }
        Err(refusals.into_failure())
    }

    /// What a client is told of a video.
    pub(super) async fn described(
        &self,
        asker: &Asker,
        id: &VideoId,
        task: Task,
    ) -> Result<Video, Refusal> {
        let answer = self.api.player(asker, id, task).await?;
        player::read(&answer, id, asker.facts()).map_err(|error| self.api.site().changed(error))?
    }

    /// A link that can be fetched from.
    async fn open(
        &self,
        asker: &Asker,
        id: &VideoId,
        sound: &Sound,
        last: Option<&Found>,
    ) -> Result<Found, Refusal> {
        let before = last.map(|last| &last.form);
        let (form, chosen) = choose(sound, before).ok_or(Refusal::NoForm)?;
        let mut url = self.unseal(asker, &chosen, &form).await?;
        if form != Form::Hls
            && let Some(token) = self.api.po_token(asker, id).await?
        {
            url.query_pairs_mut()
                .append_pair("pot", token.token.expose());
        }
        found(asker, sound, form, &url).ok_or_else(|| self.api.site().changed(UnknownHost).into())
    }

    /// The link of a form, as the player's script would make it for clients that have one.
    async fn unseal(
        &self,
        asker: &Asker,
        chosen: &Chosen<'_>,
        form: &Form,
    ) -> Result<Url, Refusal> {
        let (link, signature, signature_key) = match chosen {
            Chosen::Open(link) => (*link, None, None),
            Chosen::Sealed(file) => match &file.place {
                Place::Open(link) => (&**link, None, None),
                Place::Sealed {
                    url,
                    signature,
                    key,
                } => (&**url, Some(signature.clone()), Some(key.clone())),
            },
        };
        let url = Url::parse(link).map_err(|error| self.api.site().changed(error))?;
        let is_made_by_script = asker.client().needs.contains(&Key::Cipher) && *form != Form::Hls;
        match &self.api.keys.cipher {
            Some(cipher) if is_made_by_script => {
                let sealed = Sealed {
                    url,
                    signature,
                    signature_key,
                };
                Ok(cipher.solve(&self.api.script().await?, sealed).await?)
            }
            _ if signature.is_some() => Err(Refusal::NoForm),
            _ => Ok(url),
        }
    }
}
