//! Owns: what of a text is too secret for the log: `user:password` of the URLs in it, plain or percent-escaped.
//! Never knows: where the text comes from.

/// What is written in place of a secret.
pub const HIDDEN: &str = "***";

/// The longest beginning of at most `max_bytes` bytes that ends between two letters.
pub fn beginning(text: &str, max_bytes: usize) -> &str {
    let is_between = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=max_bytes.min(text.len())).rev().find(is_between);
    &text[..end.unwrap_or(0)]
}

/// The first `max_bytes` bytes of a text, with `***` for the user info of each URL.
///
/// In doubt more is hidden than needs to be: a host that is cut off, too, because an `@` may have followed.
pub fn without_user_info(text: &str, max_bytes: usize) -> String {
    let kept = beginning(text, max_bytes);
    let mut shown = String::with_capacity(kept.len());
    let mut shown_to = 0;
    for authority in authorities(kept) {
        let is_cut = authority.end == kept.len() && kept.len() < text.len();
        let behind = if is_cut {
            Some(authority.end)
        } else {
            authority.at_sign
        };
        if let Some(behind) = behind {
            shown.push_str(&kept[shown_to..authority.start]);
            shown.push_str(HIDDEN);
            shown_to = behind;
        }
    }
    shown.push_str(&kept[shown_to..]);
    shown
}

/// Where in a text the authority of a URL stands, in bytes: what is between `://` and the path.
#[derive(Debug)]
struct Authority {
    start: usize,
    /// The last `@` in it: a password may have one, too.
    at_sign: Option<usize>,
    end: usize,
}

/// The authorities of all URLs, in order. Each is looked for where the last one ended, so that no byte is read again
/// however many there are: the text is a stranger's.
fn authorities(text: &str) -> impl Iterator<Item = Authority> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        let (start, is_escaped) = (from..bytes.len()).find_map(|at| behind_mark(bytes, at))?;
        let mut authority = Authority {
            start,
            at_sign: None,
            end: start,
        };
        let mut colon = None;
        while let Some((sign, length)) = sign(bytes, authority.end) {
            let at = authority.end;
            match sign {
                // In a plain URL these are letters of the password.
                Sign::Slash | Sign::End if length > 1 && !is_escaped => {}
                Sign::Slash | Sign::End => break,
                Sign::At => authority.at_sign = Some(at),
                Sign::Colon | Sign::Letter => {}
            }
            colon = (sign == Sign::Colon).then_some(at);
            authority.end += length;
        }
        // The slashes behind a colon begin another URL.
        from = colon.unwrap_or(authority.end);
        Some(authority)
    })
}

/// What stands behind `://` that begins at `at`, and whether any of it is percent-escaped.
fn behind_mark(text: &[u8], at: usize) -> Option<(usize, bool)> {
    [Sign::Colon, Sign::Slash, Sign::Slash].iter().try_fold(
        (at, false),
        |(at, is_escaped), wanted| {
            let (found, length) = sign(text, at)?;
            (found == *wanted).then_some((at + length, is_escaped || length > 1))
        },
    )
}

/// What a byte, or three that escape one, means for a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Colon,
    Slash,
    At,
    /// What else ends an authority: a query, a fragment, the next word. Not `&`, which a password may have.
    End,
    Letter,
}

/// The sign at `at` and its length in bytes; `None` behind the last.
fn sign(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    Some(match text.get(at..)? {
        [] => return None,
        [b':', ..] => (Sign::Colon, 1),
        [b'/', ..] => (Sign::Slash, 1),
        [b'@', ..] => (Sign::At, 1),
        [b'?' | b'#' | b' ', ..] => (Sign::End, 1),
        [b'%', b'3', b'A' | b'a', ..] => (Sign::Colon, 3),
        [b'%', b'2', b'F' | b'f', ..] => (Sign::Slash, 3),
        [b'%', b'4', b'0', ..] => (Sign::At, 3),
        [b'%', b'3', b'F' | b'f', ..] | [b'%', b'2', b'3', ..] => (Sign::End, 3),
        _ => (Sign::Letter, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden() {
        for (text, shown) in [
            ("identifier=http://u:p@h/x", "identifier=http://***@h/x"),
            (
                "identifier=http%3A%2F%2Fu%3Ap%40h%2Fx%40y&z=a@b",
                "identifier=http%3A%2F%2F***%40h%2Fx%40y&z=a@b",
            ),
            ("http://u:p@q@h", "http://***@h"),
            ("http://h/a@b http://u@h", "http://h/a@b http://***@h"),
            ("http://http://u:p@h/", "http://http://***@h/"),
            (
                "http%3a//http:%2f%2Fu:p%40h/",
                "http%3a//http:%2f%2F***%40h/",
            ),
            ("http://é:é@h/é", "http://***@h/é"),
            ("://:://u@://", "://:://***@://"),
            ("a@b", "a@b"),
            ("http:/", "http:/"),
        ] {
            assert_eq!(without_user_info(text, 1000), shown);
        }
    }

    #[test]
    fn odd_letters_of_a_password_do_not_end_it() {
        for (text, shown) in [
            ("http://u:p&q@h/x", "http://***@h/x"),
            ("http://u:p%2Fq@h/x", "http://***@h/x"),
            ("http://u:p%3fq%23@h/x", "http://***@h/x"),
            ("http%3A%2F%2Fu:p%252Fq%40h%2Fx", "http%3A%2F%2F***%40h%2Fx"),
        ] {
            assert_eq!(without_user_info(text, 1000), shown);
        }
    }

    #[test]
    fn a_password_that_is_cut_is_hidden() {
        let text = "http://a:b@c/ http://user:password@host/";
        for (max, shown) in [
            (9, "http://***"),
            (12, "http://***"),
            (13, "http://***@c/"),
            (30, "http://***@c/ http://***"),
            (34, "http://***@c/ http://***"),
            (text.len(), "http://***@c/ http://***@host/"),
        ] {
            assert_eq!(without_user_info(text, max), shown, "{max}");
        }
        assert_eq!(without_user_info("ééé", 3), "é");
    }

    #[test]
    fn no_byte_is_searched_twice() {
        for part in [
            "://",
            "%3A//",
            "http://",
            "://a:",
            "://:",
            "http://u@h",
            "%3A%2F%2F:",
        ] {
            let text = part.repeat(5000);
            let mut read_to = 0;
            let mut count = 0;
            for authority in authorities(&text) {
                assert!(read_to <= authority.start && authority.start <= authority.end);
                read_to = authority.end;
                count += 1;
            }
            assert!(count > 0, "{part}");
        }
    }
}
