//! Owns: when a heartbeat is due, what a round trip took, and when the other side counts as dead.
//! Never knows: messages.

use std::time::{Duration, Instant};

/// Heartbeats that may go unanswered before the connection counts as lost.
const MAX_UNANSWERED: u32 = 2;
/// What a server may ask for, in milliseconds; anything else is brought into this range.
const INTERVAL_MS: (f64, f64) = (250.0, 120_000.0);

/// The heartbeat of one connection.
pub(super) struct Beat {
    interval: Duration,
    next: Instant,
    unanswered: u32,
    /// Nonce and time of the last one, until it is answered.
    last: Option<(u64, Instant)>,
}

/// What is due.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    Not,
    Send,
    Dead,
}

impl Beat {
    /// The heartbeat that Hello asked for, due first after a whole interval; but the gateway sends one as soon as it
    /// may, so that the round trip is known early. Connections begin at different times, so they need no jitter.
    pub(super) fn new(now: Instant, interval_ms: f64) -> Self {
        let ms = if interval_ms.is_finite() {
            interval_ms.clamp(INTERVAL_MS.0, INTERVAL_MS.1)
        } else {
            INTERVAL_MS.1
        };
        let interval = Duration::from_secs_f64(ms / 1000.0);
        Self {
            interval,
            next: now + interval,
            unanswered: 0,
            last: None,
        }
    }

    pub(super) const fn due(&self) -> Instant {
        self.next
    }

    pub(super) fn poll(&self, now: Instant) -> Due {
        if now < self.next {
            Due::Not
        } else if self.unanswered >= MAX_UNANSWERED {
            Due::Dead
        } else {
            Due::Send
        }
    }

    /// A heartbeat goes out now; the next is due an interval later.
    pub(super) fn sent(&mut self, now: Instant, nonce: u64) {
        self.unanswered += 1;
        self.last = Some((nonce, now));
        self.next = now + self.interval;
    }

    /// An answer came, so the other side lives. The round trip in milliseconds, if it answers the last heartbeat.
    pub(super) fn acked(&mut self, now: Instant, nonce: u64) -> Option<u32> {
        self.unanswered = 0;
        let (_, at) = self.last.take_if(|(sent, _)| *sent == nonce)?;
        let ms = now.duration_since(at).as_millis();
        Some(ms.try_into().unwrap_or(u32::MAX))
    }
}
