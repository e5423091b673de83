//! Owns: what is locked in a link, and putting in what was unlocked.
//! Never knows: how anything is unlocked.

use super::{Puzzle, SIGNATURE, Sealed};
use url::{Url, form_urlencoded};

/// What has to be solved before the link can be used.
pub fn puzzle(sealed: &Sealed) -> Puzzle {
    let n = sealed.url.query_pairs().find(|(name, _)| name == "n");
    Puzzle {
        n: n.map(|(_, value)| value.into_owned())
            .filter(|n| !n.is_empty()),
        signature: sealed.signature.clone().filter(|it| !it.is_empty()),
    }
}

/// The link with the answers in it. All other parameters stay as they are written: the site signs them.
pub fn unlock(sealed: Sealed, answer: Puzzle) -> Url {
    let mut url = sealed.url;
    let key = sealed.signature_key.as_deref().unwrap_or(SIGNATURE);
    let answers = [("n", answer.n), (key, answer.signature)];
    let mut parts: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .map(str::to_owned)
        .collect();
    for (name, answer) in answers {
        if let Some(answer) = answer {
            parts.retain(|part| part.split('=').next() != Some(name));
            let pair = form_urlencoded::Serializer::new(String::new())
                .append_pair(name, &answer)
                .finish();
            parts.push(pair);
        }
    }
    parts.retain(|part| !part.is_empty());
    url.set_query(Some(&parts.join("&")));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(url: &str) -> Sealed {
        Sealed {
            url: Url::parse(url).expect("a URL"),
            signature: None,
            signature_key: None,
        }
    }

    #[test]
    fn what_is_locked_is_found() {
        let plain = sealed("https://r1.googlevideo.com/videoplayback?expire=1&mn=a");
        assert_eq!(puzzle(&plain), Puzzle::default());
        let mut locked = sealed("https://r1.googlevideo.com/videoplayback?n=a%2Db&expire=1");
        locked.signature = Some("XYZ".into());
        let wanted = Puzzle {
            n: Some("a-b".into()),
            signature: Some("XYZ".into()),
        };
        assert_eq!(puzzle(&locked), wanted);
    }

    #[test]
    fn answers_take_their_places_and_all_else_stays() {
        let mut locked = sealed("https://h/v?sparams=a%2Cb,c&n=old&mn=x+y&ns=1");
        locked.signature_key = Some("lsig".into());
        let answer = Puzzle {
            n: Some("new".into()),
            signature: Some("A=b&c".into()),
        };
        assert_eq!(
            unlock(locked.clone(), answer).as_str(),
            "https://h/v?sparams=a%2Cb,c&mn=x+y&ns=1&n=new&lsig=A%3Db%26c"
        );
        let signature = Some("S".into());
        let answer = Puzzle { n: None, signature };
        locked.signature_key = None;
        let url = unlock(locked, answer);
        assert_eq!(
            url.query(),
            Some("sparams=a%2Cb,c&n=old&mn=x+y&ns=1&signature=S")
        );
    }
}
