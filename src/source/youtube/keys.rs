//! Owns: what opens answers that are closed to strangers, as the rest of this source asks for it.
//! Never knows: how any of it is got.

use super::facts::Key;
use crate::{error::Failure, units::Secret};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use url::Url;

/// A link that the player's script has to be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The link without its signature.
    pub url: Url,
    /// The signature, enciphered. `None`: there is none, only `n`.
    pub signature: Option<String>,
    /// Name of the parameter that takes the signature.
    pub signature_key: Option<String>,
}

/// Says that no robot asks.
#[derive(Clone, Debug)]
pub struct Token {
    /// What is said.
    pub token: Secret,
    /// The visitor that it holds for; `None`: any.
    pub visitor_data: Option<String>,
}

/// Does what the player's script does.
pub trait Cipher: Send + Sync {
    /// Version of its signatures.
    fn timestamp<'a>(&'a self, script: &'a Url) -> BoxFuture<'a, Result<u32, Failure>>;

    /// The link that the sealed one stands for.
    fn solve<'a>(&'a self, script: &'a Url, sealed: Sealed) -> BoxFuture<'a, Result<Url, Failure>>;
}

/// Gets po-tokens.
pub trait PoToken: Send + Sync {
    /// One for a video or a visitor; `None` when there are none.
    fn of<'a>(&'a self, binding: &'a str) -> BoxFuture<'a, Result<Option<Token>, Failure>>;
}

/// Signs in.
pub trait Account: Send + Sync {
    /// What is sent as `Authorization: Bearer`; `None` while nobody is signed in.
    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, Failure>>;
}

/// All that there is.
#[derive(Clone, Default)]
pub struct Keys {
    /// Solves what is enciphered.
    pub cipher: Option<Arc<dyn Cipher>>,
    /// Gets po-tokens.
    pub po_token: Option<Arc<dyn PoToken>>,
    /// Signs in.
    pub account: Option<Arc<dyn Account>>,
}

impl Keys {
    /// Whether all of them are there.
    #[must_use]
    pub fn have(&self, needed: &[Key]) -> bool {
        needed.iter().all(|key| match key {
            Key::Cipher => self.cipher.is_some(),
            Key::PoToken => self.po_token.is_some(),
            Key::Oauth => self.account.is_some(),
        })
    }
}
