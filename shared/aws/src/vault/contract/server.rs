//! One server, and the adapter that asks it.

use std::rc::Rc;

use aws_credential_types::Credentials;
use serde::Deserialize;
use warmspare_decide::encryption::Encryption;
use warmspare_decide::name::KeyArn;

use super::front::Front;
use crate::clients::Clients;
use crate::clock::Invocation;
use crate::config::Config;
use crate::live::{Live, Process};
use crate::tls::Roots;
use crate::web::Web;

/// The least that S3 takes for a part that is not the last.
pub(super) const PART_BYTES: usize = 5 * 1024 * 1024;

/// What `tests/local/contracts.rs` has prepared on each server.
#[derive(Debug, Deserialize)]
struct Prepared {
    name: String,
    /// `http://127.0.0.1:<port>`
    url: String,
    account: String,
    region: String,
    bucket: String,
    vault_key: String,
    plan_key: String,
    recovery_role: String,
    /// Id and secret of a user who may do nothing but `s3:GetObject`.
    reader: [String; 2],
}

/// A server with a versioned bucket.
pub(super) struct Server {
    /// As in the table of known differences.
    pub(super) name: String,
    /// As the functions are.
    pub(super) live: Live,
    /// By somebody who may read objects, and not list them.
    pub(super) reader: Live,
    /// By somebody whom the server does not know.
    pub(super) stranger: Live,
    /// For a bucket that is not there.
    pub(super) nowhere: Live,
    /// For a bucket that is said to be another account's.
    pub(super) foreign: Live,
    /// The key of the backups.
    pub(super) plan_key: KeyArn,
    /// What is asked for with it.
    pub(super) asked: Encryption,
    /// The same with another id: there is no such key.
    pub(super) no_key: KeyArn,
    /// The Region of everything.
    pub(super) region: String,
    /// The bucket.
    pub(super) bucket: String,
}

impl Server {
    /// The one of this name.
    #[expect(clippy::disallowed_methods, reason = "the servers are started by another program")]
    pub(super) async fn of_the_environment(name: &str) -> Self {
        let text = std::env::var("WARMSPARE_CONTRACT").expect("the servers, as JSON");
        let all: Vec<Prepared> = serde_json::from_str(&text).unwrap();
        let prepared = all.into_iter().find(|prepared| prepared.name == name);
        Self::new(prepared.unwrap_or_else(|| panic!("no server is called {name}"))).await
    }

    async fn new(prepared: Prepared) -> Self {
        let front = Front::before(prepared.url.trim_start_matches("http://")).await;
        let live = |change: &dyn Fn(&mut Config)| {
            let mut config = config(&prepared, &front.url);
            change(&mut config);
            let roots = Roots::Given(vec![front.certificate.clone()]);
            let process = Process {
                clients: Clients::new(&config, &roots).unwrap(),
                config,
                web: Web::new(roots),
                recovery: Default::default(),
            };
            Live::new(Rc::new(process), Invocation::begin("8d5c4e4c", u64::from(u32::MAX) * 1000))
        };
        let [id, secret] = prepared.reader.clone();
        Self {
            name: prepared.name.clone(),
            live: live(&|_| ()),
            reader: live(&|config| config.credentials = signed_by(&id, &secret)),
            stranger: live(&|config| config.credentials = signed_by("AKIANOBODY", "nothing")),
            nowhere: live(&|config| config.vault_bucket = "warmspare-nowhere".to_owned()),
            foreign: live(&|config| config.vault_owner = Some("999999999999".to_owned())),
            asked: Encryption::Key(KeyArn::parse(&prepared.plan_key).unwrap()),
            plan_key: KeyArn::parse(&prepared.plan_key).unwrap(),
            no_key: KeyArn::parse(&format!(
                "arn:aws:kms:{}:{}:key/00000000-0000-0000-0000-000000000000",
                prepared.region, prepared.account
            ))
            .unwrap(),
            region: prepared.region.clone(),
            bucket: prepared.bucket.clone(),
        }
    }
}

fn signed_by(id: &str, secret: &str) -> Credentials {
    Credentials::new(id, secret, None, None, "contract")
}

fn config(prepared: &Prepared, endpoint_url: &str) -> Config {
    let mut config = Config::parse(&|variable| {
        let value = match variable {
            "AWS_REGION" => &prepared.region,
            // Both emulators know this one as the account's owner.
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
            "AWS_ENDPOINT_URL" => endpoint_url,
            "VAULT_BUCKET" => &prepared.bucket,
            "VAULT_KEY_ARN" => &prepared.vault_key,
            "VAULT_OWNER" => &prepared.account,
            "RECOVERY_ROLE_ARN" => &prepared.recovery_role,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    config.part_bytes = u64::try_from(PART_BYTES).ok();
    config
}
