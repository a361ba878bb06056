//! Whether S3 encrypted what it was asked to encrypt, with the key that it was asked to use.

use aws_sdk_s3::types::ServerSideEncryption;
use warmspare_act::fault::{Fault, Hope};

/// The only algorithm of the vault.
pub(super) const ALGORITHM: ServerSideEncryption = ServerSideEncryption::AwsKms;

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
    key_arn: &str,
) -> Result<(), Fault> {
    let refuse = |why: String| Err(Fault::new(Hope::Permanent, during, key, why));
    match (algorithm, found_key_arn) {
        (Some(found), _) if *found != ALGORITHM => refuse(format!(
            "S3 says that it encrypted it with {}, where {} was asked",
            found.as_str(),
            ALGORITHM.as_str()
        )),
        (None, _) => refuse(format!(
            "S3 does not say that it encrypted it, where {} was asked",
            ALGORITHM.as_str()
        )),
        // Compare ARNs: an alias can be pointed elsewhere between the upload and now.
        (Some(_), Some(found)) if found == key_arn => Ok(()),
        (Some(_), found) => refuse(format!(
            "S3 says that it encrypted it with {}, where {key_arn} was asked",
            found.unwrap_or("no key that it names")
        )),
    }
}
