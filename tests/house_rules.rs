//! Owns: the rules of the house that a compiler does not know: who may import whom, and how a file looks.
//! Never knows: what the code does.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Open to all, and themselves built on each other only.
const OPEN: &[&str] = &["units", "error", "float", "instant"];

/// Who may import whom, besides the open ones. `node` and the command line, the roots of the program, see all. An arrow that
/// nobody uses is none.
const ARROWS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("error", &[]),
    // What std has, for builds without it.
    ("float", &[]),
    ("instant", &[]),
    // The loops that every machine runs in its own way: samples are made into others with them.
    ("kernel", &[]),
    ("pcm", &["kernel"]),
    ("frame", &[]),
    // A module's settings that are read as they are need no second form.
    (
        "config",
        &["dsp", "governor", "net", "output", "server", "session"],
    ),
    ("track", &[]),
    // The objects of the wire are made from tracks there.
    ("protocol", &["track"]),
    ("dsp", &["kernel", "pcm"]),
    ("net", &[]),
    ("stats", &[]),
    // What a level means is told in the words of those that heed it.
    ("governor", &["playback", "stats"]),
    ("media", &["net", "pcm"]),
    // A card that takes no 48 kHz gets the sum of its players resampled, once.
    ("output", &["dsp", "frame", "net", "pcm"]),
    ("source", &["net", "media", "track"]),
    ("playback", &["dsp", "frame", "media", "pcm"]),
    ("player", &["track", "dsp", "frame", "playback", "output"]),
    (
        "session",
        &["track", "dsp", "frame", "player", "protocol", "stats"],
    ),
    (
        "server",
        &[
            "track", "protocol", "source", "session", "stats", "governor",
        ],
    ),
    ("log", &["config"]),
];

/// Roots: nothing imports them but `main`, `cli` and each other.
const ROOTS: &[&str] = &["node", "cli", "main"];

/// Where a feature may be asked for: the lists of modules.
const FEATURE_FILES: &[&str] = &[
    "config/profile.rs",
    "dsp/mod.rs",
    "governor/mod.rs",
    "kernel/mod.rs",
    "lib.rs",
    "media/codec/mod.rs",
    "media/demux/mod.rs",
    "output/mod.rs",
    "protocol/mod.rs",
    "source/youtube/cipher/mod.rs",
];

/// Lines of a file, tests included.
const LONGEST_FILE: usize = 800;

/// A file under `src`.
struct Source {
    /// Relative to `src`, with `/`.
    path: String,
    text: String,
    /// Path of the module: `["media", "demux", "mp4"]`; empty for `lib.rs` and `main.rs`.
    module: Vec<String>,
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let stem = path.trim_end_matches(".rs");
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") || matches!(stem, "lib" | "main") {
            module.pop();
        }
        Self { path, text, module }
    }

    /// The top module: a folder or file directly under `src`.
    fn top(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or("");
        first.trim_end_matches(".rs")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("a folder of the project")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(&root).expect("a file under src");
                let name = name.to_string_lossy().replace('\\', "/");
                all.push(Source::new(
                    name,
                    fs::read_to_string(&path).expect("UTF-8 text"),
                ));
            }
        }
    }
    assert!(all.len() > 10, "the sources were found");
    all
}

/// Words and punctuation of Rust code, without comments, strings and characters. `::` is one token.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied();
        at = match (c, next) {
            ('/', Some('/')) => until(&chars, at, |c| c == '\n'),
            ('/', Some('*')) => after_comment(&chars, at),
            ('"', _) => after_string(&chars, at),
            ('r' | 'b' | 'c', _) if raw_string(&chars, at).is_some() => {
                raw_string(&chars, at).unwrap_or(at + 1)
            }
            ('\'', _) => after_quote(&chars, at),
            (':', Some(':')) => {
                found.push("::".to_owned());
                at + 2
            }
            _ if c.is_alphanumeric() || c == '_' => {
                let end = until(&chars, at, |c| !(c.is_alphanumeric() || c == '_'));
                found.push(chars[at..end].iter().collect());
                end
            }
            _ => {
                if !c.is_whitespace() {
                    found.push(c.to_string());
                }
                at + 1
            }
        };
    }
    found
}

fn until(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..chars.len())
        .find(|at| stop(chars[*at]))
        .unwrap_or(chars.len())
}

fn after_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn after_string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of `r"…"`, `r#"…"#`, `br#"…"#`; `None` when no raw string begins here.
fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    if matches!(chars[at], 'b' | 'c') {
        at += 1;
    }
    if chars.get(at) != Some(&'r') {
        return None;
    }
    at += 1;
    let hashes = until(chars, at, |c| c != '#') - at;
    at += hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() {
        let closes =
            chars[at] == '"' && (1..=hashes).all(|behind| chars.get(at + behind) == Some(&'#'));
        if closes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}

/// The end of a character; a lifetime is only its quote.
fn after_quote(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => until(chars, from + 3, |c| c == '\'') + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// The top modules that code in `module` names through `crate::`, `super::` and the crate's own name.
fn imports(module: &[String], text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut found = BTreeSet::new();
    // For every open brace, whether it is that of an inline module.
    let mut braces: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows_path = at > 0 && tokens[at - 1] == "::";
        let inline = braces.iter().filter(|is_module| **is_module).count();
        match token.as_str() {
            "{" => braces.push(at >= 2 && tokens[at - 2] == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" | "lavalink_rust" if !follows_path => targets(&tokens, at + 1, 0, &mut found),
            "super" if !follows_path => {
                let depth = (module.len() + inline).saturating_sub(1);
                targets(&tokens, at + 1, depth, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Follows a path from behind its first word; `depth` levels lie between there and the crate's root.
fn targets(tokens: &[String], at: usize, depth: usize, found: &mut BTreeSet<String>) {
    if tokens.get(at).is_some_and(|token| token == "::") {
        branch(tokens, at + 1, depth, found);
    }
}

fn branch(tokens: &[String], at: usize, depth: usize, found: &mut BTreeSet<String>) {
    match tokens.get(at).map(String::as_str) {
        Some("{") => {
            let mut open = 1;
            let mut begins = true;
            let mut at = at + 1;
            while let Some(token) = tokens.get(at).filter(|_| open > 0) {
                if begins && open == 1 && token != "}" {
                    branch(tokens, at, depth, found);
                }
                match token.as_str() {
                    "{" => open += 1,
                    "}" => open -= 1,
                    _ => {}
                }
                begins = token == ",";
                at += 1;
            }
        }
        Some("super") => targets(tokens, at + 1, depth.saturating_sub(1), found),
        Some("self") => targets(tokens, at + 1, depth, found),
        Some(name) if depth == 0 => {
            found.insert(name.to_owned());
        }
        _ => {}
    }
}

fn is_allowed(from: &str, to: &str) -> bool {
    if from == to || ROOTS.contains(&from) {
        return true;
    }
    if OPEN.contains(&to) {
        return true;
    }
    ARROWS
        .iter()
        .find(|(module, _)| *module == from)
        .is_some_and(|(_, to_list)| to_list.contains(&to))
}

fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn imports_follow_the_arrows() {
    let all = sources();
    let modules: BTreeSet<&str> = all
        .iter()
        .map(Source::top)
        .filter(|m| *m != "lib")
        .collect();
    let mut offences = Vec::new();
    for source in all.iter().filter(|source| source.path != "lib.rs") {
        for to in imports(&source.module, &source.text) {
            if modules.contains(to.as_str()) && !is_allowed(source.top(), &to) {
                offences.push(format!("src/{}: {} -> {to}", source.path, source.top()));
            }
        }
    }
    assert_none("no such arrow in the architecture", &offences);
}

#[test]
fn every_arrow_is_used() {
    let mut unused: BTreeSet<(&str, &str)> = ARROWS
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| (*from, *to)))
        .collect();
    for source in sources() {
        for to in imports(&source.module, &source.text) {
            unused.retain(|arrow| *arrow != (source.top(), to.as_str()));
        }
    }
    let unused: Vec<String> = unused
        .iter()
        .map(|(from, to)| format!("{from} -> {to}"))
        .collect();
    assert_none("an arrow that nobody uses", &unused);
}

#[test]
fn every_module_has_its_place_among_the_arrows() {
    let offences: Vec<String> = sources()
        .iter()
        .map(|source| source.top().to_owned())
        .filter(|top| top != "lib" && !ROOTS.contains(&top.as_str()))
        .filter(|top| !ARROWS.iter().any(|(module, _)| module == top))
        .collect();
    assert_none("a module without arrows", &offences);
}

#[test]
fn every_file_says_what_it_owns_and_never_knows() {
    let says = |text: &str| {
        let mut lines = text.lines();
        let owns = lines
            .next()
            .is_some_and(|line| line.starts_with("//! Owns: "));
        owns && lines
            .take_while(|line| line.starts_with("//!"))
            .any(|line| line.starts_with("//! Never knows: "))
    };
    let offences: Vec<String> = sources()
        .iter()
        .filter(|source| source.path != "lib.rs" && !says(&source.text))
        .map(|source| format!("src/{}", source.path))
        .collect();
    assert_none("a file without its opening lines", &offences);
}

#[test]
fn features_are_asked_for_in_few_places() {
    let asks = |text: &str| {
        let tokens = tokens(text);
        tokens.windows(2).enumerate().any(|(at, pair)| {
            // `feature` in the arguments of cfg, cfg_attr or cfg!
            pair[0] == "feature"
                && pair[1] == "="
                && tokens[at.saturating_sub(12)..at]
                    .iter()
                    .any(|token| token.starts_with("cfg"))
        })
    };
    let offences: Vec<String> = sources()
        .iter()
        .filter(|source| !FEATURE_FILES.contains(&source.path.as_str()) && asks(&source.text))
        .map(|source| format!("src/{}", source.path))
        .collect();
    assert_none("a stray cfg(feature)", &offences);
}

#[test]
fn no_file_is_too_long() {
    let offences: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("src/{path}: {lines} lines, {LONGEST_FILE} at most"))
        .collect();
    assert_none("a file that should be a folder", &offences);
}

#[test]
fn nothing_is_left_to_do() {
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if line.contains("TODO") || line.contains("FIXME") {
                offences.push(format!("src/{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none("an open note", &offences);
}

#[test]
fn imports_are_found_in_every_form() {
    let module = ["media".to_owned(), "demux".to_owned()];
    let found = |text: &str| {
        imports(&module, text)
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(found("use crate::net::Client;"), "net");
    assert_eq!(
        found("use crate::{net::{a, b}, units, pcm::{self, c}};"),
        "net pcm units"
    );
    assert_eq!(
        found("use crate::{\n    // session\n    net as n,\n};"),
        "net"
    );
    assert_eq!(found("fn f(x: &crate::player::Run) {}"), "player");
    assert_eq!(found("let s = \"crate::player\"; // crate::session"), "");
    assert_eq!(
        found("let s = r#\"use crate::player;\"#; let c = '\"'; crate::net::x();"),
        "net"
    );
    assert_eq!(found("fn f<'a>(x: &'a crate::dsp::Chain) {}"), "dsp");
    assert_eq!(
        found("use super::window;"),
        "",
        "a neighbour in the same module"
    );
    assert_eq!(found("use super::super::session;"), "session");
    assert_eq!(found("use super::{window, super::session::X};"), "session");
    assert_eq!(found("mod tests { use super::super::window; }"), "");
    assert_eq!(
        found("mod tests { use super::super::super::server; }"),
        "server"
    );
    assert_eq!(found("use lavalink_rust::{cli, node};"), "cli node");
    assert_eq!(found("pub(in crate::media) fn f() {}"), "media");
}

#[test]
fn an_arrow_against_the_architecture_is_refused() {
    assert!(
        is_allowed("media", "net") && is_allowed("dsp", "units") && is_allowed("node", "server")
    );
    assert!(!is_allowed("media", "player"));
    assert!(!is_allowed("playback", "output"));
    assert!(!is_allowed("output", "playback"));
    assert!(!is_allowed("player", "protocol"));
    assert!(!is_allowed("frame", "stats"));
    assert!(!is_allowed("server", "frame") && !is_allowed("protocol", "pcm"));
}
