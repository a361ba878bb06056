use warmspare_act::ports::Sources as _;
use warmspare_act::stream::Measured;
use warmspare_decide::manifest::Sums;
use warmspare_decide::plan::{Endpoint, From};

use super::*;
use crate::replay::Wire;
use crate::replay::https::Server;

fn from(server: &Server, timeout_s: u64, bytes_max: u64) -> From {
    let url = format!("{}/export?token=of-ours", server.url);
    let endpoint = Endpoint { url, secret: None, tls_pin: Some(server.pin) };
    From::Https(Download { endpoint, timeout_s, bytes_max })
}

async fn read(answer: &'static str) -> Result<Sums, Fault> {
    let server = Server::answering(answer).await;
    let from = from(&server, 60, 1 << 20);
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

/// It accepts the connection, takes the request, and says nothing: for as long as the plan waits, and no
/// longer.
#[tokio::test]
async fn an_appliance_that_never_answers_is_waited_for_as_long_as_the_plan_says() {
    let server = Server::never_answering().await;
    for timeout_s in [1, 2] {
        let live = Wire::default().live();
        let before_s = live.left_s();
        let fault = live.open(&from(&server, timeout_s, 1)).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable);
        assert!(fault.why.contains("did not answer in time"), "{fault}");
        let waited_s = before_s - live.left_s();
        assert!((timeout_s..=timeout_s + 5).contains(&waited_s), "{waited_s} s");
    }
}

/// One that says how long it is is not even read.
#[tokio::test]
async fn a_longer_answer_than_the_plan_takes_is_refused_with_both_numbers() {
    let said = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789";
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n";
    for answer in [said, chunked] {
        let server = Server::answering(answer).await;
        let live = Wire::default().live();
        let read = async |bytes_max| {
            let stream = live.open(&from(&server, 60, bytes_max)).await?;
            Measured::new(stream).drain().await
        };
        assert_eq!(read(9).await.unwrap().size_bytes, 9);
        let fault = read(8).await.unwrap_err();
        let refusal = fault.refusal.unwrap();
        let Refusal::SourceTooLong { bytes: 9, bytes_max: 8, .. } = *refusal else {
            panic!("{refusal}")
        };
        assert!(!refusal.to_string().contains("of-ours"), "{refusal}");
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
