//! Owns: why a client got no answer, or one that says no; which of several says the most.
//! Never knows: how anything is asked.

use super::facts::{Facts, Reason};
use crate::{
    error::Failure,
    source::site::json::{Pick, Unexpected},
};
use serde_json::Value;

/// The longest text of the site that is passed on, in characters.
const MAX_TEXT: usize = 200;

/// Why a client could not do something. The more telling ones are greater.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The site knows nothing of it (404).
    Unknown,
    /// There was no usable answer.
    NoAnswer(Failure),
    /// There is nothing in it that can be played.
    NoForm,
    /// There is no such thing: the answer is empty.
    Nothing,
    /// The site says why.
    Said(Reason, String),
}

impl Refusal {
    /// Of two, the one that says more is greater.
    const fn rank(&self) -> (u8, Option<Reason>) {
        match self {
            Self::Unknown => (0, None),
            Self::NoAnswer(_) => (1, None),
            Self::NoForm => (2, None),
            Self::Nothing => (3, None),
            Self::Said(reason, _) => (4, Some(*reason)),
        }
    }

    /// Whether other clients would be told the same. Who is signed in may see more.
    const fn is_definite(&self, is_signed_in: bool) -> bool {
        match self {
            Self::Said(Reason::Removed | Reason::Country, _) => true,
            Self::Said(Reason::Private | Reason::Members | Reason::Premium | Reason::Paid, _) => {
                !is_signed_in
            }
            Self::Said(
                Reason::Unavailable
                | Reason::Other
                | Reason::Robot
                | Reason::Upcoming
                | Reason::Age,
                _,
            )
            | Self::Unknown
            | Self::NoAnswer(_)
            | Self::NoForm
            | Self::Nothing => false,
        }
    }

    fn into_failure(self) -> Failure {
        match self {
            Self::Unknown | Self::Nothing => Failure::common("This video does not exist."),
            Self::NoAnswer(failure) => failure,
            Self::NoForm => {
                Failure::suspicious("YouTube has this video in no form that can be played.")
            }
            Self::Said(reason, text) => match reason {
                Reason::Private => Failure::common("This video is private."),
                Reason::Removed => Failure::common("This video has been removed."),
                Reason::Members => {
                    Failure::common("This video is available to members of its channel only.")
                }
                Reason::Premium => {
                    Failure::common("This video is only available to Music Premium members.")
                }
                Reason::Country => {
                    Failure::common("This video is not available in the node's country.")
                }
                Reason::Paid => Failure::common("This video must be bought or rented."),
                Reason::Age => Failure::common(
                    "This video is restricted by age: YouTube shows it to accounts only \
                     (plugins.youtube.oauth).",
                ),
                Reason::Upcoming => Failure::common("This video or stream has not begun yet."),
                Reason::Robot => Failure::suspicious(
                    "YouTube takes this node for a robot. An account (plugins.youtube.oauth), a \
                     po-token (plugins.youtube.pot) or another address helps.",
                ),
                Reason::Unavailable => Failure::common("This video is not available."),
                Reason::Other => {
                    Failure::common(format!("YouTube does not play this video: {text}"))
                }
            },
        }
    }

    /// In a line, for the log and the trace.
    fn line(&self) -> String {
        match self {
            Self::Unknown => "not known".to_owned(),
            Self::NoAnswer(failure) => failure.root_cause(),
            Self::NoForm => "no form that can be played".to_owned(),
            Self::Nothing => "an empty answer".to_owned(),
            Self::Said(_, text) => text.clone(),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::NoAnswer(failure)
    }
}

/// What all clients said.
#[derive(Debug, Default)]
pub struct Refusals {
    lines: Vec<String>,
    most_telling: Option<Refusal>,
}

/// The cause of a failure: each client's own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct PerClient(String);

impl Refusals {
    /// Keeps one. The failure, if asking others is of no use.
    ///
    /// # Errors
    /// When it is definite.
    pub fn add(
        &mut self,
        client: &str,
        refusal: Refusal,
        is_signed_in: bool,
    ) -> Result<(), Failure> {
        tracing::debug!(client, why = refusal.line(), "a client is refused");
        self.lines.push(format!("{client}: {}", refusal.line()));
        let is_definite = refusal.is_definite(is_signed_in);
        let says_more = |known: &Refusal| refusal.rank() > known.rank();
        if self.most_telling.as_ref().is_none_or(says_more) {
            self.most_telling = Some(refusal);
        }
        match is_definite {
            true => Err(std::mem::take(self).into_failure()),
            false => Ok(()),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What the most telling one said of something that is no video: what is `missing`, when there is nothing.
    #[must_use]
    pub fn into_failure_of(self, missing: &str) -> Failure {
        match self.most_telling {
            Some(Refusal::Unknown | Refusal::Nothing) => {
                Failure::common(missing).because(PerClient(self.lines.join("; ")))
            }
            _ => self.into_failure(),
        }
    }

    /// What the most telling one said.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let Some(refusal) = self.most_telling else {
            return Failure::common(
                "No client of YouTube is left to ask: plugins.youtube.clients and clientOptions \
                 leave none for this.",
            );
        };
        let failure = refusal.into_failure();
        failure.because(PerClient(self.lines.join("; ")))
    }
}

/// Why a video is not shown, as its `playabilityStatus` says; `None` when it is.
///
/// # Errors
/// When it says nothing.
pub fn of_status(status: &Value, facts: &Facts) -> Result<Option<Refusal>, Unexpected> {
    let word = status.needed_text("status")?;
    if word == "OK" {
        return Ok(None);
    }
    let screen = "errorScreen.playerErrorMessageRenderer";
    let texts: Vec<String> = [
        status.text("reason").map(str::to_owned),
        status
            .pick(&format!("{screen}.subreason"))
            .and_then(text_of),
        status.pick(&format!("{screen}.reason")).and_then(text_of),
        status.text("messages.0").map(str::to_owned),
    ]
    .into_iter()
    .flatten()
    .collect();
    let known = texts.iter().find_map(|text| facts.reason(text));
    // a text that says more than that it is not available may stand below
    let reason = match known {
        Some(Reason::Unavailable) => texts
            .iter()
            .filter_map(|text| facts.reason(text))
            .max()
            .unwrap_or(Reason::Unavailable),
        Some(reason) => reason,
        None => match word {
            "AGE_VERIFICATION_REQUIRED" | "AGE_CHECK_REQUIRED" | "CONTENT_CHECK_REQUIRED" => {
                Reason::Age
            }
            "LOGIN_REQUIRED" => Reason::Robot,
            "LIVE_STREAM_OFFLINE" => Reason::Upcoming,
            _ if texts.is_empty() => Reason::Unavailable,
            _ => Reason::Other,
        },
    };
    let text = texts.into_iter().next().unwrap_or_else(|| word.to_owned());
    let text = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT);
    Ok(Some(Refusal::Said(reason, text.collect())))
}

/// What an `alerts` says that is an error.
#[must_use]
pub fn of_alerts(answer: &Value) -> Option<Failure> {
    let alerts = answer.list("alerts").iter();
    let errors = alerts.filter_map(|alert| alert.pick("alertRenderer"));
    let text = errors
        .filter(|alert| alert.text("type") == Some("ERROR"))
        .find_map(|alert| text_of(alert.pick("text")?))?;
    Some(Failure::common(
        text.chars().take(MAX_TEXT).collect::<String>(),
    ))
}

/// A text as the site writes it: in one piece, or in several.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    let whole = value.text("simpleText").or_else(|| value.text("content"));
    let text = match whole.or_else(|| value.as_str()) {
        Some(text) => text.to_owned(),
        None => value
            .list("runs")
            .iter()
            .filter_map(|run| run.text("text"))
            .collect(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Severity, source::site::data::SiteData};
    use serde_json::json;

    fn said(status: Value) -> Option<Reason> {
        let facts = SiteData::built_in().youtube;
        match of_status(&status, &facts).expect("a status") {
            Some(Refusal::Said(reason, _)) => Some(reason),
            _ => None,
        }
    }

    /// Statuses as the site gives them.
    #[test]
    fn a_status_says_why() {
        for (status, reason) in [
            (json!({"status": "OK"}), None),
            (
                json!({"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you’re not a bot"}),
                Some(Reason::Robot),
            ),
            (json!({"status": "LOGIN_REQUIRED"}), Some(Reason::Robot)),
            (
                json!({"status": "LOGIN_REQUIRED", "messages": ["This is a private video. Please sign in."]}),
                Some(Reason::Private),
            ),
            (
                json!({"status": "AGE_CHECK_REQUIRED", "reason": "?"}),
                Some(Reason::Age),
            ),
            (
                json!({"status": "LIVE_STREAM_OFFLINE", "reason": "Soon"}),
                Some(Reason::Upcoming),
            ),
            (json!({"status": "ERROR"}), Some(Reason::Unavailable)),
            (
                json!({"status": "UNPLAYABLE", "reason": "Something new"}),
                Some(Reason::Other),
            ),
            (
                json!({"status": "UNPLAYABLE", "reason": "Video unavailable",
                "errorScreen": {"playerErrorMessageRenderer": {
                    "subreason": {"runs": [{"text": "The uploader has not made this video available in "}, {"text": "your country"}]}
                }}}),
                Some(Reason::Country),
            ),
        ] {
            assert_eq!(said(status.clone()), reason, "{status}");
        }
        let facts = SiteData::built_in().youtube;
        of_status(&json!({}), &facts).expect_err("no status");
    }

    #[test]
    fn the_most_telling_refusal_is_told_with_the_others_as_its_cause() {
        let mut refusals = Refusals::default();
        for (client, refusal) in [
            ("A", Refusal::Unknown),
            ("B", Refusal::Said(Reason::Age, "18".into())),
            ("C", Refusal::Said(Reason::Unavailable, "no".into())),
            ("D", Refusal::Nothing),
        ] {
            refusals.add(client, refusal, false).expect("not definite");
        }
        let failure = refusals.into_failure();
        assert!(failure.message.contains("plugins.youtube.oauth"));
        assert_eq!(failure.severity, Severity::Common);
        assert_eq!(
            failure.root_cause(),
            "A: not known; B: 18; C: no; D: an empty answer"
        );
    }

    #[test]
    fn what_all_would_be_told_ends_it_unless_an_account_may_see_more() {
        for (reason, ends, ends_signed_in) in [
            (Reason::Private, true, false),
            (Reason::Members, true, false),
            (Reason::Removed, true, true),
            (Reason::Robot, false, false),
            (Reason::Unavailable, false, false),
        ] {
            for (is_signed_in, ends) in [(false, ends), (true, ends_signed_in)] {
                let refusal = Refusal::Said(reason, String::new());
                let added = Refusals::default().add("A", refusal, is_signed_in);
                assert_eq!(added.is_err(), ends, "{reason:?}");
            }
        }
    }

    #[test]
    fn alerts_are_errors_when_they_say_so() {
        let alert = |kind: &str| json!({"alerts": [{"alertRenderer": {"type": kind, "text": {"runs": [{"text": "The playlist does "}, {"text": "not exist."}]}}}]});
        let failure = of_alerts(&alert("ERROR")).expect("an error");
        assert_eq!(failure.message, "The playlist does not exist.");
        assert!(of_alerts(&alert("INFO")).is_none());
    }
}
