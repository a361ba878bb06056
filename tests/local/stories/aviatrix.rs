//! An Aviatrix controller: what it writes into its own bucket when it is asked becomes a backup.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use warmspare_tests::scene::{self, Address, HOME, SOURCE_BUCKET, Scene, secret, until};
use warmspare_tests::stack::appliance::{Aviatrix, Conduct, Setup};

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{WAIT_S_MAX, outcomes, tell};

async fn controller(scene: &Scene, private_ip: &str, conduct: Conduct) -> Result<Aviatrix> {
    let aws = &scene.stack.aws;
    let place = json!({ "LocationConstraint": HOME });
    let bucket = json!({ "Bucket": SOURCE_BUCKET, "CreateBucketConfiguration": place });
    aws.call(HOME, "s3", "create_bucket", bucket).await?;
    let setup = Setup {
        aws: Arc::clone(aws),
        region: HOME.to_owned(),
        private_ip: private_ip.to_owned(),
        user: "admin".to_owned(),
        password: "adm!nd42".to_owned(),
    };
    Aviatrix::start(setup, conduct).await
}

fn plan(own: &Own, controller: &Aviatrix, more: &str) -> Result<String> {
    let (east, west) = (&own.appliance, &own.scene.west.appliance);
    let address = [east, west].map(|site| Address { url: site.url(), pin: site.pin() });
    let source = format!(
        "[[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"aviatrix\", url = \"{}\", \
         secret = \"{}\", tls_pin = \"{}\", bucket = \"{SOURCE_BUCKET}\", region = \"{HOME}\"{more} }}\n",
        controller.url(),
        secret("east"),
        controller.pin(),
    );
    let key_arn = own.scene.output("VaultKeyArn")?;
    let (name, zone) = (format!("{}.example.com", own.name), &own.scene.zone);
    Ok(scene::text(&own.name, &name, key_arn, &source, "", zone, address))
}

/// A6, A9, A10, A11, B3, B4: enabled, then asked for; with an expired session, and with an answer that
/// is lost; each file is stored once, proven, and named in the manifest.
#[test]
fn a_controller_is_asked_and_what_it_writes_is_the_backup() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "avx").await?;
        let controller = controller(scene, "10.0.0.5", Conduct::default()).await?;
        let more = ", private_ip = \"10.0.0.5\"";
        own.upload(&plan(&own, &controller, more)?).await?;
        until("the backup is switched off", WAIT_S_MAX, || async {
            let said = outcomes(scene, "scheduled-backup", "is switched off, and the plan").await?;
            Ok(said.iter().any(|(word, _)| word == "refused").then_some(()))
        })
        .await?;
        let more = format!("{more}, account = \"aws\"");
        own.upload(&plan(&own, &controller, &more)?).await?;
        own.first_slot().await?;
        ensure!(controller.conduct().multiple, "a plan that keeps 30 asks for one file");
        {
            let mut conduct = controller.conduct();
            conduct.session_calls = Some(1);
            conduct.drops = true;
            conduct.asked.clear();
        }
        let at = At::seconds_ahead(2);
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        own.proven(&at).await?;
        let wanted = [
            "get_api_token",
            "login",
            "get_cloudn_backup_config",
            "enable_cloudn_backup_config",
            "get_api_token",
            "login",
            "enable_cloudn_backup_config",
        ];
        let Conduct { asked, written, .. } = controller.conduct().clone();
        ensure!(asked == wanted, "{asked:?}");
        let record = own.manifest(&at).await?["objects"][0].clone();
        let key = record["upload"]["key"].as_str().context("a file without a name")?;
        let (_, content) =
            written.iter().rfind(|(name, _)| key.ends_with(name)).context("unknown")?;
        ensure!(key.starts_with(&format!("s3://{SOURCE_BUCKET}/CloudN_10.0.0.5_")), "{record}");
        ensure!(own.object(&own.key(&at, "config")).await? == *content, "{record}");
        // A duplicate asks nobody.
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        ensure!(controller.conduct().asked.len() == wanted.len(), "it was asked again");
        Ok(())
    })
}
