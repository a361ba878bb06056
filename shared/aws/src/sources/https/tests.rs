use warmspare_act::ports::Sources as _;
use warmspare_act::stream::Measured;
use warmspare_decide::manifest::Sums;
use warmspare_decide::plan::From;

use super::*;
use crate::replay::Wire;
use crate::replay::https::Server;

async fn read(answer: &'static str) -> Result<Sums, Fault> {
    let server = Server::answering(answer).await;
    let url = format!("{}/export?token=of-ours", server.url);
    let from = From::Https(Endpoint { url, secret: None, tls_pin: Some(server.pin) });
    let stream = Wire::default().live().open(&from).await?;
    let sums = Measured::new(stream).drain().await;
    assert!(server.requests()[0].starts_with("GET /export?token=of-ours HTTP/1.1\r\n"));
    sums
}

#[tokio::test]
async fn a_whole_answer_is_read_to_its_end() {
    let sums = read("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789").await.unwrap();
    assert_eq!((sums.size_bytes, sums.crc64nvme.as_str()), (9, "rosUhgp5mIg="));
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n";
    assert_eq!(read(chunked).await.unwrap(), sums);
}

/// Each server ends the connection politely.
/// FA14, FB1: an answer that is cut off.
#[tokio::test]
async fn half_an_answer_is_a_fault() {
    for half in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123456789",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n12",
    ] {
        let fault = read(half).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable, "{fault}");
        assert!(!fault.to_string().contains("of-ours"), "{fault}");
    }
}

#[tokio::test]
async fn an_answer_whose_end_nobody_could_tell_is_not_read() {
    let fault = read("HTTP/1.1 200 OK\r\n\r\n123456789").await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.contains("neither a length nor chunks"), "{fault}");
}

#[tokio::test]
async fn any_other_status_is_a_fault() {
    for (answer, hope) in [
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", Hope::Retryable),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Hope::Permanent),
        ("HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\n1", Hope::Permanent),
    ] {
        let fault = read(answer).await.unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
        assert!(fault.why.ends_with("where 200 was expected"), "{fault}");
    }
}

#[tokio::test]
async fn a_kind_that_is_not_built_says_so() {
    let fault = Wire::default().live().open(&From::Upload).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "reading the source uploads/: an inbox as a source is not supported by this version"
    );
}
