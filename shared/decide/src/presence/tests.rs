use super::*;
use crate::manifest::Sums;

fn object(n: u64, version: &str, size_bytes: u64) -> Object {
    let sums = Sums { size_bytes, sha256: String::new(), crc64nvme: String::new() };
    let vault_key =
        format!("artifacts/controller/depot/{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (key, etag) = (format!("core/{n}.hart"), "e".to_owned());
    Object { key, etag, vault_key, version_id: version.to_owned(), sums }
}

fn version(object: &Object) -> Version {
    let Object { vault_key, version_id, sums, .. } = object.clone();
    Version { key: vault_key, version_id, size_bytes: sums.size_bytes, is_current: true }
}

#[test]
fn what_is_listed_as_it_should_be_is_there_and_nothing_else_is() {
    let wanted: Vec<Object> = (0..5).map(|n| object(n, "v", 7)).collect();
    let mut expected = Expected::default();
    assert!(expected.is_empty());
    wanted.iter().for_each(|object| expected.add(object));
    expected.close();
    assert_eq!(expected.missing(), 5);
    expected.see(&version(&wanted[0]));
    expected.see(&Version { version_id: "another".into(), ..version(&wanted[1]) });
    expected.see(&Version { size_bytes: 8, ..version(&wanted[2]) });
    expected.see(&Version { is_current: false, ..version(&wanted[3]) });
    expected.see(&version(&object(9, "v", 7)));
    assert_eq!(expected.missing(), 4);
    let is_missing: Vec<bool> = wanted.iter().map(|it| expected.is_missing(it)).collect();
    assert_eq!(is_missing, [false, true, true, true, true]);
    assert!(!expected.is_missing(&object(9, "v", 7)) && !expected.is_full());
}

#[test]
fn everything_is_read_again_once_in_so_many_days() {
    let totals = |objects, size_bytes| Totals { objects, size_bytes };
    assert_eq!(days(totals(7, 65)), 30);
    assert_eq!(days(totals(7, 300 << 30)), 75);
    assert_eq!(days(totals(1_000_000, 65)), 200);
    let mut shares = vec![0; 30];
    for n in 0..3_000 {
        let key = object(n, "v", 7).vault_key;
        let due: Vec<u64> = (20_000..20_030).filter(|day| is_due(&key, *day, 30)).collect();
        assert_eq!(due.len(), 1, "{key}: {due:?}");
        shares[usize::try_from(due[0] - 20_000).unwrap()] += 1;
    }
    assert!(shares.iter().all(|share| (50..200).contains(share)), "{shares:?}");
    assert!(
        has_time(7, 60) && !has_time(7, 59) && !has_time(15 << 30, 400) && has_time(15 << 30, 420)
    );
    // A name with a number behind it has its place by its digest too.
    assert!((0..30).any(|day| is_due("artifacts/a/b/9e3779b97f4a7c15.2", day, 30)));
}
