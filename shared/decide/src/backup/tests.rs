use super::*;
use crate::encryption::Own;
use crate::lock;
use crate::name::{SecretArn, SiteName, SourceName, SystemName};
use crate::plan::{
    Appliance, Backup, Check, Dns, Download, Endpoint, Failover, FenceDemand, From, Health, Keep,
    Method, Mode, Objectives, Quorum, Site, Source,
};

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn endpoint() -> Endpoint {
    Endpoint { url: "https://198.51.100.5/export".into(), secret: None, tls_pin: None }
}

fn download() -> Download {
    Download { endpoint: endpoint(), timeout_s: 60, bytes_max: 1 << 30 }
}

fn site(name: &str, region: &str) -> Site {
    let check = Check::Tcp { host: "198.51.100.5".into(), port: 443 };
    Site {
        name: SiteName::parse(name).unwrap(),
        region: Region::parse(region).unwrap(),
        appliance: Appliance::Device42(endpoint()),
        health: vec![Health { check, path: "internet".into() }],
        capacity: None,
    }
}

fn source(name: &str, from: From) -> Source {
    Source { name: SourceName::parse(name).unwrap(), from }
}

fn postgres() -> From {
    From::Postgres {
        host: "db.example.com".into(),
        port: 5432,
        database: "controller".into(),
        secret: SecretArn::parse("arn:aws:secretsmanager:us-west-2:111122223333:secret:db")
            .unwrap(),
        tls: true,
        packages: None,
    }
}

fn plan() -> Plan {
    Plan {
        system: SystemName::parse("controller").unwrap(),
        group: None,
        after: Vec::new(),
        objectives: Objectives { rpo_s: 86_400, rto_s: 900 },
        backup: Backup {
            keep: Keep::Overwrite,
            encryption: Choice::Key(KeyArn::parse(KEY).unwrap()),
            lock: None,
            sources: vec![source("config", From::Https(download())), source("db", postgres())],
            throttle: None,
        },
        database: None,
        home: site("east", "us-east-1"),
        away: site("west", "us-west-2"),
        dns: Dns { method: Method::Rewrite, ttl_s: 60, records: Vec::new() },
        failover: Failover {
            mode: Mode::Manual,
            fence: FenceDemand::Confirmed,
            signals: Quorum { down: 1, of: 1 },
            cooldown_s: 0,
            per_day: 1,
        },
    }
}

fn key() -> KeyFacts {
    KeyFacts { arn: KEY.into(), state: "Enabled".into(), deleted_at: None, encrypts: true }
}

fn calm() -> View {
    View {
        now: "2026-11-21T00:00:30Z".parse().unwrap(),
        region: Region::parse("us-west-2").unwrap(),
        has_object_lock: None,
        key: Some(Seen::Here(key())),
    }
}

fn stored() -> Next {
    Next::Store(Encryption::Key(KeyArn::parse(KEY).unwrap()).into())
}

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

fn answer(change: impl FnOnce(&mut Plan, &mut View)) -> Next {
    let (mut plan, mut view) = (plan(), calm());
    change(&mut plan, &mut view);
    next(&plan, slot(), &view)
}

fn sentence(change: impl FnOnce(&mut Plan, &mut View)) -> String {
    match answer(change) {
        Next::Refuse(refusal) => refusal.to_string(),
        other @ (Next::LookAtObjectLock
        | Next::LookAtKey(_)
        | Next::LookAtAwsS3
        | Next::Store(_)
        | Next::NotKnown(_)) => panic!("{other:?}"),
    }
}

#[test]
fn a_calm_backup_looks_at_its_key_and_then_stores() {
    let key = KeyArn::parse(KEY).unwrap();
    assert_eq!(answer(|_, view| view.key = None), Next::LookAtKey(key.clone()));
    assert_eq!(answer(|_, _| ()), Next::Store(Encryption::Key(key).into()));
}

/// A16: keys of S3's own are no keys to look at.
#[test]
fn without_a_key_of_kms_there_is_none_to_look_at() {
    for own in [Own::None, Own::Aes256] {
        let next = answer(|plan, view| {
            plan.backup.encryption = Choice::Own(own);
            view.key = None;
        });
        assert_eq!(next, Next::Store(Encryption::Own(own).into()));
    }
}

/// A16, FB5: the alias is looked up once, and its key is held to like any other.
#[test]
fn the_key_that_aws_manages_is_looked_up_and_pinned() {
    let managed = |key: Option<Seen<KeyFacts>>| {
        answer(|plan, view| {
            plan.backup.encryption = Choice::AwsS3;
            view.key = key;
        })
    };
    assert_eq!(managed(None), Next::LookAtAwsS3);
    let pinned = Next::Store(Encryption::AwsS3(KeyArn::parse(KEY).unwrap()).into());
    assert_eq!(managed(Some(Seen::Here(key()))), pinned);
    let disabled = KeyFacts { state: "Disabled".into(), ..key() };
    assert!(matches!(
        managed(Some(Seen::Here(disabled))),
        Next::Refuse(Refusal::KeyUnusable { .. })
    ));
    for seen in [
        Seen::Absent,
        Seen::Unknown("no answer".into()),
        Seen::Here(KeyFacts { arn: String::new(), ..key() }),
    ] {
        assert!(matches!(managed(Some(seen.clone())), Next::NotKnown(_)), "{seen:?}");
    }
}

/// FB7: what S3 would not take is refused before a byte is sent, with what was asked for.
#[test]
fn a_lock_that_the_vault_cannot_keep_is_refused() {
    let asked = Asked { mode: lock::Mode::Compliance, days: 30 };
    let locked = |has: Option<bool>| {
        answer(|plan, view| {
            plan.backup.lock = Some(asked);
            view.has_object_lock = has;
        })
    };
    assert_eq!(locked(None), Next::LookAtObjectLock);
    let refusal = Refusal::NoObjectLock { mode: lock::Mode::Compliance, days: 30 };
    assert_eq!(locked(Some(false)), Next::Refuse(refusal));
    let encryption = Encryption::Key(KeyArn::parse(KEY).unwrap());
    let lock = Some(asked.lock(slot()));
    assert_eq!(locked(Some(true)), Next::Store(Protection { encryption, lock }));
    // A plan that asks for none does not mind.
    assert_eq!(answer(|_, view| view.has_object_lock = Some(false)), stored());
}

/// A17, A18, FB5: the key is judged before a byte is sent.
#[test]
fn a_key_that_cannot_protect_a_backup_is_refused_with_the_reason() {
    let key_is = |change: fn(&mut KeyFacts)| {
        sentence(move |_, view| {
            let mut facts = key();
            change(&mut facts);
            view.key = Some(Seen::Here(facts));
        })
    };
    let table = [
        (key_is(|key| key.state = "Disabled".into()), "it is Disabled and not Enabled"),
        (
            key_is(|key| {
                key.state = "PendingDeletion".into();
                key.deleted_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
            }),
            "it is PendingDeletion and will be deleted at 2026-12-01T00:00:00Z",
        ),
        (key_is(|key| key.encrypts = false), "it is not a symmetric key"),
        (
            key_is(|key| key.arn = KEY.replace("1234abcd", "99999999")),
            "it stands for another one: KMS answers with arn:aws:kms:us-west-2:111122223333:key/9999",
        ),
        (sentence(|_, view| view.key = Some(Seen::Absent)), "it does not exist"),
    ];
    for (sentence, part) in table {
        assert!(sentence.contains(part), "{sentence} has no {part}");
        assert!(sentence.contains(KEY), "{sentence} does not name the key");
    }
}

#[test]
fn a_key_in_another_region_is_refused_without_asking_kms() {
    let refusal = answer(|_, view| {
        view.key = None;
        view.region = Region::parse("eu-central-1").unwrap();
    });
    assert_eq!(
        refusal,
        Next::Refuse(Refusal::KeyElsewhere {
            key_arn: KeyArn::parse(KEY).unwrap(),
            found: "us-west-2".into(),
            wanted: Region::parse("eu-central-1").unwrap(),
        })
    );
}

/// A key that nobody could look at is neither good nor bad: it may be fine in a minute.
#[test]
fn an_unknown_key_is_neither_used_nor_refused() {
    let unknown = answer(|_, view| view.key = Some(Seen::Unknown("KMS did not answer".into())));
    assert_eq!(unknown, Next::NotKnown("KMS did not answer".into()));
}

#[test]
fn a_slot_is_backed_up_while_it_is_near() {
    let off = |off_s: i64| {
        answer(move |_, view| {
            view.now = slot().instant() + jiff::SignedDuration::from_secs(off_s);
        })
    };
    let far =
        |off_s, off_s_max| Next::Refuse(Refusal::SlotFarFromNow { slot: slot(), off_s, off_s_max });
    assert_eq!(off(86_400), stored());
    assert_eq!(off(86_401), far(86_401, 86_400));
    assert_eq!(off(-300), stored());
    assert_eq!(off(-301), far(301, 300));
}

#[test]
fn a_slot_at_the_ends_of_time_is_refused_and_not_a_crash() {
    for slot in [Slot::of(Timestamp::MIN), Slot::of(Timestamp::MAX)] {
        assert!(far_from_now(slot, calm().now).unwrap().to_string().contains("away from now"));
    }
}

/// Two clocks may differ by five minutes, and a run lives for fifteen.
#[test]
fn a_backup_is_after_an_instant_once_no_run_of_before_can_be_at_work() {
    let slot = Slot::parse("2026-11-20T00-20-00Z").unwrap();
    for (at, is_after) in [
        ("2026-11-19T23:59:59Z", true),
        ("2026-11-20T00:00:00Z", false),
        ("2026-11-20T00:20:00Z", false),
        ("2026-11-21T00:00:00Z", false),
    ] {
        assert_eq!(is_all_after(slot, at.parse().unwrap()), is_after, "{at}");
    }
}
