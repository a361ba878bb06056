//! What may be written over, copied and deleted, and under which condition.

use bytes::Bytes;
use warmspare_act::ports::{Deletion as _, Vault as _};

use super::{PART_BYTES, Server, deleted, etag, slot, text, word};

pub(super) async fn create_once(s: &Server) -> String {
    let key = s.key("create_once", "a");
    let first = word(&s.live.create(&key, text("one")).await);
    let second = word(&s.live.create(&key, text("two")).await);
    let kept = if s.content(&key).await == "one" { "first" } else { "second" };
    format!("{first}, {second}, and the {kept} is there")
}

pub(super) async fn create_over_a_delete_marker(s: &Server) -> String {
    let key = s.key("create_over_a_delete_marker", "a");
    let first = word(&s.live.create(&key, text("one")).await);
    if let Some(seen) = s.facts(&key, None).await {
        let _ = s.live.delete(&key, &seen).await;
    }
    format!("{first}, {}", word(&s.live.create(&key, text("two")).await))
}

pub(super) async fn eight_creations_at_once(s: &Server) -> String {
    let key = s.key("eight_creations_at_once", "a");
    let one = || s.live.create(&key, text("one"));
    let (a, b, c, d, e, f, g, h) =
        tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    let written = [a, b, c, d, e, f, g, h].iter().filter(|it| word(it) == "written").count();
    format!("{written} of 8 written")
}

pub(super) async fn replace_exactly(s: &Server) -> String {
    let key = s.key("replace_exactly", "a");
    let old = etag(s.live.create(&key, text("one")).await);
    let first = word(&s.live.replace(&key, &old, text("two")).await);
    format!("{first}, {}", word(&s.live.replace(&key, &old, text("three")).await))
}

pub(super) async fn replace_what_is_not_there(s: &Server) -> String {
    let key = s.key("replace_what_is_not_there", "a");
    word(&s.live.replace(&key, "\"5d41402abc4b2a76b9719d911017c592\"", text("one")).await)
}

pub(super) async fn replace_what_was_deleted(s: &Server) -> String {
    let key = s.key("replace_what_was_deleted", "a");
    let old = etag(s.live.create(&key, text("one")).await);
    if let Some(seen) = s.facts(&key, None).await {
        let _ = s.live.delete(&key, &seen).await;
    }
    word(&s.live.replace(&key, &old, text("two")).await)
}

pub(super) async fn complete_over_an_object(s: &Server) -> String {
    let key = s.key("complete_over_an_object", "a");
    let _ = s.live.create(&key, text("one")).await;
    let body = Bytes::from(vec![7; PART_BYTES + 1]);
    let said = s.stored(&key, body).await;
    format!("{said}, {}", s.left(&key).await)
}

pub(super) async fn copy_over_exactly(s: &Server) -> String {
    let from = s.key("copy_over_exactly", "from");
    let to = s.key("copy_over_exactly", "to");
    let version = s.stored(&from, text("one")).await;
    let from = (from.as_str(), version.as_str());
    let copy = |over| s.live.copy(from, &to, over, &s.asked, slot());
    let first = copy(None).await;
    let mut said = vec![word(&first), word(&copy(None).await)];
    let old = etag(first);
    said.push(word(&copy(Some(&old)).await));
    // A copy of the same bytes may have the same ETag, so what is there meanwhile is another thing.
    let now = s.facts(&to, None).await.map(|facts| facts.etag).unwrap_or_default();
    let _ = s.live.replace(&to, &now, text("two")).await;
    said.push(word(&copy(Some(&old)).await));
    said.join(", ")
}

pub(super) async fn delete_exactly(s: &Server) -> String {
    let key = s.key("delete_exactly", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(seen) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    let said = deleted(&s.live.delete(&key, &seen).await);
    let read = s.version(&key, &seen.version_id).await;
    let read = if read.is_ok_and(|it| it == "one") { "read" } else { "not read" };
    let tags = s.live.clients().s3().get_object_tagging().bucket(&s.bucket).key(&key);
    let tags = tags.version_id(&seen.version_id).send().await;
    let tags = tags.map(|it| it.tag_set().iter().map(|tag| tag.value().to_owned()).collect());
    let tags: Vec<String> = tags.unwrap_or_default();
    let here = s.is_absent(&key).await;
    format!("{said}, {here}, its version is {read}, tagged {}", tags.join(" "))
}

pub(super) async fn delete_what_was_replaced(s: &Server) -> String {
    let key = s.key("delete_what_was_replaced", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(seen) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    let _ = s.live.replace(&key, &seen.etag, text("two")).await;
    let said = deleted(&s.live.delete(&key, &seen).await);
    let here = s.content(&key).await == "two";
    format!("{said}, and it is {}", if here { "there" } else { "gone" })
}

pub(super) async fn delete_twice(s: &Server) -> String {
    let key = s.key("delete_twice", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(seen) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    let first = deleted(&s.live.delete(&key, &seen).await);
    format!("{first}, {}", deleted(&s.live.delete(&key, &seen).await))
}

pub(super) async fn delete_without_permission(s: &Server) -> String {
    let key = s.key("delete_without_permission", "a");
    let _ = s.live.create(&key, text("one")).await;
    let Some(seen) = s.facts(&key, None).await else { return "it is not there".to_owned() };
    deleted(&s.reader.delete(&key, &seen).await)
}

pub(super) async fn copy_an_older_version(s: &Server) -> String {
    let [from, to] = ["fröm/a b+c", "to"].map(|name| s.key("copy_an_older_version", name));
    let version = s.stored(&from, text("one")).await;
    let old = s.facts(&from, None).await.map(|facts| facts.etag).unwrap_or_default();
    let _ = s.live.replace(&from, &old, text("two")).await;
    let copied = s.live.copy((&from, &version), &to, None, &s.asked, slot()).await;
    let Some(facts) = s.facts(&to, None).await else { return word(&copied) };
    let is_of_slot = facts.slot.as_deref() == Some(slot().to_string().as_str());
    let is_under = facts.key_arn.as_deref() == Some(s.plan_key.as_str());
    let of = if is_of_slot { "of the slot" } else { "of no slot" };
    let under = if is_under { "the plan's key" } else { "another key" };
    format!("{}, {of}, under {under}", s.content(&to).await)
}

pub(super) async fn copy_what_is_not_there(s: &Server) -> String {
    let [from, other, to] =
        ["from", "other", "to"].map(|name| s.key("copy_what_is_not_there", name));
    let version = s.stored(&other, text("one")).await;
    let copied = s.live.copy((&from, &version), &to, None, &s.asked, slot()).await;
    copied.map_or_else(|_| "a fault".to_owned(), |written| word(&Ok(written)))
}
