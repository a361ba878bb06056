use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::{
    KeyArn, Misnamed, Region, RoleArn, SecretArn, SiteName, Slot, SourceName, SystemName, Term,
};

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_slot_round_trips_and_sorts_as_its_text_does() {
    let texts = [
        "1970-01-01T00-00-00Z",
        "2026-11-21T00-00-00Z",
        "2026-11-21T00-00-01Z",
        "2026-11-21T23-59-59Z",
        "2028-02-29T12-30-00Z",
    ];
    let slots: Vec<Slot> = texts.iter().map(|text| Slot::parse(text).unwrap()).collect();
    assert!(slots.is_sorted());
    for (slot, text) in slots.iter().zip(texts) {
        assert_eq!(slot.to_string(), text);
        assert_eq!(Slot::of(slot.instant()), *slot);
        assert_eq!(String::from(*slot), text);
    }
}

#[test]
fn a_slot_is_the_second_whatever_the_zone_or_the_fraction() {
    let slot = Slot::of(instant("2026-11-21T00:00:00.999Z"));
    assert_eq!(slot.to_string(), "2026-11-21T00-00-00Z");
    assert_eq!(Slot::of(instant("2026-11-21T01:00:00+01:00")), slot);
}

#[test]
fn what_is_not_a_slot_is_refused() {
    for wrong in [
        "",
        "2026-11-21",
        "2026-11-21T00:00:00Z",
        "2026-11-21T00-00Z",
        "2026-11-21T00-00-00",
        "2026-11-21T00-00-00z",
        "2026-11-21T00-00-00+01",
        "2026-11-21T00-00-00.5Z",
        "2026-11-21T24-00-00Z",
        "2026-02-29T00-00-00Z",
        "2026-11-21t00-00-00Z",
        " 2026-11-21T00-00-00Z",
        "latest",
    ] {
        let misnamed = Slot::parse(wrong).unwrap_err();
        assert_eq!(misnamed.found, wrong);
        assert_eq!(misnamed.wanted, "a slot (2026-11-21T00-00-00Z)");
    }
}

#[test]
fn an_arn_is_of_the_right_service_and_resource() {
    let key = "arn:aws:kms:us-west-2:111122223333:key/1234abcd";
    assert_eq!(KeyArn::parse(key).unwrap().as_str(), key);
    assert_eq!(KeyArn::parse(key).unwrap().region(), "us-west-2");
    let govcloud = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1";
    assert_eq!(KeyArn::parse(govcloud).unwrap().region(), "us-gov-west-1");
    for wrong in [
        "",
        "1234abcd",
        "alias/controller",
        "arn:aws:kms:us-west-2:111122223333:alias/controller",
        "arn:aws:kms:us-west-2:111122223333:key/",
        "arn:aws:kms:us-west-2:11112222333:key/1",
        "arn:aws:kms:us-west-2:11112222333x:key/1",
        "arn:aws:kms::111122223333:key/1",
        "arn:aws:kms:uswest2:111122223333:key/1",
        "arn:aws:s3:us-west-2:111122223333:key/1",
        "arn:awsome:kms:us-west-2:111122223333:key/1",
        "arn:aws:kms:us-west-2:111122223333:key/1 ",
        "arn:aws:kms:us-west-2:111122223333:key/1\n",
        " arn:aws:kms:us-west-2:111122223333:key/1",
    ] {
        assert_eq!(
            KeyArn::parse(wrong),
            Err(Misnamed { found: wrong.to_owned(), wanted: KeyArn::WANTED })
        );
    }
    assert!(
        SecretArn::parse("arn:aws:secretsmanager:us-west-2:111122223333:secret:a-b/c-AbCdEf")
            .is_ok()
    );
    assert!(SecretArn::parse("arn:aws:secretsmanager:us-west-2:111122223333:key/a").is_err());
    assert!(RoleArn::parse("arn:aws:iam::111122223333:role/path/controller").is_ok());
    assert!(RoleArn::parse("arn:aws:iam:us-west-2:111122223333:role/controller").is_err());
    assert!(RoleArn::parse("arn:aws:iam::111122223333:user/controller").is_err());
}

#[test]
fn a_region_has_a_number_last() {
    for right in ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-10"] {
        assert_eq!(Region::parse(right).unwrap().to_string(), right);
    }
    for wrong in
        ["", "us-east", "useast1", "us-east-1a", "us-east-", "US-EAST-1", "us_east_1", "1-east-1"]
    {
        assert!(Region::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn labels_are_lowercase_short_and_start_with_a_letter() {
    for right in ["a", "controller", "a1-b2", &"a".repeat(20)] {
        assert!(SiteName::parse(right).is_ok(), "{right}");
    }
    for wrong in ["", "-a", "a-", "a--b", "1a", "A", "a_b", "a.b", "ä", "a b", &"a".repeat(21)] {
        assert!(SiteName::parse(wrong).is_err(), "{wrong}");
    }
    assert!(
        SystemName::parse(&"a".repeat(40)).is_ok() && SystemName::parse(&"a".repeat(41)).is_err()
    );
    assert!(SourceName::parse("manifest").is_err() && SourceName::parse("latest").is_err());
}

#[test]
fn a_name_read_from_a_stored_text_is_checked_again() {
    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
        let deserializer: StrDeserializer<'a, Error> = text.into_deserializer();
        T::deserialize(deserializer)
    }
    assert_eq!(read::<SystemName>("controller").unwrap().as_str(), "controller");
    assert_eq!(read::<Slot>("2026-11-21T00-00-00Z").unwrap().to_string(), "2026-11-21T00-00-00Z");
    assert_eq!(
        read::<Slot>("today").unwrap_err().to_string(),
        "\"today\" is not a slot (2026-11-21T00-00-00Z)"
    );
    assert!(read::<KeyArn>("alias/controller").is_err());
}

#[test]
fn terms_grow_by_one_and_sort_as_their_keys_do() {
    let first = Term::default().next();
    assert_eq!((first, first.to_string(), first.padded()), (Term(1), "1".into(), "000001".into()));
    assert!(Term(9).padded() < Term(10).padded());
    assert_eq!(Term(u32::MAX).next(), Term(u32::MAX));
}
