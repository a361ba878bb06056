//! What the environment says, parsed once. Every problem is reported, not only the first; no value
//! of a secret is ever part of a problem.

use std::fmt;

use aws_credential_types::Credentials;
use tracing::level_filters::LevelFilter;
use warmspare_decide::name::{KeyArn, Misnamed, Region, RoleArn};
use warmspare_decide::parts::{PART_BYTES_MAX, PART_BYTES_MIN};

/// Where `pg_dump` lies when a Lambda layer brings it.
const PG_DUMP: &str = "/opt/bin/pg_dump";
/// Where the certificates of the database servers' authorities lie, in the same layer.
const PG_ROOTS: &str = "/opt/etc/pg-roots.pem";
/// The least memory that Lambda gives, in megabytes of 1,024 × 1,024 bytes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const MEMORY_MB_MIN: u64 = 128;

/// What a function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The recovery region: where the vault and every function live. `AWS_REGION`.
    pub region: Region,
    /// Of the function's own role; Lambda sets them. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`.
    pub credentials: Credentials,
    /// Where every AWS service is, when it is not where AWS has it. `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// The vault's bucket. `VAULT_BUCKET`.
    pub vault_bucket: String,
    /// The key for everything small that is written into the vault. `VAULT_KEY_ARN`.
    pub vault_key: KeyArn,
    /// The account that must own the vault's bucket. `VAULT_OWNER`.
    pub vault_owner: Option<String>,
    /// The role that will restore, taken on to read backups back. `RECOVERY_ROLE_ARN`.
    pub recovery_role: Option<RoleArn>,
    /// Where `pg_dump` is. `PG_DUMP`, else `/opt/bin/pg_dump`.
    pub pg_dump: String,
    /// The authorities that a database server's certificate may come from, as a PEM file.
    /// `PG_ROOTS`, else `/opt/etc/pg-roots.pem`.
    pub pg_roots: String,
    /// Where `pg_restore` is: beside `pg_dump`.
    pub pg_restore: String,
    /// Where they find their libraries. `LD_LIBRARY_PATH`, which Lambda sets.
    pub library_path: Option<String>,
    /// The memory of the function, in bytes. `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, which Lambda sets, in
    /// megabytes.
    pub memory_bytes: u64,
    /// Bytes of one part of an upload, in place of what follows from the memory. `PART_BYTES`.
    pub part_bytes: Option<u64>,
    /// The authorities that every HTTPS server's certificate may come from, as a PEM file, in place
    /// of the ones that are compiled in. `TLS_ROOTS_PEM`.
    pub tls_roots_pem: Option<String>,
    /// The least severe line that is logged. `LOG`, else `info`.
    pub log: LevelFilter,
}

/// Everything that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(Vec<String>);

impl ConfigProblems {
    /// A clause for each.
    pub fn clauses(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} problem(s): {}", self.0.len(), self.0.join("; "))
    }
}

impl std::error::Error for ConfigProblems {}

impl Config {
    /// Reads the configuration through `lookup`, which gives the value of a variable that is set.
    ///
    /// # Errors
    /// Every problem at once, each naming its variable.
    pub fn parse(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigProblems> {
        let mut reader = Reader { lookup, problems: Vec::new() };
        let log = reader.log();
        let region = reader.name("AWS_REGION", Region::WANTED, Region::parse);
        let credentials = reader.credentials();
        let endpoint_url = reader.endpoint_url();
        let vault_bucket = reader.bucket();
        let vault_key = reader.name("VAULT_KEY_ARN", KeyArn::WANTED, KeyArn::parse);
        let vault_owner = reader.owner();
        let recovery_role = reader.name_if_set("RECOVERY_ROLE_ARN", RoleArn::parse);
        let memory_bytes = reader.memory_bytes();
        let part_bytes = reader.part_bytes(memory_bytes);
        let pg_dump = lookup("PG_DUMP").unwrap_or_else(|| PG_DUMP.to_owned());
        match (region, credentials, vault_bucket, vault_key) {
            (Some(region), Some(credentials), Some(vault_bucket), Some(vault_key))
                if reader.problems.is_empty() =>
            {
                Ok(Self {
                    region,
                    credentials,
                    endpoint_url,
                    vault_bucket,
                    vault_key,
                    vault_owner,
                    recovery_role,
                    pg_restore: beside(&pg_dump, "pg_restore"),
                    pg_dump,
                    pg_roots: lookup("PG_ROOTS").unwrap_or_else(|| PG_ROOTS.to_owned()),
                    library_path: lookup("LD_LIBRARY_PATH"),
                    memory_bytes,
                    part_bytes,
                    tls_roots_pem: lookup("TLS_ROOTS_PEM"),
                    log,
                })
            }
            _ => Err(ConfigProblems(reader.problems)),
        }
    }
}

/// The path of a program in the same folder.
fn beside(path: &str, name: &str) -> String {
    path.rsplit_once('/').map_or_else(|| name.to_owned(), |(folder, _)| format!("{folder}/{name}"))
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn set(&mut self, variable: &str) -> Option<String> {
        let value = (self.lookup)(variable);
        if value.is_none() {
            self.problems.push(format!("{variable} is not set"));
        }
        value
    }

    fn name<T>(
        &mut self,
        variable: &str,
        wanted: &str,
        parse: fn(&str) -> Result<T, Misnamed>,
    ) -> Option<T> {
        if (self.lookup)(variable).is_none() {
            self.problems.push(format!("{variable} is not set, and must be {wanted}"));
        }
        self.name_if_set(variable, parse)
    }

    fn name_if_set<T>(
        &mut self,
        variable: &str,
        parse: fn(&str) -> Result<T, Misnamed>,
    ) -> Option<T> {
        match parse(&(self.lookup)(variable)?) {
            Ok(name) => Some(name),
            Err(Misnamed { found, wanted }) => {
                self.problems.push(format!("{variable} must be {wanted}, and is {found:?}"));
                None
            }
        }
    }

    /// Their values appear in no problem.
    fn credentials(&mut self) -> Option<Credentials> {
        let id = self.set("AWS_ACCESS_KEY_ID");
        let secret = self.set("AWS_SECRET_ACCESS_KEY");
        let token = (self.lookup)("AWS_SESSION_TOKEN");
        Some(Credentials::new(id?, secret?, token, None, "environment"))
    }

    fn endpoint_url(&mut self) -> Option<String> {
        let url = (self.lookup)("AWS_ENDPOINT_URL")?;
        let is_right = reqwest::Url::parse(&url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_right {
            let wanted = "an absolute http or https address";
            self.problems.push(format!("AWS_ENDPOINT_URL must be {wanted}, and is {url:?}"));
        }
        Some(url)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
    fn bucket(&mut self) -> Option<String> {
        let bucket = self.set("VAULT_BUCKET")?;
        let is_inner =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let is_outer = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        let is_right = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(is_inner)
            && is_outer(bucket.bytes().next())
            && is_outer(bucket.bytes().last());
        if !is_right {
            self.problems.push(format!(
                "VAULT_BUCKET must be the name of a bucket (3 to 63 lowercase letters, digits, \
                 hyphens and dots), and is {bucket:?}"
            ));
        }
        Some(bucket)
    }

    fn owner(&mut self) -> Option<String> {
        let owner = (self.lookup)("VAULT_OWNER")?;
        if owner.len() != 12 || !owner.bytes().all(|b| b.is_ascii_digit()) {
            self.problems
                .push(format!("VAULT_OWNER must be an account id of 12 digits, and is {owner:?}"));
        }
        Some(owner)
    }

    fn memory_bytes(&mut self) -> u64 {
        const VARIABLE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
        let megabytes = (self.lookup)(VARIABLE).map_or(Some(MEMORY_MB_MIN), |text| {
            let megabytes = text.parse().ok().filter(|megabytes| *megabytes >= MEMORY_MB_MIN);
            if megabytes.is_none() {
                self.problems.push(format!(
                    "{VARIABLE} must be a number of megabytes from {MEMORY_MB_MIN} on, and is \
                     {text:?}"
                ));
            }
            megabytes
        });
        megabytes.unwrap_or(MEMORY_MB_MIN).saturating_mul(1024 * 1024)
    }

    /// Two of them have to fit into half of the memory.
    fn part_bytes(&mut self, memory_bytes: u64) -> Option<u64> {
        let text = (self.lookup)("PART_BYTES")?;
        let part_bytes_max = PART_BYTES_MAX.min(memory_bytes / 4);
        match text.parse() {
            Ok(bytes) if (PART_BYTES_MIN..=part_bytes_max).contains(&bytes) => Some(bytes),
            Ok(_) | Err(_) => {
                self.problems.push(format!(
                    "PART_BYTES must be a number from {PART_BYTES_MIN} to {part_bytes_max}, and is \
                     {text:?}"
                ));
                None
            }
        }
    }

    fn log(&mut self) -> LevelFilter {
        let Some(text) = (self.lookup)("LOG") else { return LevelFilter::INFO };
        text.parse().unwrap_or_else(|_| {
            self.problems.push(format!(
                "LOG must be off, error, warn, info, debug or trace, and is {text:?}"
            ));
            LevelFilter::INFO
        })
    }
}

#[cfg(test)]
mod tests;
