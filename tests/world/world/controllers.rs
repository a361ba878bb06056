//! An Aviatrix controller of the simulated world, and the bucket that it writes to. It answers as the
//! vendor's own clients expect: 200 with `return: false` and a reason for what it does not do.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Controllers;
use warmspare_decide::aviatrix::{Call, Config, Listing, Said, Sealed, Written};
use warmspare_decide::plan::Controller;

use super::sites::after;
use super::vault::Pieces;
use super::{Run, State};

/// One file of the bucket.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) etag: String,
    pub(crate) body: Bytes,
    pub(crate) written_at: Timestamp,
}

/// The controller, and its bucket.
#[derive(Clone, Debug)]
pub(crate) struct Aviatrix {
    pub(crate) config: Config,
    pub(crate) bucket: BTreeMap<String, File>,
    pub(crate) private_ip: &'static str,
    /// From a request until its file is there, in seconds; never, when there is none.
    pub(crate) takes_s: Option<i64>,
    /// What it answers to a login or an order that it does not take.
    pub(crate) refuses: Option<(&'static str, &'static str)>,
    /// It knows no tokens.
    pub(crate) is_old: bool,
    /// A session ends after so many calls.
    pub(crate) session_calls: u32,
    /// It takes an order, and closes the connection.
    pub(crate) drops: bool,
    /// Logins and orders so far.
    pub(crate) logins: u32,
    pub(crate) orders: u32,
    session: (u32, u32),
    due: Vec<Timestamp>,
    serial: u32,
}

impl Default for Aviatrix {
    fn default() -> Self {
        let config = Config {
            enabled: true,
            cloud_type: "1".to_owned(),
            account: "aws".to_owned(),
            bucket: "avx-backups".to_owned(),
            region: "us-east-1".to_owned(),
            multiple: false,
        };
        Self {
            config,
            bucket: BTreeMap::new(),
            private_ip: "10.0.0.5",
            takes_s: Some(25),
            refuses: None,
            is_old: false,
            session_calls: 100,
            drops: false,
            logins: 0,
            orders: 0,
            session: (0, 0),
            due: Vec::new(),
            serial: 0,
        }
    }
}

impl Aviatrix {
    /// Writes a backup into its bucket now: one file, or a dated one and the copy without a date.
    pub(crate) fn write(&mut self, now: Timestamp) {
        self.serial += 1;
        let ip = self.private_ip;
        let body = format!("configuration {} of {ip}", self.serial).into_bytes();
        let date = now.strftime("%Y%m%d%H%M%S");
        let dated = format!("CloudN_{ip}_save_cloudx_config_{date}.enc");
        let dateless = format!("CloudN_{ip}_save_cloudx_config.enc");
        let both = [self.config.multiple.then_some(dated), Some(dateless)];
        for key in both.into_iter().flatten() {
            let etag = format!("\"written-{}\"", self.serial);
            let file = File { etag, body: body.clone().into(), written_at: now };
            self.bucket.insert(key, file);
        }
        let dates = |key: &&String| key.contains("config_");
        while self.bucket.keys().filter(dates).count() > 3 {
            let oldest = self.bucket.keys().find(dates).unwrap().clone();
            self.bucket.remove(&oldest);
        }
    }

    fn order(&mut self, now: Timestamp) {
        self.orders += 1;
        self.due.extend(self.takes_s.map(|takes_s| after(now, takes_s)));
    }

    fn answer(&mut self, call: &Call, now: Timestamp) -> Said {
        let no = |reason: &str| Said { reason: reason.to_owned(), ..Said::default() };
        let yes = || Said { is_done: true, ..Said::default() };
        let action = match call {
            Call::Token => "token",
            Call::Login { .. } => "login",
            Call::ReadConfig { .. } => "config",
            Call::Backup { .. } => "backup",
        };
        if let Some((_, reason)) = self.refuses.filter(|(of, _)| *of == action) {
            return no(reason);
        }
        if let Call::ReadConfig { cid } | Call::Backup { cid, .. } = call {
            let (serial, left) = &mut self.session;
            if cid.0 != format!("cid-{serial}") || *left == 0 {
                return no("Invalid session. Please login again.");
            }
            *left -= 1;
        }
        match call {
            Call::Token if self.is_old => no("Valid action required"),
            Call::Token => Said { token: Some(Sealed("token".to_owned())), ..yes() },
            Call::Login { token } if token.is_none() != self.is_old => no("invalid access key"),
            Call::Login { .. } => {
                self.logins += 1;
                self.session = (self.session.0 + 1, self.session_calls);
                let cid = Some(Sealed(format!("cid-{}", self.session.0)));
                Said { cid, ..yes() }
            }
            Call::ReadConfig { .. } => Said { config: Some(self.config.clone()), ..yes() },
            Call::Backup { order, .. } => {
                self.config.enabled = true;
                self.config.bucket.clone_from(&order.bucket);
                self.config.account.clone_from(&order.account);
                self.config.multiple = order.multiple;
                self.order(now);
                yes()
            }
        }
    }
}

/// What it does by itself as time passes.
pub(super) fn settle(state: &mut State) {
    let now = state.now;
    let aviatrix = &mut state.aviatrix;
    let (due, rest) = aviatrix.due.iter().partition::<Vec<Timestamp>, _>(|due| **due <= now);
    aviatrix.due = rest;
    for due in due {
        aviatrix.write(due);
    }
}

impl Controllers for Run<'_> {
    type File = Pieces;

    async fn call(&self, controller: &Controller, call: &Call) -> Result<Said, Fault> {
        if !matches!(call, Call::Backup { .. }) {
            self.look(|_| Ok(())).await?;
            let mut state = self.world.set();
            let now = state.now;
            return Ok(state.aviatrix.answer(call, now));
        }
        self.change("Controllers::call", |state| {
            let now = state.now;
            let said = state.aviatrix.answer(call, now);
            if state.aviatrix.drops {
                let why = "it closed the connection before it had answered";
                let url = controller.endpoint.url.clone();
                return Err(Fault::new(Hope::Retryable, "calling", url, why));
            }
            Ok(said)
        })
        .await
    }

    async fn written(&self, controller: &Controller) -> Result<Listing, Fault> {
        self.look(|state| {
            let ours = state.aviatrix.bucket.iter();
            let files = ours
                .filter(|(key, _)| key.starts_with(&controller.files()))
                .map(|(key, file)| Written {
                    key: key.clone(),
                    etag: file.etag.clone(),
                    size_bytes: u64::try_from(file.body.len()).unwrap(),
                    written_at: file.written_at,
                })
                .collect();
            Ok(Listing { files, at: state.now })
        })
        .await
    }

    async fn open_written(&self, controller: &Controller, file: &Written) -> Result<Pieces, Fault> {
        self.look(|state| {
            let found = state.aviatrix.bucket.get(&file.key);
            let found = found.filter(|found| found.etag == file.etag).ok_or_else(|| {
                let why = "it was replaced since it was listed";
                Fault::new(Hope::Retryable, "reading", &controller.bucket, why)
            })?;
            Ok(Pieces::of(&found.body))
        })
        .await
    }
}
