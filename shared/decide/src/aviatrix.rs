//! How an Aviatrix controller is brought to write its backup, and which of the files in its bucket
//! is the one that was asked for.
//!
//! What counts is a file that S3 dates since the slot, or since the run's first look where the slot is
//! still ahead. So nothing has to be written down about a request: a run that follows one that was
//! killed, a duplicate, and one whose request was answered by a closed connection all find the same
//! file, and a request that is made twice is only one backup more at the controller. S3 dates what is
//! sent in several parts by when its sending began
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>), so a file that
//! was begun before the slot never counts.

mod file;
mod words;

use std::fmt;

use jiff::Timestamp;

use crate::name::Slot;
use crate::plan::Controller;
use crate::refusal::Refusal;

pub use file::{FileName, Listing, Written};

/// How long a file is waited for within one run, in seconds.
pub const WAIT_S_MAX: u64 = 600;
/// How much of a run has to be left to read a file with, in seconds.
pub const READ_S_MIN: u64 = 30;
/// Between two looks into the bucket, in seconds.
pub const POLL_S: u64 = 10;
/// After so many seconds without a file, a request whose answer was lost is made again.
pub const ASK_AGAIN_S: u64 = 90;
/// A run asks so often at most.
pub const ASKS_MAX: u32 = 2;
/// A run logs in so often at most: once, and once more when its session has expired.
pub const LOGINS_MAX: u32 = 2;

/// What a controller answers to when it says that a session is over.
const EXPIRED: [&str; 2] = ["CID is invalid", "Invalid session. Please login again"];

/// A word that opens something. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// One call of a controller's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `get_api_token`: what has to come with a login.
    Token,
    /// `login`, with the user name and the password of the plan's secret.
    Login {
        /// `X-Access-Key`; none for a controller that knows no tokens.
        token: Option<Sealed>,
    },
    /// `get_cloudn_backup_config`.
    ReadConfig {
        /// The session.
        cid: Sealed,
    },
    /// `enable_cloudn_backup_config`: enables the backup, which makes one at once (seed A6), or makes
    /// one now (seed A11).
    Backup {
        /// The session.
        cid: Sealed,
        /// What it says.
        order: Order,
    },
}

/// What a request for a backup says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// 1 AWS, 256 AWS GovCloud, 1024 AWS China.
    pub cloud_type: String,
    /// The controller's access account.
    pub account: String,
    /// The bucket.
    pub bucket: String,
    /// Its Region; empty when the controller did not say.
    pub region: String,
    /// Whether up to three dated files are kept (seed A8).
    pub multiple: bool,
    /// Whether it is enabled already, and only asked to be made now.
    pub now: bool,
}

/// How the controller's backup is configured, as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The number of the cloud.
    pub cloud_type: String,
    /// Its access account.
    pub account: String,
    /// Where it writes.
    pub bucket: String,
    /// The Region of that.
    pub region: String,
    /// Whether dated files are kept.
    pub multiple: bool,
}

/// What a controller answered. `return: false` comes with the status 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `return`.
    pub is_done: bool,
    /// `reason`, for what was not done.
    pub reason: String,
    /// To [`Call::Token`].
    pub token: Option<Sealed>,
    /// To [`Call::Login`].
    pub cid: Option<Sealed>,
    /// To [`Call::ReadConfig`].
    pub config: Option<Config>,
}

/// Why an answer ends the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// Whether the same would be answered again. A login that was not accepted is not tried again,
    /// because controllers lock an account after some.
    pub is_final: bool,
    /// A clause about the controller.
    pub why: String,
}

/// What one run has heard so far.
#[derive(Clone, Debug)]
pub struct State {
    /// S3's time of the first look.
    begun_at: Timestamp,
    session: Session,
    logins: u32,
    config: Option<Config>,
    asks: u32,
    asked: Option<Asked>,
}

#[derive(Clone, Debug)]
enum Session {
    Closed,
    Token(Option<Sealed>),
    Open(Sealed),
}

/// The last request for a backup.
#[derive(Clone, Debug)]
struct Asked {
    /// By S3's clock.
    at: Timestamp,
    /// Why it is not known whether the controller took it; none when it said that it did.
    unsure: Option<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This file is the backup.
    Take(Written),
    /// Call the controller.
    Call(Call),
    /// Wait so many seconds, and look again.
    Wait(u64),
    /// It cannot be done as the plan says.
    Refuse(Refusal),
    /// No file within the time: a clause with its numbers. The next try looks again.
    GiveUp(String),
}

impl State {
    /// Of a run whose first look was at this time of S3.
    pub fn begin(begun_at: Timestamp) -> Self {
        let session = Session::Closed;
        Self { begun_at, session, logins: 0, config: None, asks: 0, asked: None }
    }

    /// Takes in what was answered to a call, at a time of S3.
    ///
    /// # Errors
    /// What was declined.
    pub fn hear(&mut self, call: &Call, said: Said, at: Timestamp) -> Result<(), Declined> {
        if !said.is_done && is_expired(&said.reason) && self.logins < LOGINS_MAX {
            self.session = Session::Closed;
            return Ok(());
        }
        match call {
            // A controller that knows no tokens says so, and takes a login without one.
            Call::Token => self.session = Session::Token(said.token.filter(|_| said.is_done)),
            Call::Login { .. } => {
                self.logins = self.logins.saturating_add(1);
                let Some(cid) = said.cid.filter(|_| said.is_done) else {
                    return Err(words::declined("login", &said.reason, true));
                };
                self.session = Session::Open(cid);
            }
            Call::ReadConfig { .. } => {
                let Some(config) = said.config.filter(|_| said.is_done) else {
                    return Err(words::declined("get_cloudn_backup_config", &said.reason, false));
                };
                self.config = Some(config);
            }
            Call::Backup { .. } => {
                if !said.is_done {
                    let action = "enable_cloudn_backup_config";
                    return Err(words::declined(action, &said.reason, false));
                }
                self.ask(at, None);
            }
        }
        Ok(())
    }

    /// Takes in that a request for a backup was sent, and why it is not known what became of it.
    pub fn lose(&mut self, why: String, at: Timestamp) {
        self.ask(at, Some(why));
    }

    fn ask(&mut self, at: Timestamp, unsure: Option<String>) {
        self.asks = self.asks.saturating_add(1);
        self.asked = Some(Asked { at, unsure });
    }

    /// From when on a file counts.
    fn since(&self, slot: Slot) -> Timestamp {
        slot.instant().min(self.begun_at)
    }
}

/// Decides from what lies in the bucket and what was heard so far. `multiple`: whether dated files are
/// to be kept when the backup has to be enabled. `left_s`: what is left of the run, in seconds.
pub fn next(
    controller: &Controller,
    slot: Slot,
    multiple: bool,
    state: &State,
    listing: &Listing,
    left_s: u64,
) -> Next {
    let since = state.since(slot);
    match file::newest(controller, since, listing) {
        Ok(Some(file)) => return Next::Take(file.clone()),
        Ok(None) => {}
        Err(refusal) => return Next::Refuse(refusal),
    }
    let waited_s = state.asked.as_ref().map_or(0, |asked| words::between_s(asked.at, listing.at));
    if left_s < READ_S_MIN.saturating_add(POLL_S) || waited_s >= WAIT_S_MAX {
        return Next::GiveUp(words::nothing(controller, since, state, listing, waited_s, left_s));
    }
    match &state.asked {
        Some(Asked { unsure: None, .. }) => Next::Wait(POLL_S),
        Some(_) if waited_s < ASK_AGAIN_S || state.asks >= ASKS_MAX => Next::Wait(POLL_S),
        Some(_) | None => match call(controller, multiple, state) {
            Ok(call) => Next::Call(call),
            Err(refusal) => Next::Refuse(refusal),
        },
    }
}

/// The call that brings a file nearer.
fn call(controller: &Controller, multiple: bool, state: &State) -> Result<Call, Refusal> {
    let cid = match &state.session {
        Session::Closed => return Ok(Call::Token),
        Session::Token(token) => return Ok(Call::Login { token: token.clone() }),
        Session::Open(cid) => cid.clone(),
    };
    let Some(config) = &state.config else { return Ok(Call::ReadConfig { cid }) };
    let order =
        if config.enabled { now(controller, config)? } else { enabling(controller, multiple)? };
    Ok(Call::Backup { cid, order })
}

/// Asks for what is configured, word for word: a request with other values would change where the
/// controller writes.
fn now(controller: &Controller, config: &Config) -> Result<Order, Refusal> {
    if config.bucket != controller.bucket {
        return Err(Refusal::ControllerWritesElsewhere {
            url: controller.endpoint.url.clone(),
            found: config.bucket.clone(),
            wanted: controller.bucket.clone(),
        });
    }
    Ok(Order {
        cloud_type: config.cloud_type.clone(),
        account: config.account.clone(),
        bucket: config.bucket.clone(),
        region: config.region.clone(),
        multiple: config.multiple,
        now: true,
    })
}

/// Only where the plan names the account: with which one a controller may write is its operator's
/// word.
fn enabling(controller: &Controller, multiple: bool) -> Result<Order, Refusal> {
    let Some(account) = &controller.account else {
        return Err(Refusal::ControllerBackupOff {
            url: controller.endpoint.url.clone(),
            bucket: controller.bucket.clone(),
        });
    };
    let region = controller.region.as_str();
    let cloud_type = match region {
        china if china.starts_with("cn-") => "1024",
        gov if gov.starts_with("us-gov-") => "256",
        _ => "1",
    };
    Ok(Order {
        cloud_type: cloud_type.to_owned(),
        account: account.clone(),
        bucket: controller.bucket.clone(),
        region: region.to_owned(),
        multiple,
        now: false,
    })
}

fn is_expired(reason: &str) -> bool {
    EXPIRED.iter().any(|said| reason.contains(said))
}

#[cfg(test)]
mod tests;
