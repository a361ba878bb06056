//! The ways in which a stored backup is damaged, one at a time, chosen by a seed.

use serde_json::{Value, json};

use crate::tries::Dice;
use crate::verification::FOLDER;
use crate::world::keys::PLAN_KEY;
use crate::world::vault::Version;
use crate::world::{State, World};

/// What verification has to make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Nothing was done to it.
    None,
    /// It is rejected.
    Found,
    /// Its key does not open anything now: neither proven nor rejected (FV6).
    Unreadable,
    /// There is no manifest that could be held against anything.
    Unverifiable,
    /// There is no manifest.
    Gone,
}

/// Damages the backup; what was done, and what has to come of it.
pub(crate) fn damage(world: &World, dice: &mut Dice) -> (&'static str, Damage) {
    match dice.below(10) {
        0 => ("nothing", Damage::None),
        1..=3 => (of_bytes(&mut world.set(), dice), Damage::Found),
        4 => (of_the_set(world, dice), Damage::Found),
        5 | 6 => (of_facts(&mut world.set(), dice), Damage::Found),
        7 => of_the_key(&mut world.set(), dice),
        8 => of_the_manifest(world, dice),
        _ => rewritten_manifest(world, dice),
    }
}

fn one(dice: &mut Dice) -> String {
    format!("{FOLDER}/{}", ["metadata", "artifacts"][dice.below(2)])
}

fn version<'s>(state: &'s mut State, key: &str) -> &'s mut Version {
    state.objects.get_mut(key).unwrap().last_mut().unwrap()
}

/// One bit, anywhere; the first and the last byte more often.
fn flip(body: &[u8], dice: &mut Dice) -> bytes::Bytes {
    let mut flipped = body.to_vec();
    let last = flipped.len() - 1;
    let at = [0, last, dice.below(last + 1), dice.below(last + 1)][dice.below(4)];
    flipped[at] ^= 1 << dice.below(8);
    flipped.into()
}

fn of_bytes(state: &mut State, dice: &mut Dice) -> &'static str {
    let key = one(dice);
    let body = version(state, &key).body.clone();
    let (what, body) = match dice.below(6) {
        0 | 1 => ("a bit is flipped", flip(&body, dice)),
        2 => ("it is truncated", body.slice(..dice.below(body.len()))),
        3 => ("it is extended", [&body[..], b"\0"].concat().into()),
        4 => {
            let (half, more) = body.split_at(body.len() / 2);
            ("two halves are exchanged", [more, half].concat().into())
        }
        _ => {
            let (one, other) = (format!("{FOLDER}/metadata"), format!("{FOLDER}/artifacts"));
            let of_one = version(state, &one).body.clone();
            let of_other = std::mem::replace(&mut version(state, &other).body, of_one);
            version(state, &one).body = of_other;
            return "two objects' bytes are exchanged";
        }
    };
    version(state, &key).body = body;
    what
}

fn of_the_set(world: &World, dice: &mut Dice) -> &'static str {
    let key = one(dice);
    match dice.below(4) {
        0 => {
            world.remove(&key);
            "an object is missing"
        }
        1 => {
            let stray =
                ["stray", "metadata2", "manifest.json.bak", "deeper/metadata"][dice.below(4)];
            world.put(&format!("{FOLDER}/{stray}"), b"who put this here?");
            "an object is too many"
        }
        2 => {
            let body = version(&mut world.set(), &key).body.clone();
            world.put(&key, &body);
            "an object is written over with the same bytes"
        }
        _ => {
            let mut state = world.set();
            let one = state.objects.remove(&format!("{FOLDER}/metadata")).unwrap();
            let other = state.objects.insert(format!("{FOLDER}/artifacts"), one).unwrap();
            state.objects.insert(format!("{FOLDER}/metadata"), other);
            "two objects are exchanged"
        }
    }
}

fn of_facts(state: &mut State, dice: &mut Dice) -> &'static str {
    let key = one(dice);
    let version = version(state, &key);
    match dice.below(9) {
        0 => {
            version.key_arn = Some(PLAN_KEY.replace("1234abcd", "99999999"));
            "another key"
        }
        1 => {
            version.key_arn = Some(PLAN_KEY.replace("us-west-2", "us-east-1"));
            "a key of another Region"
        }
        2 => {
            version.key_arn = None;
            "no key"
        }
        3 => {
            version.algorithm = Some("AES256".into());
            "another algorithm"
        }
        4 => {
            version.algorithm = None;
            "no encryption"
        }
        5 => {
            version.crc64nvme = Some("AAAAAAAAAAA=".into());
            "another checksum"
        }
        6 => {
            version.crc64nvme = None;
            "no checksum"
        }
        7 => {
            version.checksum_type = Some("COMPOSITE".into());
            "a checksum of parts"
        }
        _ => {
            version.checksum_type = None;
            "a checksum of nobody knows what"
        }
    }
}

fn of_the_key(state: &mut State, dice: &mut Dice) -> (&'static str, Damage) {
    let outage = match dice.below(4) {
        0 => {
            state.keys.plan_key().state = "Disabled".into();
            "the key is disabled"
        }
        1 => {
            state.keys.plan_key().state = "PendingDeletion".into();
            state.keys.plan_key().deleted_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
            "the key is pending deletion"
        }
        2 => {
            state.keys.plan_key().state = "Unavailable".into();
            "the key is unavailable"
        }
        _ => {
            state.keys.by_arn.remove(PLAN_KEY);
            return ("the key is gone", Damage::Found);
        }
    };
    (outage, Damage::Unreadable)
}

/// The manifest's own bytes rot.
fn of_the_manifest(world: &World, dice: &mut Dice) -> (&'static str, Damage) {
    let key = format!("{FOLDER}/manifest.json");
    if dice.below(4) == 0 {
        world.remove(&key);
        return ("the manifest is missing", Damage::Gone);
    }
    let mut state = world.set();
    let manifest = version(&mut state, &key);
    manifest.body = match dice.below(3) {
        0 => manifest.body.slice(..dice.below(manifest.body.len())),
        _ => flip(&manifest.body, dice),
    };
    ("the manifest's bytes are damaged", Damage::Unverifiable)
}

/// Somebody writes the manifest over, in such a way that S3 finds nothing wrong with it.
fn rewritten_manifest(world: &World, dice: &mut Dice) -> (&'static str, Damage) {
    let key = format!("{FOLDER}/manifest.json");
    let body = version(&mut world.set(), &key).body.clone();
    let mut manifest: Value = serde_json::from_slice(&body).unwrap();
    let n = dice.below(2);
    let other_key = PLAN_KEY.replace("1234abcd", "99999999");
    let edits: [(&str, Value); 11] = [
        ("/format", json!(2)),
        ("/objects/N/sums/size_bytes", json!(7)),
        ("/objects/N/sums/sha256", json!("00".repeat(32))),
        ("/objects/N/sums/crc64nvme", json!("AAAAAAAAAAA=")),
        ("/objects/N/version_id", json!("version-0")),
        ("/objects/N/key", json!("backups/controller/2026-11-20T00-00-00Z/metadata")),
        ("/objects/N/source", json!("other")),
        ("/key_arn", json!(other_key)),
        ("/system", json!("other")),
        ("/slot", json!("2026-11-20T00-00-00Z")),
        ("/objects", json!([])),
    ];
    let unreadable: [(&str, Value); 4] = [
        ("/format", json!(6)),
        ("/format", json!("1")),
        ("/slot", json!("yesterday")),
        ("/objects/N/sums", json!(null)),
    ];
    let (edit, damage) = match dice.below(3) {
        0 => (&unreadable[dice.below(unreadable.len())], Damage::Unverifiable),
        1 | 2 if dice.below(4) == 0 => {
            let objects = manifest["objects"].as_array_mut().unwrap();
            if dice.below(2) == 0 {
                objects.remove(n);
            } else {
                objects.push(objects[n].clone());
            }
            world.put(&key, &serde_json::to_vec(&manifest).unwrap());
            return ("the manifest has a record too few or too many", Damage::Found);
        }
        _ => (&edits[dice.below(edits.len())], Damage::Found),
    };
    *manifest.pointer_mut(&edit.0.replace('N', &n.to_string())).unwrap() = edit.1.clone();
    world.put(&key, &serde_json::to_vec(&manifest).unwrap());
    ("the manifest is rewritten", damage)
}
