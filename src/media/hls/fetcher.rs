//! Owns: the fetch task of HLS: what is loaded next, and how a segment becomes a section.
//! Never knows: which form of a stream is the best, or what a playlist looks like.

use super::{
    HlsError, KEY_BYTES,
    course::{Course, Step},
    crypt::Decrypter,
    data_uri, find, load,
    playlist::{ByteRange, Key, Map, Playlist, Segment},
};
use crate::{
    error::Failure,
    media::{
        backoff::chance,
        fragment::{Fragment, Next, at, progress},
        located::{Located, Locator},
        pace::{Pace, Stand},
        part::Part,
        window::{LaneWriter, Task},
    },
    net::{
        Clients, NetError,
        address::Address,
        tally::{Layer, Retried},
    },
};
use bytes::Bytes;
use std::{future::Future, sync::Arc, time::Instant};

/// The largest init section, in bytes.
const MAX_MAP_BYTES: usize = 1024 * 1024;
/// The most that is read of one segment, in bytes: half a minute of the largest pictures.
const MAX_SEGMENT_BYTES: u64 = 128 * 1024 * 1024;

/// Why work has stopped.
enum Break {
    /// The window wants something else.
    Interrupted,
    Error(HlsError),
}

impl<E: Into<HlsError>> From<E> for Break {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The fetch task.
pub(super) struct Fetcher {
    writer: LaneWriter,
    clients: Clients,
    /// Of the playlist that the track names.
    address: Address,
    /// Finds that playlist anew.
    locator: Option<Locator>,
    stream: Option<Stream>,
    /// The segment that is wanted first of a stream that is still to be loaded.
    wanted: Option<u64>,
    /// The segment at hand.
    begun: Option<Begun>,
    /// The segment after it, and its number, while the window is not filled fast enough.
    following: Option<(u64, Fragment)>,
    pace: Pace,
    /// Bytes since the fetch began.
    delivered: u64,
    /// The key that was fetched last.
    key: Option<(Address, [u8; KEY_BYTES])>,
    /// The init section that was fetched last.
    map: Option<(Arc<Map>, Bytes)>,
    /// Nothing is left to be delivered from here, but a jump may come.
    is_done: bool,
}

/// The list that is played.
struct Stream {
    address: Address,
    base: Address,
    course: Course,
}

/// A segment of which something was delivered.
struct Begun {
    number: u64,
    /// Bytes that were delivered.
    len: u64,
    /// Of those that come, so many were delivered already.
    again: u64,
}

/// The clock, read in this task only.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Fetcher {
    pub(super) fn new(mut writer: LaneWriter, clients: Clients, address: Address) -> Self {
        writer.count_in(clients.tally().clone());
        Self {
            writer,
            following: None,
            pace: Pace::new(clients.manner(), 0),
            delivered: 0,
            clients,
            address,
            locator: None,
            stream: None,
            wanted: None,
            begun: None,
            key: None,
            map: None,
            is_done: false,
        }
    }

    /// Of a playlist that `locator` has found.
    pub(super) fn located(
        writer: LaneWriter,
        clients: Clients,
        address: Address,
        locator: Locator,
    ) -> Self {
        Self {
            locator: Some(locator),
            ..Self::new(writer, clients, address)
        }
    }

    pub(super) async fn run(&mut self) {
        loop {
            match self.writer.ready().await {
                Task::Close => return,
                Task::Jump(number) => {
                    self.is_done = false;
                    self.begun = None;
                    self.following = None;
                    self.pace.jumped();
                    match &mut self.stream {
                        Some(stream) => stream.course.jump(number),
                        None => self.wanted = Some(number),
                    }
                }
                // sections that cannot be read are passed over
                Task::Renew => {}
                Task::Deliver if self.is_done => self.writer.interrupted().await,
                Task::Deliver => match self.advance().await {
                    Ok(()) | Err(Break::Interrupted) => {}
                    Err(Break::Error(error)) => {
                        if !self.relocate(&error, true).await {
                            let is_of_site = self.locator.is_some();
                            self.fail(error.into_play_failure(is_of_site));
                        }
                    }
                },
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.is_done = true;
        self.writer.fail(failure);
    }

    /// Finds the stream anew, if it may be elsewhere now, to go on there with the same segment; false if it may not.
    /// `is_last`: see [`Locator::relocate`].
    async fn relocate(&mut self, error: &HlsError, is_last: bool) -> bool {
        let (Some(locator), HlsError::Net(error)) = (&mut self.locator, error) else {
            return false;
        };
        match locator.relocate(error, is_last, &self.writer).await {
            None => return false,
            Some(Ok(Located::Hls(link))) => {
                self.clients = link.clients(&self.clients);
                self.address = link.address;
                self.following = None;
                if let Some(stream) = self.stream.take() {
                    self.wanted = Some(stream.course.next());
                }
            }
            Some(Ok(Located::File(_))) => self.fail(NetError::Changed.into_play_failure()),
            Some(Err(failure)) => self.fail(failure),
        }
        true
    }

    /// One step: the list, a segment, a pause and the list again, or the end.
    async fn advance(&mut self) -> Result<(), Break> {
        let Some(stream) = &mut self.stream else {
            return self.begin().await;
        };
        match stream.course.step(now()) {
            Step::Fetch(number) => self.segment(number).await,
            Step::Reload(at) => {
                let pause = tokio::time::sleep_until(at.into());
                unless_interrupted(&self.writer, pause).await?;
                self.reload().await
            }
            Step::End => {
                self.is_done = true;
                self.writer.finish();
                Ok(())
            }
            Step::GiveUp => {
                self.fail(Failure::suspicious("The live stream has stopped."));
                Ok(())
            }
        }
    }

    async fn begin(&mut self) -> Result<(), Break> {
        let mut retried = Retried::default();
        let find = find(&self.clients, &self.address, &mut retried);
        let found = unless_interrupted(&self.writer, find).await;
        self.writer.count_retries(retried);
        let found = found??;
        if let Some(outline) = found.media.outline() {
            self.writer.tell_outline(outline);
        }
        let give_up_after = self.clients.settings().give_up_after;
        let mut course = Course::new(found.media, give_up_after, now());
        if let Some(number) = self.wanted.take() {
            course.resume(number);
        }
        self.stream = Some(Stream {
            address: found.address,
            base: found.base,
            course,
        });
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), Break> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let began = now();
        let mut retried = Retried::default();
        let load = load(&self.clients, &stream.address, &mut retried);
        let loaded = unless_interrupted(&self.writer, load).await;
        self.writer.count_retries(retried);
        match loaded? {
            Ok((Playlist::Media(media), base)) => {
                stream.base = base;
                if stream.course.reloaded(media, began) {
                    self.following = None;
                    tracing::debug!("live stream is taken up again where it is now");
                }
            }
            Ok((Playlist::Master(_), _)) => self.missed(&HlsError::Nested),
            Err(error) => {
                if !self.relocate(&error, false).await {
                    self.missed(&error);
                }
            }
        }
        Ok(())
    }

    /// The list could not be loaded again, for now.
    fn missed(&mut self, error: &HlsError) {
        tracing::debug!(%error, "playlist of a live stream is asked for again");
        self.writer.count_retry(Layer::Request);
        if let Some(stream) = &mut self.stream {
            stream.course.missed(now(), chance());
        }
    }

    /// Delivers a segment, or passes over it when it cannot be had.
    async fn segment(&mut self, number: u64) -> Result<(), Break> {
        let outcome = self.deliver(number).await;
        if let Err(Break::Error(error)) = &outcome
            && self.relocate(error, false).await
        {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        self.begun = None;
        match outcome {
            Ok(()) => stream.course.pass(),
            Err(Break::Error(error)) => {
                tracing::debug!(number, %error, "segment is passed over");
                if !stream.course.lose(now()) {
                    return Err(error.into());
                }
                self.writer.count_retry(Layer::Request);
            }
            Err(Break::Interrupted) => return Err(Break::Interrupted),
        }
        Ok(())
    }

    async fn deliver(&mut self, number: u64) -> Result<(), Break> {
        let stream = self.stream.as_ref();
        let Some((stream, segment)) =
            stream.and_then(|stream| Some((stream, stream.course.media().segment(number)?)))
        else {
            return Ok(());
        };
        let (segment, base) = (segment.clone(), stream.base.clone());
        let map = self.init_section(&segment, &base).await?;
        let mut decrypter = match &segment.key {
            Some(key) => Some(self.decrypter(key, number.into(), &base).await?),
            None => None,
        };
        let mut fragment = match self.following.take() {
            Some((at, begun)) if at == number && !begun.has_failed() => begun,
            _ => self.fragment(&segment, &base)?,
        };
        let mut len = 0;
        loop {
            let chunk = match fragment.next() {
                Next::Bytes(chunk) => chunk,
                Next::End => break,
                Next::Failed(error) => return Err(error.into()),
                Next::Pending => {
                    self.wait_for(&mut fragment, number).await?;
                    continue;
                }
            };
            if len == 0 {
                self.begin_section(number);
                self.push(map.clone());
            }
            len += chunk.len() as u64;
            self.delivered += chunk.len() as u64;
            if len > MAX_SEGMENT_BYTES {
                return Err(HlsError::TooLarge("segment").into());
            }
            if let Some(stream) = &mut self.stream {
                stream.course.heard();
            }
            if let Some(locator) = &mut self.locator {
                locator.progressed(chunk.len() as u64);
            }
            self.push(match &mut decrypter {
                Some(decrypter) => decrypter.feed(&chunk),
                None => chunk,
            });
            if !self.writer.has_room().await {
                return Err(Break::Interrupted);
            }
        }
        if let Some(decrypter) = decrypter {
            self.push(decrypter.finish());
        }
        Ok(())
    }

    fn fragment(&self, segment: &Segment, base: &Address) -> Result<Fragment, HlsError> {
        let address = base.join(&segment.uri).ok_or(HlsError::BadLink)?;
        let settings = self.clients.settings();
        let room = settings.fetching.max_bytes;
        let room = room.saturating_sub(settings.read_ahead_bytes) as u64;
        let limit = self.clients.manner().chunk_bytes.min(room);
        let part = Part::new(&self.clients, address, segment.range);
        Ok(Fragment::new(
            part,
            usize::try_from(limit).unwrap_or(usize::MAX).max(1),
        ))
    }

    /// Waits until there is more of the segment of this number, which is `fragment`; begins with the one after it when this
    /// one does not come fast enough.
    async fn wait_for(&mut self, fragment: &mut Fragment, number: u64) -> Result<(), Break> {
        let stand = Stand {
            waiting: self.writer.waiting(),
            credit: self.clients.settings().read_ahead_bytes,
            delivered: self.delivered,
        };
        let look_at = self.pace.look(now(), stand);
        if self.pace.width() > 1 && self.following.is_none() {
            self.following = self.begin_following(number + 1);
        }
        let following = self.following.as_mut().map(|(_, fragment)| fragment);
        tokio::select! {
            biased;
            () = self.writer.interrupted() => return Err(Break::Interrupted),
            retried = progress([fragment].into_iter().chain(following)) => {
                self.writer.count_retries(retried);
            }
            () = at(look_at) => {}
        }
        Ok(())
    }

    /// The segment of this number, if there is one already.
    fn begin_following(&self, number: u64) -> Option<(u64, Fragment)> {
        let stream = self.stream.as_ref()?;
        let segment = stream.course.media().segment(number)?;
        if segment.is_gap {
            return None;
        }
        tracing::debug!(number, "a segment is fetched before its turn");
        // whoever comes to it will see what is wrong with its link
        let fragment = self.fragment(segment, &stream.base).ok()?;
        Some((number, fragment))
    }

    /// What is pushed from now on is this segment, from its beginning.
    fn begin_section(&mut self, number: u64) {
        match &mut self.begun {
            // its links had expired
            Some(begun) if begun.number == number => begun.again = begun.len,
            _ => {
                self.writer.begin_section(number);
                self.begun = Some(Begun {
                    number,
                    len: 0,
                    again: 0,
                });
            }
        }
    }

    /// Delivers the next bytes of the segment at hand, without those that were delivered before.
    fn push(&mut self, mut bytes: Bytes) {
        if let Some(begun) = &mut self.begun {
            let again = begun.again.min(bytes.len() as u64);
            let _ = bytes.split_to(again as usize);
            begun.again -= again;
            begun.len += bytes.len() as u64;
        }
        self.writer.push(bytes);
    }

    /// What stands in front of a segment, perhaps nothing.
    async fn init_section(&mut self, segment: &Segment, base: &Address) -> Result<Bytes, Break> {
        let Some(map) = &segment.map else {
            return Ok(Bytes::new());
        };
        if let Some((known, bytes)) = &self.map
            && known == map
        {
            return Ok(bytes.clone());
        }
        let whole = self.small(&map.uri, map.range, base, MAX_MAP_BYTES);
        let mut bytes = Bytes::from(whole.await?.ok_or(HlsError::TooLarge("init section"))?);
        if let Some(key) = &map.key {
            let mut decrypter = self.decrypter(key, 0, base).await?;
            bytes = [decrypter.feed(&bytes), decrypter.finish()].concat().into();
        }
        self.map = Some((map.clone(), bytes.clone()));
        Ok(bytes)
    }

    /// What decrypts the segment of this number.
    async fn decrypter(
        &mut self,
        key: &Key,
        number: u128,
        base: &Address,
    ) -> Result<Decrypter, Break> {
        let iv = key.iv.unwrap_or_else(|| number.to_be_bytes());
        let address = base.join(&key.uri);
        if let (Some((known, bytes)), Some(address)) = (&self.key, &address)
            && known == address
        {
            return Ok(Decrypter::new(bytes, &iv));
        }
        // one byte more than a key has, to see that it is none
        let found = self.small(&key.uri, None, base, 64 * KEY_BYTES).await?;
        let found = found.ok_or(HlsError::TooLarge("key"))?;
        let bytes = <[u8; KEY_BYTES]>::try_from(&found[..])
            .map_err(|_| HlsError::BadKey { len: found.len() })?;
        self.key = address.map(|address| (address, bytes));
        Ok(Decrypter::new(&bytes, &iv))
    }

    /// All of something small; `None` when it has more than `limit` bytes.
    async fn small(
        &mut self,
        uri: &str,
        range: Option<ByteRange>,
        base: &Address,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Break> {
        if let Some(bytes) = data_uri(uri) {
            return Ok(Some(bytes).filter(|bytes| bytes.len() <= limit));
        }
        let address = base.join(uri).ok_or(HlsError::BadLink)?;
        let mut part = Part::new(&self.clients, address, range);
        let whole = unless_interrupted(&self.writer, part.whole(limit)).await;
        self.writer.count_retries(part.take_retried());
        Ok(whole??.map(|(bytes, _)| bytes))
    }
}

async fn unless_interrupted<T>(
    writer: &LaneWriter,
    work: impl Future<Output = T>,
) -> Result<T, Break> {
    tokio::select! {
        biased;
        () = writer.interrupted() => Err(Break::Interrupted),
        done = work => Ok(done),
    }
}
