//! A bucket of another store, read with keys of its own: what a package builder keeps its artifacts in.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use warmspare_act::stream::sums_of;
use warmspare_tests::scene::{self, Address, RECOVERY, secret};
use warmspare_tests::stack::aws::bytes;
use warmspare_tests::stack::postgres::DATABASE;

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{announced, tell};

/// The bucket of a system, and the name of the secret with its keys.
fn depot(own: &Own) -> String {
    format!("{}-depot", own.name)
}

/// Makes the bucket of a system, and the secret.
pub(crate) async fn make_depot(own: &Own) -> Result<()> {
    let aws = &own.scene.stack.aws;
    let args = json!({
        "Bucket": depot(own),
        "CreateBucketConfiguration": { "LocationConstraint": RECOVERY },
    });
    aws.call(RECOVERY, "s3", "create_bucket", args).await?;
    let keys = json!({ "access_key_id": "test", "secret_access_key": "test" }).to_string();
    let args = json!({ "Name": format!("warmspare/{}", depot(own)), "SecretString": keys });
    aws.call(RECOVERY, "secretsmanager", "create_secret", args).await?;
    Ok(())
}

pub(crate) async fn put(own: &Own, key: &str, body: &[u8]) -> Result<()> {
    let args = json!({ "Bucket": depot(own), "Key": key, "Body": bytes(body) });
    own.scene.stack.aws.call(RECOVERY, "s3", "put_object", args).await?;
    Ok(())
}

pub(crate) fn plan(own: &Own) -> Result<String> {
    let bucket = depot(own);
    let sources = format!(
        "[[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"https\", url = \"{}/export\", \
         secret = \"{}\", tls_pin = \"{}\" }}\n[[backup.source]]\nname = \"artifacts\"\nfrom = \
         {{ kind = \"s3\", bucket = \"{bucket}\", prefix = \"core/\", region = \"{RECOVERY}\", \
         secret = \"{}\" }}\n",
        own.appliance.url(),
        secret("east"),
        own.appliance.pin(),
        secret(&bucket),
    );
    with_sources(own, &sources)
}

fn with_sources(own: &Own, sources: &str) -> Result<String> {
    let (east, west) = (&own.appliance, &own.scene.west.appliance);
    let address = [east, west].map(|site| Address { url: site.url(), pin: site.pin() });
    let key_arn = own.scene.output("VaultKeyArn")?;
    let name = format!("{}.example.com", own.name);
    Ok(scene::text(&own.name, &name, key_arn, sources, "", &own.scene.zone, address))
}

/// What the inventory of a backup lists: keys of the bucket, and keys of the vault.
async fn listed(own: &Own, slot: &str) -> Result<Vec<(String, String)>> {
    let text = own.object(&format!("backups/{}/{slot}/artifacts", own.name)).await?;
    let mut listed = Vec::new();
    for row in std::str::from_utf8(&text)?.lines() {
        let row: Value = serde_json::from_str(row)?;
        let Some(object) = row.get("object") else { continue };
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let body = own.object(&text("vault_key")).await?;
        ensure!(object["sums"] == json!(sums_of(&body)), "{object}");
        let head = own.head(&text("vault_key")).await?;
        ensure!(head["SSEKMSKeyId"] == own.scene.output("VaultKeyArn")?, "{head}");
        listed.push((text("key"), text("vault_key")));
    }
    Ok(listed)
}

/// C4, C7, C13: every artifact is copied once and proven as the recovery role; a second backup copies what
/// is new, and a third one what was deleted from the vault.
#[test]
fn a_bucket_is_copied_object_by_object_and_only_what_is_new_a_second_time() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "builder").await?;
        make_depot(&own).await?;
        for name in ["core/acl+1.hart", "core/bash 5.hart", "core/zlib-é.hart", "other/none.hart"]
        {
            put(&own, name, format!("HART-1 {name}").as_bytes()).await?;
        }
        own.upload(&plan(&own)?).await?;
        let first = listed(&own, &own.first_slot().await?).await?;
        let names: Vec<&str> = first.iter().map(|(key, _)| key.as_str()).collect();
        ensure!(names == ["core/acl+1.hart", "core/bash 5.hart", "core/zlib-é.hart"], "{names:?}");

        put(&own, "core/new.hart", b"HART-1 new").await?;
        put(&own, "core/bash 5.hart", b"HART-1 bash again").await?;
        let at = At::seconds_ahead(5);
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        own.proven(&at).await?;
        let second = listed(&own, &at.slot).await?;
        ensure!(second.len() == 4, "{second:?}");
        let is_old = |artifact: &&(String, String)| first.contains(artifact);
        ensure!(second.iter().filter(is_old).count() == 2, "{first:?} and {second:?}");
        let kept = scene.keys(&format!("artifacts/{}/artifacts/", own.name)).await?;
        ensure!(kept.len() == 5, "{kept:?}");
        let manifest = own.manifest(&at).await?;
        let inventory = manifest["objects"][1]["inventory"]["objects"].as_u64();
        ensure!(inventory.context("no inventory")? == 4, "{manifest}");
        // Somebody deletes a copy that was proven: it is missed the same day, and the next backup is whole.
        let (_, lost) = &second[0];
        let args = json!({ "Bucket": scene.vault(), "Key": lost });
        scene.stack.aws.call(RECOVERY, "s3", "delete_object", args).await?;
        own.deliver("verify-upload", &json!({ "action": "sweep", "system": own.name })).await?;
        let rejected = own.receives(&at, "rejected").await?.to_string();
        ensure!(
            rejected.contains(lost.as_str()) && rejected.contains("is not there"),
            "{rejected}"
        );
        let at = At::seconds_ahead(5);
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        own.proven(&at).await?;
        ensure!(listed(&own, &at.slot).await?.len() == 4);
        Ok(())
    })
}

/// The table of a builder, with the columns that it has by now, and three rows: of the last of them there is
/// no artifact. A schema beside it has one of the same name.
const TABLE: &str = r"
    CREATE TYPE origin_package_visibility AS ENUM ('public', 'private', 'hidden');
    CREATE TABLE origins (name text PRIMARY KEY);
    CREATE TABLE origin_packages (
        id bigint PRIMARY KEY NOT NULL, owner_id bigint, name text, ident text, ident_array text[],
        checksum text, manifest text, config text, target text, deps text[], tdeps text[],
        exposes integer[], created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
        visibility origin_package_visibility DEFAULT 'public' NOT NULL, ident_vector tsvector,
        origin text REFERENCES origins (name), build_deps text[] DEFAULT '{}',
        build_tdeps text[] DEFAULT '{}', package_type text DEFAULT 'standard' NOT NULL,
        CONSTRAINT origin_packages_ident_target_key UNIQUE (ident, target));
    CREATE SCHEMA older;
    CREATE TABLE older.origin_packages (ident text, target text);
    INSERT INTO older.origin_packages VALUES ('core/old/1.0/20180101000000', 'x86_64-linux');
    INSERT INTO origins VALUES ('core');
    INSERT INTO origin_packages (id, name, ident, target, manifest, origin) VALUES
        (1, 'acl', 'core/acl/2.2.53/20200305230628', 'x86_64-linux', E'# acl\nline\ttab \\ back', 'core'),
        (2, 'bash', 'core/bash/5.1/20210826050014', 'x86_64-linux-kernel2', repeat('manifest ', 40000), 'core'),
        (3, 'libstdc++', 'core/libstdc++/9.1.0/20200305225533', 'x86_64-windows', '', 'core')";

/// C6, C7: what a restore would show and could not install is told with the very command that repairs it, by
/// the real `pg_restore`, from the dump that lies in the vault.
#[test]
fn a_package_with_a_row_and_no_artifact_is_told_with_its_command() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "packages").await?;
        make_depot(&own).await?;
        let cluster = &scene.east.cluster;
        cluster.sql("CREATE DATABASE packages").await?;
        let url = cluster.url().replace(&format!("/{DATABASE}"), "/packages");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(TABLE).await?;
        for key in [
            "core/acl/2.2.53/20200305230628/x86_64/linux/core-acl-2.2.53-20200305230628-x86_64-linux.hart",
            "core/bash/5.1/20210826050014/x86_64/linux/kernel2/core-bash-5.1-20210826050014-x86_64-linux-kernel2.hart",
            "core/new/1.0/20261121000000/x86_64/linux/core-new-1.0-20261121000000-x86_64-linux.hart",
        ] {
            put(&own, key, format!("HART-1 {key}").as_bytes()).await?;
        }
        let sources = format!(
            "[[backup.source]]\nname = \"metadata\"\nfrom = {{ kind = \"postgres\", host = \"127.0.0.1\", \
             port = {}, database = \"packages\", secret = \"{}\", tls = false, packages = {{ artifacts = \
             \"artifacts\", url = \"https://builder.example.com/\" }} }}\n[[backup.source]]\nname = \
             \"artifacts\"\nfrom = {{ kind = \"s3\", bucket = \"{}\", region = \"{RECOVERY}\", \
             secret = \"{}\" }}\n",
            cluster.port(),
            secret("east-postgres"),
            depot(&own),
            secret(&depot(&own)),
        );
        own.upload(&with_sources(&own, &sources)?).await?;
        let told =
            announced(scene, "Backup Suspicious", |told| told["system"] == "packages").await?;
        let reason = told["reason"].as_str().context("no reason")?;
        ensure!(
            reason.contains(
                "1 of 3 row(s) of metadata have no artifact in artifacts, the first is \
                 core/libstdc++/9.1.0/20200305225533 for x86_64-windows"
            ) && reason.contains("1 artifact(s) have no row"),
            "{reason}"
        );
        let list = told["links"][0].as_str().context("no link")?;
        let text = String::from_utf8(own.object(list).await?)?;
        let commands: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let wanted = "hab pkg upload core-libstdc++-9.1.0-20200305225533-x86_64-windows.hart -u \
                      https://builder.example.com --force";
        ensure!(commands == [wanted], "{text}");

        // What is uploaded again is in the next backup, and nobody is told any more.
        let key = "core/libstdc++/9.1.0/20200305225533/x86_64/windows/core-libstdc++-9.1.0-20200305225533-x86_64-windows.hart";
        put(&own, key, b"HART-1 libstdc++").await?;
        let at = At::seconds_ahead(5);
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        own.proven(&at).await?;
        let skew = own.receives(&at, "skew-metadata").await?;
        let found = &skew["found"]["compared"];
        ensure!(found["rows"] == 3 && found["missing"] == 0 && found["without_row"] == 1, "{skew}");
        Ok(())
    })
}
