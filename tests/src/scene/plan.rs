//! The plan of the scene's system, as its operator would write it.

use super::{ADDRESSES, HOME, NAME, RECOVERY, SYSTEM, Scene};
use crate::stack::postgres::DATABASE;

/// Where an appliance answers, and by which key it is known.
#[derive(Clone, Debug)]
pub struct Address {
    /// Its `https` address, without a path.
    pub url: String,
    /// Its pin.
    pub pin: String,
}

/// The plan of the scene's system.
pub fn plan(scene: &Scene) -> String {
    let address =
        |site: &super::Site| Address { url: site.appliance.url(), pin: site.appliance.pin() };
    let database = format!(
        "[database]\nkind = \"rds\"\nsource = \"controller-db\"\nregion = \"{HOME}\"\n\
         replica = \"controller-db-west\"\nlag_max = \"30s\"\n\
         export = {{ role = \"{}\", prefix = \"exports/\" }}\n",
        scene.outputs.get("ExportRoleArn").map(String::as_str).unwrap_or_default()
    );
    let sources = format!(
        "[[backup.source]]\nname = \"database\"\nfrom = {{ kind = \"postgres\", \
         host = \"127.0.0.1\", port = {}, database = \"{}\", secret = \"{}\", tls = false }}\n\
         [[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"https\", url = \"{}/export\", \
         secret = \"{}\", tls_pin = \"{}\" }}\n",
        scene.east.cluster.port(),
        DATABASE,
        secret("east-postgres"),
        scene.east.appliance.url(),
        secret("east"),
        scene.east.appliance.pin(),
    );
    let key = scene.outputs.get("VaultKeyArn").map(String::as_str).unwrap_or_default();
    text(
        SYSTEM,
        NAME,
        key,
        &sources,
        &database,
        &scene.zone,
        [address(&scene.east), address(&scene.west)],
    )
}

/// The ARN of one of the scene's secrets, as a plan names it: without the suffix that is random.
pub fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:{RECOVERY}:{}:secret:warmspare/{name}", super::ACCOUNT)
}

/// A plan of a system of two Device42-shaped appliances.
pub fn text(
    system: &str,
    name: &str,
    key_arn: &str,
    sources: &str,
    database: &str,
    zone: &str,
    [east, west]: [Address; 2],
) -> String {
    let [home_address, away_address] = ADDRESSES;
    let third = |at: &Address| https(at, "/healthstats/?third", "vpc");
    let third_of_home =
        if database.is_empty() { third(&east) } else { "{ replication = true }".to_owned() };
    let site = |site: &str, region: &str, at: &Address, third: &str| {
        format!(
            "[sites.{site}]\nregion = \"{region}\"\nappliance = {{ kind = \"device42\", \
             url = \"{}\", secret = \"{}\", tls_pin = \"{}\" }}\nhealth = [\n  {},\n  \
             {{ tcp = \"{}\", path = \"peering\" }},\n  {third},\n]\n",
            at.url,
            secret(site),
            at.pin,
            https(at, "/healthstats/", "internet"),
            at.url.trim_start_matches("https://"),
        )
    };
    format!(
        "system = \"{system}\"\n[objectives]\nrpo = \"24h\"\nrto = \"15m\"\n[backup]\nkeep = 30\n\
         kms_key = \"{key_arn}\"\n{sources}{database}{}{}[dns]\nzone = \"{zone}\"\nttl = 60\n\
         [[dns.record]]\nname = \"{name}\"\ntype = \"A\"\neast = [\"{home_address}\"]\n\
         west = [\"{away_address}\"]\n[failover]\nmode = \"automatic\"\nfence = \"attempted\"\n\
         signals = {{ down = 2, of = 3 }}\ncooldown = \"30m\"\nper_day = 2\n",
        site("east", HOME, &east, &third_of_home),
        site("west", RECOVERY, &west, &third(&west)),
    )
}

fn https(at: &Address, path: &str, by: &str) -> String {
    format!(
        "{{ https = \"{}{path}\", expect = 200, tls_pin = \"{}\", path = \"{by}\" }}",
        at.url, at.pin
    )
}
