//! The vault's replica has all that a restore needs.

use serde_json::Value;
use warmspare_decide::vault;

use crate::templates::template::{Template, list, referred, under};

fn resources(statement: &Value) -> Vec<&str> {
    let all = list(&statement["Resource"]).iter();
    all.filter_map(|resource| resource["Fn::Sub"].as_str()).collect()
}

/// C5, C17, C19: each folder that a restore needs has a rule, which takes what is encrypted and leaves the
/// deletions out; and the role may read each of them for it, with its locks.
#[tokio::test]
async fn all_that_a_restore_needs_is_replicated() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let vault = template.resource("Vault")?;
    let rules = vault.each("/ReplicationConfiguration/Fn::If/1/Rules");
    let prefixes: Vec<&str> =
        rules.iter().map(|rule| under(rule, "/Filter/Prefix").as_str().unwrap_or("")).collect();
    assert_eq!(prefixes, vault::NEEDED);
    let mut priorities: Vec<u64> = rules.iter().filter_map(|it| it["Priority"].as_u64()).collect();
    priorities.dedup();
    assert_eq!(priorities.len(), rules.len(), "S3 takes no two rules of one priority");
    for rule in rules {
        assert_eq!(rule["Status"], "Enabled");
        let kms = under(rule, "/SourceSelectionCriteria/SseKmsEncryptedObjects/Status");
        assert_eq!(kms, "Enabled", "{rule}: it takes nothing of the vault");
        assert_eq!(under(rule, "/DeleteMarkerReplication/Status"), "Disabled");
        let key = under(rule, "/Destination/EncryptionConfiguration/ReplicaKmsKeyID/Ref");
        assert_eq!(key, "ReplicaKeyArn");
    }
    let acts = template.resource("ReplicationActs")?;
    let statements = acts.each("/PolicyDocument/Statement");
    let is_read = |statement: &&Value| {
        list(&statement["Action"]).contains(&Value::from("s3:GetObjectVersionForReplication"))
    };
    let of_locks = ["s3:GetObjectLegalHold", "s3:GetObjectRetention"].map(Value::from);
    for statement in statements.iter().filter(is_read) {
        let is_held = of_locks.iter().all(|action| list(&statement["Action"]).contains(action));
        assert!(is_held, "{statement}: nothing of a vault with Object Lock would be replicated");
    }
    let read: Vec<&str> = statements.iter().filter(is_read).flat_map(resources).collect();
    let wanted = vault::NEEDED.map(|folder| format!("${{Vault.Arn}}/{folder}*"));
    assert_eq!(read, wanted);
    Ok(())
}

/// A backup under a plan's own key has to be read to be replicated; where there are no such keys, none is
/// named.
#[tokio::test]
async fn the_replica_takes_what_is_under_keys_of_plans() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let statements = template.resource("ReplicationActs")?.each("/PolicyDocument/Statement");
    let chosen: Vec<&Value> = statements.iter().filter_map(|one| one.get("Fn::If")).collect();
    assert_eq!(chosen.len(), 1, "{chosen:?}");
    assert_eq!(under(chosen[0], "/0"), "HasBackupKeys");
    assert_eq!(under(chosen[0], "/1/Action"), "kms:Decrypt");
    assert_eq!(referred(under(chosen[0], "/1/Resource")), Some("BackupKeyArns"));
    assert_eq!(referred(under(chosen[0], "/2")), Some("AWS::NoValue"));
    Ok(())
}
