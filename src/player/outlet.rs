//! Owns: where a player's sound is to go, and how far the device is that it may go to.
//! Never knows: how a device is opened, or what is heard through it.

use crate::units::Instant;
use alloc::sync::Arc;
use core::time::Duration;

/// Waits between two tries to open a device that was lost, or was not there: twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What was said of where the sound is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: to Discord as soon as there are voice data; before, to the device of the configuration, if it names one.
    #[default]
    Unsaid,
    /// To Discord only.
    Discord,
    /// To this device only.
    Device(Arc<str>),
    /// Nowhere: nothing is heard, and the position stands.
    Nothing,
}

/// Which output takes frames, once it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The voice connection.
    Voice,
    /// The device.
    Device,
    /// None.
    Nowhere,
}

impl Route {
    /// All, in the order in which they are counted.
    pub const ALL: [Self; 3] = [Self::Voice, Self::Device, Self::Nowhere];

    /// As Prometheus is told.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Voice => "discord",
            Self::Device => "device",
            Self::Nowhere => "none",
        }
    }
}

/// A device that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
    /// It is lost, and its output tries to get it back.
    pub(super) is_interrupted: bool,
}

/// A device that is being opened.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
    /// Whether a client has asked for it: then it is chosen once it is open, and not before.
    pub(super) is_asked_for: bool,
    /// What its output has said already.
    pub(super) is_interrupted: bool,
}

/// Where the sound of a player goes.
#[derive(Debug)]
pub struct Outlet {
    /// The device of the configuration.
    own: Option<Arc<str>>,
    pub(super) choice: Choice,
    pub(super) open: Option<Open>,
    pub(super) opening: Option<Opening>,
    /// Tries in a row that failed, the loss of an open device included.
    failures: u32,
    /// When the next try is due.
    retry_at: Option<Instant>,
    /// As it was told last.
    pub(super) route: Route,
}

impl Outlet {
    /// Nothing is said, nothing is open.
    pub(super) fn new(own: Option<Arc<str>>) -> Self {
        Self {
            route: if own.is_some() {
                Route::Device
            } else {
                Route::Voice
            },
            own,
            choice: Choice::Unsaid,
            open: None,
            opening: None,
            failures: 0,
            retry_at: None,
        }
    }

    /// The device that frames are to go to.
    pub(super) fn wanted(&self, has_voice: bool) -> Option<&Arc<str>> {
        match &self.choice {
            Choice::Device(name) => Some(name),
            Choice::Unsaid if !has_voice => self.own.as_ref(),
            Choice::Unsaid | Choice::Discord | Choice::Nothing => None,
        }
    }

    /// Which output is to take frames.
    pub(super) fn wanted_route(&self, has_voice: bool) -> Route {
        match self.choice {
            Choice::Nothing => Route::Nowhere,
            _ if self.wanted(has_voice).is_some() => Route::Device,
            _ => Route::Voice,
        }
    }

    /// Whether frames go to a device that takes them.
    pub(super) fn is_heard(&self) -> bool {
        let is_there = self.open.as_ref().is_some_and(|it| !it.is_interrupted);
        self.route == Route::Device && is_there
    }

    /// When to try again.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// It may be tried at once.
    pub(super) fn forgive(&mut self) {
        self.retry_at = None;
        self.failures = 0;
    }

    /// A device was lost or refused; says whether that is the first time in a row.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let wait = FIRST_WAIT * 2u32.saturating_pow(self.failures.min(8));
        self.retry_at = Some(now + wait.min(LONGEST_WAIT));
        self.failures += 1;
        self.failures == 1
    }

    /// Whether it failed since it was open last.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }
}
