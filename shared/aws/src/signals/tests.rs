use tokio::net::TcpListener;

use super::*;
use crate::replay::Wire;
use crate::replay::https::Server;

async fn https_look(server: &Server) -> Sight {
    let check = Check::Https { url: server.url.clone(), expect: 200, tls_pin: Some(server.pin) };
    Wire::default().live().look(&check).await
}

/// A port of 127.0.0.1 on which nothing listens any more.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn the_expected_status_is_as_expected_and_any_other_is_named() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(https_look(&server).await, Sight::AsExpected);
    let server =
        Server::answering("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(
        https_look(&server).await,
        Sight::Otherwise("it answered 500, where 200 was expected".to_owned())
    );
}

/// A redirect is an answer: following it would ask somebody else.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::answering(
        "HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(
        https_look(&server).await,
        Sight::Otherwise("it answered 302, where 200 was expected".to_owned())
    );
}

#[tokio::test]
async fn garbage_and_a_closed_connection_are_signs_of_life() {
    for garbage in ["250 hello from a mail server\r\n", ""] {
        let server = Server::answering(garbage).await;
        let sight = https_look(&server).await;
        assert!(matches!(sight, Sight::Otherwise(_)), "{garbage:?}: {sight:?}");
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let port = free_port().await;
    let live = Wire::default().live();
    let tcp = Check::Tcp { host: "127.0.0.1".to_owned(), port };
    assert_eq!(live.look(&tcp).await, Sight::Refused);
    let url = format!("https://127.0.0.1:{port}/");
    let https = Check::Https { url, expect: 200, tls_pin: None };
    assert_eq!(live.look(&https).await, Sight::Refused);
}

/// The connection is accepted by the kernel, and nobody speaks TLS.
#[tokio::test]
async fn a_port_behind_which_nobody_speaks_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let live = Wire::default().live();
    let https =
        Check::Https { url: format!("https://127.0.0.1:{port}/"), expect: 200, tls_pin: None };
    let sight = live.look(&https).await;
    assert!(matches!(&sight, Sight::Silent(why) if why.contains("time limit")), "{sight:?}");
    let tcp = Check::Tcp { host: "127.0.0.1".to_owned(), port };
    assert_eq!(live.look(&tcp).await, Sight::AsExpected);
}

/// It lives, so it may still write: that it says nothing is not that it is gone.
#[tokio::test]
async fn a_server_that_takes_a_request_and_never_answers_is_not_silent() {
    let server = Server::never_answering().await;
    let live = Wire::default().live();
    let sight = https(&live, &server.url, 200, Some(server.pin), Duration::from_millis(500)).await;
    assert!(
        matches!(&sight, Sight::Otherwise(how) if how.contains("did not answer in time")),
        "{sight:?}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_name_without_an_address_is_silent() {
    let live = Wire::default().live();
    let host = "controller.invalid".to_owned();
    let sight = live.look(&Check::Tcp { host, port: 443 }).await;
    assert!(matches!(sight, Sight::Silent(_)), "{sight:?}");
    let url = "https://controller.invalid/".to_owned();
    let sight = live.look(&Check::Https { url, expect: 200, tls_pin: None }).await;
    assert!(matches!(sight, Sight::Silent(_)), "{sight:?}");
}

#[tokio::test]
async fn replication_is_not_looked_at_here() {
    let sight = Wire::default().live().look(&Check::Replication).await;
    assert!(matches!(sight, Sight::NotTaken(_)), "{sight:?}");
}
