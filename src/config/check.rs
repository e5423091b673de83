//! Owns: turning what was collected into settings: placeholders, types, ranges, what must be there.
//! Never knows: where the text was read from, beyond the origin it carries.

use std::{cell::Cell, collections::BTreeMap};

use super::{
    Loaded,
    bind::{Binder, Given, Part, Raw, Slot},
    diagnostic::{About, Diagnostic, Origin},
    effective::Effective,
    logger, name,
    place::{self, Match},
    placeholder,
    schema::{self, Bound, Key, Standing, TABLE},
    settings::{Bitrate, Config},
    value::{Kind, Value, in_units},
};

/// The password in the example of Lavalink's own file, and of bots that were written after it.
const WELL_KNOWN_PASSWORD: &str = "youshallnotpass";

/// A value in force, and whether it must stay unseen.
pub(super) struct InForce {
    pub value: Value,
    pub is_secret: bool,
}

impl Binder {
    /// Reads every value and gives the result.
    pub(super) fn finish(mut self) -> Loaded {
        let mut config = schema::defaults();
        let mut values = BTreeMap::new();
        let given = std::mem::take(&mut self.given);
        for (slot, one) in &given {
            let Some(in_force) = self.value(one, &given) else {
                continue;
            };
            let bound = Bound {
                key: one.place.key(),
                name: &one.place.name,
                value: &in_force.value,
                explicit: true,
            };
            (bound.key.set)(&mut config, &bound);
            self.remark(one, &in_force.value);
            values.insert(slot.clone(), in_force);
        }
        self.check_password(&config, &given);
        self.check_files(&config, &given, &values);
        self.check_routes(&config, &given);
        self.check_probe(&config, &given);
        self.check_audio(&config, &given);
        self.check_names(&config, &given);
        self.errors.sort_by(|a, b| a.origin.cmp(&b.origin));
        self.warnings
            .sort_by(|a, b| (a.level, &a.origin).cmp(&(b.level, &b.origin)));
        let warnings = self.warnings;
        if self.errors.is_empty() {
            Loaded {
                config: Ok(config),
                warnings,
                effective: effective(&given, &values),
            }
        } else {
            Loaded {
                config: Err(self.errors),
                warnings,
                effective: Vec::new(),
            }
        }
    }

    /// The value of a key; `None` when it is empty (the default stays) or wrong (an error has been noted).
    fn value(&mut self, given: &Given, all: &BTreeMap<Slot, Given>) -> Option<InForce> {
        let key = given.place.key();
        match &given.raw {
            Raw::Scalar(part) => {
                let (text, is_secret) = self.resolve(given, part, all)?;
                if text.trim().is_empty() && !key.kind.is_text() {
                    return None;
                }
                let read = match key.kind.read(&text) {
                    Ok(read) => read,
                    Err(why) => {
                        self.refuse(given, part, &why, is_secret);
                        return None;
                    }
                };
                if let Some(corrected) = read.corrected {
                    let message = format!("{}: {corrected}", given.place.path());
                    self.warnings.push(
                        Diagnostic::warning(part.origin.clone(), message)
                            .showing(part.excerpt.clone()),
                    );
                }
                Some(InForce {
                    value: read.value,
                    is_secret,
                })
            }
            Raw::List(parts) => self.list(given, parts, all),
        }
    }

    fn list(
        &mut self,
        given: &Given,
        parts: &BTreeMap<usize, Part>,
        all: &BTreeMap<Slot, Given>,
    ) -> Option<InForce> {
        let Kind::List(item) = given.place.key().kind else {
            return None;
        };
        let mut values = Vec::new();
        let mut any_secret = false;
        let mut any_wrong = false;
        for part in parts.values() {
            let Some((text, is_secret)) = self.resolve(given, part, all) else {
                any_wrong = true;
                continue;
            };
            any_secret |= is_secret;
            match item.read(&text) {
                Ok(value) => values.push(value),
                Err(why) => {
                    self.refuse(given, part, &why, is_secret);
                    any_wrong = true;
                }
            }
        }
        (!any_wrong).then_some(InForce {
            value: Value::List(values),
            is_secret: any_secret,
        })
    }

    /// The text without placeholders, and whether it must stay unseen: its key is secret, or a secret went into it.
    fn resolve(
        &mut self,
        given: &Given,
        part: &Part,
        all: &BTreeMap<Slot, Given>,
    ) -> Option<(String, bool)> {
        let is_secret = Cell::new(matches!(given.place.key().kind, Kind::Secret));
        let look_up = |wanted: &str| {
            if name::split(wanted)
                .iter()
                .any(|segment| name::is_secret(segment))
            {
                is_secret.set(true);
            }
            if let Some(text) = self.env.get(wanted) {
                return Some(text.clone());
            }
            let Match::Key(place) = place::find(&name::split(wanted)) else {
                return None;
            };
            match &all.get(&(place.row, name::uniform(&place.name)))?.raw {
                Raw::Scalar(part) => Some(part.text.clone()),
                Raw::List(_) => None,
            }
        };
        match placeholder::resolve(&part.text, &look_up) {
            Ok(text) => Some((text, is_secret.get())),
            Err(why) => {
                let message = format!("{}: {why}", given.place.path());
                self.errors.push(
                    Diagnostic::error(part.origin.clone(), message)
                        .allowing("${NAME} for a variable that is set, or ${NAME:default}")
                        .showing(part.excerpt.clone()),
                );
                None
            }
        }
    }

    fn refuse(&mut self, given: &Given, part: &Part, why: &str, is_secret: bool) {
        let why = if is_secret {
            "the value `***` is not allowed"
        } else {
            why
        };
        let message = format!("{}: {why}", given.place.path());
        self.errors.push(
            Diagnostic::error(part.origin.clone(), message)
                .allowing(given.place.key().kind.allowed())
                .showing(part.excerpt.clone()),
        );
    }

    /// Says what a valid value does not do, or does.
    fn remark(&mut self, given: &Given, value: &Value) {
        let path = given.place.path();
        let key = given.place.key();
        let origin = given.origin.clone();
        let remark = match key.standing {
            Standing::NoEffect(_) | Standing::Loggers => {
                let Some(why) = without_effect(key, &given.place.name) else {
                    return;
                };
                let text = format!("{path} has no effect here: {why}");
                let remark = if is_default(key, value) {
                    Diagnostic::note(origin, text)
                } else {
                    Diagnostic::warning(origin, text)
                };
                remark.about(About::IdleKey(path))
            }
            Standing::Risky(meaning) if *value == Value::Switch(true) => {
                Diagnostic::warning(origin, format!("{path}: {meaning}"))
            }
            _ => return,
        };
        self.warnings.push(remark);
    }

    /// Blocks of addresses and the strategy are right each for itself by now, but may not fit.
    fn check_routes(&mut self, config: &Config, given: &BTreeMap<Slot, Given>) {
        const PATH: &str = "lavalink.server.ratelimit.ipBlocks";
        if let Err(mistake) = config.lavalink.rate_limit.plan() {
            let message = format!("{PATH}: {mistake}");
            let origin = origin_of(PATH, given).unwrap_or(Origin::Nowhere);
            self.errors.push(Diagnostic::error(origin, message));
        }
    }

    fn check_probe(&mut self, config: &Config, given: &BTreeMap<Slot, Given>) {
        const PATH: &str = "routePlanner.probe";
        if let Err(mistake) = config.route_planner.target() {
            let message = format!("{PATH} is {mistake}");
            let origin = origin_of(PATH, given).unwrap_or(Origin::Nowhere);
            self.errors.push(Diagnostic::error(origin, message));
        }
    }

    fn check_audio(&mut self, config: &Config, given: &BTreeMap<Slot, Given>) {
        if let Some((path, mistake)) = config.arm_audio.mistake() {
            let origin = origin_of(path, given).unwrap_or(Origin::Nowhere);
            self.errors
                .push(Diagnostic::error(origin, format!("{path}: {mistake}")));
        }
    }

    /// Names that no source or category has: what is said of them has no effect.
    fn check_names(&mut self, config: &Config, given: &BTreeMap<Slot, Given>) {
        for one in given.values() {
            let path = one.place.key().path;
            let (known, unknown): (&[&str], Vec<&str>) = match path {
                "fetching.sites.fragments.*"
                | "fetching.sites.chunkBytes.*"
                | "fetching.sites.requestBytes.*" => (SOURCES, not_in(SOURCES, [&one.place.name])),
                "plugins.lavalyrics.sources" => {
                    let names = &config.plugins.lyrics_sources;
                    (LYRICS_SOURCES, not_in(LYRICS_SOURCES, names))
                }
                "plugins.sponsorblock.categories" => {
                    let names = &config.plugins.sponsorblock_categories;
                    (CATEGORIES, not_in(CATEGORIES, names))
                }
                _ => continue,
            };
            if !unknown.is_empty() {
                let message = format!(
                    "{}: {} has no effect; known are {}",
                    one.place.path(),
                    unknown.join(", "),
                    known.join(", ")
                );
                self.warnings
                    .push(Diagnostic::warning(one.origin.clone(), message));
            }
        }
    }

    fn check_password(&mut self, config: &Config, given: &BTreeMap<Slot, Given>) {
        const PATH: &str = "lavalink.server.password";
        let written = origin_of(PATH, given);
        let is_written = written.is_some();
        let origin = written.unwrap_or(Origin::Nowhere);
        match config.lavalink.password.expose() {
            "" => {
                let is_known_wrong = is_written && self.errors.iter().any(|e| e.origin == origin);
                if !self.may_miss_keys && !is_known_wrong {
                    self.errors.push(no_password(PATH, origin));
                }
            }
            WELL_KNOWN_PASSWORD if !config.server.address.0.is_loopback() => {
                let message = format!(
                    "{PATH} is that of Lavalink's example, which everybody knows; change it: the node \
                     listens on {}, which other machines can reach",
                    config.server.address.0
                );
                self.warnings.push(Diagnostic::warning(origin, message));
            }
            _ => {}
        }
    }
}

/// Names of sources, as tracks carry them.
const SOURCES: &[&str] = &[
    "youtube",
    "soundcloud",
    "bandcamp",
    "twitch",
    "vimeo",
    "niconico",
    "spotify",
    "applemusic",
    "deezer",
    "tidal",
    "yandexmusic",
    "ytdlp",
    "http",
    "local",
];
/// Who has lyrics.
const LYRICS_SOURCES: &[&str] = &["lrcLib"];
/// Kinds of segments that SponsorBlock skips (its documentation, "Types").
const CATEGORIES: &[&str] = &[
    "sponsor",
    "selfpromo",
    "interaction",
    "intro",
    "outro",
    "preview",
    "hook",
    "music_offtopic",
    "filler",
];

fn not_in<'a>(known: &[&str], names: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let is_unknown = |name: &&str| !known.iter().any(|it| it.eq_ignore_ascii_case(name));
    let names = names.into_iter().map(String::as_str);
    names.filter(is_unknown).collect()
}

/// Where a key is written; `None` when it is not.
fn origin_of(path: &str, given: &BTreeMap<Slot, Given>) -> Option<Origin> {
    let written = given.values().find(|one| one.place.key().path == path);
    written.map(|one| one.origin.clone())
}

fn no_password(path: &str, origin: Origin) -> Diagnostic {
    let message = format!("{path} is not set; without it no client can authenticate");
    Diagnostic::error(origin, message).allowing(
        "any text: `password:` below `lavalink:`, `server:` in the file, or the environment variable \
         LAVALINK_SERVER_PASSWORD",
    )
}

/// Why a key does nothing here; `name` is what stands for its wildcard.
fn without_effect(key: &Key, name: &str) -> Option<&'static str> {
    match key.standing {
        Standing::NoEffect(why) => Some(why),
        Standing::Loggers if logger::modules(name).is_none() => Some(logger::UNKNOWN),
        _ => None,
    }
}

fn is_default(key: &Key, value: &Value) -> bool {
    match schema::default_of(key) {
        Some(default) => default == *value,
        None => match value {
            Value::Text(text) => text.trim().is_empty(),
            Value::List(items) => items.is_empty(),
            _ => false,
        },
    }
}

/// Every key that is read, in the order of the table.
fn effective(given: &BTreeMap<Slot, Given>, values: &BTreeMap<Slot, InForce>) -> Vec<Effective> {
    let mut all = Vec::new();
    for (row, key) in TABLE.iter().enumerate().filter(|(_, key)| key.is_read()) {
        let written = values
            .iter()
            .filter(|((at, _), _)| *at == row)
            .filter_map(|(slot, in_force)| Some((given.get(slot)?, in_force)));
        let before = all.len();
        all.extend(written.map(|(one, in_force)| Effective {
            path: one.place.path(),
            value: shown(key, &in_force.value, in_force.is_secret),
            origin: Some(one.origin.clone()),
            no_effect: without_effect(key, &one.place.name),
        }));
        if all.len() == before && !key.is_family() {
            all.push(Effective {
                path: key.path.to_owned(),
                value: key.default.to_owned(),
                origin: None,
                no_effect: without_effect(key, key.last()),
            });
        }
    }
    all
}

/// A value as it would be written.
fn shown(key: &Key, value: &Value, is_secret: bool) -> String {
    if is_secret {
        return "***".to_owned();
    }
    match value {
        Value::Switch(on) => on.to_string(),
        Value::Whole(number) => match key.kind {
            Kind::Size { .. } => in_units(*number),
            _ => number.to_string(),
        },
        Value::Text(text) => text.escape_debug().to_string(),
        Value::Choice(at) => match key.kind {
            Kind::Choice(names) => names.get(*at).copied().unwrap_or_default().to_owned(),
            _ => String::new(),
        },
        Value::Url(url) => url.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Block(block) => format!("{}/{}", block.address, block.prefix),
        Value::Bitrate(Bitrate::Auto) => "auto".to_owned(),
        Value::Bitrate(Bitrate::Fixed(rate)) => rate.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(key, item, false)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}
