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

impl Keys for Live {
    async fn key(&self, key_arn: &KeyArn) -> Result<Seen<KeyFacts>, Fault> {
        const DURING: &str = "looking at the key";
        let client = self.clients().kms(key_arn.region());
        let asked = client.describe_key().key_id(key_arn.as_str()).send();
        let answer = match Box::pin(asked).await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("NotFoundException") => return Ok(Seen::Absent),
            Err(error) => return Err(fault(DURING, key_arn.as_str(), error)),
        };
        let Some(key) = answer.key_metadata() else {
            let why = "KMS answered nothing about it";
            return Err(Fault::new(Hope::Permanent, DURING, key_arn.as_str(), why));
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
}

#[cfg(test)]
mod tests;
