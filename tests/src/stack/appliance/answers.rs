//! Device42's documented API, as far as a failover asks for it.
//!
//! Mode: <https://github.com/device42/device42-go/blob/master/docs/SetStandbyOrProductionModeApi.md>
//! (the answer's shape is not documented). Health:
//! <https://github.com/device42/Device42-Nagios-Health-Check>. Devices:
//! <https://api.device42.com/#!/Devices>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::archive::Archive;
use super::{Inner, Mode, database, now};

/// A request, taken apart.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

/// The answer that an appliance in good health gives.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
}

/// What an answer carries.
pub(super) enum Content {
    Json(Value),
    Archive(Archive),
}

impl Answer {
    fn json(status: u16, body: Value) -> Self {
        Self { status, content: Content::Json(body) }
    }

    pub(super) fn trouble(status: u16, message: &str) -> Self {
        Self::json(status, json!({ "code": status, "msg": message }))
    }
}

pub(super) async fn answer(inner: &Inner, request: &Request) -> Answer {
    let path = request.path.trim_end_matches('/');
    if path == "/healthstats" {
        return match request.method.as_str() {
            "GET" => health(inner).await,
            _ => Answer::trouble(405, "healthstats can only be read"),
        };
    }
    if !is_known(inner, request) {
        return Answer::trouble(401, "the user or the password is wrong");
    }
    match (request.method.as_str(), path) {
        ("POST", "/api/1.0/appliancemode") => set_mode(inner, request),
        ("GET", "/api/1.0/devices") => devices(inner).await,
        ("POST", "/api/1.0/devices") => add_device(inner, request).await,
        ("GET", "/export") => export(inner).await,
        (method, _) => Answer::trouble(404, &format!("no {method} of {}", request.path)),
    }
}

fn is_known(inner: &Inner, request: &Request) -> bool {
    let options = &inner.options;
    let expected = STANDARD.encode(format!("{}:{}", options.user, options.password));
    let given = request.authorization.as_deref().and_then(|it| it.strip_prefix("Basic "));
    given == Some(expected.as_str())
}

fn field(request: &Request, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(request.body.as_bytes());
    fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}

/// Sets the mode. Only a change to production has to settle.
pub(super) fn switch(inner: &Inner, mode: Mode) {
    let mut state = inner.state();
    if state.mode != mode && mode == Mode::Production {
        let settles = SignedDuration::try_from(inner.options.settles).unwrap_or_default();
        state.settled_at = now() + settles;
    }
    state.mode = mode;
}

fn set_mode(inner: &Inner, request: &Request) -> Answer {
    let mode = match field(request, "appliance_mode").as_deref() {
        Some("production") => Mode::Production,
        Some("standby") => Mode::Standby,
        Some(_) | None => {
            return Answer::trouble(400, "appliance_mode must be production or standby");
        }
    };
    switch(inner, mode);
    let message = format!("appliance mode is set to {}", mode.word());
    Answer::json(200, json!({ "code": 0, "msg": [message] }))
}

/// Healthy is: settled, and its database answers, if it has one; what was restored and waits uses none.
async fn health(inner: &Inner) -> Answer {
    if now() < inner.state().settled_at {
        return Answer::trouble(503, "the appliance is starting");
    }
    let size = match (inner.kept(), inner.database()) {
        (Some(_), _) => Ok("0 MB".to_owned()),
        (None, Ok(database)) if database.is_empty() => Ok("0 MB".to_owned()),
        (None, Ok(database)) => database::size(&database).await,
        (None, Err(error)) => Err(error),
    };
    let size = match size {
        Ok(size) => size,
        Err(error) => return Answer::trouble(503, &format!("{error:#}")),
    };
    let line = |(index, (job, status)): (usize, &(String, String))| {
        let id = index + 1;
        json!({ "id": id, "job_name": job, "status": status })
    };
    let jobs: Vec<Value> = inner.options.backup_status.iter().enumerate().map(line).collect();
    let memory = json!({
        "cached": 2048, "buffers": 128, "swaptotal": 2047, "memfree": 1024, "swapfree": 2047,
        "memtotal": 7983,
    });
    let health = json!({
        "backup_status": jobs,
        "cpu_used_percent": 7.0,
        "dbsize": size,
        "disk_used_percent": 23.0,
        "memory_in_MB": memory,
    });
    Answer::json(200, health)
}

async fn devices(inner: &Inner) -> Answer {
    let listed = match (inner.kept(), inner.database()) {
        (Some(names), _) => {
            Ok((1..).zip(names).map(|(id, name)| database::Device { id, name }).collect::<Vec<_>>())
        }
        (None, Ok(database)) => database::list(&database).await,
        (None, Err(error)) => Err(error),
    };
    match listed {
        Ok(devices) => {
            let device = |it: &database::Device| {
                let url = format!("/api/1.0/devices/id/{}/", it.id);
                json!({ "device_id": it.id, "device_url": url, "name": it.name })
            };
            let listed: Vec<Value> = devices.iter().map(device).collect();
            Answer::json(200, json!({ "Devices": listed }))
        }
        Err(error) => Answer::trouble(503, &format!("{error:#}")),
    }
}

async fn add_device(inner: &Inner, request: &Request) -> Answer {
    if let Some(refused) = refuse_in_standby(inner) {
        return refused;
    }
    let Some(name) = field(request, "name").filter(|name| !name.is_empty()) else {
        return Answer::trouble(400, "name is required");
    };
    let added = match inner.database() {
        Ok(database) => database::add(&database, &name).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(id) => {
            let message = json!(["device added or updated", id, name, true, true]);
            Answer::json(200, json!({ "code": 0, "msg": message }))
        }
        Err(error) => Answer::trouble(500, &format!("{error:#}")),
    }
}

/// Standby disables backups from that appliance.
async fn export(inner: &Inner) -> Answer {
    if let Some(refused) = refuse_in_standby(inner) {
        return refused;
    }
    match Archive::of(inner).await {
        Ok(archive) => Answer { status: 200, content: Content::Archive(archive) },
        Err(error) => Answer::trouble(503, &format!("{error:#}")),
    }
}

fn refuse_in_standby(inner: &Inner) -> Option<Answer> {
    let mode = inner.state().mode;
    (mode != Mode::Production)
        .then(|| Answer::trouble(503, "the appliance is not in production mode"))
}
