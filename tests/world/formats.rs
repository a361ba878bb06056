//! Every stored format, version by version: the golden file is what a vault may hold, and is read
//! here for as long as such a vault may exist. What is written today is compared with the newest.

use serde::Serialize;
use serde::de::DeserializeOwned;
use warmspare_act::documents::{Created, Stored as Formatted, create_json, parse_json};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::inventory::{Rows, Tail, written};
use warmspare_act::stream::Whole;
use warmspare_decide::encryption::Word;
use warmspare_decide::export::{Copied, End, Exported, Intended};
use warmspare_decide::failover::{Late, Stopped};
use warmspare_decide::inventory::{Begun, ProvenThrough, Row, Totals};
use warmspare_decide::lock::{Asked, Mode};
use warmspare_decide::manifest::{Checked, Manifest, Receipt, Stored, Sums, Upload};
use warmspare_decide::name::{KeyArn, SiteName, Slot, SourceName, SystemName, Term};
use warmspare_decide::prune::{Cause, Mark};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::skew::{Attempt, Counts, Found, Skew};
use warmspare_decide::switch::Switch;
use warmspare_decide::tripwire::{Changes, Measures, VaultSeen};

use crate::world::{World, finish};

fn assert_golden<T>(golden: &str, value: &T)
where
    T: Formatted + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let read: T = parse_json("golden", golden.as_bytes()).unwrap();
    assert_eq!(&read, value, "it is read as something else");
    assert_eq!(
        serde_json::to_string_pretty(value).unwrap(),
        golden.trim_end(),
        "it is written otherwise"
    );
    let found = golden.split_once("\"format\": ").unwrap().1.split_once(',').unwrap().0;
    let after = (T::FORMATS.end() + 1).to_string();
    for said in [after.as_str(), "0", "\"1\"", "null", "1.5"] {
        let other =
            golden.replacen(&format!("\"format\": {found}"), &format!("\"format\": {said}"), 1);
        let fault = parse_json::<T>("golden", other.as_bytes()).unwrap_err();
        assert!(fault.to_string().contains(&format!("it is of format {said}")), "{fault}");
    }
    let unknown = golden.replacen('{', "{\"more\": 1,", 1);
    assert!(
        parse_json::<T>("golden", unknown.as_bytes()).is_err(),
        "an unknown field was passed over"
    );
    let lost = golden.replacen("\"system\"", "\"sistem\"", 1);
    assert!(parse_json::<T>("golden", lost.as_bytes()).is_err(), "a missing field was made up");
    let twice = golden.replacen("\"system\"", "\"system\": \"other\", \"system\"", 1);
    assert!(
        parse_json::<T>("golden", twice.as_bytes()).is_err(),
        "a field that came twice was read"
    );
}

/// After a retried put, "already exists" may be our own first try: what is there is read back.
#[test]
fn a_document_that_is_there_is_told_to_be_ours_or_anothers() {
    let world = World::new();
    let (ours, theirs) = (receipt(true, Vec::new()), receipt(false, Vec::new()));
    let create = |record: &Receipt| {
        let run = world.run();
        finish(create_json(&run, "receipts/a/b/c.json", record))
    };
    assert_eq!(create(&ours).unwrap(), Created::New);
    assert_eq!(create(&ours).unwrap(), Created::Ours);
    assert_eq!(create(&theirs).unwrap(), Created::Theirs(ours));
    world.put("receipts/a/b/c.json", b"garbage");
    let fault = create(&theirs).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(fault.to_string(), "reading receipts/a/b/c.json: it is not JSON");
}

fn system() -> SystemName {
    SystemName::parse("controller").unwrap()
}

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

fn checked(name: &str, findings: &[&str]) -> Checked {
    let key = format!("backups/controller/2026-11-21T00-00-00Z/{name}");
    Checked::new(key, findings.iter().map(|finding| (*finding).to_owned()).collect())
}

fn receipt(verified: bool, objects: Vec<Checked>) -> Receipt {
    Receipt {
        format: 1,
        system: system(),
        slot: slot(),
        verified,
        at: "2026-11-21T00:00:31Z".parse().unwrap(),
        read_as: "arn:aws:iam::111122223333:role/recovery".into(),
        objects,
        suspicions: Vec::new(),
    }
}

fn exported(end: End) -> Exported {
    Exported {
        format: 1,
        system: system(),
        slot: slot(),
        snapshot: "warmspare-controller-db-2026-11-21t00-00-00z".into(),
        task: "ws-controller-20261121t000000z".into(),
        prefix: "exports/controller/ws-controller-20261121t000000z/".into(),
        end,
        at: "2026-11-21T00:05:30Z".parse().unwrap(),
    }
}

fn manifest() -> Manifest {
    let source = SourceName::parse("metadata").unwrap();
    Manifest {
        format: 1,
        system: system(),
        slot: slot(),
        site: SiteName::parse("east").unwrap(),
        term: Term(3),
        plan_version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into(),
        key_arn: Some(KeyArn::parse(crate::world::keys::PLAN_KEY).unwrap()),
        encryption: None,
        lock: None,
        stored_at: "2026-11-21T00:00:30Z".parse().unwrap(),
        objects: vec![Stored {
            key: checked("metadata", &[]).key,
            source,
            version_id: "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY".into(),
            sums: Sums {
                size_bytes: 9,
                sha256: "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225".into(),
                crc64nvme: "rosUhgp5mIg=".into(),
            },
            upload: None,
            inventory: None,
        }],
    }
}

#[test]
fn manifests_of_format_1_are_read_and_written() {
    assert_eq!(manifest().right_format(), 1);
    assert_golden(include_str!("golden/manifest-1.json"), &manifest());
}

/// A manifest of what was pushed has a field that readers of format 1 do not know: they say so, and
/// what was not pushed is written as they read it.
#[test]
fn manifests_of_format_2_are_read_and_written() {
    let mut pushed = manifest();
    pushed.objects[0].upload = Some(Upload {
        key: "uploads/controller/metadata/backup 2026-11-21.enc".into(),
        version_id: "QwUFrnrGvHqkkNfkTVQ3Q.LLTmhBsz2A".into(),
        written_at: "2026-11-21T00:00:12Z".parse().unwrap(),
    });
    pushed.format = pushed.right_format();
    assert_eq!(pushed.format, 2);
    assert_golden(include_str!("golden/manifest-2.json"), &pushed);
}

/// A manifest of what is under no key that somebody made says so by a word; the key that AWS manages is
/// pinned.
#[test]
fn manifests_of_format_4_are_read_and_written() {
    let mut managed = manifest();
    managed.encryption = Some(Word::AwsS3);
    managed.format = managed.right_format();
    assert_eq!(managed.format, 4);
    assert_golden(include_str!("golden/manifest-4.json"), &managed);
    let mut own = Manifest { key_arn: None, encryption: Some(Word::None), ..managed };
    assert_golden(include_str!("golden/manifest-4-none.json"), &own);
    own.encryption = Some(Word::Aes256);
    let text = serde_json::to_string(&own).unwrap();
    assert!(text.contains(r#""encryption":"aes256""#) && !text.contains("key_arn"), "{text}");
}

/// A lock is pinned, and a reader that does not know of locks says so.
#[test]
fn manifests_of_format_5_are_read_and_written() {
    let asked = Asked { mode: Mode::Compliance, days: 30 };
    let mut locked = Manifest { lock: Some(asked.lock(manifest().slot)), ..manifest() };
    locked.format = locked.right_format();
    assert_eq!(locked.format, 5);
    assert_golden(include_str!("golden/manifest-5.json"), &locked);
}

/// The sums in the golden manifest are those of `123456789`, the check value of every CRC.
#[test]
fn sums_are_as_s3_and_everybody_else_computes_them() {
    let manifest: Manifest =
        parse_json("golden", include_bytes!("golden/manifest-1.json")).unwrap();
    assert_eq!(warmspare_act::stream::sums_of(b"123456789"), manifest.objects[0].sums);
}

#[test]
fn receipts_of_format_1_are_read_and_written() {
    let proven = vec![checked("manifest.json", &[]), checked("metadata", &[])];
    assert_golden(include_str!("golden/verified-1.json"), &receipt(true, proven));
    let findings = ["it has 3 bytes, and its source gave 4"];
    let rejected = vec![checked("manifest.json", &[]), checked("metadata", &findings)];
    assert_golden(include_str!("golden/rejected-1.json"), &receipt(false, rejected));
}

/// What was measured and what is suspicious are fields that readers of format 1 do not know: they say
/// so, and a receipt without either stays as it was.
#[test]
fn receipts_of_format_2_say_what_was_measured_and_what_is_suspicious() {
    let measures = Some(Measures { size_bytes: 9, entropy_mbits: 3_170 });
    let objects =
        vec![checked("manifest.json", &[]), Checked { measures, ..checked("metadata", &[]) }];
    let clause = "metadata has 9 bytes, and the median of the 10 before it is 284119040";
    let suspicions = vec![clause.to_owned()];
    let format = Receipt::format_of(&objects, &suspicions);
    let written = Receipt { format, suspicions, ..receipt(true, objects) };
    assert_golden(include_str!("golden/verified-2.json"), &written);
    assert_eq!(Receipt::format_of(&written.objects, &[]), 2);
    assert_eq!(Receipt::format_of(&[checked("metadata", &[])], &[]), 1);
}

/// What has changed in a bucket is beside what was measured of its list.
#[test]
fn receipts_of_format_2_say_what_has_changed_in_a_bucket() {
    let new = Measures { size_bytes: 4_096, entropy_mbits: 7_900 };
    let changes = Some(Changes { before: 7, kept: 6, new });
    let measures = Some(Measures { size_bytes: 9, entropy_mbits: 3_170 });
    let objects = vec![Checked { measures, changes, ..checked("artifacts", &[]) }];
    let format = Receipt::format_of(&objects, &[]);
    let written = Receipt { format, ..receipt(true, objects) };
    assert_golden(include_str!("golden/verified-2-changes.json"), &written);
}

#[test]
fn looks_at_the_vault_of_format_1_are_read_and_written() {
    let seen = VaultSeen {
        format: 1,
        system: SystemName::parse("vault").unwrap(),
        policy_sha256: Some(
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225".to_owned(),
        ),
    };
    assert_golden(include_str!("golden/vault-1.json"), &seen);
}

#[test]
fn marks_of_pruned_backups_of_format_1_are_read_and_written() {
    let mark = Mark {
        format: 1,
        system: system(),
        slot: slot(),
        cause: Cause::Surplus,
        newest: Slot::parse("2026-11-24T00-00-00Z").unwrap(),
        plan_version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into(),
        writer: "8b4d3b1e-6d1f-4a9e-8f60-7c2b7c1c2a11/1".into(),
        at: "2026-11-24T00:00:58Z".parse().unwrap(),
    };
    assert_golden(include_str!("golden/pruned-1.json"), &mark);
}

#[test]
fn records_of_exports_of_format_1_are_read_and_written() {
    let intended = Intended {
        format: 1,
        system: system(),
        slot: slot(),
        asked_at: "2026-11-21T00:00:30Z".parse().unwrap(),
        plan_version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into(),
        snapshot: "warmspare-controller-db-2026-11-21t00-00-00z".into(),
        task: "ws-controller-20261121t000000z".into(),
        folder: "exports/controller".into(),
    };
    assert_golden(include_str!("golden/intended-1.json"), &intended);
    let copied = Copied {
        format: 1,
        system: system(),
        slot: slot(),
        arn: format!("arn:aws:rds:us-west-2:111122223333:snapshot:{}", intended.snapshot),
        at: "2026-11-21T00:03:50Z".parse().unwrap(),
    };
    assert_golden(include_str!("golden/copied-1.json"), &copied);
    let whole = exported(End::Exported { files: 12 });
    assert_golden(include_str!("golden/exported-1.json"), &whole);
    let left_out = vec!["skippedTables: public.logs (PERMISSIONS_DO_NOT_EXIST)".to_owned()];
    let partial = exported(End::Partial { files: 11, left_out });
    assert_golden(include_str!("golden/exported-partial-1.json"), &partial);
    let why = "the export task ws-controller-20261121t000000z was canceled".to_owned();
    let failed = exported(End::Failed { why });
    assert_golden(include_str!("golden/exported-failed-1.json"), &failed);
}

#[test]
fn switches_of_format_1_are_read_and_written() {
    let site = SiteName::parse("west").unwrap();
    let switch = Switch { format: 1, system: system(), term: Term(3), site };
    assert_golden(include_str!("golden/switch-1.json"), &switch);
}

#[test]
fn notes_of_what_was_told_of_format_1_are_read_and_written() {
    let why = Refusal::DnsDrift {
        record: "controller.example.com A".into(),
        found: "192.0.2.99".into(),
        wanted: "203.0.113.10".into(),
    };
    let at = "2026-11-21T00:05:30Z".parse().unwrap();
    let stopped = Stopped { format: 1, system: system(), term: Term(3), n: 7, at, why };
    assert_golden(include_str!("golden/stopped-1.json"), &stopped);
}

#[test]
fn notes_of_what_takes_long_of_format_1_are_read_and_written() {
    let late = Late {
        format: 1,
        system: system(),
        term: Term(3),
        at: "2026-11-21T00:20:30Z".parse().unwrap(),
        without_s: 1_023,
        rto_s_max: 900,
        step: "promote the database".to_owned(),
        why: "the database is modifying since 700 s".to_owned(),
    };
    assert_golden(include_str!("golden/late-1.json"), &late);
}

/// A manifest with the inventory of a bucket: whoever does not know of them would take the list for the
/// backup.
#[test]
fn manifests_of_format_3_are_read_and_written() {
    let mut listed = manifest();
    listed.objects[0].inventory = Some(Totals { objects: 2, size_bytes: 18 });
    listed.format = listed.right_format();
    assert_eq!(listed.format, 3);
    assert_golden(include_str!("golden/manifest-3.json"), &listed);
}

#[test]
fn records_of_what_takes_several_runs_of_format_1_are_read_and_written() {
    let writer = "8b4d3b1e-6d1f-4a9e-8f60-7c2b7c1c2a11/1".into();
    let over = Some("the key cannot protect a backup".to_owned());
    let begun = Begun { format: 2, system: system(), slot: slot(), writer, over };
    assert_golden(include_str!("golden/begun-2.json"), &begun);
    let before: Begun = serde_json::from_str(include_str!("golden/begun-1.json")).unwrap();
    assert_eq!(before, Begun { format: 1, ..begun });
    let source = SourceName::parse("artifacts").unwrap();
    let through = Some("core/bash/5.1/core-bash.hart".to_owned());
    let proven = ProvenThrough { format: 1, system: system(), slot: slot(), source, through };
    assert_golden(include_str!("golden/proven-through-1.json"), &proven);
}

/// Inventories are read row by row; one that is not whole, not in order or of another format is none.
#[test]
fn inventories_of_format_1_are_read_and_others_are_none() {
    let golden = include_str!("golden/inventory-1.ndjson");
    let read = |text: &str| {
        let text = text.to_owned();
        finish(async move {
            let (head, mut rows) = Rows::open(Whole::of(text), "golden").await?;
            let mut objects = Vec::new();
            while let Some(object) = rows.next().await? {
                objects.push(object);
            }
            Ok::<_, Fault>((head, objects, rows.tail().cloned()))
        })
    };
    let (head, objects, tail) = read(golden).unwrap();
    let again: Vec<u8> = [Row::Inventory(head)]
        .into_iter()
        .chain(objects.iter().cloned().map(Row::Object))
        .chain([Row::End(Totals { objects: 2, size_bytes: 18 })])
        .flat_map(|row| written(&row).unwrap())
        .collect();
    assert_eq!(std::str::from_utf8(&again).unwrap(), golden, "it is written otherwise");
    assert_eq!(tail, Some(Tail::End(Totals { objects: 2, size_bytes: 18 })));
    let lines: Vec<&str> = golden.lines().collect();
    let table = [
        (
            golden.replace("\"format\":1", "\"format\":2"),
            "of format 2, and this code reads format 1",
        ),
        (lines[1..].join("\n"), "does not begin as an inventory"),
        (String::new(), "does not begin as an inventory"),
        (format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1]), "is not where it belongs"),
        (format!("{}\n{}\n{}\n", lines[0], lines[1], lines[1]), "is not where it belongs"),
        (format!("{}\n{}\n", lines[0], lines[1]), "it has no end"),
        (golden.trim_end().to_owned(), "its last row is cut off"),
        (format!("{golden}{}\n", lines[1]), "it goes on after its end"),
        (format!("{}\n{}\n{}\n", lines[0], lines[1], lines[3]), "another number than it says"),
        (golden.replace("\"etag\"", "\"more\":1,\"etag\""), "a row is none"),
        (golden.replace("9b2cf", &"x".repeat(20_000)), "a row is longer than 16384 bytes"),
    ];
    for (text, part) in table {
        let fault = read(&text).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        assert!(fault.to_string().contains(part), "{fault} has no {part}");
    }
}

fn attempt() -> Attempt {
    Attempt {
        format: 1,
        system: system(),
        slot: slot(),
        source: SourceName::parse("metadata").unwrap(),
        writer: "8f5e0e6e-9a3c-4f0e-8f38-3a1f6d1a6a55".into(),
    }
}

#[test]
fn comparisons_of_rows_and_artifacts_of_format_1_are_read_and_written() {
    assert_golden(include_str!("golden/skew-attempt-1.json"), &attempt());
    let counts = Counts {
        rows: 1_204,
        outside: 0,
        missing: 1,
        first: Some("core/gcc/9.1.0/20200305225533 for x86_64-linux".into()),
        listed: 1,
        odd: 0,
        without_row: 3,
    };
    let skew = Skew {
        format: 1,
        system: system(),
        slot: slot(),
        source: SourceName::parse("metadata").unwrap(),
        artifacts: Some(SourceName::parse("artifacts").unwrap()),
        at: "2026-11-21T00:05:30Z".parse().unwrap(),
        found: Found::Compared(counts),
    };
    assert_golden(include_str!("golden/skew-1.json"), &skew);
    let why = "the plan does not ask for it any more".to_owned();
    let unknown = Skew { artifacts: None, found: Found::Unknown { why }, ..skew };
    assert_golden(include_str!("golden/skew-unknown-1.json"), &unknown);
}
