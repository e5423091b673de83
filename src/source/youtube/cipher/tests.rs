//! Owns: what unlocking links is held to, with a cipher server of the shape of kikkia/yt-cipher's and a site that has one script
//! made by hand. There are no recordings of either.
//! Never knows: how scripts are read.

use super::{testing::SCRIPT, *};
use crate::{
    error::Severity,
    net::testing::{Asked, Server, Step, response, whole},
    source::site::testing::{json, status, told},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

const PLAYER: &str = "http://www.youtube.com/s/player/c9168c90/player_ias.vflset/en_GB/base.js";
pub(super) const LOCKED: &str =
    "https://r1.googlevideo.com/videoplayback?n=4GvOK-ojBR8UwbBn&expire=1";

pub(super) fn player() -> Url {
    Url::parse(PLAYER).expect("a URL")
}

pub(super) fn sealed() -> Sealed {
    Sealed {
        url: Url::parse(LOCKED).expect("a URL"),
        signature: Some("0123456789=".into()),
        signature_key: Some("sig".into()),
    }
}

/// A site that has the script.
pub(super) async fn site() -> (Site, Server) {
    serving(SCRIPT.to_owned()).await
}

pub(super) async fn serving(script: String) -> (Site, Server) {
    let server = Server::start(move |asked| {
        let answer = match &*asked.path {
            PLAYER => whole(script.as_bytes(), &[("Content-Type", "text/javascript")]),
            _ => status(404),
        };
        vec![Step::Send(answer)]
    })
    .await;
    (Site::served_by("YouTube", &server, "{}"), server)
}

pub(super) async fn cipher_server(
    answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
) -> Server {
    Server::start(move |asked| vec![Step::Send(answer(asked))]).await
}

pub(super) fn with_server(site: &Site, server: &Server) -> Cipher {
    let settings = Settings {
        url: Some(Url::parse(&server.url("/base/")).expect("a URL")),
        password: Secret::new("pass"),
        ..Settings::default()
    };
    Cipher::new(site.clone(), settings)
}

#[tokio::test]
async fn what_is_not_locked_needs_no_script() {
    let (site, server) = site().await;
    let cipher = Cipher::new(site, Settings::default());
    let open = Sealed {
        url: Url::parse("https://r1.googlevideo.com/videoplayback?expire=1").expect("a URL"),
        signature: None,
        signature_key: None,
    };
    let url = cipher.solve(&player(), open.clone()).await;
    assert_eq!(url.expect("as it was"), open.url);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn scripts_come_from_the_site_only() {
    let (site, server) = site().await;
    let cipher = Cipher::new(site, Settings::default());
    for elsewhere in [
        "http://youtube.com.example/base.js",
        "http://10.0.0.1/base.js",
        "file:///etc/passwd",
    ] {
        let url = Url::parse(elsewhere).expect("a URL");
        let failure = cipher.timestamp(&url).await.expect_err("another host");
        assert_eq!(failure.severity, Severity::Suspicious);
    }
    assert_eq!(server.seen().len(), 0);
    let missing = Url::parse("http://www.youtube.com/s/player/x/base.js").expect("a URL");
    let failure = cipher.timestamp(&missing).await.expect_err("missing");
    assert_eq!(
        failure.root_cause(),
        "there is no player script where one was named"
    );
}

#[tokio::test]
async fn a_script_is_read_to_its_end_when_nobody_waits_any_more() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, may_go) = (asked.clone(), go.clone());
    let server = Server::start(move |_| {
        told.notify_one();
        let script = whole(SCRIPT.as_bytes(), &[("Content-Type", "text/javascript")]);
        vec![Step::Until(may_go.clone()), Step::Send(script)]
    })
    .await;
    let site = Site::served_by("YouTube", &server, "{}");
    let cipher = Cipher::new(site, Settings::default());
    let impatient = tokio::spawn({
        let cipher = cipher.clone();
        async move { cipher.timestamp(&player()).await }
    });
    asked.notified().await;
    impatient.abort();
    assert!(impatient.await.is_err());
    go.notify_one();
    cipher.timestamp(&player()).await.expect("a number");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_cipher_server_is_asked_as_youtube_source_asks() {
    let (site, proxy) = site().await;
    let server = cipher_server(|asked| match &*asked.path {
        "/base/get_sts" => json(&json!({"sts": "20001"})),
        _ => json(&json!({
            "resolved_url": "https://r1.googlevideo.com/videoplayback?n=new&sig=x"
        })),
    })
    .await;
    let cipher = with_server(&site, &server);
    for _ in 0..2 {
        assert_eq!(cipher.timestamp(&player()).await.expect("a number"), 20001);
    }
    let url = cipher.solve(&player(), sealed()).await.expect("unlocked");
    assert_eq!(url.query(), Some("n=new&sig=x"));
    let mut open = sealed();
    (open.signature, open.signature_key) = (None, None);
    cipher.solve(&player(), open).await.expect("unlocked");
    let seen = server.seen();
    let asked = |at: usize| {
        let body: Value = serde_json::from_slice(&seen[at].body).expect("JSON");
        (seen[at].path.as_str(), body)
    };
    assert_eq!(asked(0), ("/base/get_sts", json!({"player_url": PLAYER})));
    let wanted = json!({
        "stream_url": LOCKED, "player_url": PLAYER, "encrypted_signature": "0123456789=",
        "n_param": "4GvOK-ojBR8UwbBn", "signature_key": "sig",
    });
    assert_eq!(asked(1), ("/base/resolve_url", wanted));
    let wanted = json!({
        "stream_url": LOCKED, "player_url": PLAYER, "n_param": "4GvOK-ojBR8UwbBn",
    });
    assert_eq!(asked(2), ("/base/resolve_url", wanted));
    for asked in &seen {
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.header("authorization"), Some("pass"));
        assert_eq!(asked.header("user-agent"), Some("yt-source"));
    }
    // it is one of this machine, and so not asked through the proxy, which is all that the site is behind
    assert_eq!((seen.len(), proxy.seen().len()), (3, 0));
}

#[tokio::test]
async fn a_wrong_password_is_told_to_the_operator() {
    let (site, _proxy) = site().await;
    let server = cipher_server(|_| response(401, &[("Content-Length", "0")], b"")).await;
    let settings = Settings {
        url: Some(Url::parse(&server.url("")).expect("a URL")),
        ..Settings::default()
    };
    let remote = Remote::new(&site, settings).expect("a server");
    let failure = remote.timestamp(&player()).await.expect_err("401");
    let wanted =
        "The cipher server asks for another password: plugins.youtube.remoteCipher.password.";
    assert_eq!(told(failure), (wanted.to_owned(), Severity::Common));
}
