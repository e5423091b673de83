//! Owns: tokens for Apple's API: what one tells, how one is made of a key, and where the site's own player has one. Pure, apart
//! from the randomness of signatures.
//! Never knows: how anything is asked for.

use crate::{
    error::Failure,
    source::site::{html, json, json::Pick},
    units::Secret,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::json;

/// How long a token holds that is made here, in seconds. Apple takes up to half a year.
pub const LIFETIME: u64 = 12 * 3600;

/// A token, and the page that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What is sent.
    pub text: Secret,
    /// The origin that requests with it must name.
    pub origin: Option<String>,
}

impl Token {
    /// A token as Apple gave it (a JSON Web Token, RFC 7519).
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, NoToken> {
        let mut parts = text.trim().split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoToken::Shape);
        };
        let payload = payload.trim_end_matches('=');
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| NoToken::Shape)?;
        let payload = json::read(&payload).map_err(|_| NoToken::Shape)?;
        let origin = payload.text("root_https_origin.0");
        Ok(Self {
            text: Secret::new(text.trim()),
            origin: origin.map(|host| format!("https://{host}")),
        })
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// A text that is no JSON Web Token.
    #[error("the token has not three parts, or they cannot be read")]
    Shape,
    /// The key is none.
    #[error("the key is no private key for ES256 in PKCS #8, as Apple gives it")]
    Key,
}

/// A key of a developer, with which tokens are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `keyID`.
    pub id: String,
    /// `teamID`.
    pub team: String,
    /// `musicKitKey`: PEM.
    pub pem: Secret,
}

impl Key {
    /// A token that holds from `now` (seconds since 1970) on for its lifetime (Apple, "Generating developer tokens").
    ///
    /// # Errors
    /// When the key is none.
    pub fn sign(&self, now: u64) -> Result<Token, NoToken> {
        let lines = self.pem.expose().lines().map(str::trim);
        let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
        let base64 = base64.replace("-----BEGIN PRIVATE KEY-----", "");
        let key = STANDARD
            .decode(base64.replace(' ', ""))
            .map_err(|_| NoToken::Key)?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &random)
            .map_err(|_| NoToken::Key)?;
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = encode(json!({ "alg": "ES256", "kid": self.id, "typ": "JWT" }));
        let payload = encode(json!({ "iss": self.team, "iat": now, "exp": now + LIFETIME }));
        let signed = format!("{header}.{payload}");
        let signature = key
            .sign(&random, signed.as_bytes())
            .map_err(|_| NoToken::Key)?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        Ok(Token {
            text: Secret::new(format!("{signed}.{signature}")),
            origin: None,
        })
    }
}

/// Where the script of the site's player is that holds a token: the path of the first module of a page whose name begins so.
#[must_use]
pub fn script<'a>(page: &'a str, mark: &str) -> Option<&'a str> {
    let tags = page.split("<script").skip(1);
    let tags = tags.filter_map(|tag| tag.split('>').next());
    let mut modules = tags.filter(|tag| tag.contains("type=\"module\""));
    modules.find_map(|tag| html::attribute(tag, "src").filter(|src| src.starts_with(mark)))
}

/// The first token in a script.
#[must_use]
pub fn in_script(script: &str) -> Option<Token> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    // JSON in base64 begins so: `{"`
    script.match_indices("ey").find_map(|(at, _)| {
        let rest = &script[at..];
        let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        // shorter ones are words of the program
        (end > 80).then(|| Token::read(&rest[..end]).ok()).flatten()
    })
}

impl NoToken {
    /// What a client is told of the configuration.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let what = match self {
            Self::Shape => "mediaAPIToken",
            Self::Key => "musicKitKey",
        };
        Failure::common(format!(
            "Apple Music needs a token: {what} in plugins.lavasrc.applemusic cannot be used."
        ))
        .because(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    fn jwt(payload: serde_json::Value) -> String {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let header =
            encode(json!({ "alg": "ES256", "kid": "WebPlayKid", "typ": "JWT" }).to_string());
        format!(
            "{header}.{}.{}",
            encode(payload.to_string()),
            "s".repeat(86)
        )
    }

    #[test]
    fn a_token_tells_its_origin() {
        let text = jwt(json!({ "iss": "AMPWebPlay", "root_https_origin": ["apple.com"] }));
        let token = Token::read(&text).expect("a token");
        assert_eq!(token.origin.as_deref(), Some("https://apple.com"));
        assert_eq!(token.text.expose(), text);
        assert_eq!(Token::read(&jwt(json!({}))).expect("a token").origin, None);
        for text in ["", "a.b", "a.!.c", "a.b.c.d", "ey.e30"] {
            assert_eq!(Token::read(text), Err(NoToken::Shape), "{text}");
        }
    }

    #[test]
    fn a_token_is_found_in_a_script() {
        let text = jwt(json!({ "iss": "AMPWebPlay" }));
        let script = format!("const key=\"eyes\",x=\"{text}\";var keys=1");
        assert_eq!(in_script(&script).expect("a token").text.expose(), text);
        assert_eq!(in_script("const key=\"eyes\""), None);
        let page = r#"<script src="/assets/index-legacy.js"></script>
            <script type="module" crossorigin src="/assets/index~f00.js"></script>"#;
        assert_eq!(
            super::script(page, "/assets/index"),
            Some("/assets/index~f00.js")
        );
    }

    #[test]
    fn a_token_is_signed_as_the_standard_has_it() {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        let pem = STANDARD.encode(document.as_ref());
        let key = Key {
            id: "KEY".into(),
            team: "TEAM".into(),
            pem: Secret::new(format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n",
                &pem[..64],
                &pem[64..]
            )),
        };
        let token = key.sign(1_700_000_000).expect("a token");
        let (signed, signature) = token.text.expose().rsplit_once('.').expect("parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key());
        public
            .verify(signed.as_bytes(), &signature)
            .expect("signed");
        let (header, payload) = signed.split_once('.').expect("parts");
        let read = |part| json::read(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON");
        assert_eq!(
            read(header),
            json!({ "alg": "ES256", "kid": "KEY", "typ": "JWT" })
        );
        let wanted = json!({ "iss": "TEAM", "iat": 1_700_000_000, "exp": 1_700_043_200 });
        assert_eq!(read(payload), wanted);
        let bad = Key {
            pem: Secret::new("nonsense"),
            ..key
        };
        assert_eq!(bad.sign(0), Err(NoToken::Key));
    }
}
