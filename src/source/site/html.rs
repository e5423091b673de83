//! Owns: finding texts in pages of HTML without building a tree of them.
//! Never knows: which page it is.

use crate::source::playlist::unescape;

/// The text from behind `before` up to the next `after`.
#[must_use]
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let len = text[start..].find(after)?;
    Some(&text[start..start + len])
}

/// The value of the first attribute of that name (`href`), as it is written.
#[must_use]
pub fn attribute<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    between(html, &format!(" {name}=\""), "\"")
}

/// What a piece of HTML shows: without tags, entities read, white space as one space.
#[must_use]
pub fn shown(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(tag) = rest.find('<') {
        text.push_str(&rest[..tag]);
        text.push(' ');
        rest = rest[tag..]
            .find('>')
            .map_or("", |end| &rest[tag + end + 1..]);
    }
    text.push_str(rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    unescape(&words.join(" "))
}

/// What the first element with exactly that `class` shows, which is taken to end at `</name>`.
#[must_use]
pub fn element(html: &str, class: &str, name: &str) -> Option<String> {
    let rest = &html[html.find(&format!("class=\"{class}\""))?..];
    between(rest, ">", &format!("</{name}>")).map(shown)
}

/// Whether a text begins as HTML does.
#[must_use]
pub fn is_html(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = head.trim_ascii_start();
    let starts = |tag: &[u8]| {
        head.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    starts(b"<!doctype html") || starts(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_shown_has_no_tags() {
        let html = "<div class=\"heading\"> <a href=\"/x?a&amp;b\">Tom &amp; <b>Jerry&#39;s</b>\n song</a></div>";
        assert_eq!(shown(html), "Tom & Jerry's song");
        assert_eq!(attribute(html, "href"), Some("/x?a&amp;b"));
        assert_eq!(
            element(html, "heading", "div").as_deref(),
            Some("Tom & Jerry's song")
        );
        assert_eq!(element(html, "head", "div"), None);
        assert_eq!(shown("cut <a href"), "cut");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "(<|>|<a|\"|class=\"x\"| href=\"|</a>|&amp;|&#|;|é|\\PC){0,40}") {
            let _ = (shown(&text), attribute(&text, "href"), element(&text, "x", "a"));
            let _ = (between(&text, "<", ">"), is_html(text.as_bytes()));
        }
    }

    #[test]
    fn pages_are_told_from_other_texts() {
        for page in ["<!DOCTYPE html>", "\u{FEFF}\n <HTML lang=en>"] {
            assert!(is_html(page.as_bytes()), "{page}");
        }
        for other in ["<?xml version='1.0'?><playlist>", "ID3", "", "<htm"] {
            assert!(!is_html(other.as_bytes()), "{other}");
        }
    }
}
