use super::*;

const CALM: &[(&str, &str)] = &[
    ("AWS_REGION", "us-west-2"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("VAULT_BUCKET", "warmspare-vault"),
    ("VAULT_KEY_ARN", "arn:aws:kms:us-west-2:123456789012:key/1234abcd"),
];

fn parse(changes: &[(&str, Option<&str>)]) -> Result<Config, ConfigProblems> {
    Config::parse(&|name| {
        let changed = changes.iter().find(|(variable, _)| *variable == name);
        let calm = CALM.iter().find(|(variable, _)| *variable == name);
        match changed {
            Some((_, value)) => value.map(str::to_owned),
            None => calm.map(|(_, value)| (*value).to_owned()),
        }
    })
}

#[test]
fn what_is_not_set_has_a_default_where_one_is_right() {
    let config = parse(&[]).unwrap();
    assert_eq!(config.memory_bytes, 128 * 1024 * 1024);
    assert_eq!(config.part_bytes, None);
    assert_eq!(config.pg_dump, "/opt/bin/pg_dump");
    assert_eq!(config.pg_restore, "/opt/bin/pg_restore");
    assert_eq!(config.log, LevelFilter::INFO);
    assert_eq!(config.vault_owner, None);
    assert_eq!(config.recovery_role, None);
}

#[test]
fn what_is_set_is_taken() {
    let config = parse(&[
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Some("512")),
        ("PART_BYTES", Some("5242880")),
        ("VAULT_OWNER", Some("123456789012")),
        ("RECOVERY_ROLE_ARN", Some("arn:aws:iam::123456789012:role/recovery")),
        ("LOG", Some("warn")),
        ("AWS_ENDPOINT_URL", Some("http://127.0.0.1:4566")),
    ])
    .unwrap();
    assert_eq!(config.memory_bytes, 512 * 1024 * 1024);
    assert_eq!(config.part_bytes, Some(5 * 1024 * 1024));
    assert_eq!(config.vault_owner.as_deref(), Some("123456789012"));
    assert_eq!(config.recovery_role.unwrap().as_str(), "arn:aws:iam::123456789012:role/recovery");
    assert_eq!(config.log, LevelFilter::WARN);
    assert_eq!(config.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
}

/// FA4.
#[test]
fn every_problem_is_reported_at_once_and_reads_as_a_sentence() {
    let problems = parse(&[
        ("AWS_REGION", Some("west")),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_ENDPOINT_URL", Some("127.0.0.1:4566")),
        ("VAULT_BUCKET", Some("Warmspare_Vault")),
        ("VAULT_KEY_ARN", Some("alias/vault")),
        ("VAULT_OWNER", Some("12345")),
        ("RECOVERY_ROLE_ARN", Some("recovery")),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Some("64 MB")),
        ("PART_BYTES", Some("1024")),
        ("LOG", Some("loud")),
    ])
    .unwrap_err();
    assert_eq!(
        problems.to_string(),
        "10 problem(s): \
         LOG must be off, error, warn, info, debug or trace, and is \"loud\"; \
         AWS_REGION must be a Region's code, such as us-west-2, and is \"west\"; \
         AWS_SECRET_ACCESS_KEY is not set; \
         AWS_ENDPOINT_URL must be an absolute http or https address, and is \"127.0.0.1:4566\"; \
         VAULT_BUCKET must be the name of a bucket (3 to 63 lowercase letters, digits, hyphens and \
         dots), and is \"Warmspare_Vault\"; \
         VAULT_KEY_ARN must be the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>), not \
         an alias or an id, and is \"alias/vault\"; \
         VAULT_OWNER must be an account id of 12 digits, and is \"12345\"; \
         RECOVERY_ROLE_ARN must be the ARN of an IAM role (arn:aws:iam::<account>:role/<name>), \
         and is \"recovery\"; \
         AWS_LAMBDA_FUNCTION_MEMORY_SIZE must be a number of megabytes from 128 on, and is \
         \"64 MB\"; \
         PART_BYTES must be a number from 5242880 to 33554432, and is \"1024\""
    );
}

#[test]
fn nothing_set_at_all_names_everything_that_is_needed() {
    let problems = Config::parse(&|_| None).unwrap_err();
    let variables: Vec<&str> =
        problems.clauses().iter().filter_map(|clause| clause.split(' ').next()).collect();
    assert_eq!(
        variables,
        [
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "VAULT_BUCKET",
            "VAULT_KEY_ARN"
        ]
    );
}

#[test]
fn a_configuration_shows_no_secret() {
    let shown = format!("{:?}", parse(&[("AWS_SESSION_TOKEN", Some("token-of-ours"))]).unwrap());
    assert!(!shown.contains("wJalrXUtnFEMI"), "{shown}");
    assert!(!shown.contains("token-of-ours"), "{shown}");
}
