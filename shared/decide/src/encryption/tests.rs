use super::*;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn all() -> [Encryption; 4] {
    let key = KeyArn::parse(KEY).unwrap();
    [
        Encryption::Own(Own::None),
        Encryption::Own(Own::Aes256),
        Encryption::AwsS3(key.clone()),
        Encryption::Key(key),
    ]
}

/// A16.
#[test]
fn what_is_written_is_read_as_what_it_was() {
    for encryption in all() {
        let (key_arn, word) = encryption.written();
        assert_eq!(Encryption::read(key_arn.as_ref(), word), Some(encryption));
    }
    let key = KeyArn::parse(KEY).unwrap();
    for (key_arn, word) in [
        (None, None),
        (None, Some(Word::AwsS3)),
        (Some(&key), Some(Word::None)),
        (Some(&key), Some(Word::Aes256)),
    ] {
        assert_eq!(Encryption::read(key_arn, word), None);
    }
}

/// A15-A17: S3 is held to exactly what was asked: nothing weaker passes, and nothing else.
#[test]
fn s3_is_held_to_exactly_what_was_asked() {
    let said = [
        (None, None),
        (Some("AES256"), None),
        (Some("aws:kms"), Some(KEY)),
        (Some("aws:kms"), Some("arn:other")),
        (Some("aws:kms"), None),
        (Some("aws:kms:dsse"), Some(KEY)),
        (Some("AES256"), Some(KEY)),
    ];
    for (encryption, right) in all().iter().zip([1, 1, 2, 2]) {
        for (n, (algorithm, key_arn)) in said.iter().enumerate() {
            let differs = encryption.differs(*algorithm, *key_arn);
            assert_eq!(differs.is_none(), n == right, "{encryption:?}: {differs:?}");
        }
    }
}

#[test]
fn only_none_is_warned_about() {
    let warned: Vec<bool> = all().iter().map(|it| it.warning().is_some()).collect();
    assert_eq!(warned, [true, false, false, false]);
}
