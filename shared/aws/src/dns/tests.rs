use super::*;
use crate::replay::{Wire, query_error};

mod whole;

fn set(name: &str, kind: &str, value: &str) -> RecordSet {
    RecordSet::simple("Z1", name, kind, 60, vec![value.to_owned()])
}

fn listed(name: &str, kind: &str, rest: &str) -> String {
    format!("<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{rest}</ResourceRecordSet>")
}

fn a(value: &str) -> String {
    format!(
        "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord>\
         </ResourceRecords>"
    )
}

fn page(sets: &str, rest: &str) -> String {
    format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets>\
         <MaxItems>100</MaxItems>{rest}</ListResourceRecordSetsResponse>"
    )
}

const LAST: &str = "<IsTruncated>false</IsTruncated>";

#[tokio::test]
async fn one_batch_deletes_what_was_seen_and_creates_what_should_be() {
    let wire = Wire::default().says(
        200,
        "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>\
         <SubmittedAt>2026-11-21T11:30:00Z</SubmittedAt></ChangeInfo>\
         </ChangeResourceRecordSetsResponse>",
    );
    let batch = [
        Change::Delete(set("controller.example.com", "A", "203.0.113.10")),
        Change::Create(set("controller.example.com", "A", "203.0.113.20")),
        Change::Create(set("_warmspare.c.example.com", "TXT", "\"term=1\"")),
    ];
    let change_id = wire.live().change("Z1", &batch).await.unwrap();
    assert_eq!(change_id.as_deref(), Some("C1"));
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset");
    let set = |action: &str, name: &str, kind: &str, value: &str| {
        format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name>\
             <Type>{kind}</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
             <Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let changes = [
        set("DELETE", "controller.example.com", "A", "203.0.113.10"),
        set("CREATE", "controller.example.com", "A", "203.0.113.20"),
        set("CREATE", "_warmspare.c.example.com", "TXT", "&quot;term=1&quot;"),
    ]
    .concat();
    assert_eq!(
        sent.body,
        format!(
            "<ChangeResourceRecordSetsRequest \
             xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
             {changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        )
    );
    let authorization = sent.header("authorization").unwrap();
    assert!(authorization.contains("/us-east-1/route53/aws4_request"), "{authorization}");
}

/// In a list, as the documentation has it, and as one message, as MiniStack answers.
#[tokio::test]
async fn a_batch_that_came_too_late_changes_nothing_and_is_no_fault() {
    for body in [
        "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages>\
         <Message>Tried to delete resource record set [name='controller.example.com.', type='A'] \
         but the values provided do not match the current values</Message></Messages>\
         </InvalidChangeBatch>",
        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>Tried to \
         create resource record set _warmspare.c.example.com. type TXT but it already exists.\
         </Message></Error></ErrorResponse>",
        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>[Tried \
         to delete resource record set [name='controller.example.com.', type='A'] but it was not \
         found]</Message></Error></ErrorResponse>",
    ] {
        let wire = Wire::default().says(400, body);
        assert_eq!(wire.live().change("Z1", &[]).await.unwrap(), None, "{body}");
    }
}

#[tokio::test]
async fn a_batch_that_could_never_be_applied_is_a_fault() {
    let body = query_error(
        "InvalidChangeBatch",
        "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid \
         IPv4 address) encountered with 'x'']",
    );
    let wire = Wire::default().says(400, body);
    let fault = wire.live().change("Z1", &[]).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.starts_with("it answered InvalidChangeBatch: [Invalid Resource Record"));
}

#[tokio::test]
async fn records_are_found_by_name_and_type_and_nothing_that_follows_them() {
    let sets = listed("Controller.Example.com.", "A", &a("203.0.113.10"))
        + &listed("controller.example.com.", "AAAA", &a("2001:db8::1"))
        + &listed("other.example.com.", "A", &a("203.0.113.30"));
    let txt = listed("_warmspare.c.example.com.", "TXT", &a("\"term=1\""));
    let wire = Wire::default().says(200, page(&sets, LAST)).says(200, page(&txt, LAST));
    let names = [
        ("controller.example.com".to_owned(), "A".to_owned()),
        ("_warmspare.c.example.com".to_owned(), "TXT".to_owned()),
    ];
    assert_eq!(
        wire.live().records("Z1", &names).await.unwrap(),
        [
            set("controller.example.com", "A", "203.0.113.10"),
            set("_warmspare.c.example.com", "TXT", "\"term=1\""),
        ]
    );
    let first = &wire.sent()[0].line;
    assert!(first.contains("/2013-04-01/hostedzone/Z1/rrset?"), "{first}");
    assert!(first.contains("name=controller.example.com&type=A"), "{first}");
}

#[tokio::test]
async fn a_name_with_several_sets_is_read_over_all_its_pages() {
    let weighted = |identifier: &str| {
        format!(
            "<SetIdentifier>{identifier}</SetIdentifier><Weight>10</Weight>{}",
            a("203.0.113.10")
        )
    };
    let more = "<IsTruncated>true</IsTruncated><NextRecordName>x.example.com.</NextRecordName>\
                <NextRecordType>A</NextRecordType><NextRecordIdentifier>two</NextRecordIdentifier>";
    let wire = Wire::default()
        .says(200, page(&listed("x.example.com.", "A", &weighted("one")), more))
        .says(200, page(&listed("x.example.com.", "A", &weighted("two")), LAST));
    let names = [("x.example.com".to_owned(), "A".to_owned())];
    let found = wire.live().records("Z1", &names).await.unwrap();
    let identifiers: Vec<_> = found.iter().filter_map(RecordSet::identifier).collect();
    assert_eq!(identifiers, ["one", "two"]);
    assert!(wire.sent()[1].line.contains("identifier=two"), "{}", wire.sent()[1].line);
}

#[tokio::test]
async fn a_change_is_in_sync_when_route_53_says_so() {
    for (status, expected) in [("PENDING", Seen::Here(false)), ("INSYNC", Seen::Here(true))] {
        let body = format!(
            "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>{status}</Status>\
             <SubmittedAt>2026-11-21T11:30:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>"
        );
        let wire = Wire::default().says(200, body);
        assert_eq!(wire.live().is_in_sync("C1").await.unwrap(), expected);
        assert!(wire.only().line.ends_with("/2013-04-01/change/C1"));
    }
}

/// A control plane that was failed over may not know what its predecessor accepted.
#[tokio::test]
async fn a_change_that_route_53_does_not_know_is_absent_and_no_fault() {
    let wire = Wire::default().says(404, query_error("NoSuchChange", "Could not find resource"));
    assert_eq!(wire.live().is_in_sync("C1").await.unwrap(), Seen::Absent);
}

/// FF8: a request that is refused because there are too many is tried again, and then left to a later
/// turn; nothing else is sent in its place.
#[tokio::test]
async fn throttling_and_a_prior_request_are_tried_again() {
    let done = "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C2</Id>\
                <Status>PENDING</Status><SubmittedAt>2026-11-21T11:30:00Z</SubmittedAt>\
                </ChangeInfo></ChangeResourceRecordSetsResponse>";
    let batch = [Change::Create(set("_warmspare.c.example.com", "TXT", "\"term=1\""))];
    for code in ["Throttling", "PriorRequestNotComplete"] {
        let refusal = || query_error(code, "Rate exceeded");
        let wire = Wire::default().says(400, refusal()).says(200, done);
        let change_id = wire.live().change("Z1", &batch).await.unwrap();
        assert_eq!(change_id.as_deref(), Some("C2"), "{code}");
        let sent = wire.sent();
        assert_eq!((sent.len(), &sent[0].body), (2, &sent[1].body), "{code}");
        let wire = Wire::default().says(400, refusal()).says(400, refusal()).says(400, refusal());
        let fault = wire.live().change("Z1", &batch).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable, "{code}: {fault}");
    }
}

#[test]
fn names_go_there_and_back() {
    for (listed, name) in [
        ("Example.COM.", "example.com"),
        ("\\052.example.com.", "*.example.com"),
        ("a\\040b.example.com.", "a b.example.com"),
        ("odd\\x.example.com.", "odd\\x.example.com"),
        ("a\\056b.example.com.", "a\\056b.example.com"),
        ("a\\134052.example.com.", "a\\134052.example.com"),
    ] {
        assert_eq!(plain(listed), name);
    }
    for listed in ["a\\056b.example.com", "a\\134052.example.com", "\\303\\244.example.com"] {
        assert_eq!(escaped(&plain(listed)), listed);
    }
    assert_eq!(escaped("*.example.com"), "*.example.com");
    assert_eq!(escaped("_warmspare.c.example.com"), "_warmspare.c.example.com");
    assert_eq!(plain(&escaped("a b.example.com")), "a b.example.com");
}
