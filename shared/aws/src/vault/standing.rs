//! How the vault's bucket is set up. What S3 does not answer is not known, and is a fault; that there is
//! no policy, or no block of public access, is an answer.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>

use aws_sdk_s3::types::{
    ReplicationRule, ReplicationRuleStatus, SseKmsEncryptedObjectsStatus as KmsStatus,
};
use warmspare_act::fault::Fault;
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::{Bucket, Replica, Replication};

use super::documents::timestamp;
use crate::Live;
use crate::fault::{code, fault, status};

pub(super) async fn bucket(live: &Live) -> Result<Bucket, Fault> {
    Ok(Bucket {
        versioning: versioning(live).await?,
        policy: policy(live).await?,
        blocks_public: blocks_public(live).await?,
        replicas: replicas(live).await?,
    })
}

async fn versioning(live: &Live) -> Result<Option<String>, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .get_bucket_versioning()
        .bucket(&config.vault_bucket)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await
        .map_err(|error| fault("looking at the versioning of", &config.vault_bucket, error))?;
    Ok(answer.status().map(|status| status.as_str().to_owned()))
}

async fn policy(live: &Live) -> Result<Option<String>, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .get_bucket_policy()
        .bucket(&config.vault_bucket)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer.policy().map(str::to_owned)),
        Err(error) if code(&error) == Some("NoSuchBucketPolicy") => Ok(None),
        Err(error) => Err(fault("looking at the policy of", &config.vault_bucket, error)),
    }
}

async fn blocks_public(live: &Live) -> Result<bool, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .get_public_access_block()
        .bucket(&config.vault_bucket)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer.public_access_block_configuration().is_some_and(|blocks| {
            [
                blocks.block_public_acls(),
                blocks.block_public_policy(),
                blocks.ignore_public_acls(),
                blocks.restrict_public_buckets(),
            ]
            .into_iter()
            .all(|is_on| is_on == Some(true))
        })),
        Err(error) if code(&error) == Some("NoSuchPublicAccessBlockConfiguration") => Ok(false),
        Err(error) => Err(fault("looking at the public access of", &config.vault_bucket, error)),
    }
}

/// The rules that are on.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>
async fn replicas(live: &Live) -> Result<Vec<Replica>, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .get_bucket_replication()
        .bucket(&config.vault_bucket)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let rules = answer.replication_configuration().map(|found| found.rules());
            let rules = rules.unwrap_or_default().iter();
            Ok(rules
                .filter(|rule| *rule.status() == ReplicationRuleStatus::Enabled)
                .map(of)
                .collect())
        }
        Err(error) if code(&error) == Some("ReplicationConfigurationNotFoundError") => {
            Ok(Vec::new())
        }
        Err(error) => Err(fault("looking at the replication of", &config.vault_bucket, error)),
    }
}

fn of(rule: &ReplicationRule) -> Replica {
    let criteria = rule.source_selection_criteria();
    let kms = criteria.and_then(|criteria| criteria.sse_kms_encrypted_objects());
    Replica {
        bucket_arn: rule.destination().map(|to| to.bucket().to_owned()).unwrap_or_default(),
        prefix: prefix(rule).map(str::to_owned),
        takes_kms: kms.is_some_and(|kms| *kms.status() == KmsStatus::Enabled),
    }
}

/// Which keys a rule takes, where it goes by nothing else.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html>
fn prefix(rule: &ReplicationRule) -> Option<&str> {
    let Some(filter) = rule.filter() else {
        #[expect(deprecated, reason = "rules of the older form have nothing else")]
        let prefix = rule.prefix();
        return Some(prefix.unwrap_or_default());
    };
    match (filter.tag(), filter.and()) {
        (None, None) => Some(filter.prefix().unwrap_or_default()),
        (None, Some(both)) if both.tags().is_empty() => Some(both.prefix().unwrap_or_default()),
        (_, _) => None,
    }
}

pub(super) async fn replication(
    live: &Live,
    key: &str,
    version_id: Option<&str>,
) -> Result<Seen<Replication>, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .head_object()
        .bucket(&config.vault_bucket)
        .key(key)
        .set_version_id(version_id.map(str::to_owned))
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(Seen::Here(Replication {
            status: answer.replication_status().map(|found| found.as_str().to_owned()),
            written_at: answer.last_modified().and_then(timestamp),
        })),
        Err(error) if status(&error) == Some(404) => Ok(Seen::Absent),
        Err(error) => Err(fault("looking at the replica of", key, error)),
    }
}

#[cfg(test)]
mod tests;
