//! Every field of a plan, declared once: its name, what it may hold, and a sentence for editors.
//! The sites and the records are in `places`.

use super::places::{DNS, SITES};
use super::shape::{Field, Kind, Shape, Shapes, needed, optional};
use super::text;

/// The port of a `postgres` source when none is given.
pub(super) const POSTGRES_PORT: u64 = 5432;

const DAY_S: u64 = 86_400;

/// The most of a lag that a replica may be allowed.
const LAG_S_MAX: u64 = 7 * DAY_S;

pub(in crate::plan) static PLAN: Shape = Shape::of(
    "a plan",
    &[
        needed("system", Kind::Text(&text::SYSTEM), "What is protected; also a part of every key."),
        optional(
            "group",
            Kind::Text(&text::GROUP),
            "Systems of one group that are failed over together have their records moved together.",
        ),
        optional(
            "after",
            Kind::List {
                of: &Kind::Text(&text::SYSTEM),
                min: 1,
                max: 20,
                noun: "systems, such as [\"database\"]",
            },
            "Nothing is promoted while one of these systems is being failed over.",
        ),
        needed("objectives", Kind::Table(&OBJECTIVES), "What was promised about data and time."),
        needed("backup", Kind::Table(&BACKUP), "What is backed up, and how."),
        optional(
            "database",
            Kind::Tagged { title: "[database]", shapes: DATABASE_KINDS },
            "The database that moves with the system.",
        ),
        needed("sites", Kind::Table(&SITES), "The two places; the first one in the text is home."),
        needed("dns", Kind::Table(&DNS), "The records that lead to the active site."),
        needed("failover", Kind::Table(&FAILOVER), "When and how the system may be failed over."),
    ],
);

static OBJECTIVES: Shape = Shape::of(
    "[objectives]",
    &[
        needed(
            "rpo",
            Kind::Duration { s_min: 1, s_max: 366 * DAY_S },
            "A failover to data older than this is refused, unless acknowledged.",
        ),
        needed(
            "rto",
            Kind::Duration { s_min: 1, s_max: 30 * DAY_S },
            "How long the system may be away; measured and reported for every failover.",
        ),
    ],
);

static BACKUP: Shape = Shape::of(
    "[backup]",
    &[
        needed(
            "keep",
            Kind::WholeOr { min: 1, max: 1000, word: "overwrite", shape: &CALENDAR },
            "How many verified backups stay; \"overwrite\" keeps one. The newest always does.",
        ),
        optional(
            "kms_key",
            Kind::Text(&text::KEY_ARN),
            "The key under which every object is encrypted; it lives in the standby's Region.",
        ),
        optional(
            "encryption",
            Kind::Word(&["none", "aes256", "aws/s3"]),
            "Instead of kms_key: keys of S3's own, asked for (aes256) or not (none, which is warned \
             about), or the key that AWS manages for S3.",
        ),
        optional("lock", Kind::Table(&LOCK), "For how long nobody can delete a backup."),
        needed(
            "source",
            Kind::List {
                of: &Kind::Table(&SOURCE),
                min: 1,
                max: 20,
                noun: "sources, each headed [[backup.source]]",
            },
            "What a backup reads, in this order: metadata first, artifacts last.",
        ),
        optional("throttle", Kind::Table(&THROTTLE), "How fast a backup may be sent, and when."),
    ],
);

/// S3 keeps a lock for a hundred years at most.
static LOCK: Shape = Shape::of(
    "backup.lock",
    &[
        needed(
            "mode",
            Kind::Word(&["governance", "compliance"]),
            "Who may take it away: whoever has a permission of its own, or nobody at all.",
        ),
        needed(
            "days",
            Kind::Whole { min: 1, max: 36_500 },
            "For so many days at least; not fewer than keep keeps a backup.",
        ),
    ],
);

static SOURCE: Shape = Shape::of(
    "[[backup.source]]",
    &[
        needed("name", Kind::Text(&text::SOURCE), "Also the last part of the object's key."),
        needed(
            "from",
            Kind::Tagged { title: "what a source is read from", shapes: FROM_KINDS },
            "Where it is read from.",
        ),
    ],
);

static FROM_KINDS: Shapes = &[
    ("https", &Shape::of("a source of kind https", HTTPS_FIELDS)),
    ("s3", &Shape::of("a source of kind s3", S3_FIELDS)),
    ("postgres", &Shape::of("a source of kind postgres", POSTGRES_FIELDS)),
    ("aviatrix", &Shape::of("a source of kind aviatrix", AVIATRIX_FIELDS)),
    ("upload", &Shape::of("a source of kind upload", &[])),
];

static HTTPS_FIELDS: &[Field] = &[
    URL,
    SECRET,
    TLS_PIN,
    optional(
        "timeout",
        // A run has 15 minutes, and what comes has to be read in it.
        Kind::Duration { s_min: 1, s_max: 14 * 60 },
        "How long it may say nothing, before its answer begins and within it; 60s by default.",
    ),
    optional(
        "max_bytes",
        Kind::Whole { min: 1, max: 1 << 40 },
        "A longer answer is refused; 68719476736 (64 GiB) by default.",
    ),
];

static CALENDAR: Shape = Shape::of(
    "backup.keep",
    &[
        optional("last", Kind::Whole { min: 1, max: 1000 }, "The newest so many."),
        optional("daily", Kind::Whole { min: 1, max: 366 }, "The newest of so many days."),
        optional("weekly", Kind::Whole { min: 1, max: 520 }, "The same of weeks, from Monday."),
        optional("monthly", Kind::Whole { min: 1, max: 240 }, "The same of months."),
        optional("yearly", Kind::Whole { min: 1, max: 100 }, "The same of years."),
        optional("timezone", Kind::Text(&text::TIME_ZONE), "Where days begin; UTC by default."),
    ],
);

const URL: Field = needed("url", Kind::Text(&text::URL), "Read by one GET.");
pub(super) const BASE_URL: Field =
    needed("url", Kind::Text(&text::BASE_URL), "What every call's path is appended to.");
pub(super) const SECRET: Field = optional(
    "secret",
    Kind::Text(&text::SECRET_ARN),
    "Holds {\"username\": …, \"password\": …}, sent as HTTP basic authentication.",
);
pub(super) const SECRET_NEEDED: Field =
    needed("secret", Kind::Text(&text::SECRET_ARN), "Holds {\"username\": …, \"password\": …}.");
pub(super) const TLS_PIN: Field = optional(
    "tls_pin",
    Kind::Text(&text::PIN),
    "The only public key that is believed; without it, the usual authorities are.",
);

static S3_FIELDS: &[Field] = &[
    optional("endpoint", Kind::Text(&text::BASE_URL), "The store's address, when it is not AWS."),
    needed("bucket", Kind::Text(&text::BUCKET), "The bucket that is read."),
    optional("prefix", Kind::Text(&text::KEY_PREFIX), "Only keys that start so; all by default."),
    optional(
        "secret",
        Kind::Text(&text::SECRET_ARN),
        "Holds {\"access_key_id\": …, \"secret_access_key\": …}; without it, the function's own role asks.",
    ),
    optional(
        "region",
        Kind::Text(&text::REGION),
        "What requests are signed for; the vault's by default, and us-east-1 with an endpoint.",
    ),
    TLS_PIN,
];

static AVIATRIX_FIELDS: &[Field] = &[
    BASE_URL,
    SECRET_NEEDED,
    TLS_PIN,
    needed("bucket", Kind::Text(&text::BUCKET), "The bucket that the controller writes to."),
    needed("region", Kind::Text(&text::REGION), "The Region of that bucket."),
    optional(
        "prefix",
        Kind::Text(&text::KEY_PREFIX),
        "What stands before the names of its files; the root of the bucket by default.",
    ),
    optional(
        "owner",
        Kind::Text(&text::ACCOUNT),
        "The AWS account that owns the bucket; the vault's by default.",
    ),
    optional(
        "private_ip",
        Kind::Text(&text::IPV4),
        "The private address that its files are named by; needed where two controllers share the \
         bucket.",
    ),
    optional(
        "account",
        Kind::Text(&text::AVIATRIX_ACCOUNT),
        "The controller's access account; with it, a backup that is switched off is enabled.",
    ),
];

static POSTGRES_FIELDS: &[Field] = &[
    needed("host", Kind::Text(&text::HOST), "The server."),
    optional("port", Kind::Whole { min: 1, max: 65_535 }, "Its port; 5432 by default."),
    needed("database", Kind::Text(&text::POSTGRES_DATABASE), "Dumped by pg_dump -Fc."),
    SECRET_NEEDED,
    optional(
        "tls",
        Kind::Truth,
        "Whether the connection is encrypted and its certificate verified; true by default, and \
         false only for a loopback host.",
    ),
    optional(
        "packages",
        Kind::Table(&PACKAGES),
        "For a package builder's database: each backup is looked through for rows without an artifact.",
    ),
];

static PACKAGES: Shape = Shape::of(
    "packages",
    &[
        needed(
            "artifacts",
            Kind::Text(&text::SOURCE),
            "The later source of kind s3 that has them.",
        ),
        needed("url", Kind::Text(&text::BUILDER_URL), "Where `hab pkg upload` brings them."),
    ],
);

static THROTTLE: Shape = Shape::of(
    "[backup.throttle]",
    &[
        needed("timezone", Kind::Text(&text::TIME_ZONE), "Where the intervals' clock hangs."),
        needed(
            "interval",
            Kind::List {
                of: &Kind::Table(&INTERVAL),
                min: 1,
                max: 20,
                noun: "intervals, each headed [[backup.throttle.interval]]",
            },
            "Weekly; at most 20 once they are split at midnight in UTC. No limit between them.",
        ),
    ],
);

static INTERVAL: Shape = Shape::of(
    "[[backup.throttle.interval]]",
    &[
        needed(
            "days",
            Kind::List {
                of: &Kind::Word(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
                min: 1,
                max: 7,
                noun: "days, such as [\"mon\", \"tue\"]",
            },
            "The days on which it starts.",
        ),
        needed("start", Kind::Text(&text::MINUTE), "From the start of this minute."),
        needed(
            "end",
            Kind::Text(&text::MINUTE),
            "To the end of this minute; on the next day when it is earlier than the start.",
        ),
        needed("mbps", Kind::Megabits, "Megabits per second, averaged over each second."),
    ],
);

static DATABASE_KINDS: Shapes = &[
    (
        "rds",
        &Shape::of(
            "a database of kind rds",
            &[DB_SOURCE, DB_REGION, DB_REPLICA_OR_NONE, RESTORED, LAG_MAX, EXPORTED],
        ),
    ),
    (
        "aurora-global",
        &Shape::of(
            "a database of kind aurora-global",
            &[GLOBAL_CLUSTER, DB_SOURCE, DB_REGION, DB_REPLICA, LAG_MAX, EXPORTED],
        ),
    ),
];

const GLOBAL_CLUSTER: Field = needed(
    "global_cluster",
    Kind::Text(&text::RDS_IDENTIFIER),
    "The Aurora global database that both clusters are members of.",
);

const DB_SOURCE: Field = needed(
    "source",
    Kind::Text(&text::RDS_IDENTIFIER),
    "The writer at home: an instance, or a cluster of a global database.",
);

const DB_REGION: Field =
    needed("region", Kind::Text(&text::REGION), "The Region of the source: home's.");

const DB_REPLICA: Field = needed(
    "replica",
    Kind::Text(&text::RDS_IDENTIFIER),
    "The replica at the other site: an instance, or a cluster of a global database.",
);

const DB_REPLICA_OR_NONE: Field =
    optional("replica", Kind::Text(&text::RDS_IDENTIFIER), "The replica at the other site.");

const RESTORED: Field = optional(
    "restore",
    Kind::Table(&RESTORE),
    "Instead of a replica: what the newest copied snapshot is restored as. It costs nothing until \
     then, takes longer, and loses what is newer than the snapshot.",
);

const LAG_MAX: Field = needed(
    "lag_max",
    Kind::Duration { s_min: 1, s_max: LAG_S_MAX },
    "The most that a replica may be behind when it is promoted; no more than the RPO.",
);

const EXPORTED: Field = optional(
    "export",
    Kind::Table(&EXPORT),
    "How snapshots are exported to Parquet, for analysis: never a recovery copy.",
);

static RESTORE: Shape = Shape::of(
    "database.restore",
    &[
        needed("instance", Kind::Text(&text::RDS_IDENTIFIER), "The instance at the other site."),
        needed("class", Kind::Text(&text::RDS_CLASS), "Its class."),
        needed("subnet_group", Kind::Text(&text::RDS_GROUP), "Its subnet group at that site."),
        needed(
            "security_groups",
            Kind::List {
                of: &Kind::Text(&text::SECURITY_GROUP),
                min: 1,
                max: 20,
                noun: "security groups, such as [\"sg-0123456789abcdef0\"]",
            },
            "The VPC security groups that let its clients in.",
        ),
        optional(
            "parameter_group",
            Kind::Text(&text::RDS_GROUP),
            "Its parameter group at that site; the engine's default without.",
        ),
        optional(
            "multi_az",
            Kind::Truth,
            "Whether it gets a standby of its own; false by default.",
        ),
    ],
);

static EXPORT: Shape = Shape::of(
    "database.export",
    &[
        needed("role", Kind::Text(&text::ROLE_ARN), "The role that RDS takes on to write files."),
        needed("prefix", Kind::Text(&text::EXPORT_PREFIX), "Where in the vault they go."),
    ],
);

static FAILOVER: Shape = Shape::of(
    "[failover]",
    &[
        needed(
            "mode",
            Kind::Word(&["automatic", "approve", "manual"]),
            "Who decides: the alarm, the alarm once an operator agreed, or only an operator.",
        ),
        needed(
            "fence",
            Kind::Word(&["confirmed", "attempted"]),
            "How sure the fence has to be; \"attempted\" goes on when the lost site cannot be \
             reached by any path, and keeps the debt.",
        ),
        needed("signals", Kind::Table(&SIGNALS), "How many signals must say that a site is down."),
        needed(
            "cooldown",
            // No invocation lives for longer than 15 minutes, so that nothing that an older failover
            // sent on its way can still arrive when the next one begins.
            Kind::Duration { s_min: 15 * 60, s_max: 30 * DAY_S },
            "Counted from the end of the last failover.",
        ),
        needed("per_day", Kind::Whole { min: 1, max: 24 }, "The most failovers in 24 hours."),
    ],
);

static SIGNALS: Shape = Shape::of(
    "failover.signals",
    &[
        needed("down", Kind::Whole { min: 1, max: 10 }, "At least so many must say down."),
        needed(
            "of",
            Kind::Whole { min: 1, max: 10 },
            "Of so many on independent paths; each site has at least as many.",
        ),
    ],
);
