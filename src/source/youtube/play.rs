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
    media::located::{Link, Located, Sought},
    net::address::Address,
    source::site::is_below,
};
use http::{HeaderMap, HeaderValue, header};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use url::Url;

/// A link leads to a host that is not known.
#[derive(Debug, thiserror::Error)]
#[error("a link leads to another host than known ones")]
struct UnknownHost;

/// What is played.
pub struct Wanted {
    id: VideoId,
    // held for a copy or a change
    known: Mutex<Known>,
}

/// What was found of a video while it is played.
#[derive(Clone, Default)]
struct Known {
    /// By which it is found again.
    last: Option<Arc<Found>>,
    /// The clients whose links were refused, in order.
    refused: Vec<String>,
}

impl Wanted {
    /// A video, nothing of which is known yet.
    #[must_use]
    pub fn new(id: VideoId) -> Self {
        let known = Mutex::default();
        Self { id, known }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, found: Arc<Found>) {
        self.known().last = Some(found);
    }

    /// What is known; what was found last has been refused, if its time was not over.
    fn refused(&self, now: Instant) -> Known {
        let mut known = self.known();
        if let Some(last) = known.last.clone().filter(|last| now < last.until) {
            known.refused.retain(|name| *name != last.client);
            known.refused.push(last.client.clone());
        }
        known.clone()
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
        let (form, url) = plays.then(|| choose(sound, None, Sought::First))??;
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
}

impl Known {
    /// The clients in the order in which they are asked again: who gave the last link first, because its time was over;
    /// those whose links were refused last, the one that was refused first before the others.
    fn order(&self, mut askers: Vec<Asker>) -> Vec<Asker> {
        let last = self.last.as_ref().map(|last| &*last.client);
        askers.sort_by_key(|asker| {
            let name = asker.name();
            let refused = self.refused.iter().position(|it| it == name);
            (refused.map_or(0, |at| at + 1), last != Some(name))
        });
        askers
    }
}

/// Where a chosen form is.
enum Chosen<'a> {
    Open(&'a str),
    Sealed(&'a File),
}

/// The form to play: the best, or the one that was played before; of what nobody has heard yet, the best of its kind.
fn choose<'a>(
    sound: &'a Sound,
    before: Option<&Form>,
    sought: Sought,
) -> Option<(Form, Chosen<'a>)> {
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
        Some(Form::File(_)) if sought != Sought::Heard => sound.files.first().map(file),
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
    /// Finds out where the sound of a video is.
    pub(super) async fn locate(&self, wanted: &Wanted, sought: Sought) -> Result<Located, Failure> {
        let id = &wanted.id;
        let found = match sought.is_again() {
            true => {
                self.found.forget(id, std::time::Duration::ZERO);
                let known = wanted.refused(Instant::now());
                self.find(id, &known, sought).await?
            }
            false => {
                let known = Known::default();
                self.found.get(id, self.find(id, &known, sought)).await?
            }
        };
        let located = found.located();
        wanted.remember(found);
        Ok(located)
    }

    async fn find(
        &self,
        id: &VideoId,
        known: &Known,
        sought: Sought,
    ) -> Result<Arc<Found>, Failure> {
        let before = known.last.as_ref().map(|last| &last.form);
        let mut refusals = Refusals::default();
        for asker in known.order(self.api.askers(Task::Play)) {
            let found = match self.described(&asker, id, Task::Play).await {
                Ok(video) => {
                    self.open(
                        &asker,
                        id,
                        choose(&video.sound, before, sought),
                        &video.sound,
                    )
                    .await
                }
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
        chosen: Option<(Form, Chosen<'_>)>,
        sound: &Sound,
    ) -> Result<Found, Refusal> {
        let (form, chosen) = chosen.ok_or(Refusal::NoForm)?;
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
