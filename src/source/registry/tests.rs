//! Owns: what the sources as a whole are held to: their order, references from one to another, who is asked for lyrics.
//! Never knows: any real site.

use super::*;
use futures_util::{FutureExt, future::BoxFuture};

/// Each identifier is a number, and refers to the one below it; or it is `slow`.
struct Counting;

impl Source for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        if reference.identifier == "slow" {
            return std::future::pending().boxed();
        }
        let outcome = match reference.identifier.parse::<u32>() {
            Err(_) => Outcome::NotMine,
            Ok(0) => Outcome::Found(LoadResult::Search(Vec::new())),
            Ok(n) => Outcome::Reference(Reference::new((n - 1).to_string())),
        };
        async { Ok(outcome) }.boxed()
    }

    fn open(&self, _: &Track) -> Result<Supply, Failure> {
        Err(Failure::common("no"))
    }
}

fn counting() -> Registry {
    registry_of(vec![Box::new(Counting)])
}

fn registry_of(sources: Vec<Box<dyn Source>>) -> Registry {
    Registry(Arc::new(Inner {
        sources,
        lrclib: None,
        sponsorblock: None,
        lyrics_first: Vec::new(),
        clients: Clients::new(crate::net::Settings::default()),
        runtime: Handle::current(),
        resolves: Resolves::new(resolves::Settings::default()),
    }))
}

/// Finds what is exactly this, read letter by letter or not.
struct Exact(&'static str, bool);

impl Source for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn takes_as_given(&self) -> bool {
        self.1
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let outcome = match reference.identifier == self.0 {
            true => Outcome::Found(LoadResult::Search(Vec::new())),
            false => Outcome::NotMine,
        };
        async { Ok(outcome) }.boxed()
    }

    fn open(&self, _: &Track) -> Result<Supply, Failure> {
        Err(Failure::common("no"))
    }
}

#[tokio::test]
async fn sites_get_what_was_meant_and_files_what_was_written() {
    for (identifier, wanted, as_given, finds) in [
        (" <HTTPS://a.example/x>", "https://a.example/x", false, true),
        (" <HTTPS://a.example/x>", "https://a.example/x", true, false),
        (" /a file ", " /a file ", true, true),
        (" /a file ", " /a file ", false, false),
    ] {
        let registry = registry_of(vec![Box::new(Exact(wanted, as_given))]);
        let found = registry.load(identifier).await.expect("no failure");
        assert_eq!(found != LoadResult::Empty, finds, "{identifier} {as_given}");
    }
}

#[tokio::test]
async fn four_references_are_followed_and_the_fifth_gives_nothing() {
    let registry = counting();
    let found = LoadResult::Search(Vec::new());
    assert_eq!(registry.load("4").await.expect("no failure"), found);
    assert_eq!(
        registry.load("5").await.expect("no failure"),
        LoadResult::Empty
    );
}

#[tokio::test]
async fn what_nobody_knows_is_empty_and_what_is_too_long_an_error() {
    let registry = counting();
    assert_eq!(
        registry.load("x").await.expect("no failure"),
        LoadResult::Empty
    );
    assert!(
        registry
            .load(&"x".repeat(MAX_IDENTIFIER_LEN + 1))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_found_is_remembered_and_what_took_too_long_is_not() {
    let registry = counting();
    for _ in 0..2 {
        registry.load("3").await.expect("no failure");
    }
    let counts = registry.resolves();
    assert_eq!((counts.misses, counts.hits, counts.entries), (1, 1, 1));
    for _ in 0..2 {
        registry.load("slow").await.expect_err("too long");
    }
    let counts = registry.resolves();
    assert_eq!((counts.misses, counts.hits, counts.entries), (3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_source_is_not_waited_for_any_longer_because_a_slow_program_is_there() {
    let settings = Settings {
        ytdlp: ytdlp::Settings {
            // any program that is there
            path: "sh".into(),
            ..ytdlp::Settings::default()
        },
        ..Settings::default()
    };
    let limit = settings.network.resolve_timeout;
    let mut inner = Inner::new(settings, &Others::none());
    assert!(inner.sources.iter().any(|it| it.name() == "ytdlp"));
    inner.sources.insert(0, Box::new(Counting));
    let registry = Registry(Arc::new(inner));
    let started = tokio::time::Instant::now();
    registry.load("slow").await.expect_err("too long");
    assert_eq!(started.elapsed().as_secs(), limit.as_secs());
}

#[tokio::test]
async fn sources_are_asked_in_order_and_http_last() {
    let settings = Settings {
        nico: true,
        local: true,
        ytdlp: ytdlp::Settings::off(),
        ..Settings::default()
    };
    let registry = Registry::new(settings);
    assert_eq!(
        registry.names(),
        [
            "youtube",
            "soundcloud",
            "bandcamp",
            "twitch",
            "vimeo",
            "niconico",
            "local",
            "http"
        ]
    );
    assert!(registry.has("http") && !registry.has("spotify"));
}

/// Has words for all tracks, or does not answer.
struct Singing(&'static str, Option<&'static str>);

impl Source for Singing {
    fn name(&self) -> &'static str {
        self.0
    }

    fn load<'a>(&'a self, _: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        async { Ok(Outcome::NotMine) }.boxed()
    }

    fn open(&self, _: &Track) -> Result<Supply, Failure> {
        Err(Failure::common("no"))
    }

    fn lyrics<'a>(&'a self, _: &'a Track) -> BoxFuture<'a, Result<Option<Lyrics>, Failure>> {
        let words = self.1;
        async move {
            match words {
                None => Err(Failure::suspicious("broken")),
                Some("") => Ok(None),
                Some(words) => Ok(Some(Lyrics {
                    source: self.0.into(),
                    provider: String::new(),
                    text: Some(words.into()),
                    lines: Vec::new(),
                })),
            }
        }
        .boxed()
    }
}

fn singing(sources: &[(&'static str, Option<&'static str>)], first: &[&str]) -> Registry {
    let singers = sources.iter().map(|(name, words)| Singing(name, *words));
    Registry(Arc::new(Inner {
        sources: singers.map(|it| Box::new(it) as Box<dyn Source>).collect(),
        lrclib: None,
        sponsorblock: None,
        lyrics_first: first.iter().map(|it| (*it).to_owned()).collect(),
        clients: Clients::new(crate::net::Settings::default()),
        runtime: Handle::current(),
        resolves: Resolves::new(resolves::Settings::default()),
    }))
}

#[tokio::test]
async fn lyrics_come_from_the_tracks_own_source_and_then_in_the_configured_order() {
    let all = [("a", Some("la")), ("b", Some("lb")), ("c", Some("lc"))];
    let track = Track::sample("x", "b");
    for (first, skip, from) in [
        (&[][..], false, "b"),
        (&[], true, "a"),
        (&["C"], true, "c"),
        (&["c"], false, "b"),
        (&["b", "c"], true, "c"),
        (&["nobody", "c", "a"], true, "c"),
    ] {
        let found = singing(&all, first).lyrics(&track, skip).await;
        let source = found.expect("an answer").expect("words").source;
        assert_eq!(source, from, "{first:?} {skip}");
    }
}

#[tokio::test]
async fn a_source_that_does_not_answer_counts_only_when_no_other_has_words() {
    let track = Track::sample("x", "a");
    let both = singing(&[("a", None), ("b", Some("lb"))], &[]);
    let found = both.lyrics(&track, false).await.expect("an answer");
    assert_eq!(found.expect("words").source, "b");
    let alone = singing(&[("a", None), ("b", Some(""))], &[]);
    alone.lyrics(&track, false).await.expect_err("broken");
    assert_eq!(alone.lyrics(&track, true).await.expect("an answer"), None);
}
