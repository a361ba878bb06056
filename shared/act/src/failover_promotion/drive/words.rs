//! What was seen, and what a failover cost, as sentences.

use warmspare_decide::failover::Report;
use warmspare_decide::journal::Finding;

pub(super) fn seen(finding: &Finding) -> String {
    match finding {
        Finding::Seeded { replica, lag_s } => {
            format!("{replica} is available and {lag_s} s behind")
        }
        Finding::CaughtUp { measured_at } => {
            format!("its lag of {measured_at} says that it holds everything before the fence")
        }
        Finding::Fenced { .. } => "it accepted to be standby".to_owned(),
        Finding::FenceAttempted { debts, why, .. } => {
            let owed: Vec<&str> = debts.iter().map(|debt| debt.words()).collect();
            format!("it was attempted ({why}); owed: {}", owed.join(", "))
        }
        Finding::Stopped { .. } => "nothing of it runs any more".to_owned(),
        Finding::StopAttempted { debts, why, .. } => {
            let owed: Vec<&str> = debts.iter().map(|debt| debt.words()).collect();
            format!("it was not seen ended ({why}); owed: {}", owed.join(", "))
        }
        Finding::InService { group } => group.words(),
        Finding::Restored { instance, snapshot, taken_at } => {
            format!("{instance} is available, restored from {snapshot} with the data of {taken_at}")
        }
        Finding::Writable => "it replicates nothing and is available".to_owned(),
        Finding::Accepted => "it accepted to be production".to_owned(),
        Finding::Healthy { verdict } => format!("{} path(s) say that it is up", verdict.up),
        Finding::Moved { change_id, changes, .. } => {
            let ids = changes.iter().map(|change| &change.id).chain(change_id);
            let ids: Vec<&str> = ids.map(String::as_str).collect();
            format!("the records were moved by change {}", ids.join(", "))
        }
        Finding::InSync => "every server of Route 53 has them".to_owned(),
        Finding::Switched { site, term } => format!("the switch leads to {site} under term {term}"),
        Finding::Led { site, alarm } => {
            format!("the alarm {alarm}, which the health check reads, leads to {site}")
        }
    }
}

pub(super) fn sentence(report: &Report) -> String {
    let debts: Vec<&str> = report.debts.iter().map(|debt| debt.words()).collect();
    let accepted = report.accepted.iter().map(|accepted| format!("; {}", accepted.words()));
    format!(
        "{}: {} took over from {} {} s after it was {} ({} s agreed); {}; {} ({} s agreed); {}owed: {}{}",
        report.kind.words(),
        report.to,
        report.from,
        report.rto_s,
        if report.kind.is_planned() { "asked for" } else { "lost" },
        report.rto_s_max,
        report.rpo_database_s.map_or("what the database loses is not known".to_owned(), |s| {
            let from = report.restored_from.as_ref();
            let from = from.map(|copy| format!(", restored from {}", copy.snapshot));
            format!("the database loses at most {s} s{}", from.unwrap_or_default())
        }),
        match report.proven {
            Some(_) => format!("what only backups hold loses {} s", report.rpo_backup_s),
            None => "no backup was proven of what only backups hold".to_owned(),
        },
        report.rpo_s_max,
        report.stale_until.map_or(String::new(), |until| format!(
            "resolvers may answer the old records until {until}; "
        )),
        if debts.is_empty() { "nothing".to_owned() } else { debts.join(", ") },
        accepted.collect::<String>()
    )
}
