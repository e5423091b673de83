//! Owns: what asking a site is held to.
//! Never knows: any site.

use super::{testing::told, *};
use crate::{
    error::Severity,
    net::{
        self,
        route_planner::{Block, Plan, Strategy},
        routes,
        testing::{Server, Step, clients, quick, response, whole},
    },
};
use tokio::runtime::Handle;

fn site() -> Site {
    Site::new("A Site", clients(), data::publish(None, &Handle::current()))
}

fn answer(status: u16) -> impl Fn(&crate::net::testing::Asked) -> Vec<Step> {
    move |_| {
        vec![Step::Send(response(
            status,
            &[("Content-Length", "0")],
            b"",
        ))]
    }
}

/// Clients whose requests leave from four addresses, of which this is the first.
fn routed(first: [u8; 4]) -> Clients {
    let block = Block::new(first.into(), 30).expect("a block");
    let routes = routes::Settings {
        plan: Plan::new(Strategy::RotateOnBan, vec![block], []).expect("a plan"),
        search_triggers_fail: true,
        retries: 1,
        has_all_traffic: true,
        probe: None,
    };
    Clients::new(net::Settings {
        routes: Some(routes),
        ..quick()
    })
}

// 203.0.113.0/24 (RFC 5737) is no machine's: nothing leaves from there
#[tokio::test]
async fn a_helper_is_asked_from_any_address() {
    let server = Server::start(answer(200)).await;
    let known = data::publish(None, &Handle::current());
    let site = Site::new("A Site", routed([203, 0, 113, 0]), known);
    let helper = site.helper("A helper", server.address("/").url());
    let answer = helper.ask_once(Call::get(server.address("/"))).await;
    assert_eq!(answer.expect("an answer").status, 200);
    assert!(helper.clients.routes().is_none());
}

#[tokio::test]
async fn requests_present_themselves_as_the_data_say() {
    let server = Server::start(|_| vec![Step::Send(whole(b"", &[]))]).await;
    let call = Call::get(server.address("/"));
    site().ask(call).await.expect("an answer");
    let agent = data::SiteData::built_in().user_agent;
    assert_eq!(server.seen()[0].header("user-agent"), Some(&*agent));
}

#[tokio::test]
async fn a_refusal_for_too_many_requests_is_held_against_the_address_that_asked() {
    let server = Server::start(|asked| {
        let status = if asked.before == 0 { 429 } else { 200 };
        answer(status)(asked)
    })
    .await;
    let clients = routed([127, 0, 0, 48]);
    let known = data::publish(None, &Handle::current());
    let site = Site::new("A Site", clients.clone(), known);
    let answer = site.ask(Call::get(server.address("/"))).await;
    assert_eq!(answer.expect("an answer").status, 200);
    let failing = clients.routes().expect("a planner").status().failing;
    assert_eq!(failing.len(), 1);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (status, wanted) in [
        (
            401,
            "A Site refuses to answer; it may be blocking this node's address.",
        ),
        (
            403,
            "A Site refuses to answer; it may be blocking this node's address.",
        ),
        (
            429,
            "A Site was asked too often from this node's address. Try again later.",
        ),
        (451, "A Site must not show this in the node's country."),
        (418, "Connecting to A Site failed."),
    ] {
        let server = Server::start(answer(status)).await;
        let answer = site().ask(Call::get(server.address("/"))).await;
        let failure = site()
            .accept(answer.expect("an answer"))
            .expect_err("refused");
        let severity = match status {
            451 => Severity::Common,
            _ => Severity::Suspicious,
        };
        assert_eq!(
            failure.root_cause(),
            format!("Not success status code: {status}")
        );
        assert_eq!(told(failure), (wanted.to_owned(), severity));
        assert_eq!(server.seen().len(), 1, "{status}");
    }
    for status in [404, 410] {
        let server = Server::start(answer(status)).await;
        let answer = site().ask(Call::get(server.address("/"))).await;
        let found = site().accept(answer.expect("an answer"));
        assert!(found.expect("an answer").is_none());
    }
}

#[tokio::test]
async fn a_site_that_stays_in_trouble_is_given_up() {
    let server = Server::start(answer(502)).await;
    let failure = site().ask(Call::get(server.address("/"))).await;
    let wanted = "A Site has an error of its own. Try again later.".to_owned();
    assert_eq!(
        told(failure.expect_err("502")),
        (wanted, Severity::Suspicious)
    );
    assert_eq!(server.seen().len(), 1 + Retry::MAX_TRIES as usize);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_called_so() {
    let server = Server::start(|_| vec![Step::Send(whole(&vec![b' '; MAX_ANSWER + 1], &[]))]).await;
    let failure = site().ask(Call::get(server.address("/"))).await;
    let wanted = "The answer of A Site is too long.".to_owned();
    assert_eq!(
        told(failure.expect_err("too long")),
        (wanted, Severity::Suspicious)
    );
}

#[test]
fn hosts_are_compared_by_whole_names() {
    let is = |url: &str| {
        let url = Url::parse(url).expect("a URL");
        is_below(&url, &["sndcdn.com".to_owned()])
    };
    assert!(is("https://sndcdn.com/x") && is("https://cf.media.sndcdn.com/x"));
    assert!(!is("https://xsndcdn.com/x") && !is("https://sndcdn.com.example/x"));
}
