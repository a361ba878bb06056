//! Whether S3 encrypted what it was asked to encrypt, in the way that it was asked to.

use aws_sdk_s3::types::ServerSideEncryption;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::encryption::Encryption;

/// What a request asks for: `x-amz-server-side-encryption`, and for KMS the key, and that the bucket's
/// own key is used, which spares calls of KMS. The key that AWS manages is asked for by naming none
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>), also where the
/// bucket's default is another; the answer is held to the key behind `alias/aws/s3`.
pub(super) fn headers(
    encryption: &Encryption,
) -> (ServerSideEncryption, Option<String>, Option<bool>) {
    match encryption {
        Encryption::Key(key_arn) => {
            (ServerSideEncryption::AwsKms, Some(key_arn.to_string()), Some(true))
        }
        Encryption::AwsS3(_) => (ServerSideEncryption::AwsKms, None, Some(true)),
        Encryption::Own(_) => (ServerSideEncryption::Aes256, None, None),
    }
}

/// A 200 is not enough: a bucket's default or a policy can have put another key, or none, in place
/// of the one that was asked for.
///
/// # Errors
/// A permanent fault, with what S3 says and what was asked.
pub(super) fn confirm(
    during: &'static str,
    key: &str,
    algorithm: Option<&ServerSideEncryption>,
    found_key_arn: Option<&str>,
    encryption: &Encryption,
) -> Result<(), Fault> {
    let wanted = encryption.algorithm();
    let why = match (algorithm.map(ServerSideEncryption::as_str), found_key_arn) {
        (Some(found), _) if found != wanted => {
            format!("S3 says that it encrypted it with {found}, where {wanted} was asked")
        }
        (None, _) => {
            format!("S3 does not say that it encrypted it, where {wanted} was asked")
        }
        // Compare ARNs: an alias can be pointed elsewhere between the upload and now.
        (Some(algorithm), found) => {
            match (encryption.differs(Some(algorithm), found), encryption.key_arn()) {
                (None, _) => return Ok(()),
                (Some(_), asked) => format!(
                    "S3 says that it encrypted it with {}, where {} was asked",
                    found.unwrap_or("no key that it names"),
                    asked.map_or("no key", |asked| asked.as_str())
                ),
            }
        }
    };
    Err(Fault::new(Hope::Permanent, during, key, why))
}
