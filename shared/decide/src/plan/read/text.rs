//! What each text of a plan must be.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::Time;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::address::{self, https, is_host};
use super::base64;
use super::shape::TextRule;
use crate::name::{
    GroupName, KeyArn, Region, RoleArn, SecretArn, SiteName, SourceName, SystemName,
};
use crate::plan::TlsPin;

pub(super) static SYSTEM: TextRule =
    TextRule::new(SystemName::WANTED, "^[a-z][a-z0-9-]{0,39}$", "controller", |text| {
        SystemName::parse(text).is_ok()
    });
pub(super) static GROUP: TextRule =
    TextRule::new(GroupName::WANTED, "^[a-z][a-z0-9-]{0,39}$", "east-coast", |text| {
        GroupName::parse(text).is_ok()
    });
pub(super) static SITE: TextRule = TextRule::new(
    "the name of a site: 1 to 20 lowercase letters, digits and single hyphens, a letter first, \
     and neither `name`, `type` nor `zone`, which records have",
    "^[a-z][a-z0-9-]{0,19}$",
    "east",
    |text| SiteName::parse(text).is_ok() && !["name", "type", "zone"].contains(&text),
);
pub(super) static SOURCE: TextRule =
    TextRule::new(SourceName::WANTED, "^[a-z][a-z0-9-]{0,39}$", "config", |text| {
        SourceName::parse(text).is_ok()
    });
pub(super) static REGION: TextRule =
    TextRule::new(Region::WANTED, "^[a-z]+(-[a-z]+)+-[0-9]+$", "us-west-2", |text| {
        Region::parse(text).is_ok()
    });
pub(super) static KEY_ARN: TextRule = TextRule::new(
    KeyArn::WANTED,
    "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$",
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    |text| KeyArn::parse(text).is_ok(),
);
pub(super) static SECRET_ARN: TextRule = TextRule {
    allowed: SecretArn::WANTED,
    is_right: |text| SecretArn::parse(text).is_ok(),
    pattern: "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$",
    example: "arn:aws:secretsmanager:us-west-2:111122223333:secret:controller-AbCdEf",
    may_be_secret: true,
};
pub(super) static ROLE_ARN: TextRule = TextRule::new(
    RoleArn::WANTED,
    "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$",
    "arn:aws:iam::111122223333:role/controller-export",
    |text| RoleArn::parse(text).is_ok(),
);

pub(super) static URL: TextRule = TextRule {
    allowed: "an absolute https address without user, password or fragment, \
              such as https://10.0.0.5:4343/export",
    is_right: |text| https(text).is_some(),
    pattern: "^https://[^@#\\s]+$",
    example: "https://10.0.0.5:4343/export",
    may_be_secret: false,
};
pub(super) static BASE_URL: TextRule = TextRule {
    allowed: "an absolute https address without user, password, query or fragment, \
              such as https://10.0.0.5:4343",
    is_right: |text| https(text).is_some_and(|address| !address.has_query),
    pattern: "^https://[^@#?\\s]+$",
    example: "https://10.0.0.5:4343",
    may_be_secret: false,
};
// It is printed as a part of commands, so nothing in it may mean something to a shell.
pub(super) static BUILDER_URL: TextRule = TextRule::new(
    "an http or https address of a builder, of letters, digits and the signs . - _ in host and path, \
     such as https://builder.example.com",
    "^https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?$",
    "https://builder.example.com",
    |text| address::plain(text).is_some(),
);
pub(super) static PIN: TextRule = TextRule::new(
    "sha256/ and the Base64 of the 32 bytes of a public key's SHA-256",
    "^sha256/[A-Za-z0-9+/]{43}=$",
    "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    |text| pin(text).is_some(),
);
pub(super) static HOST: TextRule =
    TextRule::new("a host's name or IP address", "", "db.example.com", is_host);
pub(super) static HOST_AND_PORT: TextRule = TextRule::new(
    "host:port, an IPv6 address in brackets, such as 10.0.0.5:4343",
    "^.+:[0-9]{1,5}$",
    "10.0.0.5:4343",
    |text| address::host_and_port(text).is_some(),
);
pub(super) static HEALTH_PATH: TextRule = TextRule::new(
    "the name of a path: 1 to 64 letters, digits and the signs . - _ :",
    "^[A-Za-z0-9._:-]{1,64}$",
    "public-internet",
    |text| is_of(text, 1, 64, b".-_:"),
);
pub(super) static HTTP_PATH: TextRule = TextRule::new(
    "a path that starts with /, with a query if need be, without a fragment",
    "^/[^#\\s]*$",
    "/api/mode",
    |text| text.starts_with('/') && address::is_path_and_query(text),
);
pub(super) static BODY: TextRule =
    TextRule::new("a text of at most 4096 bytes", "", "mode=production", |text| text.len() <= 4096);
pub(super) static CONTENT_TYPE: TextRule = TextRule::new(
    "a media type, such as application/json",
    "^[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+$",
    "application/json",
    |text| {
        text.split_once('/')
            .is_some_and(|(kind, sub)| is_of(kind, 1, 64, b".+-") && is_of(sub, 1, 64, b".+-"))
    },
);

pub(super) static BUCKET: TextRule = TextRule::new(
    "a bucket's name: 3 to 63 lowercase letters, digits, dots and hyphens, \
     the first and the last a letter or a digit",
    "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "builder-artifacts",
    |text| {
        let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        is_of(text, 3, 63, b".-")
            && !text.bytes().any(|b| b.is_ascii_uppercase())
            && text.starts_with(is_edge)
            && text.ends_with(is_edge)
            && !text.contains("..")
    },
);
pub(super) static KEY_PREFIX: TextRule = TextRule::new(
    "the beginning of a key: at most 512 bytes without control characters, not starting with /",
    "^([^/].*)?$",
    "origins/",
    |text| text.len() <= 512 && !text.starts_with('/') && !text.chars().any(char::is_control),
);
pub(super) static ACCOUNT: TextRule =
    TextRule::new("the id of an AWS account: 12 digits", "^[0-9]{12}$", "111122223333", |text| {
        text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
    });
pub(super) static IPV4: TextRule = TextRule::new(
    "an IPv4 address, such as 10.0.0.5",
    "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
    "10.0.0.5",
    |text| text.parse::<Ipv4Addr>().is_ok(),
);
pub(super) static AVIATRIX_ACCOUNT: TextRule = TextRule::new(
    "the name of an access account: 1 to 128 letters, digits and the signs - _ .",
    "^[A-Za-z0-9._-]{1,128}$",
    "aws",
    |text| is_of(text, 1, 128, b"-_."),
);
pub(super) static EXPORT_PREFIX: TextRule = TextRule::new(
    "exports/ or a prefix below it, ending in /, of letters, digits and the signs - _ . /",
    "^exports/([A-Za-z0-9._-]+/)*$",
    "exports/",
    |text| {
        let below = text.strip_prefix("exports/").filter(|_| text.len() <= 60);
        below.is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_suffix('/')
                    .is_some_and(|rest| rest.split('/').all(|part| is_of(part, 1, 60, b".-_")))
        })
    },
);
// pg_dump takes a name with an equals sign, or one that looks like an address, as a whole
// connection string; these letters cannot make one.
pub(super) static POSTGRES_DATABASE: TextRule = TextRule::new(
    "a database's name: 1 to 63 letters, digits and the signs _ - . $, a letter, digit or _ first",
    "^[A-Za-z0-9_][A-Za-z0-9_.$-]{0,62}$",
    "builder",
    |text| is_of(text, 1, 63, b"_-.$") && !text.starts_with(['-', '.', '$']),
);
pub(super) static RDS_IDENTIFIER: TextRule = TextRule::new(
    "an RDS identifier: 1 to 63 letters, digits and single hyphens, a letter first, no hyphen last",
    "^[A-Za-z][A-Za-z0-9-]{0,62}$",
    "controller-db",
    |text| {
        is_of(text, 1, 63, b"-")
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && !text.ends_with('-')
            && !text.contains("--")
    },
);
pub(super) static RDS_CLASS: TextRule = TextRule::new(
    "a class of RDS instances, such as db.t4g.medium",
    "^db\\.[a-z0-9-]+\\.[a-z0-9-]+(\\.[a-z0-9-]+)*$",
    "db.t4g.medium",
    |text| {
        let parts: Vec<&str> = text.split('.').collect();
        let is_part = |part: &&str| {
            let is_right = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !part.is_empty() && part.bytes().all(is_right)
        };
        text.len() <= 60
            && parts.first() == Some(&"db")
            && parts.len() >= 3
            && parts.iter().all(is_part)
    },
);
pub(super) static RDS_GROUP: TextRule = TextRule::new(
    "the name of a group of RDS: 1 to 255 letters, digits and the signs - _ .",
    "^[A-Za-z0-9._-]{1,255}$",
    "controller-db",
    |text| is_of(text, 1, 255, b"-_."),
);
pub(super) static SECURITY_GROUP: TextRule = TextRule::new(
    "the id of a security group: sg- and 8 to 17 hexadecimal digits",
    "^sg-[0-9a-f]{8,17}$",
    "sg-0123456789abcdef0",
    |text| {
        text.strip_prefix("sg-").is_some_and(|id| {
            let is_right = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            (8..=17).contains(&id.len()) && id.bytes().all(is_right)
        })
    },
);
pub(super) static ASG: TextRule = TextRule::new(
    "the name of an Auto Scaling group: 1 to 255 letters, digits and the signs - _ . /",
    "^[A-Za-z0-9._/-]{1,255}$",
    "controller-east",
    |text| is_of(text, 1, 255, b"-_./"),
);

pub(super) static TIME_ZONE: TextRule = TextRule::new(
    "the IANA name of a time zone, such as Europe/Berlin or UTC",
    "",
    "Europe/Berlin",
    |text| time_zone(text).is_some(),
);
pub(super) static MINUTE: TextRule = TextRule::new(
    "a time of day from 00:00 to 23:59, as HH:MM",
    "^([01][0-9]|2[0-3]):[0-5][0-9]$",
    "08:00",
    |text| minute(text).is_some(),
);

pub(super) static ZONE_ID: TextRule = TextRule::new(
    "the id of a hosted zone: Z and 1 to 31 uppercase letters and digits, without /hostedzone/",
    "^Z[0-9A-Z]{1,31}$",
    "Z0123456789ABCDEFGHIJ",
    |text| {
        let is_right = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        (2..=32).contains(&text.len()) && text.starts_with('Z') && text.bytes().all(is_right)
    },
);
pub(super) static HEALTH_CHECK: TextRule = TextRule::new(
    "the id of a Route 53 health check: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12",
    "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    "abcdef11-2222-3333-4444-555555fedcba",
    |text| {
        let lengths = text.split('-').map(str::len);
        let is_right = |b: u8| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(is_right)
    },
);
pub(super) static RECORD_NAME: TextRule = TextRule::new(
    "a DNS name of two labels or more and at most 200 characters, the first label not _warmspare, \
     which is where the term is kept",
    "^[A-Za-z0-9*_.-]{1,201}$",
    "controller.example.com",
    |text| record_name(text).is_some_and(|name| !name.starts_with("_warmspare.")),
);
pub(super) static SET_IDENTIFIER: TextRule = TextRule::new(
    "a set identifier: 1 to 128 printable ASCII characters",
    "^[ -~]{1,128}$",
    "blue",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b)),
);
pub(super) static RECORD_VALUE: TextRule = TextRule::new(
    "1 to 255 printable ASCII characters, without quotes and backslashes",
    "^[ !#-\\[\\]-~]{1,255}$",
    "203.0.113.10",
    |text| {
        let is_right = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
        (1..=255).contains(&text.len()) && text.bytes().all(is_right)
    },
);

fn is_of(text: &str, bytes_min: usize, bytes_max: usize, signs: &[u8]) -> bool {
    (bytes_min..=bytes_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
}

/// The pin that a text writes.
pub(super) fn pin(text: &str) -> Option<TlsPin> {
    let bytes = base64::decode(text.strip_prefix("sha256/")?)?;
    bytes.try_into().ok().map(TlsPin)
}

/// The zone of this IANA name, in the rules that were compiled in: the same plan means the same on
/// every machine.
pub(super) fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The minute that `HH:MM` names.
pub(super) fn minute(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| -> Option<i8> {
        let is_plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        if is_plain { part.parse().ok() } else { None }
    };
    Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).ok()
}

/// A record's name as it is kept: lowercase, without the last dot. It is short enough for the name
/// of the term's record below it.
pub(super) fn record_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let below = name.strip_prefix("*.").unwrap_or(&name);
    let is_right = name.len() <= 200 && below.contains('.') && address::is_name(below);
    is_right.then_some(name)
}

/// A record's value as Route 53 holds it, when it is one for this type.
pub(super) fn record_value(kind: &str, text: &str) -> Option<String> {
    match kind {
        "A" => text.parse::<Ipv4Addr>().ok().map(|ip| ip.to_string()),
        "AAAA" => text.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string()),
        "CNAME" => record_name(text).filter(|name| !name.starts_with('*')),
        _ => Some(format!("\"{text}\"")),
    }
}
