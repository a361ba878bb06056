//! KMS keys, each asked for in its own Region.

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Keys;
use warmspare_decide::name::KeyArn;
use warmspare_decide::seen::Seen;
use warmspare_decide::verify::KeyFacts;

use crate::Live;
use crate::fault::{code, fault};

/// What AWS calls the key that it manages for S3. To ask for it by this name makes it, if nobody has
/// used it before (<https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>).
const AWS_S3: &str = "alias/aws/s3";

impl Keys for Live {
    async fn key(&self, key_arn: &KeyArn) -> Result<Seen<KeyFacts>, Fault> {
        Box::pin(describe(self, key_arn.region(), key_arn.as_str())).await
    }

    async fn aws_s3_key(&self) -> Result<Seen<KeyFacts>, Fault> {
        Box::pin(describe(self, self.config().region.as_str(), AWS_S3)).await
    }
}

async fn describe(live: &Live, region: &str, id: &str) -> Result<Seen<KeyFacts>, Fault> {
    const DURING: &str = "looking at the key";
    let client = live.clients().kms(region);
    let answer = match client.describe_key().key_id(id).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("NotFoundException") => return Ok(Seen::Absent),
        Err(error) => return Err(fault(DURING, id, error)),
    };
    let Some(key) = answer.key_metadata() else {
        let why = "KMS answered nothing about it";
        return Err(Fault::new(Hope::Permanent, DURING, id, why));
    };
    Ok(Seen::Here(KeyFacts {
        arn: key.arn().unwrap_or_default().to_owned(),
        state: key.key_state().map_or("not known", |state| state.as_str()).to_owned(),
        deleted_at: key
            .deletion_date()
            .and_then(|date| Timestamp::from_nanosecond(date.as_nanos()).ok()),
        encrypts: key.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
            && key.key_spec() == Some(&KeySpec::SymmetricDefault),
    }))
}

#[cfg(test)]
mod tests;
