//! Owns: how far a player's voice connection is, as its output has told.
//! Never knows: how a connection is made, or what is heard through it.

use super::note::VoiceTarget;

/// Stage of a voice connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is none, and nothing is known of one.
    Idle,
    /// Asked for; the gateway has not answered.
    Connecting,
    /// The gateway's socket is open.
    Open,
    /// The gateway was lost and is being taken up again in silence.
    Interrupted,
    /// Discord closed it. Its data are still shown (reference, R.1.4).
    Closed,
}

/// A player's voice connection, or the lack of one. Each attempt has a generation number: what an older one still
/// has to say is ignored.
#[derive(Debug)]
pub struct Link {
    stage: Stage,
    target: Option<VoiceTarget>,
    generation: u64,
    ping_ms: u32,
}

impl Link {
    /// Before the first connection.
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Idle,
            target: None,
            generation: 0,
            ping_ms: 0,
        }
    }

    /// Whether the gateway is open: what clients see as `connected`.
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether a gateway has been reached and not been closed: also true while it is being taken up again.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Interrupted)
    }

    /// Whether an attempt is running that has not reached the gateway.
    pub(super) fn is_connecting(&self) -> bool {
        self.stage == Stage::Connecting
    }

    /// Whether there are voice data: it goes somewhere, or was there until Discord closed it.
    pub(super) const fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// Generation of the attempt that counts.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Round trip in milliseconds, `None` while the gateway is not open.
    pub(super) fn ping_ms(&self) -> Option<u32> {
        self.is_open().then_some(self.ping_ms)
    }

    /// What clients are shown: nothing until the gateway has been reached.
    pub(super) fn shown(&self) -> Option<&VoiceTarget> {
        match self.stage {
            Stage::Idle | Stage::Connecting => None,
            Stage::Open | Stage::Interrupted | Stage::Closed => self.target.as_ref(),
        }
    }

    /// Whether `target` is where this connection already is, or is going to.
    pub(super) fn leads_to(&self, target: &VoiceTarget) -> bool {
        (self.is_alive() || self.is_connecting()) && self.target.as_ref() == Some(target)
    }

    pub(super) fn connect(&mut self, generation: u64, target: VoiceTarget) {
        *self = Self {
            stage: Stage::Connecting,
            target: Some(target),
            generation,
            ping_ms: 0,
        };
    }

    pub(super) fn opened(&mut self) {
        self.stage = Stage::Open;
    }

    pub(super) fn interrupted(&mut self) {
        self.stage = Stage::Interrupted;
    }

    pub(super) fn heard_ping(&mut self, ms: u32) {
        self.ping_ms = ms;
    }

    /// Discord closed it: what it was stays known.
    pub(super) fn closed(&mut self) {
        self.stage = Stage::Closed;
    }

    /// Forgets everything: never reached, or closed from this side.
    pub(super) fn forget(&mut self) {
        self.stage = Stage::Idle;
        self.target = None;
    }
}
