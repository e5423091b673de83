//! Owns: what is known of YouTube and changes often: a part of `sites.json`. Which client is asked for what, in which order.
//! Never knows: how anything is asked.

use super::{Settings, cipher, oauth};
use crate::source::site::check::{self, Wrong};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is known of the site.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Its pages.
    pub site: String,
    /// Where its API begins.
    pub api: String,
    /// Where the API of YouTube Music begins.
    pub music_api: String,
    /// Hosts of sound, and all below them.
    pub media_hosts: Vec<String>,
    /// Language of the answers; the texts of `refusals` are in it.
    pub language: String,
    /// Country that the answers are for, as far as the address does not decide.
    pub country: String,
    /// The clients, by their names in configurations.
    pub clients: BTreeMap<String, Client>,
    /// In which order clients are asked when the configuration does not say.
    pub order: Vec<String>,
    /// Clients that are asked before those that the configuration lists.
    pub before: Vec<String>,
    /// Clients that are asked after those that the configuration lists.
    pub after: Vec<String>,
    /// What a search asks for.
    pub search: Searches,
    /// Parts of an answer that are asked for, by the path of the API; all of it where nothing stands.
    pub fields: BTreeMap<String, String>,
    /// Forms of sound that can be played, the best first.
    pub forms: Vec<Form>,
    /// What is meant by texts of refusals; the first that fits counts.
    pub refusals: Vec<Pattern>,
    /// Where the player's script is.
    pub script: Script,
    /// Of player scripts.
    pub cipher: cipher::Facts,
    /// Of signing in.
    pub oauth: oauth::Facts,
}

/// A program of YouTube's own, as which requests present themselves.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Number of its name, as a header has it.
    pub id: u32,
    /// What it says of itself in each request: `clientName`, `clientVersion` and so on.
    pub context: Map<String, Value>,
    /// Its user agent.
    pub user_agent: String,
    /// What it is asked for.
    pub does: Vec<Task>,
    /// Without which it is not asked for playing.
    #[serde(default)]
    pub needs: Vec<Key>,
    /// What goes along when it is there.
    #[serde(default)]
    pub takes: Vec<Key>,
    /// Path of the API that describes a video.
    #[serde(default = "player")]
    pub endpoint: String,
    /// Settings of that request that only the site understands.
    #[serde(default)]
    pub params: Option<String>,
}

fn player() -> String {
    "player".to_owned()
}

/// Something that a client is asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Where the sound of a video is.
    Play,
    /// What a video is.
    Video,
    /// Videos that fit some words.
    Search,
    /// A playlist, or who owns a page.
    Playlist,
    /// A list that the site makes around a video.
    Mix,
    /// Songs, albums and so on that fit some words.
    Music,
}

/// What opens an answer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// Solves what the player's script would.
    Cipher,
    /// Says that no robot asks.
    PoToken,
    /// An account.
    Oauth,
}

/// `params` of searches: settings that only the site understands.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Searches {
    /// Videos, also those that the site would put a warning before.
    pub videos: String,
    /// Songs of YouTube Music.
    pub songs: String,
    /// Its albums.
    pub albums: String,
    /// Its artists.
    pub artists: String,
    /// Its playlists.
    pub playlists: String,
}

/// A form of sound.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Media type.
    pub mime: String,
    /// Codec, as in RFC 6381.
    pub codec: String,
}

/// Texts of refusals that mean the same.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What they mean.
    pub reason: Reason,
    /// Parts of texts, in lower case.
    pub texts: Vec<String>,
}

/// Why a video is not shown. The more telling ones are greater.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It is not there, for whatever reason.
    Unavailable,
    /// Something else.
    Other,
    /// The site takes the node for a robot.
    Robot,
    /// It has not begun.
    Upcoming,
    /// By age: it is shown to accounts only.
    Age,
    /// For money.
    Paid,
    /// Not in this country.
    Country,
    /// For subscribers of YouTube Music.
    Premium,
    /// For paying members of its channel.
    Members,
    /// It was taken away.
    Removed,
    /// Its owner keeps it for himself.
    Private,
}

/// Where the player's script is found.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// A small page that names its version.
    pub page: String,
    /// What stands before the version there.
    pub mark: String,
    /// Its path, in two parts around the version.
    pub path: [String; 2],
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([
            ("site", &self.site),
            ("api", &self.api),
            ("musicApi", &self.music_api),
        ])?;
        for (name, client) in &self.clients {
            let within = |wrong: Wrong| wrong.within(name).within("clients");
            check::header("userAgent", &client.user_agent).map_err(within)?;
            check::filled([("endpoint", client.endpoint.len())]).map_err(within)?;
        }
        let orders = [
            ("before", &self.before),
            ("order", &self.order),
            ("after", &self.after),
        ];
        for (key, names) in orders {
            if !names.iter().all(|name| self.clients.contains_key(name)) {
                return Err(Wrong::new(key, "names a client that is not in `clients`"));
            }
        }
        let asked: usize = orders.iter().map(|(_, names)| names.len()).sum();
        check::filled([
            ("order", asked),
            ("mediaHosts", self.media_hosts.len()),
            ("forms", self.forms.len()),
            ("script.mark", self.script.mark.len()),
            ("cipher.scriptHosts", self.cipher.script_hosts.len()),
        ])?;
        let texts = self.refusals.iter().flat_map(|it| &it.texts);
        check::marks("refusals", texts)?;
        self.oauth.check().map_err(|wrong| wrong.within("oauth"))
    }

    /// The clients that are asked for something, in order.
    pub fn clients<'a>(
        &'a self,
        task: Task,
        settings: &'a Settings,
    ) -> impl Iterator<Item = (&'a str, &'a Client)> {
        let listed = settings.clients.as_ref().unwrap_or(&self.order);
        let all: Vec<&String> = [&self.before, listed, &self.after]
            .into_iter()
            .flatten()
            .collect();
        let is_first = |at: usize, name: &str| !all[..at].iter().any(|it| *it == name);
        let chosen: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(at, name)| is_first(*at, name) && settings.allows(name, task))
            .filter_map(|(_, name)| Some((name.as_str(), self.clients.get(*name)?)))
            .filter(|(_, client)| client.does.contains(&task))
            .collect();
        chosen.into_iter()
    }

    /// What is meant by a text that says why a video is not shown.
    #[must_use]
    pub fn reason(&self, text: &str) -> Option<Reason> {
        let text = text.to_lowercase();
        let fits = |pattern: &&Pattern| pattern.texts.iter().any(|part| text.contains(part));
        Some(self.refusals.iter().find(fits)?.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::site::data::SiteData;

    fn names(task: Task, settings: &Settings) -> Vec<String> {
        let facts = SiteData::built_in().youtube;
        let clients = facts.clients(task, settings);
        clients.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn every_name_of_an_order_is_that_of_a_client() {
        let facts = SiteData::built_in().youtube;
        for name in [&facts.before, &facts.order, &facts.after]
            .into_iter()
            .flatten()
        {
            assert!(facts.clients.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_client_that_needs_nothing_plays_first() {
        let settings = Settings::default();
        assert_eq!(names(Task::Play, &settings)[0], "VISIONOS");
        assert_eq!(names(Task::Search, &settings)[0], "WEB");
        assert_eq!(names(Task::Music, &settings), ["MUSIC"]);
    }

    /// The list of the plugin's own example (reference, 5.3), which cannot name what came later.
    #[test]
    fn a_list_of_the_operator_s_stands_between_what_is_always_asked() {
        let listed = ["MUSIC", "ANDROID", "NOBODY", "WEB", "ANDROID"];
        let mut settings = Settings {
            clients: Some(listed.map(str::to_owned).into()),
            ..Settings::default()
        };
        assert_eq!(
            names(Task::Video, &settings),
            ["VISIONOS", "ANDROID", "WEB"]
        );
        for (option, on) in [("visionos.videoLoading", false), ("WEB.playback", false)] {
            settings.options.insert(option.to_owned(), on);
        }
        assert_eq!(names(Task::Video, &settings), ["ANDROID", "WEB"]);
        assert_eq!(names(Task::Play, &settings), ["VISIONOS", "ANDROID"]);
    }

    /// Texts of the site, as it shows them to people.
    #[test]
    fn texts_say_why() {
        let facts = SiteData::built_in().youtube;
        for (text, reason) in [
            (
                "This video is only available to Music Premium members",
                Reason::Premium,
            ),
            (
                "This video is available to this channel's members on level: A.",
                Reason::Members,
            ),
            (
                "Join this channel to get access to members-only content like this video.",
                Reason::Members,
            ),
            (
                "The uploader has not made this video available in your country",
                Reason::Country,
            ),
            (
                "This video is not available in your country",
                Reason::Country,
            ),
            (
                "This is a private video. Please sign in to verify that you may see it.",
                Reason::Private,
            ),
            ("Private video", Reason::Private),
            ("Sign in to confirm your age", Reason::Age),
            (
                "This video may be inappropriate for some users.",
                Reason::Age,
            ),
            ("Sign in to confirm you’re not a bot", Reason::Robot),
            ("This video requires payment to watch.", Reason::Paid),
            ("Premieres in 5 hours", Reason::Upcoming),
            ("This live event will begin in 2 days.", Reason::Upcoming),
            (
                "This video has been removed by the uploader",
                Reason::Removed,
            ),
            (
                "This video is no longer available because the YouTube account associated with this video has been terminated.",
                Reason::Removed,
            ),
            ("Video unavailable", Reason::Unavailable),
            ("This video isn't available any more", Reason::Unavailable),
        ] {
            assert_eq!(facts.reason(text), Some(reason), "{text}");
        }
        assert_eq!(facts.reason("Something new"), None);
    }
}
