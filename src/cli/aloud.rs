//! Owns: playing a track on a sound card, from the command line: what is told meanwhile, and how it ends.
//! Never knows: any sound system; how a track is found.

use super::play::{Bar, PlayError};
use crate::{
    error::Failure,
    frame::{Progress, ReaderEvent},
    node::DRAIN_WITHIN,
    output::{
        Output, OutputEvent,
        device::{Devices, Refusal},
    },
    playback::{Engine, Event, Request},
    units::Samples,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How often the bar is shown anew.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// What happens while it plays.
enum Happened {
    Sound(Event),
    Device(OutputEvent),
}

/// A device that is open.
pub(super) struct Aloud {
    devices: Arc<dyn Devices>,
    output: Box<dyn Output>,
    tell: mpsc::UnboundedSender<Happened>,
    told: mpsc::UnboundedReceiver<Happened>,
}

impl Aloud {
    /// Opens a device.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn open(devices: Arc<dyn Devices>, name: String) -> Result<Self, Refusal> {
        // as much as a playback and a device tell of one track: titles, gaps
        let (tell, told) = mpsc::unbounded_channel();
        let (devices_there, of_device) = (devices.clone(), tell.clone());
        let opening = tokio::task::spawn_blocking(move || {
            let events = move |event| drop(of_device.send(Happened::Device(event)));
            devices_there.open(&name, Box::new(events))
        });
        let output = opening
            .await
            .map_err(|broken| Failure::fault("The sound system broke.").because(broken))??;
        Ok(Self {
            devices,
            output,
            tell,
            told,
        })
    }

    /// Plays until the end or until `stop`, and waits until the card has been heard. Returns how much was played, and whether
    /// it was stopped.
    ///
    /// # Errors
    /// When the track fails, or the device is lost for good.
    pub(super) async fn play(
        mut self,
        engine: &Engine,
        request: Request,
        limit: Option<Samples>,
        mut bar: Bar,
        stop: impl Future<Output = ()>,
    ) -> Result<(Samples, bool), PlayError> {
        let (tell, from) = (self.tell.clone(), request.start);
        let (playback, reader) = engine.start(request, move |event| {
            drop(tell.send(Happened::Sound(event)))
        });
        let progress = playback.progress().clone();
        progress.set_limit(limit);
        self.output.play(reader);
        let ended = tokio::select! {
            ended = self.run(from, &progress, &mut bar) => Some(ended),
            () = stop => None,
        };
        bar.end();
        self.output.close();
        let devices = self.devices;
        // a card that hangs must not keep the program
        let _ = tokio::task::spawn_blocking(move || devices.drained(DRAIN_WITHIN)).await;
        let played = Samples(progress.counts().0 * Samples::FRAME.0);
        match ended {
            Some(Err(why)) => Err(why),
            Some(Ok(())) if played == Samples::ZERO => Err(PlayError::Empty),
            Some(Ok(())) | None => Ok((played, ended.is_none())),
        }
    }

    /// Returns when everything was given to the card.
    async fn run(
        &mut self,
        from: Samples,
        progress: &Progress,
        bar: &mut Bar,
    ) -> Result<(), PlayError> {
        let mut failed = None;
        let mut is_interrupted = false;
        loop {
            let Ok(happened) = tokio::time::timeout(SHOW_EVERY, self.told.recv()).await else {
                bar.show(progress.position());
                continue;
            };
            match happened.expect("a sender is held here") {
                Happened::Sound(Event::Opened { is_seekable, .. }) => {
                    if !is_seekable && from > Samples::ZERO {
                        bar.say("this cannot be played from anywhere else than its start");
                    }
                }
                Happened::Sound(Event::Failed { failure, produced }) => {
                    if !produced {
                        return Err(failure.into());
                    }
                    failed = Some(failure);
                }
                Happened::Sound(Event::Title(title)) if !title.text.is_empty() => {
                    bar.say(&title.text);
                }
                Happened::Sound(Event::Reader(
                    ReaderEvent::Drained | ReaderEvent::LimitReached,
                )) => return failed.map_or(Ok(()), |failure| Err(failure.into())),
                Happened::Sound(_) => {}
                Happened::Device(OutputEvent::Interrupted) => {
                    is_interrupted = true;
                    bar.say("the device does not answer; it is tried again");
                }
                Happened::Device(OutputEvent::Connected) => {
                    if std::mem::take(&mut is_interrupted) {
                        bar.say("the device is back");
                    }
                }
                Happened::Device(OutputEvent::Unreachable(failure)) => {
                    return Err(failure.into());
                }
                Happened::Device(OutputEvent::Closed { reason, .. }) => {
                    return Err(Failure::common(reason).into());
                }
                Happened::Device(OutputEvent::Opened | OutputEvent::Ping(_)) => {}
            }
        }
    }
}
