//! The vault on S3. Nothing here decides: conditions, encryption and checksums are in every
//! request, and what S3 answers is compared with what was asked.

mod copy;
mod delete;
mod documents;
mod encryption;
mod facts;
mod inbox;
mod lock;
mod multipart;
mod parts;
mod read_back;
mod standing;
mod unfinished;
mod upload;
mod versions;

use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::ports::{
    Deleted, Deletion, Document, Inbox, Locks, Standing, Uploaded, Uploads, Vault, Written,
};
use warmspare_act::stream::{Chunks, Measured};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::inbox::Pushed;
use warmspare_decide::lock::{Lock, Protection};
use warmspare_decide::name::{Region, Slot};
use warmspare_decide::presence::{Marker, Versions};
use warmspare_decide::seen::Seen;
use warmspare_decide::sweep::Unfinished;
use warmspare_decide::tripwire::{Bucket, Replication};
use warmspare_decide::verify::ObjectFacts;

use crate::Live;

pub(crate) use documents::{AnswerTime, timestamp};
pub use read_back::ObjectBody;
pub(crate) use read_back::RecoveryRole;

impl Vault for Live {
    type Body = ObjectBody;

    async fn read(&self, key: &str) -> Result<Seen<Document>, Fault> {
        Box::pin(documents::read(self, key)).await
    }

    async fn create(&self, key: &str, body: Bytes) -> Result<Written, Fault> {
        Box::pin(documents::write(self, key, documents::Over::Nothing, body, None)).await
    }

    async fn create_locked(&self, key: &str, body: Bytes, lock: &Lock) -> Result<Written, Fault> {
        Box::pin(documents::write(self, key, documents::Over::Nothing, body, Some(lock))).await
    }

    async fn replace(&self, key: &str, etag: &str, body: Bytes) -> Result<Written, Fault> {
        Box::pin(documents::write(self, key, documents::Over::Exactly(etag), body, None)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        Box::pin(documents::list(self, prefix)).await
    }

    async fn versions(&self, prefix: &str, after: Option<&Marker>) -> Result<Versions, Fault> {
        Box::pin(versions::versions(self, prefix, after)).await
    }

    async fn upload<C: Chunks>(
        &self,
        key: &str,
        protection: &Protection,
        stream: &mut Measured<C>,
        mark: Option<&str>,
    ) -> Result<Uploaded, Fault> {
        let target = upload::Target { key, asked: protection, mark };
        Box::pin(upload::upload(self, target, stream)).await
    }

    async fn facts(&self, key: &str, version_id: Option<&str>) -> Result<Seen<ObjectFacts>, Fault> {
        Box::pin(facts::facts(self, key, version_id)).await
    }

    async fn read_back(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault> {
        Box::pin(read_back::read_back(self, key, version_id)).await
    }

    async fn read_as_recovery(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault> {
        Box::pin(read_back::read_as_recovery(self, key, version_id)).await
    }

    fn recovery_role(&self) -> String {
        self.config()
            .recovery_role
            .as_ref()
            .map_or_else(|| "none: RECOVERY_ROLE_ARN is not set".to_owned(), ToString::to_string)
    }

    async fn copy(
        &self,
        from: (&str, &str),
        to: &str,
        over: Option<&str>,
        encryption: &Encryption,
        slot: Slot,
    ) -> Result<Written, Fault> {
        Box::pin(copy::copy(self, from, to, over, encryption, slot)).await
    }

    fn region(&self) -> Region {
        self.config().region.clone()
    }
}

impl Inbox for Live {
    async fn pushed(&self, prefix: &str) -> Result<Vec<Pushed>, Fault> {
        Box::pin(inbox::pushed(self, prefix)).await
    }

    async fn open_pushed(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault> {
        Box::pin(read_back::open_pushed(self, key, version_id)).await
    }
}

impl Deletion for Live {
    async fn delete(&self, key: &str, seen: &ObjectFacts) -> Result<Deleted, Fault> {
        Box::pin(delete::delete(self, key, seen)).await
    }
}

impl Locks for Live {
    async fn has_object_lock(&self) -> Result<bool, Fault> {
        Box::pin(lock::has_object_lock(self)).await
    }
}

impl Standing for Live {
    async fn bucket(&self) -> Result<Bucket, Fault> {
        Box::pin(standing::bucket(self)).await
    }

    async fn replication(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Seen<Replication>, Fault> {
        Box::pin(standing::replication(self, key, version_id)).await
    }
}

impl Uploads for Live {
    async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, Fault> {
        Box::pin(unfinished::list(self, prefix)).await
    }

    async fn abort(&self, upload: &Unfinished) -> Result<(), Fault> {
        Box::pin(unfinished::abort(self, &upload.key, &upload.id)).await
    }
}

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
