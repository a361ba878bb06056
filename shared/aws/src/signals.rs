//! One look at one health signal, a few seconds long at most.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use warmspare_act::ports::Signals;
use warmspare_decide::evidence::Sight;
use warmspare_decide::plan::{Check, TlsPin};

use crate::Live;
use crate::web::NoAnswer;

/// A signal that has not come by now is silent.
const LOOK: Duration = Duration::from_secs(5);

impl Signals for Live {
    async fn look(&self, check: &Check) -> Sight {
        match check {
            Check::Https { url, expect, tls_pin } => {
                Box::pin(https(self, url, *expect, *tls_pin, LOOK)).await
            }
            Check::Tcp { host, port } => tcp(host, *port).await,
            Check::Replication => {
                Sight::NotTaken("replication is asked of the database, not of a socket".to_owned())
            }
        }
    }
}

/// Only the status counts: a body that never ends does not delay the look.
async fn https(
    live: &Live,
    url: &str,
    expect: u16,
    tls_pin: Option<TlsPin>,
    limit: Duration,
) -> Sight {
    let client = match live.web().client(tls_pin) {
        Ok(client) => client,
        Err(fault) => return Sight::NotTaken(fault.to_string()),
    };
    match client.get(url).timeout(limit).send().await {
        Ok(answer) if answer.status().as_u16() == expect => Sight::AsExpected,
        Ok(answer) => Sight::Otherwise(format!(
            "it answered {}, where {expect} was expected",
            answer.status().as_u16()
        )),
        Err(error) => sight(NoAnswer::of(&error)),
    }
}

async fn tcp(host: &str, port: u16) -> Sight {
    match timeout(LOOK, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Sight::AsExpected,
        // What is left is a name that has no address.
        Ok(Err(error)) => NoAnswer::of_io(&error)
            .map_or_else(|| Sight::Silent(format!("no connection: {error}")), sight),
        Err(_) => Sight::Silent(format!("no connection within {} s", LOOK.as_secs())),
    }
}

fn sight(met: NoAnswer) -> Sight {
    match met {
        NoAnswer::Refused => Sight::Refused,
        NoAnswer::Silence(why) => Sight::Silent(why),
        NoAnswer::Garbled(how) => Sight::Otherwise(how),
        NoAnswer::NotTried(why) => Sight::NotTaken(why),
    }
}

#[cfg(test)]
mod tests;
