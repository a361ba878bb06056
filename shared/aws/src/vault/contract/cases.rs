//! What is asked. Each answer is a few words; those that AWS would give stand in the table.

mod looks;
mod sums;
mod writes;

use std::pin::Pin;

use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::ports::{Deleted, Document, Uploaded, Uploads as _, Vault as _, Written};
use warmspare_act::stream::{Chunks, Measured};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::name::{KeyArn, Slot};
use warmspare_decide::seen::Seen;
use warmspare_decide::verify::ObjectFacts;

use self::looks::*;
use self::sums::*;
use self::writes::*;
use super::Case;
use super::server::{PART_BYTES, Server};
use crate::clock;

pub(super) type Answer<'s> = Pin<Box<dyn Future<Output = String> + 's>>;

macro_rules! cases {
    ($($page:literal { $($case:ident => $wanted:literal,)* })*) => {
        pub(super) const CASES: &[Case] = &[$($(Case {
            name: stringify!($case),
            page: $page,
            wanted: $wanted,
            ask: |server| Box::pin($case(server)),
        },)*)*];
    };
}

cases! {
    "AmazonS3/latest/userguide/conditional-writes.html" {
        create_once => "written, conflict, and the first is there",
        create_over_a_delete_marker => "written, written",
        eight_creations_at_once => "1 of 8 written",
        replace_exactly => "written, conflict",
        replace_what_is_not_there => "conflict",
        replace_what_was_deleted => "conflict",
        complete_over_an_object => "it exists, nothing is left",
        copy_over_exactly => "written, conflict, written, conflict",
    }
    "AmazonS3/latest/userguide/conditional-deletes.html" {
        delete_exactly => "deleted, absent, its version is read, tagged pruned",
        delete_what_was_replaced => "conflict, and it is there",
        delete_twice => "deleted, conflict",
    }
    "AmazonS3/latest/userguide/DeleteMarker.html" {
        look_behind_a_delete_marker => "absent, and its version is there",
    }
    "AmazonS3/latest/userguide/RetrievingObjectVersions.html" {
        read_an_older_version => "one of 3 bytes, then two, of other versions",
    }
    "AmazonS3/latest/API/API_GetObject.html" {
        what_is_absent => "absent, absent",
        a_bucket_that_is_not_there => "NoSuchBucket, NoSuchBucket",
        a_key_that_may_not_be_listed => "AccessDenied, 403",
        a_caller_whom_nobody_knows => "InvalidAccessKeyId, 403",
        a_version_of_another_key => "NoSuchVersion",
        the_time_of_an_answer => "by its own clock",
    }
    "AmazonS3/latest/userguide/bucket-owner-condition.html" {
        a_bucket_of_somebody_else => "AccessDenied, AccessDenied",
    }
    "AmazonS3/latest/userguide/specifying-kms-encryption.html" {
        encryption_as_answered => "aws:kms under the plan's key, then the vault's",
        without_a_key_of_ours => "AES256, aws:kms",
        a_bucket_key => "said",
        a_key_that_is_not_there => "KMS.NotFoundException",
    }
    "kms/latest/developerguide/key-state.html" {
        write_under_a_disabled_key => "KMS.DisabledException",
        read_under_a_disabled_key => "KMS.DisabledException",
    }
    "AmazonS3/latest/API/API_Object.html" {
        etag_of_what_is_encrypted => "not its MD5",
    }
    "AmazonS3/latest/userguide/checking-object-integrity-upload.html" {
        checksum_of_one_request => "9 bytes, rosUhgp5mIg=, FULL_OBJECT",
        checksum_of_nothing => "0 bytes, AAAAAAAAAAA=, FULL_OBJECT",
        checksum_of_parts => "5242881 bytes, that of the whole, FULL_OBJECT, read back equal",
        checksum_of_a_copy => "9 bytes, rosUhgp5mIg=, FULL_OBJECT",
        a_wrong_checksum => "BadDigest, absent",
        a_wrong_checksum_of_a_part => "BadDigest",
        a_wrong_checksum_of_the_whole => "BadDigest, absent",
    }
    "AmazonS3/latest/API/API_CompleteMultipartUpload.html" {
        a_wrong_size_of_the_whole => "InvalidRequest, absent",
        a_part_that_is_too_small => "EntityTooSmall, absent",
    }
    "AmazonS3/latest/userguide/mpuoverview.html" {
        an_upload_before_its_end => "not listed, absent, and under way since just now",
        a_stream_that_breaks_off => "broken off, absent, nothing is left",
        abort_twice => "freed, freed, nothing is left",
    }
    "AmazonS3/latest/API/API_ListMultipartUploads.html" {
        unfinished_of_a_prefix => "1",
    }
    "AmazonS3/latest/API/API_CopyObject.html" {
        copy_an_older_version => "one, of the slot, under the plan's key",
        copy_what_is_not_there => "a fault",
    }
    "AmazonS3/latest/userguide/ListingKeysUsingAPIs.html" {
        list_in_order => "A a a+b a-b a/b a0 aB a_b ab é 日 🦀",
        list_more_than_a_page => "1003, in order",
    }
    "AmazonS3/latest/API/API_ListObjectsV2.html" {
        what_was_pushed => "a of 3 bytes, b of 4 bytes, both just now",
    }
    "AmazonS3/latest/userguide/UsingMetadata.html" {
        a_mark => "uploads/x?versionId=v 1/%C3%A9",
    }
    "AmazonS3/latest/API/API_DeleteObject.html" {
        delete_without_permission => "denied",
    }
    "STS/latest/APIReference/API_AssumeRole.html" {
        read_as_the_recovery_role => "123456789",
    }
}

const DIGITS: Bytes = Bytes::from_static(b"123456789");

/// A stream of these pieces, and then its end.
struct Pieces(Vec<Result<Bytes, Fault>>);

impl Chunks for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.0.is_empty() { Ok(None) } else { self.0.remove(0).map(Some) }
    }
}

fn text(body: &'static str) -> Bytes {
    Bytes::from_static(body.as_bytes())
}

/// What S3 answered instead: its code, or its status where it has none; else what we make of it.
fn refused(fault: &Fault) -> String {
    match fault.why.split_once("it answered ") {
        Some((_, answer)) => answer.split([':', ',']).next().unwrap_or_default().to_owned(),
        None => fault.why.clone(),
    }
}

fn word(written: &Result<Written, Fault>) -> String {
    match written {
        Ok(Written::New(_)) => "written".to_owned(),
        Ok(Written::Conflict) => "conflict".to_owned(),
        Err(fault) => refused(fault),
    }
}

fn etag(written: Result<Written, Fault>) -> String {
    match written {
        Ok(Written::New(etag)) => etag,
        other @ (Ok(Written::Conflict) | Err(_)) => word(&other),
    }
}

fn deleted(answer: &Result<Deleted, Fault>) -> String {
    match answer {
        Ok(Deleted::New) => "deleted".to_owned(),
        Ok(Deleted::Conflict) => "conflict".to_owned(),
        Ok(Deleted::Denied(_)) => "denied".to_owned(),
        Err(fault) => refused(fault),
    }
}

fn found<T>(seen: &Result<Seen<T>, Fault>) -> String {
    match seen {
        Ok(Seen::Here(_)) => "here".to_owned(),
        Ok(Seen::Absent) => "absent".to_owned(),
        Ok(Seen::Unknown(why)) => why.clone(),
        Err(fault) => refused(fault),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

/// Whether an instant of S3's is about now.
fn is_now(at: jiff::Timestamp) -> bool {
    clock::now().duration_since(at).abs() < jiff::SignedDuration::from_secs(60)
}

impl Server {
    /// A key of a case.
    fn key(&self, case: &str, name: &str) -> String {
        format!("contract/{case}/{name}")
    }

    async fn upload(&self, key: &str, under: &KeyArn, body: Bytes) -> Result<Uploaded, Fault> {
        let mut stream = Measured::new(Pieces(vec![Ok(body)]));
        let asked = Encryption::Key(under.clone());
        self.live.upload(key, &asked.into(), &mut stream, None).await
    }

    /// Version of an object that is stored now.
    async fn stored(&self, key: &str, body: Bytes) -> String {
        match self.upload(key, &self.plan_key, body).await {
            Ok(Uploaded::New { version_id, .. }) => version_id,
            Ok(Uploaded::Exists) => "it exists".to_owned(),
            Err(fault) => refused(&fault),
        }
    }

    async fn facts(&self, key: &str, version_id: Option<&str>) -> Option<ObjectFacts> {
        self.live.facts(key, version_id).await.ok()?.here().cloned()
    }

    async fn document(&self, key: &str) -> Option<Document> {
        self.live.read(key).await.ok()?.here().cloned()
    }

    async fn content(&self, key: &str) -> String {
        let read = self.live.read(key).await;
        match &read {
            Ok(Seen::Here(document)) => lossy(&document.body),
            Ok(Seen::Absent | Seen::Unknown(_)) | Err(_) => found(&read),
        }
    }

    async fn version(&self, key: &str, version_id: &str) -> Result<String, Fault> {
        whole(self.live.read_back(key, version_id).await?).await
    }

    async fn is_absent(&self, key: &str) -> String {
        found(&self.live.facts(key, None).await)
    }

    async fn left(&self, prefix: &str) -> String {
        match self.live.unfinished(prefix).await {
            Ok(left) if left.is_empty() => "nothing is left".to_owned(),
            Ok(left) => format!("{} left", left.len()),
            Err(fault) => refused(&fault),
        }
    }
}

async fn whole(mut body: impl Chunks) -> Result<String, Fault> {
    let mut all = Vec::new();
    while let Some(piece) = body.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(lossy(&all))
}
