//! Owns: what a way to the machine's sound cards is, the keys of `arm.audio`, and what stands in its place where there is none.
//! Never knows: any sound system, players.
//!
//! An [`Output`] that a [`Devices`] opens takes frames of samples ([`FrameFormat::Pcm`](crate::frame::FrameFormat)), 20 ms
//! each, at 48 kHz in stereo, by the card's own clock; rate, channels and format of the card are its own affair.

use super::{Output, OutputEvent};
use crate::error::Failure;
use std::{sync::Arc, time::Duration};

/// The name of the card that the system's configuration prefers.
pub const DEFAULT: &str = "default";

/// Told by an output, on any thread.
pub type OnOutput = Box<dyn FnMut(OutputEvent) + Send>;

/// A way to the machine's sound cards. One per program. Its calls may take as long as the system does: they are made where
/// waiting harms nobody.
pub trait Devices: Send + Sync {
    /// What can be played on, the default first.
    ///
    /// # Errors
    /// When the system cannot say, or is not asked at all in this program: the failure says what to do.
    fn list(&self) -> Result<Vec<Device>, Failure>;

    /// Opens a device for one player; it is silent until it is given a reader. A device that is lost later is
    /// [`OutputEvent::Interrupted`] while it is tried again, [`OutputEvent::Connected`] when it is back, and
    /// [`OutputEvent::Unreachable`] when it is given up for good. Some of it may be told before this returns.
    ///
    /// [`Output::stop`] fades out within a frame. [`Output::close`] and dropping do that, too, let what the card has been given
    /// be heard, and return at once: the rest happens behind their back, and a device that is being closed so can be opened
    /// anew.
    ///
    /// A name may come from a client, so it must not make the sound system do more than play.
    ///
    /// # Errors
    /// A [`Refusal`] when it cannot be played on now, or has such a name.
    fn open(&self, name: &str, events: OnOutput) -> Result<Box<dyn Output>, Refusal>;

    /// Waits until the outputs that were closed have been heard to their end, but not for longer than this.
    fn drained(&self, within: Duration);
}

/// A device, as it is shown to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What [`Devices::open`] takes.
    pub name: String,
    /// For people; one line.
    pub description: String,
    /// Whether it is the one that is taken when none is named.
    pub is_default: bool,
    /// Sample rates that it takes, in Hz, ascending; empty when that is not known (it was not asked, or is in use).
    pub rates: Vec<u32>,
    /// Numbers of channels that it takes, ascending; likewise.
    pub channels: Vec<u32>,
    /// Who has it open; `None` when that is not known.
    pub in_use: Option<User>,
    /// How long a sample takes from the frame's being taken to the card, while we play on it.
    pub delay: Option<Duration>,
}

/// Who has a device open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Nobody.
    Nobody,
    /// So many players of this program.
    Us(usize),
    /// Another program.
    Other,
}

/// Why a device cannot be played on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// There is none of that name.
    #[error("there is no device {0:?}")]
    Unknown(String),
    /// Another program has it, or another player where the device does not mix.
    #[error("the device {0:?} is in use")]
    Busy(String),
    /// It takes no sound that we could give it: names the device and what it lacks.
    #[error("{0}")]
    Unsupported(String),
    /// This program plays on no device at all: says what to do.
    #[error("{0}")]
    Absent(&'static str),
    /// The system failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => failure,
            refusal => Self::common(refusal.to_string()),
        }
    }
}

/// Which sound system is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// None: players without voice are silent.
    #[default]
    None,
    /// ALSA. A player without voice plays on the device of the settings.
    Alsa,
}

impl Backend {
    /// In the order in which the configuration names them.
    pub const ALL: [Self; 2] = [Self::None, Self::Alsa];
}

/// How devices are played on (`arm.audio`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `backend`.
    pub backend: Backend,
    /// `device`: the name of the one that is taken when none is named; `default` is the system's.
    pub device: String,
    /// `sample_rate`: the rate that is asked of the card, 44 100 or 48 000 Hz.
    pub sample_rate: u32,
    /// `channels`: 1 or 2.
    pub channels: u32,
    /// `buffer_size`: samples per channel that the card holds, 128 to 65 536; `None`: as latency wants it.
    pub buffer_frames: Option<u32>,
    /// `period_size`: samples per channel between two wake-ups, 32 to 32 768, at most half of the buffer; likewise.
    pub period_frames: Option<u32>,
    /// `low_latency`: at most 50 ms from the decoder to the card, in place of 100.
    pub is_low_latency: bool,
    /// `voice.realtime`: whether the threads of cards ask for real-time priority, as those of voice do.
    pub is_realtime: bool,
    /// `volume`: how loud devices are, 0 to 100 percent; the volume of a player comes on top.
    pub volume: u32,
    /// `mixer`: the card's own control that sets this volume (`Master`, `PCM`, `Digital`); `None`: the samples are made softer.
    pub mixer: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: Backend::None,
            device: DEFAULT.to_owned(),
            sample_rate: 48_000,
            channels: 2,
            buffer_frames: None,
            period_frames: None,
            is_low_latency: false,
            is_realtime: true,
            volume: 100,
            mixer: None,
        }
    }
}

/// What to do where no device is played on because nobody wants it.
const SWITCHED_OFF: &str = "this node plays on no sound card: set arm.audio.backend to alsa";

/// No devices at all, and why.
#[derive(Clone, Copy, Debug)]
pub struct Absent(pub &'static str);

impl Devices for Absent {
    fn list(&self) -> Result<Vec<Device>, Failure> {
        Err(Failure::common(self.0))
    }

    fn open(&self, _: &str, _: OnOutput) -> Result<Box<dyn Output>, Refusal> {
        Err(Refusal::Absent(self.0))
    }

    fn drained(&self, _: Duration) {}
}

/// The way to devices that these settings want.
#[must_use]
pub fn devices(settings: &Settings) -> Arc<dyn Devices> {
    match settings.backend {
        Backend::None => Arc::new(Absent(SWITCHED_OFF)),
        Backend::Alsa => super::alsa::devices(settings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_devices_every_name_is_refused_with_what_to_do() {
        let devices = devices(&Settings::default());
        let refusal = devices.open(DEFAULT, Box::new(|_| ())).err();
        let why = Failure::from(refusal.expect("it is refused")).message;
        assert!(why.contains("arm.audio.backend"), "{why}");
        assert_eq!(
            devices.list().expect_err("nor are they listed").message,
            why
        );
    }
}
