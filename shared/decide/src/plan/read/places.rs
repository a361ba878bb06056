//! The fields of the sites and of the records that lead to them.

use super::fields::{BASE_URL, SECRET, SECRET_NEEDED, TLS_PIN};
use super::shape::{Field, Kind, Names, Others, Shape, Shapes, needed, optional};
use super::text;

/// The status of an answer that means success when none is given.
pub(super) const EXPECT: u64 = 200;

/// How many instances an active site has when no number is given.
pub(super) const DESIRED: u64 = 1;

/// The most instances that a site may have.
const DESIRED_MAX: u64 = 1_000;

/// The media type of a call's body when none is given.
pub(super) const CONTENT_TYPE: &str = "application/json";

pub(super) static SITES: Shape = Shape {
    title: "[sites]",
    fields: &[],
    others: Some(&Others {
        names: Names::New { rule: &text::SITE, count: 2, noun: "sites, home first" },
        kind: Kind::Table(&SITE),
        doc: "A place where the system can live.",
    }),
};

static SITE: Shape = Shape::of(
    "a site",
    &[
        needed("region", Kind::Text(&text::REGION), "Where it is; not where the other site is."),
        needed(
            "appliance",
            Kind::Tagged { title: "an appliance", shapes: APPLIANCE_KINDS },
            "The appliance that runs there.",
        ),
        needed(
            "health",
            Kind::List {
                of: &Kind::Keyed { title: "a health check", shapes: CHECKS },
                min: 1,
                max: 10,
                noun: "health checks, such as [{ tcp = \"10.0.0.5:443\" }]",
            },
            "What tells whether it is healthy. Two checks that share a path count once.",
        ),
        optional(
            "capacity",
            Kind::Table(&CAPACITY),
            "What is started when it takes over, and ended when it is left: its instances' own disks go.",
        ),
    ],
);

static APPLIANCE_KINDS: Shapes = &[
    ("device42", &Shape::of("an appliance of kind device42", &[BASE_URL, SECRET_NEEDED, TLS_PIN])),
    ("aviatrix", &Shape::of("an appliance of kind aviatrix", &[BASE_URL, SECRET_NEEDED, TLS_PIN])),
    (
        "habitat-builder",
        &Shape::of("an appliance of kind habitat-builder", &[BASE_URL, SECRET, TLS_PIN]),
    ),
    ("http", &Shape::of("an appliance of kind http", HTTP_FIELDS)),
];

static HTTP_FIELDS: &[Field] = &[
    BASE_URL,
    SECRET,
    TLS_PIN,
    needed("promote", Kind::Table(&CALL), "Makes it production."),
    needed("fence", Kind::Table(&CALL), "Makes it standby."),
];

static CALL: Shape = Shape::of(
    "a call",
    &[
        needed("method", Kind::Word(&["GET", "POST", "PUT", "PATCH", "DELETE"]), "Of the request."),
        needed("path", Kind::Text(&text::HTTP_PATH), "Appended to the appliance's address."),
        optional("body", Kind::Text(&text::BODY), "Sent as it is; nothing by default."),
        optional(
            "content_type",
            Kind::Text(&text::CONTENT_TYPE),
            "Of the body; application/json by default.",
        ),
        EXPECTED,
    ],
);

const EXPECTED: Field = optional(
    "expect",
    Kind::Whole { min: 100, max: 599 },
    "The only status that means success; 200 by default.",
);

const PATH: Field = optional(
    "path",
    Kind::Text(&text::HEALTH_PATH),
    "On which the look travels; by default the host, or \"rds\".",
);

static CHECKS: Shapes = &[
    (
        "https",
        &Shape::of(
            "an https check",
            &[
                needed("https", Kind::Text(&text::URL), "Asked by one GET."),
                EXPECTED,
                TLS_PIN,
                PATH,
            ],
        ),
    ),
    (
        "tcp",
        &Shape::of(
            "a tcp check",
            &[needed("tcp", Kind::Text(&text::HOST_AND_PORT), "Should accept a connection."), PATH],
        ),
    ),
    (
        "replication",
        &Shape::of(
            "a replication check",
            &[
                needed(
                    "replication",
                    Kind::True,
                    "Whether the replica still receives, as RDS says.",
                ),
                PATH,
            ],
        ),
    ),
];

static CAPACITY: Shape = Shape::of(
    "a site's capacity",
    &[
        needed("asg", Kind::Text(&text::ASG), "An Auto Scaling group, by its desired capacity."),
        optional(
            "desired",
            Kind::Whole { min: 1, max: DESIRED_MAX },
            "How many instances it has while the site is active; 1 by default.",
        ),
    ],
);

pub(super) static DNS: Shape = Shape::of(
    "[dns]",
    &[
        needed(
            "zone",
            Kind::Text(&text::ZONE_ID),
            "The hosted zone of every record that names no other.",
        ),
        needed(
            "ttl",
            Kind::Whole { min: 1, max: 86_400 },
            "Time to live of the term's record, in seconds; records keep the one that they have.",
        ),
        optional(
            "method",
            Kind::Word(&["rewrite", "health-check"]),
            "Whether the records are rewritten (the default), or are failover pairs whose health check \
             is flipped.",
        ),
        optional(
            "health_check",
            Kind::Text(&text::HEALTH_CHECK),
            "The health check of the primary sets, in the method health-check; an output of system.yaml.",
        ),
        needed(
            "record",
            Kind::List {
                of: &Kind::Table(&RECORD),
                min: 1,
                max: 50,
                noun: "records, each headed [[dns.record]]",
            },
            "All of a zone move together.",
        ),
    ],
);

static RECORD: Shape = Shape {
    title: "[[dns.record]]",
    fields: &[
        needed("name", Kind::Text(&text::RECORD_NAME), "With or without the last dot."),
        needed("type", Kind::Word(&["A", "AAAA", "CNAME", "TXT"]), "What its values are."),
        optional(
            "set_identifier",
            Kind::Text(&text::SET_IDENTIFIER),
            "Which set, where Route 53 has several of this name and type: weighted, failover, latency.",
        ),
        optional("zone", Kind::Text(&text::ZONE_ID), "Its hosted zone, when it is another one."),
    ],
    others: Some(&Others {
        names: Names::Sites,
        kind: Kind::ListOrTable {
            list: &Kind::List {
                of: &Kind::Text(&text::RECORD_VALUE),
                min: 1,
                max: 20,
                noun: "values, such as [\"203.0.113.10\"]",
            },
            table: &ALIAS,
            example: "{ alias = \"lb.example.com\", zone = \"Z…\" }",
        },
        doc: "What it answers while the site of this name is active.",
    }),
};

static ALIAS: Shape = Shape::of(
    "an alias",
    &[
        needed("alias", Kind::Text(&text::RECORD_NAME), "The name whose answer it takes."),
        needed(
            "zone",
            Kind::Text(&text::ZONE_ID),
            "The hosted zone of that name; for a load balancer, the one of AWS's own.",
        ),
        optional(
            "evaluate",
            Kind::Truth,
            "Whether the answer depends on the health of that name; false by default.",
        ),
    ],
);
