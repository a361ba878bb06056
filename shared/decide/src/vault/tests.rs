use super::*;

#[test]
fn a_key_is_read_back_as_what_it_was_made_of() {
    let system = SystemName::parse("controller").unwrap();
    let slot = Slot::parse("2026-11-21T00-00-00Z").unwrap();
    let source = SourceName::parse("config").unwrap();
    for (key, located) in [
        (manifest(&system, slot), Located::Manifest(system.clone(), slot)),
        (object(&system, slot, &source), Located::Object(system.clone(), slot, source)),
        (verified(&system, slot), Located::Verified(system.clone(), slot)),
        (export_intended(&system, slot), Located::ExportIntended(system.clone(), slot)),
        (exported(&system, slot), Located::Exported(system.clone(), slot)),
        (entry(&system, Term(3), 12), Located::Entry(system.clone(), Term(3), 12)),
    ] {
        assert_eq!(Located::parse(&key), Some(located), "{key}");
    }
}

#[test]
fn what_is_not_ours_is_none_of_ours() {
    for key in [
        "",
        "backups/controller/latest/config",
        "backups/controller/2026-11-21T00-00-00Z/a/b",
        "failovers/controller/000001/alive.json",
        "failovers/controller/1/000001.json",
        "failovers/controller/+00001/000001.json",
        "backups/../2026-11-21T00-00-00Z/manifest.json",
        "plans/controller.toml",
    ] {
        assert_eq!(Located::parse(key), None, "{key}");
    }
}

#[test]
fn entries_are_listed_in_their_order() {
    let system = SystemName::parse("controller").unwrap();
    assert!(entry(&system, Term(9), 99) < entry(&system, Term(10), 1));
    assert!(entry(&system, Term(1), 9) < entry(&system, Term(1), 10));
}

/// P1: what was rejected or pruned after it was verified does not count any more.
#[test]
fn the_newest_proven_backup_is_verified_and_neither_rejected_nor_pruned() {
    let key = |slot: &str, record: &str| format!("receipts/controller/{slot}/{record}");
    let (old, new) = ("2026-11-20T00-00-00Z", "2026-11-21T00-00-00Z");
    let mut keys = vec![key(old, "verified.json"), key(new, "verified.json")];
    assert_eq!(newest_proven(&keys), Some(Slot::parse(new).unwrap()));
    keys.push(key(new, "rejected.json"));
    assert_eq!(newest_proven(&keys), Some(Slot::parse(old).unwrap()));
    keys.push(key(old, "pruned.json"));
    assert_eq!(newest_proven(&keys), None);
    assert_eq!(newest_proven(&["receipts/controller/latest/verified.json".to_owned()]), None);
}
