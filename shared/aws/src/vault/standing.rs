//! How the vault's bucket is set up. What S3 does not answer is not known, and is a fault; that there is
//! no policy, or no block of public access, is an answer.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>

use warmspare_act::fault::Fault;
use warmspare_decide::tripwire::Bucket;

use crate::Live;
use crate::fault::{code, fault};

pub(super) async fn bucket(live: &Live) -> Result<Bucket, Fault> {
    Ok(Bucket {
        versioning: versioning(live).await?,
        policy: policy(live).await?,
        blocks_public: blocks_public(live).await?,
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

#[cfg(test)]
mod tests;
