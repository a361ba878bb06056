use super::*;
use crate::encryption::{Encryption, Word};
use crate::lock::{Lock, Mode};
use crate::manifest::{FORMAT, FORMAT_WITH_ENCRYPTION, FORMAT_WITH_LOCK};
use crate::name::{SiteName, SourceName, Term};

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab";

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

fn sums(n: u64) -> Sums {
    Sums { size_bytes: n, sha256: format!("{n:064x}"), crc64nvme: format!("crc{n}") }
}

fn key() -> KeyFacts {
    KeyFacts { arn: KEY.into(), state: "Enabled".into(), deleted_at: None, encrypts: true }
}

fn facts(n: u64) -> ObjectFacts {
    ObjectFacts {
        version_id: format!("v{n}"),
        etag: format!("e{n}"),
        size_bytes: n,
        algorithm: Some("aws:kms".into()),
        key_arn: Some(KEY.into()),
        crc64nvme: Some(format!("crc{n}")),
        checksum_type: Some("FULL_OBJECT".into()),
        slot: None,
        written_at: None,
        mark: None,
        lock: None,
    }
}

/// A backup of two objects of 1 and 2 bytes, all of it proven.
fn calm() -> View {
    let system = SystemName::parse("controller").unwrap();
    let stored = |n: u64, source: &str| {
        let source = SourceName::parse(source).unwrap();
        let key = vault::object(&system, slot(), &source);
        Stored {
            source,
            key,
            version_id: format!("v{n}"),
            sums: sums(n),
            upload: None,
            inventory: None,
        }
    };
    let objects = vec![stored(1, "config"), stored(2, "db")];
    let mut listed: Vec<String> = objects.iter().map(|stored| stored.key.clone()).collect();
    listed.push(vault::manifest(&system, slot()));
    View {
        slot: slot(),
        region: Region::parse("us-west-2").unwrap(),
        manifest: Manifest {
            format: FORMAT,
            system: system.clone(),
            slot: slot(),
            site: SiteName::parse("east").unwrap(),
            term: Term(0),
            plan_version: "p1".into(),
            key_arn: Some(KeyArn::parse(KEY).unwrap()),
            encryption: None,
            lock: None,
            stored_at: "2026-11-21T00:00:30Z".parse().unwrap(),
            objects,
        },
        system,
        key: Some(Seen::Here(key())),
        commit: None,
        listed: Seen::Here(listed),
        objects: [1, 2]
            .map(|n| ObjectView { facts: Seen::Here(facts(n)), read: Seen::Here(sums(n)) })
            .to_vec(),
    }
}

fn judged(change: impl FnOnce(&mut View)) -> Verdict {
    let mut view = calm();
    change(&mut view);
    verdict(&view)
}

/// The only finding of a view that differs from a calm one by this change.
fn finding(change: impl FnOnce(&mut View)) -> String {
    match judged(change) {
        Verdict::Rejected(checked) => {
            let all: Vec<String> = checked
                .iter()
                .flat_map(|checked| {
                    checked.findings.iter().map(|f| format!("{}: {f}", checked.key))
                })
                .collect();
            assert_eq!(all.len(), 1, "{all:?}");
            all.concat()
        }
        other @ (Verdict::Proven(_) | Verdict::Unreadable(_) | Verdict::NotKnown(_)) => {
            panic!("{other:?}")
        }
    }
}

fn finding_in_facts(change: impl FnOnce(&mut ObjectFacts)) -> String {
    finding(|view| {
        let mut found = facts(1);
        change(&mut found);
        view.objects[0].facts = Seen::Here(found);
    })
}

fn finding_in_read(change: impl FnOnce(&mut Sums)) -> String {
    finding(|view| {
        let mut found = sums(1);
        change(&mut found);
        view.objects[0].read = Seen::Here(found);
    })
}

fn assert_all(table: &[(String, &str)]) {
    for (sentence, part) in table {
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
}

#[test]
fn a_calm_backup_is_proven_with_a_verdict_per_object() {
    let Verdict::Proven(checked) = judged(|_| ()) else { panic!() };
    let keys: Vec<&str> = checked.iter().map(|checked| checked.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "backups/controller/2026-11-21T00-00-00Z/manifest.json",
            "backups/controller/2026-11-21T00-00-00Z/config",
            "backups/controller/2026-11-21T00-00-00Z/db",
        ]
    );
}

/// FB6, FV5: what S3 says of an object is held against what was asked for.
#[test]
fn each_thing_that_s3_says_and_should_not_is_a_finding() {
    assert_all(&[
        (
            finding_in_facts(|f| f.key_arn = Some(OTHER.into())),
            "it is encrypted under arn:aws:kms:us-west-2:111122223333:key/99999999-12ab-34cd-56ef-\
             1234567890ab, not under arn:aws:kms:us-west-2:111122223333:key/1234abcd",
        ),
        (finding_in_facts(|f| f.key_arn = None), "it is encrypted under no key that S3 names"),
        (
            finding_in_facts(|f| f.algorithm = Some("AES256".into())),
            "it is encrypted with AES256, not with aws:kms",
        ),
        (finding_in_facts(|f| f.algorithm = None), "S3 does not say that it is encrypted"),
        (finding_in_facts(|f| f.size_bytes = 9), "it has 9 bytes, and its source gave 1"),
        (
            finding_in_facts(|f| f.crc64nvme = Some("crc9".into())),
            "its CRC-64/NVME at S3 is crc9, and that of its source was crc1",
        ),
        (finding_in_facts(|f| f.crc64nvme = None), "S3 keeps no CRC-64/NVME of it"),
        (
            finding_in_facts(|f| f.checksum_type = Some("COMPOSITE".into())),
            "its checksum at S3 is COMPOSITE, not FULL_OBJECT",
        ),
        (finding_in_facts(|f| f.checksum_type = None), "S3 does not say what its checksum covers"),
        (
            finding_in_facts(|f| f.version_id = "v9".into()),
            "it was written over: it is at version v9, and the manifest means v1",
        ),
    ]);
}

/// FV1, FV2: what was read back is held against what the source gave.
#[test]
fn each_difference_in_what_was_read_back_is_a_finding() {
    assert_all(&[
        (
            finding_in_read(|s| s.size_bytes = 0),
            "0 bytes of it were read back, and its source gave 1",
        ),
        (
            finding_in_read(|s| s.sha256 = "00".into()),
            "its SHA-256 when read back is 00, and that of",
        ),
        (finding_in_read(|s| s.crc64nvme = "x".into()), "its CRC-64/NVME when read back is x, and"),
    ]);
}

/// FV6, FB5: a key that is going away makes every backup under it worthless.
#[test]
fn each_thing_that_is_wrong_with_the_key_is_a_finding() {
    let key_is = |change: fn(&mut KeyFacts)| {
        finding(move |view| {
            let mut facts = key();
            change(&mut facts);
            view.key = Some(Seen::Here(facts));
        })
    };
    assert_all(&[
        (key_is(|key| key.arn = OTHER.into()), "stands for another one"),
        (finding(|view| view.key = Some(Seen::Absent)), "does not exist"),
        (
            finding(|view| view.region = Region::parse("eu-west-1").unwrap()),
            "is in us-west-2, and the vault is in eu-west-1",
        ),
    ]);
}

/// FV4: the manifest's own place, and both sides of the records.
#[test]
fn records_and_objects_have_to_match_one_to_one() {
    let stray = "backups/controller/2026-11-21T00-00-00Z/stray";
    assert_all(&[
        (
            finding(|view| view.manifest.slot = Slot::parse("2026-11-20T00-00-00Z").unwrap()),
            "it says that it is of controller, 2026-11-20T00-00-00Z, and it lies at controller,",
        ),
        (
            finding(|view| view.manifest.system = SystemName::parse("other").unwrap()),
            "it says that it is of other, 2026-11-21T00-00-00Z",
        ),
        (
            finding(|view| view.manifest.format = 2),
            "it says that it is of format 2, and its records are 1",
        ),
        (
            finding(|view| {
                view.listed = view.listed.clone().map(|mut keys| {
                    keys.push(stray.into());
                    keys
                });
            }),
            "backups/controller/2026-11-21T00-00-00Z/stray: the manifest has no record of it",
        ),
        (
            finding(|view| view.objects[1].facts = Seen::Absent),
            "2026-11-21T00-00-00Z/db: the manifest records it, and it is not there",
        ),
        (
            finding(|view| view.manifest.objects[1].source = SourceName::parse("more").unwrap()),
            "it is recorded as more, whose place is backups/controller/2026-11-21T00-00-00Z/more",
        ),
        (
            finding(|view| {
                view.manifest.objects.push(view.manifest.objects[0].clone());
                view.objects.push(view.objects[0].clone());
            }),
            "backups/controller/2026-11-21T00-00-00Z/config: it is recorded twice",
        ),
        (
            finding(|view| {
                view.manifest.objects.clear();
                view.listed = Seen::Here(Vec::new());
            }),
            "it records nothing",
        ),
    ]);
}

/// A15-A18: each way is held to itself, and a manifest that says none of them proves nothing.
#[test]
fn each_way_of_encryption_is_held_to_exactly_itself() {
    let table = [
        (None, Some(Word::None), "AES256", None),
        (None, Some(Word::Aes256), "AES256", None),
        (Some(KEY), Some(Word::AwsS3), "aws:kms", Some(KEY)),
    ];
    for (key_arn, word, algorithm, found) in table {
        let change = |view: &mut View| {
            view.manifest.format = FORMAT_WITH_ENCRYPTION;
            view.manifest.key_arn = key_arn.map(|arn| KeyArn::parse(arn).unwrap());
            view.manifest.encryption = word;
            view.key = key_arn.map(|_| Seen::Here(key()));
            for object in &mut view.objects {
                let mut facts = facts(1);
                if let Seen::Here(seen) = &object.facts {
                    facts = seen.clone();
                }
                facts.algorithm = Some(algorithm.to_owned());
                facts.key_arn = found.map(str::to_owned);
                object.facts = Seen::Here(facts);
            }
        };
        let mut view = calm();
        change(&mut view);
        assert!(matches!(verdict(&view), Verdict::Proven(_)), "{word:?}: {:?}", verdict(&view));
        view.manifest.format = FORMAT;
        assert!(matches!(verdict(&view), Verdict::Rejected(_)), "{word:?} in format 1");
        let mut other = calm();
        change(&mut other);
        other.objects[0].facts = calm().objects[0].facts.clone();
        let is_kms = algorithm == "aws:kms";
        assert_eq!(matches!(verdict(&other), Verdict::Proven(_)), is_kms, "{word:?}");
    }
    let unsaid = judged(|view| view.manifest.key_arn = None);
    let Verdict::Rejected(checked) = unsaid else { panic!("{unsaid:?}") };
    assert_eq!(checked[0].findings, ["it does not say how its objects were to be encrypted"]);
}

/// What S3 says of a lock, of the objects and of the manifest, is held against what the manifest pins.
#[test]
fn a_lock_that_is_missing_or_less_than_pinned_is_a_finding() {
    let until = "2026-12-22T00:00:00Z".parse().unwrap();
    let found = Locked { mode: "GOVERNANCE".into(), until: Some(until) };
    let locked = |change: fn(&mut View)| {
        judged(|view| {
            view.manifest.lock = Some(Lock { mode: Mode::Governance, until });
            view.manifest.format = FORMAT_WITH_LOCK;
            for object in &mut view.objects {
                if let Seen::Here(facts) = &mut object.facts {
                    facts.lock = Some(found.clone());
                }
            }
            view.commit = Some(Seen::Here(ObjectFacts { lock: Some(found.clone()), ..facts(1) }));
            change(view);
        })
    };
    assert!(matches!(locked(|_| ()), Verdict::Proven(_)), "{:?}", locked(|_| ()));
    let less: [fn(&mut View); 3] = [
        |view| view.objects[1].facts = calm().objects[1].facts.clone(),
        |view| view.commit = Some(calm().objects[0].facts.clone()),
        |view| view.commit = Some(Seen::Absent),
    ];
    for change in less {
        assert!(matches!(locked(change), Verdict::Rejected(_)));
    }
    let unseen: [fn(&mut View); 2] =
        [|view| view.commit = None, |view| view.commit = Some(Seen::Unknown("no answer".into()))];
    for change in unseen {
        assert!(matches!(locked(change), Verdict::NotKnown(_)));
    }
}

#[test]
fn what_is_not_known_is_neither_proven_nor_rejected() {
    let looks: [fn(&mut View); 7] = [
        |view| view.key = None,
        |view| view.key = Some(Seen::Unknown("no answer".into())),
        |view| view.listed = Seen::Unknown("no answer".into()),
        |view| view.listed = Seen::Absent,
        |view| view.objects[0].facts = Seen::Unknown("no answer".into()),
        |view| view.objects[1].read = Seen::Unknown("no answer".into()),
        |view| view.objects.truncate(1),
    ];
    for look in looks {
        assert!(matches!(judged(look), Verdict::NotKnown(_)), "{:?}", judged(look));
    }
}

/// FV6: what somebody can give back is no verdict, and what nobody can is one.
#[test]
fn a_key_that_may_come_back_leaves_the_backup_unreadable_and_unjudged() {
    let at = || Some("2026-12-01T00:00:00Z".parse().unwrap());
    let outages = [
        ("Disabled", None, "is Disabled and not Enabled"),
        ("PendingDeletion", at(), "is PendingDeletion and will be deleted at 2026-12-01T00:00:00Z"),
        ("PendingImport", None, "is PendingImport and not Enabled"),
        ("Unavailable", None, "is Unavailable and not Enabled"),
    ];
    for (state, deleted_at, clause) in outages {
        let lost = |view: &mut View| {
            view.key = Some(Seen::Here(KeyFacts { state: state.into(), deleted_at, ..key() }));
            for object in &mut view.objects {
                object.facts = Seen::Unknown("S3 answered 400".into());
                object.read = Seen::Unknown("it was not read back yet".into());
            }
        };
        let wanted = Verdict::Unreadable(format!("its key {KEY} {clause}"));
        assert_eq!(judged(lost), wanted);
        let also_missing = judged(|view| {
            lost(view);
            view.objects[1].facts = Seen::Absent;
        });
        assert!(matches!(also_missing, Verdict::Rejected(_)), "{also_missing:?}");
    }
}

#[test]
fn one_certain_finding_rejects_whatever_is_not_known() {
    let verdict = judged(|view| {
        view.key = Some(Seen::Unknown("no answer".into()));
        view.objects[0].read = Seen::Unknown("no answer".into());
        view.objects[1].facts = Seen::Absent;
    });
    assert!(matches!(verdict, Verdict::Rejected(_)), "{verdict:?}");
}

/// A10: all of a backup, or nothing of it.
#[test]
fn one_object_that_is_too_large_leaves_the_whole_of_latest_as_it_is() {
    let manifest = calm().manifest;
    assert_eq!(too_large_for_latest(&manifest, 2), None);
    let wanted = "latest/ is left as it is: db has 2 bytes, and S3 copies at most 1";
    assert_eq!(too_large_for_latest(&manifest, 1).as_deref(), Some(wanted));
}

/// A10: the copy without a date is that of the newest proven backup, and never moves backwards.
#[test]
fn latest_never_moves_backwards() {
    let copy_of =
        |slot: Option<&str>| Seen::Here(ObjectFacts { slot: slot.map(str::to_owned), ..facts(7) });
    let newer = Slot::parse("2026-11-22T00-00-00Z").unwrap();
    let over = |etag: &str| Latest::Copy { over: Some(etag.to_owned()) };
    let table = [
        (Seen::Absent, Latest::Copy { over: None }),
        (copy_of(Some("2026-11-20T00-00-00Z")), over("e7")),
        (copy_of(Some("2026-11-21T00-00-00Z")), Latest::Leave { slot: slot() }),
        (copy_of(Some("2026-11-22T00-00-00Z")), Latest::Leave { slot: newer }),
        (copy_of(Some("yesterday")), over("e7")),
        (copy_of(None), over("e7")),
        (Seen::Unknown("no answer".into()), Latest::NotKnown("no answer".into())),
    ];
    for (seen, wanted) in table {
        assert_eq!(latest(slot(), &seen), wanted, "{seen:?}");
    }
}

/// FB7: where versioning is suspended, a name that is written once can be written over without a trace.
#[test]
fn an_object_without_a_version_is_no_backup() {
    let mut found = facts(1);
    found.version_id = "null".to_owned();
    assert_eq!(
        storage_findings(&Encryption::Key(KeyArn::parse(KEY).unwrap()).into(), &sums(1), &found),
        ["S3 keeps no versions of it: the bucket's versioning is not enabled"]
    );
}
