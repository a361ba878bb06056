//! Each row is an answer as the service gives it, and what is made of it.

use bytes::Bytes;
use warmspare_act::fault::Hope;
use warmspare_act::ports::{Databases as _, Dns as _, Keys as _, Vault as _};
use warmspare_decide::name::{KeyArn, Region};

use super::*;
use crate::replay::{KEY, Wire, query_error, s3_error};

/// Every attempt gets this answer.
fn always(status: u16, body: impl Into<Bytes>) -> Wire {
    Wire::default().keeps_saying(3, status, body)
}

fn is(fault: &Fault, hope: Hope, sentence: &str) {
    assert_eq!((fault.hope, fault.to_string().as_str()), (hope, sentence));
}

#[tokio::test]
async fn s3_says_no() {
    let wire = always(
        403,
        s3_error(
            "AccessDenied",
            "User: arn:aws:sts::123456789012:assumed-role/probe/probe is not authorized to \
             perform: s3:ListBucket.",
        ),
    );
    let fault = wire.live().list("plans/").await.unwrap_err();
    is(
        &fault,
        Hope::Permanent,
        "listing plans/: it answered AccessDenied: User: \
         arn:aws:sts::123456789012:assumed-role/probe/probe is not authorized to perform: \
         s3:ListBucket",
    );
    assert!(chain(&fault).count() > 1, "the cause is kept");
}

#[tokio::test]
async fn what_an_answer_leaves_behind_is_its_number() {
    let body = s3_error("AccessDenied", "no.");
    let wire = Wire::default().with(403, &[("x-amz-request-id", "4442587FB7D0A2F9")], body);
    let fault = wire.live().list("plans/").await.unwrap_err();
    let causes: Vec<String> = chain(&fault).skip(1).map(ToString::to_string).collect();
    assert_eq!(causes, ["AWS request id 4442587FB7D0A2F9"]);
}

#[tokio::test]
async fn s3_says_not_now_after_three_tries() {
    let wire = always(503, s3_error("SlowDown", "Please reduce your request rate."));
    let fault = wire.live().list("plans/").await.unwrap_err();
    is(
        &fault,
        Hope::Retryable,
        "listing plans/: it answered SlowDown: Please reduce your request rate",
    );
    assert_eq!(wire.sent().len(), 3);
}

/// FA7, FA11: of an environment that was frozen as well.
#[tokio::test]
async fn credentials_that_have_ended_are_renewed_by_the_next_invocation() {
    let wire = always(400, s3_error("ExpiredToken", "The provided token has expired."));
    let fault = wire.live().list("plans/").await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
}

#[tokio::test]
async fn a_503_without_a_code_is_a_place_that_is_gone() {
    let region = Region::parse("us-east-1").unwrap();
    for status in [502, 503, 504] {
        let wire = always(status, "<html>Bad Gateway</html>");
        let fault = wire.live().instance(&region, "controller-db").await.unwrap_err();
        assert_eq!(fault.hope, Hope::Unreachable, "{fault}");
        assert!(fault.why.starts_with(&format!("it answered {status}")), "{fault}");
    }
}

#[tokio::test]
async fn no_answer_at_all_is_unreachable_and_says_what_was_met() {
    let region = Region::parse("us-east-1").unwrap();
    // Two tries in a Region that is not our own.
    let wire = Wire::default().loses_the_answer().loses_the_answer();
    let fault = wire.live().instance(&region, "controller-db").await.unwrap_err();
    is(
        &fault,
        Hope::Unreachable,
        "looking at the database controller-db: nothing answered: connection reset by peer",
    );
    assert_eq!(wire.sent().len(), 2);
    let wire = Wire::default().answers_too_late().answers_too_late();
    let fault = wire.live().instance(&region, "controller-db").await.unwrap_err();
    is(
        &fault,
        Hope::Unreachable,
        "looking at the database controller-db: nothing answered: timed out",
    );
}

#[tokio::test]
async fn rds_is_busy_with_the_instance() {
    let wire = always(
        400,
        query_error(
            "InvalidDBInstanceState",
            "Instance controller-db-west is currently backing-up - promote it later.",
        ),
    );
    let region = Region::parse("us-west-2").unwrap();
    let fault = wire.live().promote(&region, "controller-db-west").await.unwrap_err();
    is(
        &fault,
        Hope::Retryable,
        "promoting the replica controller-db-west: it answered InvalidDBInstanceState: Instance \
         controller-db-west is currently backing-up - promote it later",
    );
}

#[tokio::test]
async fn kms_is_asked_too_often() {
    let wire = always(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    let fault = wire.live().key(&KeyArn::parse(KEY).unwrap()).await.unwrap_err();
    is(
        &fault,
        Hope::Retryable,
        &format!("looking at the key {KEY}: it answered ThrottlingException: Rate exceeded"),
    );
}

#[tokio::test]
async fn kms_failed() {
    let wire = always(500, r#"{"__type":"KMSInternalException","message":"try again"}"#);
    let fault = wire.live().key(&KeyArn::parse(KEY).unwrap()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
}

/// MiniStack's Route 53 answers a missing permission in JSON, where the SDK reads XML.
#[tokio::test]
async fn a_refusal_that_cannot_be_read_is_named_by_its_status() {
    let wire = always(403, r#"{"__type":"AccessDenied","message":"not authorized"}"#);
    let fault = wire.live().is_in_sync("C1").await.unwrap_err();
    is(
        &fault,
        Hope::Permanent,
        "looking at the change C1: it answered 403, and nothing that can be read",
    );
}

#[tokio::test]
async fn an_earlier_change_of_the_zone_is_not_finished() {
    let wire = always(
        400,
        query_error(
            "PriorRequestNotComplete",
            "The request was rejected because Route 53 was still processing a prior request.",
        ),
    );
    let fault = wire.live().change("Z1", &[]).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
}

#[test]
fn a_message_becomes_a_fragment_on_one_line() {
    assert_eq!(fragment("Rate exceeded.\n  Slow down.  "), "Rate exceeded. Slow down");
}

#[test]
fn the_chain_goes_through_what_an_io_error_carries() {
    let inner = std::io::Error::other("the root of it");
    let outer = std::io::Error::other(inner);
    assert_eq!(innermost(&outer), "the root of it");
}
