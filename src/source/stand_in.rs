//! Owns: one source that stands in for another, for one track.
//! Never knows: which sources those are.

use super::Supply;
use crate::{
    error::{Failure, Severity},
    media::{
        demux::probe::Hint,
        located::{Locate, Sought},
    },
};
use futures_util::FutureExt;
use std::sync::{Arc, OnceLock};

/// Who has found the track first. What is found later must be the same bytes, so it stays with him.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finder {
    First,
    StandIn,
}

/// What `first` supplies; what `other` finds, when that does not, unless there is nothing to be found.
pub fn supply(first: Result<Supply, Failure>, other: Locate) -> Supply {
    match first {
        Ok(Supply::Located { locate, hint }) => Supply::Located {
            locate: either(locate, other),
            hint,
        },
        Ok(window) => window,
        Err(_) => Supply::Located {
            locate: other,
            hint: Hint::default(),
        },
    }
}

fn either(first: Locate, other: Locate) -> Locate {
    let both = Arc::new((first, other));
    let finder = Arc::new(OnceLock::new());
    Box::new(move |sought| {
        let (both, finder) = (both.clone(), finder.clone());
        async move {
            let (first, other) = &*both;
            if finder.get() == Some(&Finder::StandIn) {
                return other(sought).await;
            }
            let found = first(sought).await;
            let failure = match found {
                Ok(found) => {
                    finder.get_or_init(|| Finder::First);
                    return Ok(found);
                }
                Err(failure) => failure,
            };
            // what the world refuses, it refuses to both
            if failure.severity == Severity::Common || finder.get().is_some() {
                return Err(failure);
            }
            tracing::debug!(why = %failure.trace(), "another source stands in");
            let found = other(Sought::First).await;
            if found.is_ok() {
                finder.get_or_init(|| Finder::StandIn);
            }
            found.map_err(|_| failure)
        }
        .boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{media::located::Located, net::address::Address};
    use futures_util::future::BoxFuture;

    type Found = Result<Located, Failure>;

    fn file(name: &str) -> Located {
        let url = format!("http://example.org/{name}");
        Located::File(Address::parse(&url).expect("a URL").into())
    }

    fn finds(answer: impl Fn(bool) -> Found + Send + Sync + 'static) -> Locate {
        Box::new(move |is_again| {
            let found = answer(is_again.is_again());
            let future: BoxFuture<'static, Found> = async { found }.boxed();
            future
        })
    }

    #[tokio::test]
    async fn whoever_finds_a_track_first_keeps_it() {
        let works = either(
            finds(|_| Ok(file("first"))),
            finds(|_| panic!("not needed")),
        );
        assert_eq!(works(Sought::First).await.expect("found"), file("first"));
        let fails_once = finds(|is_again| match is_again {
            false => Err(Failure::suspicious("changed")),
            true => panic!("not asked again"),
        });
        let stands_in = either(fails_once, finds(|_| Ok(file("other"))));
        assert_eq!(
            stands_in(Sought::First).await.expect("found"),
            file("other")
        );
        assert_eq!(
            stands_in(Sought::Heard).await.expect("found"),
            file("other")
        );
        let breaks_later = finds(|is_again| match is_again {
            false => Ok(file("first")),
            true => Err(Failure::suspicious("changed")),
        });
        let other = either(breaks_later, finds(|_| panic!("other bytes")));
        other(Sought::First).await.expect("found");
        other(Sought::Heard)
            .await
            .expect_err("it stays with the first");
    }

    #[tokio::test]
    async fn what_is_refused_to_all_is_not_sought_elsewhere() {
        let refused = finds(|_| Err(Failure::common("private")));
        let failure = either(refused, finds(|_| panic!("not asked")))(Sought::First).await;
        assert_eq!(failure.expect_err("refused").message, "private");
        let changed = finds(|_| Err(Failure::suspicious("changed")));
        let both = either(changed, finds(|_| Err(Failure::fault("no program"))));
        assert_eq!(
            both(Sought::First).await.expect_err("no").message,
            "changed"
        );
    }
}
