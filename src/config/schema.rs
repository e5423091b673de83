//! Owns: what a row of the table of keys is: path, kind, default, whether it applies here, where its value goes.
//! Never knows: where values come from.

mod table;

use std::{path::PathBuf, time::Duration};

use url::Url;

use crate::units::Secret;

pub(super) use table::TABLE;

use super::{
    name,
    settings::Config,
    value::{Kind, Value},
};

/// One row: a key, or a family of keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Lavalink's spelling. A last segment `*` stands for any one segment, `**` for any number of segments.
    pub path: &'static str,
    pub kind: Kind,
    /// As it would be written; empty: none, or blank text.
    pub default: &'static str,
    pub standing: Standing,
    /// Puts a value of `kind` in its place.
    pub set: fn(&mut Config, &Bound<'_>),
}

/// What a key means to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does what it says.
    Applies,
    /// Read and validated, but without effect; why.
    NoEffect(&'static str),
    /// It does what it says, and a user should know what that means when it is on.
    Risky(&'static str),
    /// Does what it says for names that [`logger`](super::logger) knows; others have no effect.
    Loggers,
    /// A block of a plugin.
    PluginBlock,
    /// The list of plugins for the JVM.
    JvmPlugins,
    /// A key of Spring Boot; what stands in its stead.
    Spring(&'static str),
}

/// A value on its way into [`Config`].
pub(super) struct Bound<'a> {
    pub key: &'static Key,
    /// What stood for `*` or `**`, as written; for other keys the last segment of the path.
    pub name: &'a str,
    pub value: &'a Value,
    /// Whether a user wrote it; otherwise it is the default.
    pub explicit: bool,
}

impl Bound<'_> {
    fn switch(&self) -> bool {
        match self.value {
            Value::Switch(on) => *on,
            _ => self.mismatch(),
        }
    }

    fn number<T: TryFrom<i64>>(&self) -> T {
        match self.value {
            Value::Whole(number) => T::try_from(*number)
                .ok()
                .expect("the row's range fits its field"),
            _ => self.mismatch(),
        }
    }

    fn millis(&self) -> Duration {
        Duration::from_millis(self.number())
    }

    fn text(&self) -> String {
        match self.value {
            Value::Text(text) => text.clone(),
            _ => self.mismatch(),
        }
    }

    fn secret(&self) -> Secret {
        Secret::new(self.text())
    }

    fn url(&self) -> Option<Url> {
        match self.value {
            Value::Url(url) => Some(url.clone()),
            _ => self.mismatch(),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.text())
            .filter(|text| !text.trim().is_empty())
            .map(PathBuf::from)
    }

    fn choice<T: Copy>(&self, all: &[T]) -> T {
        match self.value {
            Value::Choice(at) => *all.get(*at).expect("as many values as names in the row"),
            _ => self.mismatch(),
        }
    }

    fn list<T>(&self, pick: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        match self.value {
            Value::List(items) => items
                .iter()
                .map(|item| pick(item).expect("the items are of the row's kind"))
                .collect(),
            _ => self.mismatch(),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.list(|item| match item {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    fn mismatch(&self) -> ! {
        unreachable!("{}: the kind of the row fits its setter", self.key.path)
    }
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    set: fn(&mut Config, &Bound<'_>),
) -> Key {
    Key {
        path,
        kind,
        default,
        standing: Standing::Applies,
        set,
    }
}

/// A row that is recognised, reported as its standing says, and never read.
const fn unread(path: &'static str, standing: Standing) -> Key {
    Key {
        path,
        kind: Kind::Anything,
        default: "",
        standing,
        set: |_, _| {},
    }
}

/// A row that is read and validated for a value that nothing needs.
const fn idle(path: &'static str, kind: Kind, default: &'static str, why: &'static str) -> Key {
    Key {
        standing: Standing::NoEffect(why),
        ..key(path, kind, default, |_, _| {})
    }
}

impl Key {
    const fn risky(mut self, meaning: &'static str) -> Self {
        self.standing = Standing::Risky(meaning);
        self
    }

    const fn of_loggers(mut self) -> Self {
        self.standing = Standing::Loggers;
        self
    }

    /// Whether it has a value, unlike the blocks that are only recognised.
    pub(super) fn is_read(&self) -> bool {
        !matches!(self.kind, Kind::Anything)
    }

    /// Whether it stands for many keys.
    pub(super) fn is_family(&self) -> bool {
        self.path.ends_with('*')
    }

    /// The path without a trailing wildcard.
    pub(super) fn stem(&self) -> &'static str {
        self.path.trim_end_matches('*').trim_end_matches('.')
    }

    /// The segments of the stem in uniform form.
    pub(super) fn segments(&self) -> Vec<String> {
        self.stem().split('.').map(name::uniform).collect()
    }

    /// The last segment of the path.
    pub(super) fn last(&self) -> &'static str {
        self.stem().rsplit('.').next().unwrap_or(self.path)
    }
}

/// The settings when nobody says anything.
pub(super) fn defaults() -> Config {
    let mut config = Config::blank();
    for key in TABLE.iter().filter(|key| !key.default.is_empty()) {
        set_default(&mut config, key, key.default);
    }
    config
}

/// Sets a key that nobody has written.
pub(super) fn set_default(config: &mut Config, key: &'static Key, text: &str) {
    let bound = Bound {
        key,
        name: key.last(),
        value: &valid(key, text),
        explicit: false,
    };
    (key.set)(config, &bound);
}

/// Where a path stands in the table.
pub(super) fn row_of(path: &str) -> usize {
    let row = TABLE.iter().position(|key| key.path == path);
    row.expect("only keys of the table have defaults")
}

/// A row's default as a value; `None` when the field stays blank.
pub(super) fn default_of(key: &Key) -> Option<Value> {
    (!key.default.is_empty()).then(|| valid(key, key.default))
}

/// One of our own texts as a value of a key.
fn valid(key: &Key, text: &str) -> Value {
    let read = key.kind.read(text);
    read.expect("our own values are valid").value
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::{settings::Bitrate, value::Item};

    /// Values at both ends of what a kind takes.
    fn extremes(kind: Kind) -> Vec<Value> {
        match kind {
            Kind::Switch => vec![Value::Switch(true), Value::Switch(false)],
            Kind::Whole { min, max, .. } | Kind::Size { min, max } => {
                vec![Value::Whole(min), Value::Whole(max)]
            }
            Kind::Text | Kind::Secret => ["", "x"].map(|t| Value::Text(t.into())).into(),
            Kind::Choice(names) => (0..names.len()).map(Value::Choice).collect(),
            Kind::Url => vec![Value::Url("http://localhost:1".parse().expect("a URL"))],
            Kind::Address => vec![Value::Address([127, 0, 0, 1].into())],
            Kind::Bitrate => vec![Value::Bitrate(Bitrate::Fixed(6000))],
            Kind::List(Item::Text) => {
                let items = vec![Value::Text("x".into())];
                vec![Value::List(Vec::new()), Value::List(items)]
            }
            Kind::List(_) => vec![Value::List(Vec::new())],
            Kind::Anything => Vec::new(),
        }
    }

    #[test]
    fn every_setter_takes_every_value_of_its_kind_and_sets_something_if_the_key_has_effect() {
        for key in TABLE.iter() {
            let is_set_by = |value: &Value| {
                let mut config = Config::blank();
                let bound = Bound {
                    key,
                    name: key.last(),
                    value,
                    explicit: true,
                };
                (key.set)(&mut config, &bound);
                config != Config::blank()
            };
            let values = extremes(key.kind);
            let sets = values.iter().filter(|value| is_set_by(value)).count();
            let has_effect = matches!(
                key.standing,
                Standing::Applies | Standing::Risky(_) | Standing::Loggers
            );
            assert_eq!(sets > 0, has_effect, "{}", key.path);
        }
    }

    #[test]
    fn no_path_is_listed_twice() {
        let mut seen = HashSet::new();
        for key in TABLE.iter() {
            assert!(seen.insert(key.path.to_lowercase()), "{}", key.path);
        }
    }

    #[test]
    fn defaults_are_within_their_own_ranges() {
        for key in TABLE.iter() {
            if !key.default.is_empty() {
                let read = key.kind.read(key.default).expect(key.path);
                assert!(read.corrected.is_none(), "{}", key.path);
            }
        }
    }
}
