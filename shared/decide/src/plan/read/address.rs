//! Where a thing is reached: `https` addresses (the parts of RFC 3986 that a plan may use), hosts,
//! and hosts with a port. Loopback and private addresses are as good as others.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_000;

/// The longest address that is printed as a part of a command, in bytes.
const PLAIN_BYTES_MAX: usize = 255;

/// An `https` address, taken apart as far as a plan needs it.
pub(super) struct Address<'a> {
    /// Name or IP address; an IPv6 address without its brackets.
    pub(super) host: &'a str,
    pub(super) has_query: bool,
}

/// The parts of an absolute `https` address without user, password or fragment.
pub(super) fn https(text: &str) -> Option<Address<'_>> {
    let rest = text.strip_prefix("https://").filter(|_| text.len() <= ADDRESS_BYTES_MAX)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let host = match host_and_port(authority) {
        Some((host, _)) => host,
        None => bare_host(authority)?,
    };
    is_path_and_query(tail).then(|| Address { host, has_query: tail.contains('?') })
}

/// The host of an `http` or `https` address in which no character means anything to a shell.
pub(super) fn plain(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let mut parts = rest.split('/');
    let authority = parts.next()?;
    let host = match host_and_port(authority) {
        Some((host, _)) => host,
        None => authority,
    };
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let is_right = text.len() <= PLAIN_BYTES_MAX
        && (is_ipv4(host) || is_name(host))
        && is_part(host)
        && parts.all(is_part);
    is_right.then_some(host)
}

/// Whether the text can stand after the host: path and query, without a fragment.
pub(super) fn is_path_and_query(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_right = match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            other => b"-._~!$&'()*+,;=:@/?".contains(&other),
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, digits) = text.rsplit_once(':')?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| is_plain && *port > 0)?;
    Some((bare_host(host)?, port))
}

/// A host as it stands in an address: an IPv6 address in brackets, which are taken off.
fn bare_host(text: &str) -> Option<&str> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|inside| inside.parse::<Ipv6Addr>().is_ok()),
        None => Some(text).filter(|text| is_ipv4(text) || is_name(text)),
    }
}

/// A name or an IP address, without brackets.
pub(super) fn is_host(text: &str) -> bool {
    is_ipv4(text) || is_name(text) || text.parse::<Ipv6Addr>().is_ok()
}

/// Whether a host is this machine, so that nothing sent to it leaves it.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// A DNS name of hosts. One whose last label is a number is none: it is a mistyped IPv4 address.
pub(super) fn is_name(text: &str) -> bool {
    let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(is_label)
        && !text.rsplit('.').next().is_some_and(is_number)
}

/// One label of a DNS name; the underscore is for the names that services use.
fn is_label(label: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(is_letter)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
