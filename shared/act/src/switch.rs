//! The switch of the method `health-check`: looking at it and its alarm, turning it, and publishing
//! what it says. All of it happens in the recovery region.

use bytes::Bytes;
use jiff::Timestamp;
use warmspare_decide::name::{SiteName, SystemName, Term};
use warmspare_decide::plan::{Method, Plan};
use warmspare_decide::seen::Seen;
use warmspare_decide::switch::{
    FORMAT, Held, Leads, METRIC, Switch, SwitchView, alarm_name, dated, led_to, published, value,
};
use warmspare_decide::vault;

use crate::documents::{read_json, unread};
use crate::fault::{Fault, Hope, or_unknown};
use crate::ports::{Clock, Monitoring, Vault, Written};

/// Looks at the switch and at its alarm; `published_at` is when this run has published last.
pub async fn look<P: Vault + Monitoring>(
    ports: &P,
    system: &SystemName,
    published_at: Option<Timestamp>,
) -> SwitchView {
    let found = or_unknown(read_json::<Switch, P>(ports, &vault::switch(system)).await);
    let held = found.map(|(switch, document)| Held { switch, etag: document.etag });
    let alarm = or_unknown(ports.alarm(&alarm_name(system)).await).map(|alarm| alarm.state);
    SwitchView { held, alarm, published_at }
}

/// The same for a decision to begin; `None` where the plan's method has no switch.
pub async fn leads<P: Vault + Monitoring>(ports: &P, plan: &Plan) -> Option<Leads> {
    match plan.dns.method {
        Method::Rewrite => None,
        Method::HealthCheck { .. } => {
            let SwitchView { held, alarm, .. } = look(ports, &plan.system, None).await;
            Some(Leads { switch: held.map(|held| held.switch), alarm })
        }
    }
}

/// Where clients are led, for whoever asks; empty where the plan's method has no switch.
pub async fn said<P: Vault + Monitoring>(ports: &P, plan: &Plan) -> String {
    let Some(Leads { switch, alarm }) = leads(ports, plan).await else { return String::new() };
    let name = alarm_name(&plan.system);
    let alarm = match alarm {
        Seen::Here(state) => match led_to(plan, state) {
            Some(site) => format!("the alarm {name} leads clients to {site}"),
            None => format!("the alarm {name} is {state}, so clients stay where they were"),
        },
        Seen::Absent => format!("there is no alarm {name}"),
        Seen::Unknown(why) => format!("where the alarm {name} leads is not known: {why}"),
    };
    let switch = match switch {
        Seen::Here(switch) => format!("was turned to {} by term {}", switch.site, switch.term),
        Seen::Absent => "was never turned".to_owned(),
        Seen::Unknown(why) => format!("could not be read: {why}"),
    };
    format!("; {alarm}, and the switch {switch}")
}

/// Turns the switch to this site, over exactly the one with this ETag or over nothing. That another
/// run was faster, or our own first try, is seen by the next look.
///
/// # Errors
/// The vault's fault: the switch may have been turned.
pub async fn turn<P: Vault>(
    ports: &P,
    system: &SystemName,
    (site, term): (&SiteName, Term),
    over: Option<&str>,
) -> Result<(), Fault> {
    let key = vault::switch(system);
    let (system, site) = (system.clone(), site.clone());
    let body = serde_json::to_vec_pretty(&Switch { format: FORMAT, system, term, site });
    let body = body.map_err(|cause| {
        Fault::new(Hope::Permanent, "writing", key.as_str(), cause.to_string()).because(cause)
    })?;
    let written = match over {
        Some(etag) => ports.replace(&key, etag, Bytes::from(body)).await?,
        None => ports.create(&key, Bytes::from(body)).await?,
    };
    match written {
        Written::New(_) | Written::Conflict => Ok(()),
    }
}

/// Publishes the site to which clients are to be led: what the switch says, or where there is none (or
/// an older one) what the journal says, as `completed` holds it. Answers with that site; `None` where
/// the plan's method has no switch, or nothing is known to be published.
///
/// The switch is read here, and never taken from what a run remembers or intends, and the value is
/// dated no later than it was read: a run that sleeps between the look and the act publishes into a
/// minute that is over. The journal is read before the switch, so whatever it holds, the switch holds
/// at least that.
///
/// # Errors
/// The fault of the look or of the act. What could not be read is not published.
pub async fn publish<P: Vault + Monitoring + Clock>(
    ports: &P,
    plan: &Plan,
    completed: Option<(&SiteName, Term)>,
) -> Result<Option<SiteName>, Fault> {
    match plan.dns.method {
        Method::Rewrite => return Ok(None),
        Method::HealthCheck { .. } => {}
    }
    let key = vault::switch(&plan.system);
    let began_at = ports.now();
    let (switch, at) = match read_json::<Switch, P>(ports, &key).await? {
        Seen::Here((switch, document)) => {
            let took_s = ports.now().as_second().saturating_sub(began_at.as_second());
            (Some(switch), dated(document.read_at, took_s.saturating_add(1)))
        }
        // There is no answer of S3's clock to go by. Until the first move everything says home.
        Seen::Absent => (None, began_at),
        Seen::Unknown(why) => return Err(unread(&key, why)),
    };
    let site = match (&switch, completed) {
        (None, None) => return Ok(None),
        (Some(switch), None) => switch.site.clone(),
        (switch, Some((active, term))) => published(switch.as_ref(), active, term),
    };
    let values = [(METRIC, value(plan, &site))];
    ports.publish(plan.system.as_str(), at, &values).await?;
    Ok(Some(site))
}
