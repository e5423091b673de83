//! Owns: what is done when a call of a sound card fails: go on, prepare anew, wake it up, or open it anew, and when.
//! Never knows: ALSA's calls, threads, clocks, sound.
//!
//! Return codes as ALSA documents them (<https://www.alsa-project.org/alsa-doc/alsa-lib/pcm.html>, "Error codes"): `EPIPE` is an
//! xrun, `ESTRPIPE` a suspended machine, `EBADFD` a wrong state, `ENODEV` a device that was unplugged, `EAGAIN` nothing yet.

use std::time::Duration;

/// What was asked of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To be opened and set up.
    Open,
    /// To be ready to start.
    Prepare,
    /// To go on after the machine was suspended.
    Resume,
    /// To begin to play what it holds.
    Start,
    /// How much it holds.
    Ask,
    /// To take samples while it runs.
    Write,
    /// To have room in time.
    Wait,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// As if nothing had been.
    GoOn,
    /// [`Call::Prepare`]; what the card held is lost.
    Prepare,
    /// [`Call::Resume`], after this time.
    Resume(Duration),
    /// Close it, and [`Call::Open`] after this time.
    Reopen(Duration),
}

/// A suspended driver is asked this often whether it is awake.
const RESUME_EVERY: Duration = Duration::from_millis(20);
/// Asked so often without success (5 s), it is prepared instead.
const RESUME_TRIES: u32 = 250;
/// Failures without a sample taken between them, until preparing is seen to be useless.
const PREPARE_TRIES: u32 = 3;
/// The first wait for a device that is lost; each one is twice the one before, up to [`LONGEST_WAIT`]. A plug that was pulled out by
/// mistake is back in a second.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Opening costs milliseconds, and nobody wants to wait long for what has been plugged in.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// What has failed since the last sample was taken.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures: u32,
    resumes: u32,
    opens: u32,
}

impl Health {
    /// A call succeeded.
    pub(super) fn succeeded(&mut self, call: Call) {
        match call {
            // only samples that a running card took show that it works
            Call::Write => *self = Self::default(),
            Call::Resume => self.resumes = 0,
            Call::Open | Call::Prepare | Call::Start | Call::Ask | Call::Wait => {}
        }
    }

    /// A call failed with this error number. A card that had no room for much longer than its buffer lasts has failed at
    /// [`Call::Wait`] with `ETIMEDOUT`.
    pub(super) fn failed(&mut self, call: Call, errno: i32) -> Next {
        match (call, errno) {
            (Call::Open, _) | (_, libc::ENODEV | libc::ENXIO | libc::ENOENT) => self.reopen(),
            (Call::Resume, libc::EAGAIN | libc::EINTR) => {
                self.resumes += 1;
                if self.resumes < RESUME_TRIES {
                    Next::Resume(RESUME_EVERY)
                } else {
                    self.resumes = 0;
                    self.prepare()
                }
            }
            (Call::Prepare, libc::EAGAIN) => self.prepare(),
            (_, libc::EAGAIN | libc::EINTR) => Next::GoOn,
            (Call::Prepare, _) => self.reopen(),
            // a driver that cannot resume says so by any error
            (Call::Resume, _) => self.prepare(),
            (_, libc::ESTRPIPE) => Next::Resume(Duration::ZERO),
            _ => self.prepare(),
        }
    }

    fn prepare(&mut self) -> Next {
        self.failures += 1;
        if self.failures <= PREPARE_TRIES {
            Next::Prepare
        } else {
            self.reopen()
        }
    }

    fn reopen(&mut self) -> Next {
        let wait = FIRST_WAIT * (1 << self.opens.min(8));
        self.opens += 1;
        (self.failures, self.resumes) = (0, 0);
        Next::Reopen(wait.min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A card's answers, and what was done after each.
    fn trace(answers: &[(Call, i32)]) -> Vec<Next> {
        let mut health = Health::default();
        let follow = |&(call, errno): &(Call, i32)| {
            if errno == 0 {
                health.succeeded(call);
                Next::GoOn
            } else {
                health.failed(call, errno)
            }
        };
        answers.iter().map(follow).collect()
    }

    const fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_xrun_is_prepared_each_time() {
        let answers = [
            (Call::Write, 0),
            (Call::Ask, libc::EPIPE),
            (Call::Prepare, 0),
            (Call::Write, 0),
        ];
        for _ in 0..100 {
            assert_eq!(trace(&answers)[1], Next::Prepare);
        }
        let many: Vec<_> = answers.iter().copied().cycle().take(400).collect();
        assert!(
            trace(&many)
                .iter()
                .all(|next| matches!(next, Next::Prepare | Next::GoOn)),
            "a machine that is always late plays on"
        );
    }

    #[test]
    fn nothing_yet_and_a_signal_change_nothing() {
        assert_eq!(
            trace(&[(Call::Write, libc::EAGAIN), (Call::Wait, libc::EINTR)]),
            [Next::GoOn, Next::GoOn]
        );
    }

    #[test]
    fn a_suspended_card_is_asked_until_it_wakes_up() {
        assert_eq!(
            trace(&[
                (Call::Write, libc::ESTRPIPE),
                (Call::Resume, libc::EAGAIN),
                (Call::Resume, libc::EAGAIN),
                (Call::Resume, 0),
                (Call::Write, 0),
            ]),
            [
                Next::Resume(Duration::ZERO),
                Next::Resume(millis(20)),
                Next::Resume(millis(20)),
                Next::GoOn,
                Next::GoOn
            ]
        );
    }

    #[test]
    fn a_card_that_cannot_resume_is_prepared() {
        assert_eq!(
            trace(&[(Call::Wait, libc::ESTRPIPE), (Call::Resume, libc::ENOSYS)]),
            [Next::Resume(Duration::ZERO), Next::Prepare]
        );
        let mut sleeper = vec![(Call::Ask, libc::ESTRPIPE)];
        sleeper.extend([(Call::Resume, libc::EAGAIN); 250]);
        assert_eq!(trace(&sleeper).last(), Some(&Next::Prepare));
    }

    #[test]
    fn an_unplugged_card_is_opened_anew_with_growing_patience() {
        let mut answers = vec![(Call::Write, libc::ENODEV)];
        answers.extend([(Call::Open, libc::ENODEV); 6]);
        assert_eq!(
            trace(&answers),
            [250, 500, 1000, 2000, 4000, 4000, 4000].map(|ms| Next::Reopen(millis(ms)))
        );
    }

    #[test]
    fn patience_begins_anew_once_sound_flows() {
        let answers = [
            (Call::Wait, libc::ENODEV),
            (Call::Open, libc::EBUSY),
            (Call::Open, 0),
            (Call::Write, 0),
            (Call::Write, libc::ENODEV),
        ];
        assert_eq!(trace(&answers)[4], Next::Reopen(millis(250)));
    }

    #[test]
    fn a_card_that_opens_but_takes_nothing_is_not_opened_in_a_hurry() {
        let answers = [
            (Call::Write, libc::ENODEV),
            (Call::Open, 0),
            (Call::Write, libc::ENODEV),
            (Call::Open, 0),
            (Call::Write, libc::ENODEV),
        ];
        let waits: Vec<_> = trace(&answers)
            .into_iter()
            .filter(|next| *next != Next::GoOn)
            .collect();
        assert_eq!(waits, [250, 500, 1000].map(|ms| Next::Reopen(millis(ms))));
    }

    #[test]
    fn preparing_without_end_is_given_up() {
        let answers = [
            (Call::Write, libc::EBADFD),
            (Call::Prepare, 0),
            (Call::Write, libc::EIO),
            (Call::Prepare, 0),
            (Call::Wait, libc::ETIMEDOUT),
            (Call::Prepare, 0),
            (Call::Start, libc::EPIPE),
        ];
        let done = trace(&answers);
        assert_eq!([done[0], done[2], done[4]], [Next::Prepare; 3]);
        assert_eq!(done[6], Next::Reopen(millis(250)));
        assert_eq!(
            trace(&[(Call::Prepare, libc::EIO)]),
            [Next::Reopen(millis(250))]
        );
    }
}
