//! What is read, listed and seen: objects, versions, permissions, keys.

use aws_sdk_s3::primitives::ByteStream;
use tokio::task::JoinSet;
use warmspare_act::ports::{Deletion as _, Inbox as _, Keys as _, Uploaded, Vault as _};
use warmspare_act::stream::Measured;
use warmspare_decide::encryption::{Encryption, Own};
use warmspare_decide::name::KeyArn;
use warmspare_decide::seen::Seen;

use super::{DIGITS, Pieces, Server, found, is_now, refused, text, whole, word};
use crate::Live;

pub(super) async fn look_behind_a_delete_marker(s: &Server) -> String {
    let key = s.key("look_behind_a_delete_marker", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(seen) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    let _ = s.live.delete(&key, &seen).await;
    let version = s.live.facts(&key, Some(&seen.version_id)).await;
    let version = if found(&version) == "here" { "there".to_owned() } else { found(&version) };
    format!("{}, and its version is {version}", s.is_absent(&key).await)
}

pub(super) async fn read_an_older_version(s: &Server) -> String {
    let key = s.key("read_an_older_version", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(one) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    let _ = s.live.replace(&key, &one.etag, text("two and more")).await;
    let Some(two) = s.facts(&key, None).await else { return "it is gone".to_owned() };
    let old = s.version(&key, &one.version_id).await.unwrap_or_else(|fault| refused(&fault));
    let size = s.facts(&key, Some(&one.version_id)).await.map(|facts| facts.size_bytes);
    let new = s.content(&key).await;
    let new = new.split(' ').next().unwrap_or_default();
    let which =
        if one.version_id == two.version_id { "the same version" } else { "other versions" };
    format!("{old} of {} bytes, then {new}, of {which}", size.unwrap_or_default())
}

pub(super) async fn what_is_absent(s: &Server) -> String {
    let key = s.key("what_is_absent", "a");
    format!("{}, {}", found(&s.live.read(&key).await), s.is_absent(&key).await)
}

pub(super) async fn a_bucket_that_is_not_there(s: &Server) -> String {
    let key = s.key("a_bucket_that_is_not_there", "a");
    let read = found(&s.nowhere.read(&key).await);
    format!("{read}, {}", word(&s.nowhere.create(&key, text("one")).await))
}

pub(super) async fn a_key_that_may_not_be_listed(s: &Server) -> String {
    let key = s.key("a_key_that_may_not_be_listed", "a");
    let read = found(&s.reader.read(&key).await);
    format!("{read}, {}", found(&s.reader.facts(&key, None).await))
}

pub(super) async fn a_caller_whom_nobody_knows(s: &Server) -> String {
    let key = s.key("a_caller_whom_nobody_knows", "a");
    let read = found(&s.stranger.read(&key).await);
    format!("{read}, {}", found(&s.stranger.facts(&key, None).await))
}

pub(super) async fn a_version_of_another_key(s: &Server) -> String {
    let [one, other] = ["a", "b"].map(|name| s.key("a_version_of_another_key", name));
    let _ = s.stored(&one, text("one")).await;
    let version = s.stored(&other, text("two")).await;
    s.version(&one, &version).await.unwrap_or_else(|fault| refused(&fault))
}

pub(super) async fn the_time_of_an_answer(s: &Server) -> String {
    let key = s.key("the_time_of_an_answer", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(document) = s.document(&key).await else { return "it is not there".to_owned() };
    // Our own clock, which stands in where there is no date, is finer than a second.
    let is_its_own = document.read_at.subsec_nanosecond() == 0;
    let is_right = is_now(document.read_at) && is_now(document.written_at);
    let clock = if is_its_own { "by its own clock" } else { "not said" };
    if is_right { clock.to_owned() } else { format!("{clock}, and not now") }
}

pub(super) async fn a_bucket_of_somebody_else(s: &Server) -> String {
    let key = s.key("a_bucket_of_somebody_else", "a");
    let read = found(&s.foreign.read(&key).await);
    format!("{read}, {}", word(&s.foreign.create(&key, text("one")).await))
}

pub(super) async fn encryption_as_answered(s: &Server) -> String {
    let [one, other] = ["a", "b"].map(|name| s.key("encryption_as_answered", name));
    let _ = s.stored(&one, text("one")).await;
    let _ = s.live.create(&other, text("two")).await;
    let (Some(one), Some(other)) = (s.facts(&one, None).await, s.facts(&other, None).await) else {
        return "it is not there".to_owned();
    };
    let name = |arn: Option<&str>| match arn {
        Some(arn) if arn == s.plan_key.as_str() => "the plan's key".to_owned(),
        Some(arn) if arn == s.live.config().vault_key.as_str() => "the vault's".to_owned(),
        Some(_) | None => format!("{arn:?}"),
    };
    let algorithm = one.algorithm.as_deref().unwrap_or("nothing");
    let (one, other) = (name(one.key_arn.as_deref()), name(other.key_arn.as_deref()));
    format!("{algorithm} under {one}, then {other}")
}

pub(super) async fn without_a_key_of_ours(s: &Server) -> String {
    let mut said = Vec::new();
    let managed = match s.live.aws_s3_key().await {
        Ok(Seen::Here(facts)) => KeyArn::parse(&facts.arn).ok(),
        Ok(Seen::Absent | Seen::Unknown(_)) | Err(_) => None,
    };
    let asked = [Some(Encryption::Own(Own::Aes256)), managed.map(Encryption::AwsS3)];
    for (name, asked) in ["a", "b"].into_iter().zip(asked) {
        let key = s.key("without_a_key_of_ours", name);
        let Some(asked) = asked else {
            said.push("no key of aws/s3".to_owned());
            continue;
        };
        let mut stream = Measured::new(Pieces(vec![Ok(text("one"))]));
        if s.live.upload(&key, &asked.clone().into(), &mut stream, None).await.is_err() {
            said.push(format!("not as {} was asked", asked.algorithm()));
            continue;
        }
        let facts = s.facts(&key, None).await;
        let differs = facts.map(|it| asked.differs(it.algorithm.as_deref(), it.key_arn.as_deref()));
        let is_so = differs == Some(None);
        said.push(if is_so { asked.algorithm().to_owned() } else { "another".to_owned() });
    }
    said.join(", ")
}

pub(super) async fn a_bucket_key(s: &Server) -> String {
    let key = s.key("a_bucket_key", "a");
    let _ = s.stored(&key, text("one")).await;
    let head = s.live.clients().s3().head_object().bucket(&s.bucket).key(&key).send().await;
    let said = head.is_ok_and(|head| head.bucket_key_enabled() == Some(true));
    if said { "said" } else { "not said" }.to_owned()
}

pub(super) async fn a_key_that_is_not_there(s: &Server) -> String {
    let key = s.key("a_key_that_is_not_there", "a");
    let uploaded = s.upload(&key, &s.no_key, text("one")).await;
    uploaded.map_or_else(|fault| refused(&fault), |_| "stored".to_owned())
}

/// A key of its own, disabled once `before` is stored under it; the object's version.
async fn disabled(s: &Server, object: &str) -> Option<(KeyArn, String)> {
    let kms = s.live.clients().kms(&s.region);
    let made = kms.create_key().send().await.ok()?;
    let arn = KeyArn::parse(made.key_metadata()?.arn()?).ok()?;
    let Ok(Uploaded::New { version_id, .. }) = s.upload(object, &arn, text("one")).await else {
        return None;
    };
    kms.disable_key().key_id(made.key_metadata()?.key_id()).send().await.ok()?;
    Some((arn, version_id))
}

pub(super) async fn write_under_a_disabled_key(s: &Server) -> String {
    let [before, after] = ["a", "b"].map(|name| s.key("write_under_a_disabled_key", name));
    let Some((arn, _)) = disabled(s, &before).await else { return "no such key".to_owned() };
    let uploaded = s.upload(&after, &arn, text("two")).await;
    uploaded.map_or_else(|fault| refused(&fault), |_| "stored".to_owned())
}

pub(super) async fn read_under_a_disabled_key(s: &Server) -> String {
    let key = s.key("read_under_a_disabled_key", "a");
    let Some((_, version)) = disabled(s, &key).await else { return "no such key".to_owned() };
    let read = s.version(&key, &version).await;
    read.map_or_else(|fault| refused(&fault), |_| "read".to_owned())
}

pub(super) async fn list_in_order(s: &Server) -> String {
    let names = ["ab", "a/b", "é", "a", "aB", "🦀", "a-b", "日", "a0", "A", "a_b", "a+b"];
    let folder = s.key("list_in_order", "");
    for name in names {
        let _ = s.live.create(&format!("{folder}{name}"), text("one")).await;
    }
    let listed = s.live.list(&folder).await.unwrap_or_default();
    let listed: Vec<&str> = listed.iter().map(|key| key.trim_start_matches(&folder)).collect();
    listed.join(" ")
}

pub(super) async fn list_more_than_a_page(s: &Server) -> String {
    let folder = s.key("list_more_than_a_page", "");
    let s3 = s.live.clients().s3();
    let mut puts = JoinSet::new();
    for n in (0..1_003).rev() {
        let put = s3.put_object().bucket(&s.bucket).key(format!("{folder}{n:04}"));
        let put = put.body(ByteStream::from_static(b"1"));
        puts.spawn(async move { put.send().await.is_ok() });
        if puts.len() == 16 && puts.join_next().await.is_none_or(|put| !put.unwrap_or(false)) {
            return "a put failed".to_owned();
        }
    }
    puts.join_all().await;
    let listed = s.live.list(&folder).await.unwrap_or_default();
    let order = if listed.is_sorted() { "in order" } else { "in no order" };
    format!("{}, {order}", listed.len())
}

/// As an appliance pushes: without anything of ours.
async fn push(live: &Live, bucket: &str, key: &str, body: &'static [u8]) {
    let put = live.clients().s3().put_object().bucket(bucket).key(key);
    let _ = put.body(ByteStream::from_static(body)).send().await;
}

pub(super) async fn what_was_pushed(s: &Server) -> String {
    let folder = s.key("what_was_pushed", "");
    for (name, body) in [("b", &b"four"[..]), ("a", b"one")] {
        push(&s.live, &s.bucket, &format!("{folder}{name}"), body).await;
    }
    let pushed = s.live.pushed(&folder).await.unwrap_or_default();
    let all_now = pushed.iter().all(|push| is_now(push.written_at));
    let mut said: Vec<String> = pushed
        .iter()
        .map(|push| {
            format!("{} of {} bytes", push.key.trim_start_matches(&folder), push.size_bytes)
        })
        .collect();
    said.push(if all_now { "both just now" } else { "at another time" }.to_owned());
    said.join(", ")
}

pub(super) async fn a_mark(s: &Server) -> String {
    let key = s.key("a_mark", "a");
    let mark = "uploads/x?versionId=v 1/%C3%A9";
    let mut stream = Measured::new(Pieces(vec![Ok(text("one"))]));
    let _ = s.live.upload(&key, &s.asked.clone().into(), &mut stream, Some(mark)).await;
    let facts = s.facts(&key, None).await;
    facts.and_then(|facts| facts.mark).unwrap_or_else(|| "none".to_owned())
}

pub(super) async fn read_as_the_recovery_role(s: &Server) -> String {
    let key = s.key("read_as_the_recovery_role", "a");
    let version = s.stored(&key, DIGITS).await;
    let read = match s.live.read_as_recovery(&key, &version).await {
        Ok(body) => whole(body).await,
        Err(fault) => Err(fault),
    };
    read.unwrap_or_else(|fault| refused(&fault))
}
