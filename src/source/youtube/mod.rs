//! Owns: what YouTube's clients need beside its API: links unlocked, proofs of origin, signing in.
//! Never knows: what a video is.

pub mod cipher;
pub mod oauth;
pub mod potoken;

use serde::Deserialize;

/// What is known of the site: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Of player scripts.
    pub cipher: cipher::Facts,
    /// Of signing in.
    pub oauth: oauth::Facts,
}

/// What the configuration says of the source (`plugins.youtube`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `remoteCipher`.
    pub cipher: cipher::Settings,
    /// `pot`.
    pub pot: potoken::Settings,
    /// `oauth`.
    pub oauth: oauth::Settings,
}
