use std::collections::BTreeSet;

use super::shape::{Field, Kind, Names, Shape, TextRule};
use super::{PLAN, address, base64, duration, megabits, text};

/// Calls for every kind that the plan's shape holds.
fn each_kind(shape: &'static Shape, told: &mut dyn FnMut(&'static Kind)) {
    fn below(kind: &'static Kind, told: &mut dyn FnMut(&'static Kind)) {
        told(kind);
        match kind {
            Kind::List { of, .. } => below(of, told),
            Kind::Table(shape) | Kind::WholeOr { shape, .. } => each_kind(shape, told),
            Kind::Tagged { shapes, .. } | Kind::Keyed { shapes, .. } => {
                shapes.iter().for_each(|(_, shape)| each_kind(shape, told));
            }
            Kind::ListOrTable { list, table, .. } => {
                below(list, told);
                each_kind(table, told);
            }
            Kind::Text(_)
            | Kind::Word(_)
            | Kind::Whole { .. }
            | Kind::Megabits
            | Kind::Duration { .. }
            | Kind::Truth
            | Kind::True => {}
        }
    }
    let names: BTreeSet<&str> = shape.fields.iter().map(|field| field.name).collect();
    assert_eq!(names.len(), shape.fields.len(), "{} has a field twice", shape.title);
    for Field { name, kind, doc, .. } in shape.fields {
        assert!(doc.ends_with('.'), "{name}: {doc}");
        below(kind, told);
    }
    if let Some(others) = shape.others {
        below(&others.kind, told);
    }
}

#[test]
fn every_rule_accepts_its_own_example() {
    let mut rules: Vec<&TextRule> = Vec::new();
    each_kind(&PLAN, &mut |kind| match kind {
        Kind::Text(rule) => rules.push(rule),
        Kind::Table(Shape { others: Some(others), .. }) => match others.names {
            Names::New { rule, .. } => rules.push(rule),
            Names::Sites => {}
        },
        Kind::Table(_)
        | Kind::ListOrTable { .. }
        | Kind::Word(_)
        | Kind::Whole { .. }
        | Kind::WholeOr { .. }
        | Kind::Megabits
        | Kind::Duration { .. }
        | Kind::Truth
        | Kind::True
        | Kind::List { .. }
        | Kind::Tagged { .. }
        | Kind::Keyed { .. } => {}
    });
    assert!(rules.len() > 40, "{} rules", rules.len());
    for rule in rules {
        assert!((rule.is_right)(rule.example), "{} is not {}", rule.example, rule.allowed);
        assert!(!(rule.is_right)(&"x\n".repeat(5_000)), "{}", rule.allowed);
    }
}

#[test]
fn base64_is_read_strictly() {
    // RFC 4648, section 10.
    for (encoded, decoded) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ] {
        assert_eq!(base64::decode(encoded).as_deref(), Some(decoded.as_bytes()), "{encoded}");
    }
    assert_eq!(base64::decode("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
    for wrong in [
        "Z",
        "Zg",
        "Zg=",
        "Zg===",
        "Z===",
        "====",
        "Zh==",
        "Zm9=",
        "Zm9v\n",
        " Zm9v",
        "Zg==Zg==",
        "-_-_",
        "Zm=v",
        "=m9v",
        "Zm9vYmFyé",
    ] {
        assert_eq!(base64::decode(wrong), None, "{wrong}");
    }
}

#[test]
fn a_pin_is_thirty_two_bytes() {
    assert_eq!(
        text::pin("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap().0,
        [0; 32]
    );
    for wrong in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "SHA256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        assert_eq!(text::pin(wrong), None, "{wrong}");
    }
}

#[test]
fn an_address_is_https_and_carries_no_secret() {
    for (right, host) in [
        ("https://example.com", "example.com"),
        ("https://10.0.0.5:4343/export?a=b&c=%20", "10.0.0.5"),
        ("https://localhost:8443/", "localhost"),
        ("https://127.0.0.1", "127.0.0.1"),
        ("https://[2001:db8::1]:443/a", "2001:db8::1"),
        ("https://[::1]", "::1"),
        ("https://controller?status", "controller"),
        ("https://a_b.example.com/@home", "a_b.example.com"),
    ] {
        assert_eq!(address::https(right).map(|address| address.host), Some(host), "{right}");
    }
    for wrong in [
        "",
        "https://",
        "https:///path",
        "HTTPS://example.com",
        "http://example.com",
        "//example.com",
        "example.com",
        "https://user@example.com",
        "https://user:pw@example.com",
        "https://@example.com",
        "https://example.com#top",
        "https://example.com/#top",
        "https://example.com/a b",
        "https://example.com/\u{e9}",
        "https://ex\u{e4}mple.com",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:",
        "https://example.com:+443",
        "https://example..com",
        "https://-example.com",
        "https://10.0.0.256",
        "https://10.0.0",
        "https://2001:db8::1",
        "https://[2001:db8::1",
        "https://[10.0.0.5]",
        "https://[::1]x",
        "https://example.com/%2",
        "https://example.com/%zz",
        "https://example.com\\@evil.example.com",
        "https://example.com/\n",
        " https://example.com",
        "https://exa mple.com",
        "https://example.com.",
    ] {
        assert!(address::https(wrong).is_none(), "{wrong}");
    }
    assert!(address::https(&format!("https://example.com/{}", "a".repeat(2_000))).is_none());
}

#[test]
fn a_loopback_host_is_this_machine_only() {
    for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.200.0.1", "::1", "0:0:0:0:0:0:0:1"] {
        assert!(address::is_host(here) && address::is_loopback(here), "{here}");
    }
    for there in
        ["localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "::2", "0.0.0.0", "::"]
    {
        assert!(address::is_host(there) && !address::is_loopback(there), "{there}");
    }
}

#[test]
fn a_host_and_port_are_both_needed() {
    assert_eq!(address::host_and_port("example.com:443"), Some(("example.com", 443)));
    assert_eq!(address::host_and_port("[::1]:1"), Some(("::1", 1)));
    for wrong in
        ["example.com", ":443", "::1:443", "[::1]", "a:b", "a:-1", "a:65536", "a:0", "a b:1"]
    {
        assert_eq!(address::host_and_port(wrong), None, "{wrong}");
    }
}

#[test]
fn durations_round_trip() {
    for (text, seconds) in [("30s", 30), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("0s", 0)]
    {
        assert_eq!(duration::seconds(text), Some(seconds), "{text}");
    }
    for text in ["1s", "90s", "15m", "1h", "25h", "7d", "366d"] {
        assert_eq!(duration::shown(duration::seconds(text).unwrap()), text);
    }
    for wrong in ["", "s", "1", "1 h", "1H", "1w", "+1s", "-1s", "1.5h", "1h30m", "1ms", "１s"] {
        assert_eq!(duration::seconds(wrong), None, "{wrong}");
    }
    assert_eq!(duration::seconds(&format!("{}d", u64::MAX)), None);
}

#[test]
fn megabits_become_whole_bits() {
    for (text, bits) in [
        ("200", 200_000_000),
        ("0.0512", 51_200),
        ("0.051201", 51_201),
        ("1.5", 1_500_000),
        ("8000000", 8_000_000_000_000),
        ("8000000.0", 8_000_000_000_000),
    ] {
        assert_eq!(megabits::bits_per_s(text), Some(bits), "{text}");
    }
    for wrong in [
        "0",
        "0.051199",
        "8000000.000001",
        "1.0000000",
        "-1",
        "1e3",
        "inf",
        "nan",
        "",
        ".5",
        "5.",
        "1.2.3",
        "18446744073709551615",
    ] {
        assert_eq!(megabits::bits_per_s(wrong), None, "{wrong}");
    }
}

#[test]
fn names_of_records_are_kept_in_one_way() {
    assert_eq!(text::record_name("A.Example.COM.").as_deref(), Some("a.example.com"));
    assert_eq!(text::record_name("*.example.com").as_deref(), Some("*.example.com"));
    let long = format!("{}.example.com", ["a"; 100].join("."));
    for wrong in [
        "",
        ".",
        "com",
        "a..b",
        "a.b..",
        "*.",
        "*a.example.com",
        "a.*.com",
        "ä.example.com",
        "10.0.0.5",
        &long,
    ] {
        assert_eq!(text::record_name(wrong), None, "{wrong}");
    }
}

#[test]
fn a_site_has_no_name_that_a_record_needs() {
    for (name, is_right) in [("east", true), ("names", true), ("name", false), ("type", false)] {
        assert_eq!((text::SITE.is_right)(name), is_right, "{name}");
    }
}
