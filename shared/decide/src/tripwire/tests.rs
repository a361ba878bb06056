use super::*;

fn of(size_bytes: u64, entropy_mbits: u64) -> Measures {
    Measures { size_bytes, entropy_mbits }
}

/// Ten backups of about a megabyte of text.
fn ten() -> Vec<Measures> {
    (0..10).map(|n| of(1_000_000 + n * 1_000, 4_500 + n * 10)).collect()
}

fn clauses(now: Measures, before: &[Measures]) -> Vec<String> {
    match judge("database", now, before) {
        Judged::Suspicious(clauses) => clauses,
        Judged::Usual => vec!["usual".to_owned()],
        Judged::Unknown => vec!["unknown".to_owned()],
    }
}

#[test]
fn a_backup_is_suspicious_when_it_is_far_from_the_ten_before_it() {
    let usual = ["usual"];
    for size in [502_500, 1_000_000, 2_010_000] {
        assert_eq!(clauses(of(size, 4_550), &ten()), usual, "{size}");
    }
    assert_eq!(
        clauses(of(502_499, 4_550), &ten()),
        ["database has 502499 bytes, and the median of the 10 before it is 1005000"]
    );
    assert_eq!(
        clauses(of(2_010_001, 4_550), &ten()),
        ["database has 2010001 bytes, and the median of the 10 before it is 1005000"]
    );
    for entropy in [4_050, 5_050] {
        assert_eq!(clauses(of(1_000_000, entropy), &ten()), usual, "{entropy}");
    }
    assert_eq!(
        clauses(of(1_000_000, 7_999), &ten()),
        ["database has 7.999 bits of entropy in each byte, and the median of the 10 before it is \
          4.550, as if it were encrypted or compressed now"]
    );
    assert_eq!(
        clauses(of(1_000_000, 12), &ten()),
        ["database has 0.012 bits of entropy in each byte, and the median of the 10 before it is \
          4.550, as if most of it were empty now"]
    );
    // What is encrypted by somebody is both longer and more even; an empty one has no entropy to tell.
    assert_eq!(clauses(of(3_000_000, 7_999), &ten()).len(), 2);
    assert_eq!(
        clauses(of(0, 0), &ten()),
        ["database has 0 bytes, and the median of the 10 before it is 1005000"]
    );
}

#[test]
fn with_few_backups_nothing_is_known_of_what_is_usual() {
    assert_eq!(clauses(of(0, 0), &ten()[..4]), ["unknown"]);
    assert_eq!(clauses(of(0, 0), &ten()[..5]).len(), 1);
    assert_eq!(clauses(of(0, 0), &[]), ["unknown"]);
}

/// One odd backup among ten neither hides the next odd one nor makes the others odd.
#[test]
fn one_odd_backup_moves_nothing() {
    let mut before = ten();
    before[3] = of(40, 0);
    assert_eq!(clauses(of(1_000_000, 4_500), &before), ["usual"]);
    assert_eq!(clauses(of(40, 0), &before).len(), 1);
}

#[test]
fn a_system_whose_backups_are_of_all_sizes_tells_nobody() {
    let sizes = [1, 9, 3, 27, 81, 2, 40, 5, 60, 12];
    let before: Vec<Measures> = sizes.iter().map(|size| of(size * 100_000, 4_500)).collect();
    assert_eq!(clauses(of(100_000, 4_500), &before), ["usual"]);
    assert_eq!(clauses(of(5_000_000, 4_500), &before), ["usual"]);
    assert_eq!(clauses(of(20_000_000, 4_500), &before).len(), 1);
}

#[test]
fn the_entropy_of_a_few_bytes_says_nothing() {
    let before = vec![of(1_000, 4_500); 10];
    assert_eq!(clauses(of(1_000, 7_900), &before), ["usual"]);
    assert_eq!(clauses(of(5_000, 7_900), &before).len(), 1, "its size does");
}

#[test]
fn entropy_is_that_of_shannon_to_a_thousandth() {
    let even = |values: usize, times: u64| {
        let mut counts = [0; 256];
        counts[..values].fill(times);
        entropy_mbits(&counts)
    };
    assert_eq!(entropy_mbits(&[0; 256]), 0);
    assert_eq!([even(1, 7), even(2, 7), even(16, 1), even(256, 1)], [0, 1_000, 4_000, 8_000]);
    // log2(10) = 3.3219…; log2(100) = 6.6438…
    assert_eq!([even(10, 1), even(100, 3)], [3_322, 6_644]);
    // A quarter and three quarters: 0.8112… bits; and of a terabyte.
    let mut counts = [0; 256];
    (counts[0], counts[255]) = (1 << 38, 3 << 38);
    assert_eq!(entropy_mbits(&counts), 811);
    assert!(entropy_mbits(&[u64::MAX; 256]) <= 8_000);
}

fn bucket() -> Bucket {
    Bucket {
        versioning: Some("Enabled".to_owned()),
        policy: None,
        blocks_public: true,
        replicas: vec![],
    }
}

#[test]
fn a_vault_is_in_danger_without_versions_or_in_public() {
    assert_eq!(dangers(&bucket()), [""; 0]);
    let suspended = Bucket { versioning: Some("Suspended".to_owned()), ..bucket() };
    let [clause] = &dangers(&suspended)[..] else { panic!() };
    assert!(clause.starts_with("its versioning is Suspended and not Enabled"), "{clause}");
    let never = Bucket { versioning: None, blocks_public: false, ..bucket() };
    assert_eq!(dangers(&never).len(), 2);
    assert!(dangers(&never)[0].starts_with("its versioning is off and not Enabled"));
}

#[test]
fn a_policy_is_told_when_it_is_not_the_one_of_before() {
    let seen = |sha256: Option<&str>| VaultSeen {
        format: 1,
        system: SystemName::parse("vault").unwrap(),
        policy_sha256: sha256.map(str::to_owned),
    };
    let (one, other) = (seen(Some("0123456789abcdef")), seen(Some("fedcba9876543210")));
    assert_eq!(policy_changed(None, &one), None);
    assert_eq!(policy_changed(Some(&one), &one), None);
    assert_eq!(
        policy_changed(Some(&one), &other).unwrap(),
        "its policy is the one with the SHA-256 fedcba987654 now, and was the one with the SHA-256 \
         0123456789ab when it was looked at before"
    );
    assert!(policy_changed(Some(&one), &seen(None)).unwrap().starts_with("its policy is none now"));
}

fn replica(prefix: Option<&str>, takes_kms: bool) -> Replica {
    let (bucket_arn, prefix) = ("arn:aws:s3:::replica".to_owned(), prefix.map(str::to_owned));
    Replica { bucket_arn, prefix, takes_kms }
}

/// C17, C19: a spare that lacks what the original needs is none.
#[test]
fn a_replica_without_all_that_a_restore_needs_is_a_danger() {
    let by = |prefixes: &[&str]| {
        let rules = prefixes.iter().map(|prefix| replica(Some(prefix), true));
        dangers(&Bucket { replicas: rules.collect(), ..bucket() })
    };
    assert_eq!(by(&vault::NEEDED), [""; 0]);
    assert_eq!(by(&[""]), [""; 0]);
    assert_eq!(by(&[]), [""; 0], "it has no replica, and nobody said that it had");
    assert_eq!(
        by(&["backups/"]),
        [
            "it is replicated without artifacts/, failovers/, plans/, receipts/, and a restore needs \
          every one of artifacts/, backups/, failovers/, plans/, receipts/"
        ]
    );
    assert_eq!(by(&["artifacts/depot/", "backups/", "failovers/", "plans/", "receipts/"]).len(), 1);
    let by_tags = Bucket { replicas: vec![replica(None, true)], ..bucket() };
    assert_eq!(dangers(&by_tags).len(), 1);
}

#[test]
fn a_replica_that_leaves_out_what_is_encrypted_is_none() {
    let to = |takes_kms| Bucket { replicas: vec![replica(Some(""), takes_kms)], ..bucket() };
    assert_eq!(dangers(&to(true)), [""; 0]);
    let [clause] = &dangers(&to(false))[..] else { panic!() };
    assert!(
        clause.starts_with("it is replicated to arn:aws:s3:::replica by a rule that leaves out")
    );
}

#[test]
fn an_object_without_a_replica_is_told_unless_it_may_be_on_its_way() {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let told = |status: Option<&str>, written_at: &str| {
        let written_at = Some(written_at.parse().unwrap());
        unreplicated("k", &Replication { status: status.map(str::to_owned), written_at }, now)
    };
    let early = "2026-11-20T12:00:00Z";
    for well in ["COMPLETED", "REPLICA"] {
        assert_eq!(told(Some(well), early), None);
    }
    assert_eq!(told(Some("PENDING"), "2026-11-21T06:00:00Z"), None);
    assert_eq!(
        told(Some("PENDING"), "2026-11-21T05:59:59Z").unwrap(),
        "k is on its way to its replica for 21601 s (PENDING), and 21600 s is the most that is waited \
         without a word"
    );
    let undated = Replication { status: Some("PENDING".to_owned()), written_at: None };
    assert_eq!(unreplicated("k", &undated, now), None, "nobody knows for how long");
    assert!(told(Some("FAILED"), early).unwrap().contains("S3 does not try again by itself"));
    assert_eq!(told(Some("LOST"), early).unwrap(), "the replication of k is LOST");
    assert!(told(None, early).unwrap().contains("no rule took it"));
}
