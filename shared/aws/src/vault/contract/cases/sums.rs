//! Checksums, and uploads in parts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ServerSideEncryption,
};
use bytes::Bytes;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Uploaded, Uploads as _, Vault as _};
use warmspare_act::stream::{Measured, crc64nvme_text, sums_of};
use warmspare_decide::verify::ObjectFacts;

use super::{DIGITS, PART_BYTES, Pieces, Server, etag, is_now, refused, slot};
use crate::fault::{code, fault};

pub(super) async fn etag_of_what_is_encrypted(s: &Server) -> String {
    let key = s.key("etag_of_what_is_encrypted", "a");
    let etag = etag(s.live.create(&key, DIGITS).await);
    let md5 = "25f9e794323b453885f5181f1b624d0b";
    if etag.trim_matches('"') == md5 { "its MD5" } else { "not its MD5" }.to_owned()
}

fn checksum(facts: Option<&ObjectFacts>) -> String {
    let Some(facts) = facts else { return "it is not there".to_owned() };
    let sum = facts.crc64nvme.as_deref().unwrap_or("none");
    let kind = facts.checksum_type.as_deref().unwrap_or("of no kind");
    format!("{} bytes, {sum}, {kind}", facts.size_bytes)
}

pub(super) async fn checksum_of_one_request(s: &Server) -> String {
    let key = s.key("checksum_of_one_request", "a");
    let _ = s.stored(&key, DIGITS).await;
    checksum(s.facts(&key, None).await.as_ref())
}

pub(super) async fn checksum_of_nothing(s: &Server) -> String {
    let key = s.key("checksum_of_nothing", "a");
    let _ = s.stored(&key, Bytes::new()).await;
    checksum(s.facts(&key, None).await.as_ref())
}

pub(super) async fn checksum_of_parts(s: &Server) -> String {
    let key = s.key("checksum_of_parts", "a");
    let body: Bytes = (0..PART_BYTES + 1).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>().into();
    let sums = sums_of(&body);
    let uploaded = s.upload(&key, &s.plan_key, body).await;
    let version = match uploaded {
        Ok(Uploaded::New { version_id, .. }) => version_id,
        Ok(Uploaded::Exists) => return "it exists".to_owned(),
        Err(fault) => return refused(&fault).replace(&sums.crc64nvme, "that of the whole"),
    };
    let facts = s.facts(&key, Some(&version)).await;
    let said = checksum(facts.as_ref()).replace(&sums.crc64nvme, "that of the whole");
    let read = match s.live.read_back(&key, &version).await {
        Ok(body) => Measured::new(body).drain().await,
        Err(fault) => Err(fault),
    };
    let read = if read.is_ok_and(|read| read == sums) { "equal" } else { "differently" };
    format!("{said}, read back {read}")
}

pub(super) async fn checksum_of_a_copy(s: &Server) -> String {
    let [from, to] = ["from", "to"].map(|name| s.key("checksum_of_a_copy", name));
    let version = s.stored(&from, DIGITS).await;
    let _ = s.live.copy((&from, &version), &to, None, &s.asked, slot()).await;
    checksum(s.facts(&to, None).await.as_ref())
}

pub(super) async fn a_wrong_checksum(s: &Server) -> String {
    let key = s.key("a_wrong_checksum", "a");
    let put = s.live.clients().s3().put_object().bucket(&s.bucket).key(&key);
    let put = put.checksum_crc64_nvme("AAAAAAAAAAA=").body(ByteStream::from(DIGITS));
    let said = match put.customize().disable_payload_signing().send().await {
        Ok(_) => "stored".to_owned(),
        Err(error) => code(&error).unwrap_or("no code").to_owned(),
    };
    format!("{said}, {}", s.is_absent(&key).await)
}

/// An upload in parts by hand, which lies about one thing.
struct Lying<'s> {
    server: &'s Server,
    key: String,
    id: String,
    sent: Vec<CompletedPart>,
}

impl<'s> Lying<'s> {
    async fn begin(server: &'s Server, key: String) -> Result<Self, String> {
        let begun = server.live.clients().s3().create_multipart_upload();
        let begun = begun
            .bucket(&server.bucket)
            .key(&key)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(server.plan_key.as_str())
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject);
        let begun = begun.send().await.map_err(|error| said(fault("beginning", &key, error)))?;
        let id = begun.upload_id().unwrap_or_default().to_owned();
        Ok(Self { server, key, id, sent: Vec::new() })
    }

    async fn send(&mut self, body: Bytes, sum: &str) -> Result<(), String> {
        let number = i32::try_from(self.sent.len() + 1).unwrap();
        let part = self.server.live.clients().s3().upload_part().bucket(&self.server.bucket);
        let part = part
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_crc64_nvme(sum)
            .body(ByteStream::from(body))
            .customize()
            .config_override(crate::clients::patient())
            .disable_payload_signing();
        let sent = part.send().await.map_err(|error| said(fault("sending", &self.key, error)))?;
        let part = CompletedPart::builder().part_number(number).checksum_crc64_nvme(sum);
        self.sent.push(part.set_e_tag(sent.e_tag().map(str::to_owned)).build());
        Ok(())
    }

    /// What completing comes to, and whether the object is there then.
    async fn complete(self, sum: &str, size: usize) -> Result<String, String> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.sent)).build();
        let ended = self.server.live.clients().s3().complete_multipart_upload();
        let ended = ended
            .bucket(&self.server.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .checksum_type(ChecksumType::FullObject)
            .checksum_crc64_nvme(sum)
            .mpu_object_size(i64::try_from(size).unwrap())
            .multipart_upload(parts)
            .customize()
            .config_override(crate::clients::patient());
        let ended = match ended.send().await {
            Ok(_) => "completed".to_owned(),
            Err(error) => said(fault("completing", &self.key, error)),
        };
        Ok(format!("{ended}, {}", self.server.is_absent(&self.key).await))
    }
}

fn said(fault: Fault) -> String {
    refused(&fault)
}

fn sum(body: &[u8]) -> String {
    crc64nvme_text(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, body))
}

pub(super) async fn a_wrong_checksum_of_a_part(s: &Server) -> String {
    let key = s.key("a_wrong_checksum_of_a_part", "a");
    let lie = async {
        let mut lying = Lying::begin(s, key).await?;
        lying.send(DIGITS, "AAAAAAAAAAA=").await?;
        Ok::<_, String>("taken".to_owned())
    };
    lie.await.unwrap_or_else(|answer| answer)
}

pub(super) async fn a_wrong_checksum_of_the_whole(s: &Server) -> String {
    let key = s.key("a_wrong_checksum_of_the_whole", "a");
    let lie = async {
        let mut lying = Lying::begin(s, key).await?;
        lying.send(DIGITS, &sum(&DIGITS)).await?;
        lying.complete("AAAAAAAAAAA=", DIGITS.len()).await
    };
    lie.await.unwrap_or_else(|answer| answer)
}

pub(super) async fn a_wrong_size_of_the_whole(s: &Server) -> String {
    let key = s.key("a_wrong_size_of_the_whole", "a");
    let lie = async {
        let mut lying = Lying::begin(s, key).await?;
        lying.send(DIGITS, &sum(&DIGITS)).await?;
        lying.complete(&sum(&DIGITS), DIGITS.len() + 1).await
    };
    lie.await.unwrap_or_else(|answer| answer)
}

pub(super) async fn a_part_that_is_too_small(s: &Server) -> String {
    let key = s.key("a_part_that_is_too_small", "a");
    let lie = async {
        let mut lying = Lying::begin(s, key).await?;
        lying.send(DIGITS, &sum(&DIGITS)).await?;
        lying.send(DIGITS, &sum(&DIGITS)).await?;
        let twice = [&DIGITS[..], &DIGITS[..]].concat();
        lying.complete(&sum(&twice), twice.len()).await
    };
    lie.await.unwrap_or_else(|answer| answer)
}

pub(super) async fn an_upload_before_its_end(s: &Server) -> String {
    let key = s.key("an_upload_before_its_end", "a");
    let lie = async {
        let mut lying = Lying::begin(s, key.clone()).await?;
        lying.send(DIGITS, &sum(&DIGITS)).await
    };
    if let Err(answer) = lie.await {
        return answer;
    }
    let listed = s.live.list(&key).await.unwrap_or_default().is_empty();
    let listed = if listed { "not listed" } else { "listed" };
    let since = match s.live.unfinished(&key).await.as_deref() {
        Ok([one]) if one.key == key && is_now(one.begun_at) => "since just now".to_owned(),
        Ok([one]) => format!("since {}", one.begun_at),
        Ok(listed) => format!("{} times", listed.len()),
        Err(fault) => refused(fault),
    };
    format!("{listed}, {}, and under way {since}", s.is_absent(&key).await)
}

pub(super) async fn a_stream_that_breaks_off(s: &Server) -> String {
    let key = s.key("a_stream_that_breaks_off", "a");
    let first = Bytes::from(vec![7; PART_BYTES + 1]);
    let broken = Fault::new(Hope::Retryable, "reading", "it", "broken off");
    let mut stream = Measured::new(Pieces(vec![Ok(first), Err(broken)]));
    let ended = s.live.upload(&key, &s.asked.clone().into(), &mut stream, None).await;
    let ended = ended.map_or_else(|fault| fault.to_string(), |_| "stored".to_owned());
    let ended = ended.trim_start_matches("reading it: ");
    format!("{ended}, {}, {}", s.is_absent(&key).await, s.left(&key).await)
}

pub(super) async fn abort_twice(s: &Server) -> String {
    let key = s.key("abort_twice", "a");
    if let Err(answer) = Lying::begin(s, key.clone()).await {
        return answer;
    }
    let begun = s.live.unfinished(&key).await.unwrap_or_default();
    let Some(upload) = begun.first() else { return "none is listed".to_owned() };
    let freed = |ended: Result<(), Fault>| {
        ended.map_or_else(|fault| refused(&fault), |()| "freed".to_owned())
    };
    let first = freed(s.live.abort(upload).await);
    format!("{first}, {}, {}", freed(s.live.abort(upload).await), s.left(&key).await)
}

pub(super) async fn unfinished_of_a_prefix(s: &Server) -> String {
    for name in ["one/a", "other/a"] {
        let key = s.key("unfinished_of_a_prefix", name);
        if let Err(answer) = Lying::begin(s, key).await {
            return answer;
        }
    }
    let prefix = s.key("unfinished_of_a_prefix", "one/");
    let listed = s.live.unfinished(&prefix).await;
    listed.map_or_else(|fault| refused(&fault), |listed| listed.len().to_string())
}
