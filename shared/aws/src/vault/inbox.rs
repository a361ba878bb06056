//! What appliances have pushed, as S3 lists it. Of a push in several parts nothing is listed before
//! it is completed
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>).

use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::inbox::Pushed;

use super::documents::{KEYS_MAX, timestamp};
use crate::Live;
use crate::fault::fault;

const DURING: &str = "listing";

pub(super) async fn pushed(live: &Live, prefix: &str) -> Result<Vec<Pushed>, Fault> {
    let mut pages = live
        .clients()
        .s3()
        .list_objects_v2()
        .bucket(&live.config().vault_bucket)
        .prefix(prefix)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .into_paginator()
        .send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| fault(DURING, prefix, error))?;
        for object in page.contents() {
            let (size, at) = (object.size(), object.last_modified());
            let size_bytes = size.and_then(|size| u64::try_from(size).ok());
            let (Some(key), Some(size_bytes), Some(written_at)) =
                (object.key(), size_bytes, at.and_then(timestamp))
            else {
                let why = "S3 did not say the key, the length and the date of an object";
                return Err(Fault::new(Hope::Permanent, DURING, prefix, why));
            };
            all.push(Pushed { key: key.to_owned(), size_bytes, written_at });
        }
        if all.len() > KEYS_MAX {
            let why = format!("there are more than {KEYS_MAX} keys");
            return Err(Fault::new(Hope::Permanent, DURING, prefix, why));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
