//! The files that a controller writes, by their names: `CloudN_<private ip>_save_cloudx_config.enc`,
//! and with Multiple Backup also `CloudN_<private ip>_save_cloudx_config_<YYYYMMDDhhmmss>.enc`
//! (seed A9, A10, A12).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use crate::plan::Controller;
use crate::refusal::Refusal;

/// An object of the controller's bucket, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its key.
    pub key: String,
    /// So that exactly this one is read, though the same name may be written again.
    pub etag: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// By S3's own clock; for several parts, when that began.
    pub written_at: Timestamp,
}

/// The objects of the controller's bucket that could be its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// In any order.
    pub files: Vec<Written>,
    /// The time of the answer, by S3's own clock.
    pub at: Timestamp,
}

/// What the name of a backup says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The private address of the controller that wrote it.
    pub private_ip: Ipv4Addr,
    /// Whether it names its date, and so is never written over.
    pub is_dated: bool,
}

impl FileName {
    /// Reads the name of a backup; `None` for any other object.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("CloudN_")?;
        let (ip, rest) = rest.split_once("_save_cloudx_config")?;
        let private_ip = ip.parse().ok()?;
        let is_dated = match rest.strip_suffix(".enc")? {
            "" => false,
            date => {
                let digits = date.strip_prefix('_')?;
                let is_date = digits.len() == 14 && digits.bytes().all(|b| b.is_ascii_digit());
                is_date.then_some(true)?
            }
        };
        Some(Self { private_ip, is_dated })
    }
}

/// The backups of this controller among what was listed.
pub(super) fn of<'l>(
    controller: &Controller,
    listing: &'l Listing,
) -> impl Iterator<Item = (FileName, &'l Written)> {
    let (prefix, wanted) = (controller.prefix.clone(), controller.private_ip);
    listing.files.iter().filter_map(move |file| {
        let name = FileName::parse(file.key.strip_prefix(&prefix)?)?;
        wanted.is_none_or(|ip| ip == name.private_ip).then_some((name, file))
    })
}

/// The newest backup that was written since, if there is one. Of two from the same second the dated
/// one: it is not written over while it is read.
///
/// # Errors
/// [`Refusal::TwoControllers`].
pub(super) fn newest<'l>(
    controller: &Controller,
    since: Timestamp,
    listing: &'l Listing,
) -> Result<Option<&'l Written>, Refusal> {
    let is_since = |file: &Written| file.written_at.as_second() >= since.as_second();
    let new = || of(controller, listing).filter(|(_, file)| file.size_bytes > 0 && is_since(file));
    let addresses: BTreeSet<Ipv4Addr> = new().map(|(name, _)| name.private_ip).collect();
    if addresses.len() > 1 {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        return Err(Refusal::TwoControllers {
            bucket: controller.bucket.clone(),
            count: addresses.len(),
            addresses: addresses.join(" and "),
            since,
        });
    }
    let newest = new()
        .max_by_key(|(name, file)| (file.written_at.as_second(), name.is_dated, file.key.as_str()));
    Ok(newest.map(|(_, file)| file))
}
