//! Owns: signing in as a machine: what is asked next and when, what each answer leads to (RFC 8628, and RFC 6749, 6).
//! Never knows: clocks, requests, the log.

use crate::units::Secret;
use std::time::Duration;
use tokio::time::Instant;

/// How long before its end a token is renewed, as youtube-source has it.
const MARGIN: Duration = Duration::from_secs(60);
/// How long after a failure a token is not asked for again, as youtube-source has it.
const PAUSE: Duration = Duration::from_secs(15);
/// How much longer to wait between questions when they come too often (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest wait between questions; a code holds for half an hour.
const LONGEST: Duration = Duration::from_secs(300);

/// What a person is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Where.
    pub address: String,
    /// What is to be entered there.
    pub user_code: String,
    /// What stands for it in questions.
    pub device_code: Secret,
    /// Time between questions.
    pub interval: Duration,
    /// How long it holds.
    pub holds: Duration,
}

/// What lets requests in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Goes along with requests.
    pub access: Secret,
    /// How long it holds.
    pub holds: Duration,
    /// A new one of those that ask for access tokens.
    pub refresh: Option<Secret>,
}

/// What is answered to a question for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These.
    Tokens(Tokens),
    /// Nobody has entered the code yet.
    Pending,
    /// The same, and questions come too often.
    TooOften,
    /// There will be none: the error's name.
    Refused(String),
}

/// What is to be done about the sign-in of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask for a code.
    AskCode,
    /// Wait until then, and ask for what became of this code.
    Poll(Instant, Secret),
    /// Nothing more.
    Done,
}

/// How the sign-in of a person ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With tokens: this one lasts, and is to be kept.
    SignedIn(Secret),
    /// The code was not entered in time.
    TooLate,
    /// With this error.
    Refused(String),
}

/// What is known.
#[derive(Debug)]
pub struct Flow {
    refresh: Option<Secret>,
    access: Option<(Secret, Instant)>,
    /// When a token may be asked for after a failure.
    not_before: Option<Instant>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// A person is to sign in.
    Wanted,
    /// A person was told how.
    Told {
        device_code: Secret,
        interval: Duration,
        next: Instant,
        until: Instant,
    },
    Over,
}

/// Where an access token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is there.
    Have(Secret),
    /// It is to be asked for with this refresh token.
    Renew(Secret),
    /// It could not be had a moment ago.
    Failing,
    /// Nobody has signed in.
    None,
}

impl Flow {
    /// With the refresh token of the configuration; without one a person is to sign in, unless that `is_skipped`.
    #[must_use]
    pub fn new(refresh: Option<Secret>, is_skipped: bool) -> Self {
        let is_over = refresh.is_some() || is_skipped;
        Self {
            refresh,
            access: None,
            not_before: None,
            stage: if is_over { Stage::Over } else { Stage::Wanted },
        }
    }

    /// What is to be done about the sign-in of a person.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.stage {
            Stage::Wanted => Step::AskCode,
            Stage::Told {
                device_code, next, ..
            } => Step::Poll(*next, device_code.clone()),
            Stage::Over => Step::Done,
        }
    }

    /// There is a code.
    pub fn told(&mut self, code: &Code, now: Instant) {
        let interval = code.interval.clamp(Duration::from_secs(1), LONGEST);
        self.stage = Stage::Told {
            device_code: code.device_code.clone(),
            interval,
            next: now + interval,
            until: now + code.holds,
        };
    }

    /// What became of the code; `None` when there was no answer, which ends nothing.
    pub fn polled(&mut self, answer: Option<Answer>, now: Instant) -> Option<End> {
        let Stage::Told {
            interval,
            next,
            until,
            ..
        } = &mut self.stage
        else {
            return None;
        };
        let end = match answer {
            Some(Answer::Tokens(tokens)) => {
                self.stage = Stage::Over;
                self.renewed(tokens, now);
                // whoever signs in is given one (RFC 8628, 3.5, by way of RFC 6749, 5.1)
                return Some(match &self.refresh {
                    Some(refresh) => End::SignedIn(refresh.clone()),
                    None => End::Refused("no refresh token".to_owned()),
                });
            }
            Some(Answer::Refused(error)) => Some(match &*error {
                "expired_token" => End::TooLate,
                _ => End::Refused(error),
            }),
            Some(Answer::TooOften) => {
                *interval = (*interval + SLOWER).min(LONGEST);
                None
            }
            Some(Answer::Pending) | None => None,
        };
        *next = now + *interval;
        let end = end.or_else(|| (*next >= *until).then_some(End::TooLate));
        if end.is_some() {
            self.stage = Stage::Over;
        }
        end
    }

    /// Where an access token comes from right now.
    #[must_use]
    pub fn access(&self, now: Instant) -> Access {
        if let Some((token, until)) = &self.access
            && now + MARGIN < *until
        {
            return Access::Have(token.clone());
        }
        match &self.refresh {
            _ if self.not_before.is_some_and(|at| now < at) => Access::Failing,
            Some(refresh) => Access::Renew(refresh.clone()),
            None => Access::None,
        }
    }

    /// There is an access token.
    pub fn renewed(&mut self, tokens: Tokens, now: Instant) {
        self.access = Some((tokens.access, now + tokens.holds));
        self.not_before = None;
        if tokens.refresh.is_some() {
            self.refresh = tokens.refresh;
        }
    }

    /// An access token could not be had.
    pub fn failed(&mut self, now: Instant) {
        self.not_before = Some(now + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn code() -> Code {
        Code {
            address: "https://www.google.com/device".into(),
            user_code: "ABC-DEF".into(),
            device_code: Secret::new("device"),
            interval: secs(5),
            holds: secs(1800),
        }
    }

    fn tokens(refresh: Option<&str>) -> Tokens {
        Tokens {
            access: Secret::new("access"),
            holds: secs(3600),
            refresh: refresh.map(Secret::new),
        }
    }

    fn told(now: Instant) -> Flow {
        let mut flow = Flow::new(None, false);
        assert_eq!(flow.step(), Step::AskCode);
        assert_eq!(flow.access(now), Access::None);
        flow.told(&code(), now);
        flow
    }

    #[test]
    fn a_person_signs_in_after_some_questions() {
        let now = Instant::now();
        let mut flow = told(now);
        let poll = |after| Step::Poll(now + secs(after), Secret::new("device"));
        assert_eq!(flow.step(), poll(5));
        assert_eq!(flow.polled(Some(Answer::Pending), now + secs(6)), None);
        assert_eq!(flow.step(), poll(11));
        // no answer is no refusal
        assert_eq!(flow.polled(None, now + secs(11)), None);
        assert_eq!(flow.polled(Some(Answer::TooOften), now + secs(16)), None);
        assert_eq!(flow.step(), poll(26));
        let end = flow.polled(Some(Answer::Tokens(tokens(Some("long")))), now + secs(26));
        assert_eq!(end, Some(End::SignedIn(Secret::new("long"))));
        assert_eq!(flow.step(), Step::Done);
        let access = flow.access(now + secs(30));
        assert_eq!(access, Access::Have(Secret::new("access")));
    }

    #[test]
    fn a_sign_in_ends_with_a_refusal_or_when_the_code_is_old() {
        let now = Instant::now();
        for (error, end) in [
            ("access_denied", End::Refused("access_denied".into())),
            ("expired_token", End::TooLate),
        ] {
            let mut flow = told(now);
            let refused = Some(Answer::Refused(error.into()));
            assert_eq!(flow.polled(refused, now + secs(5)), Some(end));
            assert_eq!(flow.step(), Step::Done);
        }
        let mut flow = told(now);
        assert_eq!(flow.polled(None, now + secs(1790)), None);
        assert_eq!(flow.polled(None, now + secs(1795)), Some(End::TooLate));
        assert_eq!(flow.access(now), Access::None);
    }

    #[test]
    fn an_access_token_is_renewed_a_minute_before_its_end() {
        let now = Instant::now();
        let mut flow = Flow::new(Some(Secret::new("long")), false);
        assert_eq!(flow.step(), Step::Done);
        assert_eq!(flow.access(now), Access::Renew(Secret::new("long")));
        flow.renewed(tokens(None), now);
        let have = Access::Have(Secret::new("access"));
        assert_eq!(flow.access(now + secs(3539)), have);
        let renew = |token| Access::Renew(Secret::new(token));
        assert_eq!(flow.access(now + secs(3540)), renew("long"));
        // one that comes along takes the place of the old
        flow.renewed(tokens(Some("longer")), now);
        assert_eq!(flow.access(now + secs(3600)), renew("longer"));
    }

    #[test]
    fn after_a_failure_there_is_a_pause() {
        let now = Instant::now();
        let mut flow = Flow::new(Some(Secret::new("long")), true);
        flow.failed(now);
        assert_eq!(flow.access(now + secs(14)), Access::Failing);
        let renew = Access::Renew(Secret::new("long"));
        assert_eq!(flow.access(now + secs(15)), renew);
    }

    #[test]
    fn nobody_is_asked_to_sign_in_when_that_is_skipped() {
        let flow = Flow::new(None, true);
        assert_eq!(flow.step(), Step::Done);
        assert_eq!(flow.access(Instant::now()), Access::None);
    }
}
