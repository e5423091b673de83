//! Owns: what opens answers that are closed to strangers, as far as the configuration and the build have it.
//! Never knows: how any of it is got.

use super::{Settings, cipher::Cipher, facts::Key, oauth::OAuth, potoken::PoToken};
use crate::source::site::Site;

/// All that there is. What is missing is not tried: clients that need it are not asked for playing.
pub struct Keys {
    /// Unlocks links.
    pub cipher: Option<Cipher>,
    /// Says that no robot asks.
    pub po_token: Option<PoToken>,
    /// Signs in.
    pub account: Option<OAuth>,
}

impl Keys {
    /// Those of a configuration.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(site: &Site, settings: &Settings) -> Self {
        let (cipher, pot, oauth) = (&settings.cipher, &settings.pot, &settings.oauth);
        Self {
            cipher: cipher
                .is_possible()
                .then(|| Cipher::new(site.clone(), cipher.clone())),
            po_token: Some(PoToken::new(site, pot.clone())).filter(PoToken::is_there),
            account: oauth
                .enabled
                .then(|| OAuth::new(site.clone(), oauth.clone())),
        }
    }

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
