//! Owns: collecting what file, environment and arguments say about each key, the later one winning.
//! Never knows: whether a value is valid; `check` reads them when all are there.

use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use super::{
    diagnostic::{About, Diagnostic, Excerpt, Origin},
    file::FileText,
    name,
    place::{self, Match, Place},
    schema::Standing,
    tree::{self, Entry, Node, Shape, Spot},
    value::Kind,
};

/// A piece of text for a key, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub text: String,
    pub origin: Origin,
    pub excerpt: Option<Excerpt>,
}

/// What was said about a key.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Scalar(Part),
    /// Items by index.
    List(BTreeMap<usize, Part>),
}

/// A key with what was said, and by whom.
#[derive(Debug)]
pub(super) struct Given {
    pub place: Place,
    pub raw: Raw,
    pub origin: Origin,
    tier: usize,
}

/// Documents of the file count up from 0.
const ENVIRONMENT: usize = usize::MAX - 1;
const ARGUMENTS: usize = usize::MAX;

/// Row of the table, and the uniform name for families.
pub(super) type Slot = (usize, String);

/// Collects until `finish` (in `check`) turns all of it into settings.
pub(super) struct Binder {
    pub env: BTreeMap<String, String>,
    pub given: BTreeMap<Slot, Given>,
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
    /// Whether the file may hold keys that could not be taken from it; then nobody can say what is missing.
    pub may_miss_keys: bool,
    reported: HashSet<String>,
}

/// A key in the file on its way into the binder.
struct At<'a> {
    file: &'a FileText,
    document: usize,
    spot: Spot,
    written: &'a [String],
}

impl At<'_> {
    fn origin(&self) -> Origin {
        self.file.origin(self.spot)
    }

    fn key_excerpt(&self) -> Option<Excerpt> {
        self.file.key_excerpt(self.spot)
    }
}

impl Binder {
    pub(super) fn new(env: impl Iterator<Item = (String, String)>) -> Self {
        Self {
            env: env.collect(),
            given: BTreeMap::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            may_miss_keys: false,
            reported: HashSet::new(),
        }
    }

    /// Notes an error that keeps keys of the file from being taken.
    pub(super) fn lose_keys(&mut self, error: Diagnostic) {
        self.may_miss_keys = true;
        self.errors.push(error);
    }

    /// Takes the whole file.
    pub(super) fn file(&mut self, file: &FileText) {
        let (documents, errors) = tree::parse(&file.text);
        for error in errors {
            let mut diagnostic = Diagnostic::error(file.origin(error.spot), error.message)
                .showing(file.excerpt(error.spot));
            if let Some(help) = error.help {
                diagnostic = diagnostic.allowing(help);
            }
            self.lose_keys(diagnostic);
        }
        for (document, node) in documents.iter().enumerate() {
            match &node.shape {
                Shape::Map(entries) if is_for_a_profile(entries) => {
                    let text = "this document is for a Spring profile; profiles do not exist here, it is skipped";
                    self.warnings
                        .push(Diagnostic::warning(file.origin(node.spot), text));
                }
                Shape::Map(entries) => self.walk(file, document, entries, &mut Vec::new()),
                Shape::Null => {}
                _ => self.lose_keys(
                    Diagnostic::error(file.origin(node.spot), "the file does not hold keys")
                        .allowing("`key: value` lines, beginning with `server:` and `lavalink:`")
                        .showing(file.excerpt(node.spot)),
                ),
            }
        }
    }

    fn walk(
        &mut self,
        file: &FileText,
        document: usize,
        entries: &[Entry],
        path: &mut Vec<String>,
    ) {
        let depth = path.len();
        for entry in entries {
            path.extend(name::split(&entry.key));
            let at = At {
                file,
                document,
                spot: entry.spot,
                written: path,
            };
            if let Some(deeper) = self.entry(&at, &entry.value) {
                self.walk(file, document, deeper, path);
            }
            path.truncate(depth);
        }
    }

    /// Takes one key; returns the entries below it when it is a section.
    fn entry<'n>(&mut self, at: &At<'_>, node: &'n Rc<Node>) -> Option<&'n [Entry]> {
        match place::find(at.written) {
            Match::Unknown => self.unknown(at.written, at.origin(), at.key_excerpt()),
            Match::Section => match &node.shape {
                Shape::Map(entries) => return Some(entries),
                Shape::Null => {}
                _ => self.lose_keys(
                    is_section(at.written, at.origin(), node.kind())
                        .allowing("keys below it, indented")
                        .showing(at.key_excerpt()),
                ),
            },
            Match::Key(place) if !place.key().is_read() => self.recognised(at, &place, node),
            Match::Key(place) => {
                if let (true, Shape::Map(entries)) = (place.key().path.ends_with("**"), &node.shape)
                {
                    return Some(entries);
                }
                self.node(at, place, node);
            }
        }
        None
    }

    fn node(&mut self, at: &At<'_>, place: Place, node: &Node) {
        let part = |node: &Node, text: &str| Part {
            text: text.to_owned(),
            origin: at.file.origin(node.spot),
            excerpt: at.file.excerpt(node.spot),
        };
        let is_list = matches!(place.key().kind, Kind::List(_)) && place.index.is_none();
        match &node.shape {
            Shape::Null => {}
            Shape::Scalar(text) => self.text(place, part(node, text), at.document),
            Shape::List(items) if is_list => {
                let mut parts = BTreeMap::new();
                for (index, item) in items.iter().enumerate() {
                    match &item.shape {
                        Shape::Scalar(text) => {
                            parts.insert(index, part(item, text));
                        }
                        Shape::Null => {}
                        _ => self.misshapen(at, &place, item),
                    }
                }
                self.give(
                    place,
                    Raw::List(parts),
                    at.file.origin(node.spot),
                    at.document,
                );
            }
            _ => self.misshapen(at, &place, node),
        }
    }

    fn misshapen(&mut self, at: &At<'_>, place: &Place, node: &Node) {
        let message = format!("{} does not take {}", place.path(), node.kind());
        self.errors.push(
            Diagnostic::error(at.file.origin(node.spot), message)
                .allowing(place.key().kind.allowed())
                .showing(at.file.excerpt(node.spot)),
        );
    }

    /// Takes text for a key: a value, an item of a list, or a whole list with commas.
    fn text(&mut self, place: Place, part: Part, tier: usize) {
        let origin = part.origin.clone();
        let raw = match (place.key().kind, place.index) {
            (Kind::List(_), Some(index)) => Raw::List(BTreeMap::from([(index, part)])),
            (Kind::List(_), None) => {
                let items = part.text.split(',').map(str::trim);
                let items = items.filter(|item| !item.is_empty()).map(|item| Part {
                    text: item.to_owned(),
                    ..part.clone()
                });
                Raw::List(items.enumerate().collect())
            }
            _ => Raw::Scalar(part),
        };
        self.give(place, raw, origin, tier);
    }

    fn give(&mut self, place: Place, raw: Raw, origin: Origin, tier: usize) {
        let slot = (place.row, name::uniform(&place.name));
        let is_item = place.index.is_some();
        if let Some(before) = self.given.get_mut(&slot) {
            let is_same_tier = before.tier == tier;
            if let (true, true, Raw::List(items), Raw::List(more)) =
                (is_same_tier, is_item, &mut before.raw, &raw)
            {
                items.extend(more.iter().map(|(index, part)| (*index, part.clone())));
                return;
            }
            if is_same_tier && tier < ENVIRONMENT {
                let message = format!(
                    "{} is set twice, first at {}; this value is taken",
                    place.path(),
                    before.origin
                );
                self.warnings
                    .push(Diagnostic::warning(origin.clone(), message));
            }
        }
        self.given.insert(
            slot,
            Given {
                place,
                raw,
                origin,
                tier,
            },
        );
    }

    /// Reports, once each, what is recognised and not read.
    fn recognised(&mut self, at: &At<'_>, place: &Place, node: &Node) {
        let is_empty = match &node.shape {
            Shape::Null => true,
            Shape::Scalar(_) => false,
            Shape::List(items) => items.is_empty(),
            Shape::Map(entries) => entries.is_empty(),
        };
        let is_of_plugins = matches!(
            place.key().standing,
            Standing::JvmPlugins | Standing::PluginBlock
        );
        if !(is_empty && is_of_plugins) {
            self.pass_over(at.written, place, at.origin(), at.key_excerpt());
        }
    }

    /// Reports a key that is recognised and not read; one that only Spring would know may be a mistyped one of ours.
    fn pass_over(
        &mut self,
        written: &[String],
        place: &Place,
        origin: Origin,
        excerpt: Option<Excerpt>,
    ) {
        let is_mistyped = || place::meant(written).is_some_and(|(edits, _)| edits <= 2);
        if place.key().standing == Standing::Spring("") && is_mistyped() {
            self.unknown(written, origin, excerpt);
        } else {
            self.unread(place, origin, excerpt);
        }
    }

    fn unread(&mut self, place: &Place, origin: Origin, excerpt: Option<Excerpt>) {
        let path = place.path();
        let (once, diagnostic) = match place.key().standing {
            Standing::JvmPlugins => (
                "lavalink.plugins".to_owned(),
                Diagnostic::warning(
                    origin,
                    "lavalink.plugins: plugins of the JVM cannot be loaded by this node; what is built in instead stands in the README",
                ),
            ),
            Standing::PluginBlock => {
                let block = place.name.split('.').next().unwrap_or("");
                // of some blocks there are keys that do something
                let (key, text) = if place::has_keys(&["plugins", block]) {
                    (path.clone(), format!("{path} is not used by this version"))
                } else {
                    let text = format!("plugin block {block} is not used by this version");
                    (format!("plugins.{block}"), text)
                };
                let about = About::IdleKey(key.clone());
                (key, Diagnostic::note(origin, text).about(about))
            }
            Standing::Spring("") => {
                let text = format!("{path} is a Spring key without effect here");
                let about = About::IdleKey(path.clone());
                (path, Diagnostic::warning(origin, text).about(about))
            }
            Standing::Spring(instead) => {
                let text = format!("{path} is a Spring key without effect here: {instead}");
                (path, Diagnostic::warning(origin, text))
            }
            // Such rows are read, so they never come here.
            Standing::Applies | Standing::Risky(_) | Standing::NoEffect(_) | Standing::Loggers => {
                return;
            }
        };
        if self.reported.insert(once) {
            self.warnings.push(diagnostic.showing(excerpt));
        }
    }

    fn unknown(&mut self, written: &[String], origin: Origin, excerpt: Option<Excerpt>) {
        let path = written.join(".");
        let advice = match place::meant(written) {
            Some((_, meant)) => format!("did you mean `{meant}`?"),
            None => "it is ignored".to_owned(),
        };
        let message = format!("unknown key `{}`; {advice}", super::value::shown(&path));
        self.warnings
            .push(Diagnostic::warning(origin, message).showing(excerpt));
    }

    /// Takes the environment. Where both spellings are set, the canonical one (with fewer words) wins, as in Spring.
    pub(super) fn environment(&mut self) {
        let mut variables: Vec<_> = self.env.clone().into_iter().collect();
        variables.sort_by_key(|(variable, _)| std::cmp::Reverse(name::words(variable).len()));
        for (variable, text) in variables {
            let origin = Origin::Environment(variable.clone());
            match place::of_variable(&variable) {
                Some(place) if place.key().is_read() => {
                    let part = Part {
                        text,
                        origin,
                        excerpt: None,
                    };
                    self.text(place, part, ENVIRONMENT);
                }
                Some(place) => self.unread(&place, origin, None),
                None => self.unknown_variable(&variable, &text, origin),
            }
        }
    }

    fn unknown_variable(&mut self, variable: &str, text: &str, origin: Origin) {
        let words = name::words(variable);
        let heading = words.first().map_or("", String::as_str);
        let is_lavalinks =
            heading == "lavalink" && words.len() > 1 && !is_service_link(&words, text);
        // Other programs have variables of the same headings: only a near miss is meant for this one, and a very near one
        // where the heading is everybody's.
        let most_edits = match heading {
            "lavalink" | "audio" | "voice" | "limits" => 3,
            _ if place::is_heading(heading) => 1,
            _ => return,
        };
        let meant = place::meant_variable(variable).filter(|(edits, _)| *edits <= most_edits);
        if is_lavalinks || meant.is_some() {
            let advice = meant.map_or("it is ignored".to_owned(), |(_, meant)| {
                format!("did you mean {meant}?")
            });
            let message = format!("{variable} matches no key; {advice}");
            self.warnings.push(Diagnostic::warning(origin, message));
        }
    }

    /// Takes `--key=value` arguments.
    pub(super) fn arguments(&mut self, args: &[(String, String)]) {
        for (key, text) in args {
            let origin = Origin::Argument(key.clone());
            let written = name::split(key);
            match place::find(&written) {
                Match::Key(place) if place.key().is_read() => {
                    let part = Part {
                        text: text.clone(),
                        origin,
                        excerpt: None,
                    };
                    self.text(place, part, ARGUMENTS);
                }
                Match::Key(place) => self.pass_over(&written, &place, origin, None),
                Match::Section => self
                    .errors
                    .push(is_section(&written, origin, "a value").allowing("a key below it")),
                Match::Unknown => self.unknown(&written, origin, None),
            }
        }
    }
}

fn is_section(written: &[String], origin: Origin, given: &str) -> Diagnostic {
    let message = format!("{} is a section, not {given}", written.join("."));
    Diagnostic::error(origin, message)
}

/// Kubernetes announces a service named `lavalink` by `LAVALINK_PORT=tcp://…`, `LAVALINK_SERVICE_HOST` and the like.
fn is_service_link(words: &[String], text: &str) -> bool {
    matches!(words[1].as_str(), "service" | "port")
        || words.iter().any(|word| word == "service")
        || text.starts_with("tcp://")
        || text.starts_with("udp://")
}

/// Whether a document holds `spring.config.activate.on-profile` (or the older `spring.profiles`).
fn is_for_a_profile(entries: &[Entry]) -> bool {
    const PATHS: [&[&str]; 2] = [
        &["spring", "config", "activate", "onprofile"],
        &["spring", "profiles"],
    ];
    PATHS.iter().any(|path| holds(entries, path))
}

fn holds(entries: &[Entry], path: &[&str]) -> bool {
    entries.iter().any(|entry| {
        let key: Vec<String> = name::split(&entry.key)
            .iter()
            .map(|segment| name::uniform(segment))
            .collect();
        let begins = key.len() <= path.len() && key.iter().zip(path).all(|(a, b)| a == b);
        if !begins || key.is_empty() {
            return false;
        }
        match (&entry.value.shape, &path[key.len()..]) {
            (Shape::Scalar(_) | Shape::List(_), []) => true,
            (Shape::Map(deeper), rest) => holds(deeper, rest),
            _ => false,
        }
    })
}
