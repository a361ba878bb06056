//! A controller that writes its backups by itself.

use std::net::Ipv4Addr;

use super::Endpoint;
use crate::name::Region;

/// An Aviatrix controller, and where it writes its backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The address of its API.
    pub endpoint: Endpoint,
    /// The bucket that it writes to.
    pub bucket: String,
    /// Where that bucket is.
    pub region: Region,
    /// What stands before the names of its files; empty for the root of the bucket.
    pub prefix: String,
    /// The account that has to own the bucket, if it is not the vault's.
    pub owner: Option<String>,
    /// The private address by which its files are named; any one, if the operator gave none.
    pub private_ip: Option<Ipv4Addr>,
    /// The controller's access account, with which its backup may be enabled; without it, that is
    /// left to people.
    pub account: Option<String>,
}

impl Controller {
    /// What the keys of its files begin with.
    pub fn files(&self) -> String {
        match self.private_ip {
            Some(ip) => format!("{}CloudN_{ip}_save_cloudx_config", self.prefix),
            None => format!("{}CloudN_", self.prefix),
        }
    }
}
