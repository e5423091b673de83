//! Owns: why yt-dlp could not do what it was asked: it tells so in sentences, and which ones mean what is data that changes. Pure.
//! Never knows: what was asked for.

use crate::error::Failure;
use serde::Deserialize;

/// A line of its complaints that ends the work begins so.
const MARK: &str = "ERROR:";
/// The longest text of an error that a log shows, in characters.
const MAX_SHOWN: usize = 200;

/// What a complaint means.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// It knows no way to find sound there.
    Unsupported,
    /// There is nothing any more.
    Missing,
    /// Only whom its owner has chosen may hear it.
    Private,
    /// Only those who pay its owner may.
    Members,
    /// Only those with an account may.
    Login,
    /// Only grown-ups with an account may.
    Age,
    /// Not in this country.
    Country,
    /// It is encrypted.
    Encrypted,
    /// It has not begun, or is over.
    NotLive,
    /// The site takes us for a machine.
    Blocked,
    /// Too many questions.
    TooOften,
    /// The site does not answer.
    Unreachable,
    /// The memory limit.
    Memory,
    /// A sentence that nobody knows, or none.
    Other,
}

/// Sentences of one meaning: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Meaning {
    /// What they mean.
    pub means: Refusal,
    /// Parts of them, in any case.
    pub marks: Vec<String>,
}

impl Refusal {
    /// What complaints mean; `meanings` in order of precedence.
    #[must_use]
    pub fn read(complaints: &str, meanings: &[Meaning]) -> Self {
        let errors = complaints.lines().filter(|line| line.starts_with(MARK));
        let mut text = errors.collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            // a crash is told in another form
            complaints.clone_into(&mut text);
        }
        let text = text.to_lowercase();
        meanings
            .iter()
            .find(|it| {
                it.marks
                    .iter()
                    .any(|mark| text.contains(&mark.to_lowercase()))
            })
            .map_or(Self::Other, |it| it.means)
    }

    /// What a client is told.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Unsupported => Failure::common("yt-dlp finds nothing to play there."),
            Self::Missing => Failure::common("This is not available any more."),
            Self::Private => Failure::common("This is private."),
            Self::Members => Failure::common("This is for paying members only."),
            Self::Login => Failure::common(
                "The site wants an account for this; the node's operator can give yt-dlp one (ytdlp.arguments).",
            ),
            Self::Age => Failure::common(
                "The site wants a grown-up's account for this; the node's operator can give yt-dlp one (ytdlp.arguments).",
            ),
            Self::Country => Failure::common("This must not be shown in the node's country."),
            Self::Encrypted => Failure::common("This is encrypted, and cannot be played."),
            Self::NotLive => Failure::common("This is not live right now."),
            Self::Blocked => Failure::suspicious(
                "The site refuses to answer yt-dlp; it may be blocking this node's address.",
            ),
            Self::TooOften => Failure::suspicious(
                "The site was asked too often from this node's address. Try again later.",
            ),
            Self::Unreachable => Failure::suspicious("yt-dlp cannot connect to the site."),
            Self::Memory => {
                Failure::fault("yt-dlp needs more memory than it may have (ytdlp.memoryBytes).")
            }
            Self::Other => Failure::suspicious(
                "yt-dlp failed; the site may have changed, and a newer yt-dlp may help.",
            ),
        }
    }
}

/// The last line of complaints, without anything that may be an address or a secret: for the log.
#[must_use]
pub fn shown(complaints: &str) -> String {
    let last = complaints.lines().rfind(|line| !line.trim().is_empty());
    let words = last.unwrap_or_default().split_whitespace();
    let plain = |word: &str| {
        word.len() <= 24
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || b"'.,:;()[]-!?\"".contains(&byte))
    };
    let words: Vec<_> = words
        .map(|word| if plain(word) { word } else { "…" })
        .collect();
    words.join(" ").chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::site::data::SiteData;

    /// As yt-dlp 2026.10.26 words them.
    #[test]
    fn sentences_are_understood() {
        let data = SiteData::built_in();
        let read = |text: &str| Refusal::read(text, &data.ytdlp.refusals);
        for (text, wanted) in [
            (
                "ERROR: Unsupported URL: http://127.0.0.1/x",
                Refusal::Unsupported,
            ),
            (
                "ERROR: [generic] x: Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)",
                Refusal::Missing,
            ),
            (
                "WARNING: something\nERROR: [youtube] abc: Private video. Sign in if you've been granted access to this video. Use --cookies",
                Refusal::Private,
            ),
            (
                "ERROR: [youtube] abc: Join this channel to get access to members-only content like this video",
                Refusal::Members,
            ),
            (
                "ERROR: [vimeo] 1: This video is only available for registered users. Use --cookies, --cookies-from-browser",
                Refusal::Login,
            ),
            (
                "ERROR: [youtube] abc: Sign in to confirm your age. This video may be inappropriate for some users.",
                Refusal::Age,
            ),
            (
                "ERROR: [youtube] abc: Sign in to confirm you’re not a bot. Use --cookies-from-browser",
                Refusal::Blocked,
            ),
            (
                "ERROR: [bbc] x: This video is not available from your location due to geo restriction",
                Refusal::Country,
            ),
            (
                "ERROR: [x] y: This video is DRM protected",
                Refusal::Encrypted,
            ),
            (
                "ERROR: [twitch:stream] y: The channel is not currently live",
                Refusal::NotLive,
            ),
            (
                "ERROR: [x] y: Unable to download JSON metadata: HTTP Error 429: Too Many Requests",
                Refusal::TooOften,
            ),
            (
                "ERROR: [generic] x: Unable to download webpage: [Errno 111] Connection refused (caused by TransportError)",
                Refusal::Unreachable,
            ),
            (
                "Traceback (most recent call last):\n  File x\nMemoryError",
                Refusal::Memory,
            ),
            (
                "ERROR: [x] y: An extractor error has occurred.",
                Refusal::Other,
            ),
            ("", Refusal::Other),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_log_shows_no_addresses() {
        let text =
            "ERROR: [site] 1234: Cannot read https://a.example/x?token=secret of me@example.org\n";
        assert_eq!(shown(text), "ERROR: [site] … Cannot read … of …");
    }
}
