use tokio::net::TcpListener;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Vault as _;
use warmspare_act::stream::Measured;
use warmspare_decide::manifest::Sums;

use super::*;
use crate::Live;
use crate::replay::https::Server;
use crate::replay::live_at;
use crate::tls::Roots;

/// An invocation whose AWS is there.
fn live(url: &str, roots: &Roots) -> Live {
    let http = http_client(roots.for_aws("us-west-2").unwrap(), Duration::from_millis(200));
    live_at(url, http)
}

async fn read(live: &Live) -> Result<Sums, Fault> {
    Measured::new(live.read_back("backups/a", "v1").await?).drain().await
}

/// Longer than any buffer on its way.
fn long_answer() -> &'static str {
    let body = "0123456789abcdef".repeat(65_536);
    Box::leak(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", 1 << 20).into())
}

#[tokio::test]
async fn a_long_body_comes_whole() {
    let server = Server::answering(long_answer()).await;
    let live = live(&server.url, &Roots::Given(vec![server.certificate.clone()]));
    let sums = read(&live).await.unwrap();
    assert_eq!(sums.size_bytes, 1 << 20);
    let body = "0123456789abcdef".repeat(65_536);
    assert_eq!(sums, warmspare_act::stream::sums_of(body.as_bytes()));
    assert!(server.requests()[0].starts_with("GET /warmspare-vault/backups/a?"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_fault() {
    let whole = long_answer();
    let server = Server::answering(&whole[..whole.len() - 1]).await;
    let live = live(&server.url, &Roots::Given(vec![server.certificate.clone()]));
    let fault = read(&live).await.unwrap_err();
    assert_eq!((fault.hope, fault.during), (Hope::Unreachable, "reading back"));
}

/// As a local stack does.
#[tokio::test]
async fn without_tls_it_is_spoken_without_tls() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    });
    assert_eq!(read(&live(&url, &Roots::CompiledIn)).await.unwrap().size_bytes, 2);
}

#[tokio::test]
async fn where_nothing_listens_nothing_answers() {
    let fault = read(&live("https://127.0.0.1:1", &Roots::CompiledIn)).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Unreachable);
    assert!(fault.why.to_lowercase().contains("connection refused"), "{fault}");
}

/// The handshake is a part of the connection.
#[tokio::test]
async fn a_connection_that_stands_still_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let fault = read(&live(&url, &Roots::CompiledIn)).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Unreachable);
    assert!(fault.why.contains("no connection within"), "{fault}");
}
