//! The keys of the simulated world.

use std::collections::BTreeMap;

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Keys;
use warmspare_decide::name::KeyArn;
use warmspare_decide::seen::Seen;
use warmspare_decide::verify::KeyFacts;

use super::Run;
use super::vault::VAULT_KEY;

/// The key that plans name.
pub(crate) const PLAN_KEY: &str =
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The key that AWS manages for S3.
pub(crate) const S3_KEY: &str =
    "arn:aws:kms:us-west-2:111122223333:key/33333333-12ab-34cd-56ef-1234567890ab";

/// Every key that KMS knows, by the ARN under which it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct KeyRing {
    pub(crate) by_arn: BTreeMap<String, KeyFacts>,
    /// What `alias/aws/s3` stands for.
    pub(crate) aws_s3: &'static str,
    /// KMS does not answer.
    pub(crate) is_silent: bool,
}

impl Default for KeyRing {
    fn default() -> Self {
        let enabled = |arn: &str| {
            let state = "Enabled".to_owned();
            (
                arn.to_owned(),
                KeyFacts { arn: arn.to_owned(), state, deleted_at: None, encrypts: true },
            )
        };
        let by_arn = BTreeMap::from([enabled(VAULT_KEY), enabled(PLAN_KEY), enabled(S3_KEY)]);
        Self { by_arn, aws_s3: S3_KEY, is_silent: false }
    }
}

impl KeyRing {
    pub(crate) fn plan_key(&mut self) -> &mut KeyFacts {
        self.by_arn.get_mut(PLAN_KEY).unwrap()
    }
}

impl Keys for Run<'_> {
    async fn key(&self, key_arn: &KeyArn) -> Result<Seen<KeyFacts>, Fault> {
        self.look(|state| {
            if state.keys.is_silent {
                let why = "no answer within 5 s";
                return Err(Fault::new(Hope::Unreachable, "looking at", key_arn.as_str(), why));
            }
            let found = state.keys.by_arn.get(key_arn.as_str());
            Ok(found.map_or(Seen::Absent, |facts| Seen::Here(facts.clone())))
        })
        .await
    }

    async fn aws_s3_key(&self) -> Result<Seen<KeyFacts>, Fault> {
        let aws_s3 = self.world.state().keys.aws_s3;
        self.key(&KeyArn::parse(aws_s3).unwrap()).await
    }
}
