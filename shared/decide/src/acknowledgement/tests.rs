use super::*;
use crate::evidence::{Reading, Verdict};
use crate::name::SiteName;
use jiff::SignedDuration;

fn now() -> Timestamp {
    "2026-11-21T00:10:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn key(term: u32, refusal: &str) -> String {
    vault::acknowledgement(&SystemName::parse("controller").unwrap(), Term(term), refusal)
}

fn by(refusal: &str) -> Acknowledgement {
    Acknowledgement {
        format: 1,
        who: "Ada".to_owned(),
        refusal: refusal.to_owned(),
        until: after(60),
        reason: "customers wait".to_owned(),
    }
}

fn handed(term: u32, refusal: &str, change: impl FnOnce(&mut Acknowledgement)) -> Handed {
    let mut by = by(refusal);
    change(&mut by);
    Handed { key: key(term, refusal), written_at: Some(after(-30)), said: Said::Acknowledged(by) }
}

fn behind() -> Refusal {
    Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 }
}

fn lift(refusal: Refusal, found: Seen<Vec<Handed>>) -> Result<Accepted, Refusal> {
    acknowledged(&found, |acknowledged| acknowledged.lift(refusal))
}

/// Of term 3, after term 2 has ended a minute ago.
fn acknowledged<T>(found: &Seen<Vec<Handed>>, ask: impl FnOnce(&Acknowledgements) -> T) -> T {
    let past = [PastTerm {
        term: Term(2),
        opened_at: after(-600),
        ended_at: after(-60),
        completed: true,
        kind: crate::failover::Kind::Failover,
        untouched: false,
        put_back: false,
        debts: vec![],
    }];
    let system = SystemName::parse("controller").unwrap();
    let (term, now) = (Term(3), now());
    ask(&Acknowledgements { system: &system, term, now, past: &past, found })
}

fn not_lifted(found: Handed) -> String {
    lift(behind(), Seen::Here(vec![found])).unwrap_err().to_string()
}

#[test]
fn what_is_acknowledged_is_lifted_with_who_and_why() {
    let accepted = lift(behind(), Seen::Here(vec![handed(3, "too-far-behind", |_| {})])).unwrap();
    assert_eq!(accepted.refusal, behind());
    assert!(accepted.words().starts_with("Ada accepts that the replica was 31 s behind"));
    assert!(accepted.words().ends_with("(customers wait)"));
}

#[test]
fn it_lifts_one_refusal_and_no_other() {
    let found = || Seen::Here(vec![handed(3, "backup-too-old", |_| {})]);
    assert_eq!(
        lift(behind(), found()),
        Err(behind()),
        "nothing is wrong with it, and it is another"
    );
    assert_eq!(lift(behind(), Seen::Absent), Err(behind()));
    assert_eq!(lift(behind(), Seen::Here(vec![])), Err(behind()));
}

/// FF12: what was put there for another term, is over, or says something else, is told and lifts nothing.
#[test]
fn what_does_not_hold_is_told_with_what_was_found_and_what_is_allowed() {
    let name = "too-far-behind";
    for (found, part) in [
        (handed(3, name, |by| by.until = now()), "held until 2026-11-21T00:10:00Z, and it is"),
        (handed(3, name, |by| by.until = after(604_801)), "604800 s is the most"),
        (handed(3, name, |by| by.format = 2), "has format 2, and this code reads 1"),
        (handed(3, name, |by| by.who = " ".to_owned()), "empty who"),
        (handed(3, name, |by| by.reason.clear()), "empty reason"),
        (handed(3, name, |by| by.reason = "x".repeat(501)), "longer reason than 500 characters"),
        (handed(3, name, |by| by.refusal = "cooldown".to_owned()), "names \"cooldown\" inside"),
        (handed(3, "too-far-behnd", |_| {}), "names no refusal that there is"),
        (handed(4, name, |_| {}), "is of term 4, and this is term 3"),
        (handed(2, name, |_| {}), "is of term 2, and this is term 3"),
        (
            Handed {
                key: "acknowledgements/controller/3/x.json".to_owned(),
                ..handed(3, name, |_| {})
            },
            "is not named as acknowledgements/controller/000003/<refusal>.json is",
        ),
        (
            Handed {
                said: Said::Unreadable("it is not JSON".to_owned()),
                ..handed(3, name, |_| {})
            },
            "could not be read: it is not JSON",
        ),
    ] {
        let sentence = not_lifted(found);
        assert!(sentence.starts_with("the replica was 31 s behind"), "{sentence}");
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    let unknown = lift(behind(), Seen::Unknown("throttled".to_owned())).unwrap_err().to_string();
    assert!(unknown.contains("could not be looked at: throttled"), "{unknown}");
}

#[test]
fn an_end_date_holds_to_its_last_second_and_no_further_than_agreed() {
    for until in [1, AHEAD_S_MAX] {
        let found = handed(3, "too-far-behind", |by| by.until = after(until));
        assert!(lift(behind(), Seen::Here(vec![found])).is_ok(), "{until}");
    }
}

#[test]
fn a_reason_may_be_as_long_as_is_said() {
    let found = handed(3, "too-far-behind", |by| by.reason = "x".repeat(TEXT_CHARACTERS_MAX));
    assert!(lift(behind(), Seen::Here(vec![found])).is_ok());
}

/// Whoever asks how things stand is told what will not hold, before it is needed.
#[test]
fn what_would_not_hold_is_told_to_whoever_asks() {
    let sound = handed(3, "too-far-behind", |_| {});
    let used = handed(2, "too-far-behind", |_| {});
    let over = handed(3, "cooldown", |by| by.until = now());
    let found = Seen::Here(vec![sound, used, over]);
    let told = acknowledged(&found, |all| all.not_holding());
    let said = "acknowledgements/controller/000003/cooldown.json held until";
    assert!(matches!(told.as_slice(), [one] if one.starts_with(said)), "{told:?}");
    for nothing in [Seen::Absent, Seen::Unknown("throttled".to_owned()), Seen::Here(vec![])] {
        assert!(acknowledged(&nothing, |all| all.not_holding()).is_empty());
    }
}

/// What was put there for an earlier term, in its time, was right: it is not told again and again.
#[test]
fn the_history_of_earlier_terms_is_no_mistake() {
    let used = |written_s| Handed {
        written_at: Some(after(written_s)),
        ..handed(2, "too-far-behind", |_| {})
    };
    assert_eq!(lift(behind(), Seen::Here(vec![used(-60)])), Err(behind()));
    assert!(not_lifted(used(-59)).contains("is of term 2"));
    assert_eq!(
        lift(behind(), Seen::Here(vec![handed(1, "too-far-behind", |_| {})])),
        Err(behind())
    );
}

/// P2, P3, P4: what is not a person's to accept is not lifted, and it is said why.
#[test]
fn what_nobody_can_accept_stays_refused() {
    let site = SiteName::parse("east").unwrap();
    let verdict = |up| Verdict { site: Reading::Unknown, up, down: 1, unknown: 1 };
    let signals =
        |up| Refusal::NotEnoughSignals { site: site.clone(), verdict: verdict(up), down_min: 2 };
    let fence = |up, tried_s| Refusal::FenceUnconfirmed {
        site: site.clone(),
        tried_s,
        demand: String::new(),
        why: String::new(),
        up,
    };
    let cooldown = |since_s| Refusal::Cooldown { term: Term(2), since_s, cooldown_s: 1_800 };
    let owed = Refusal::FenceOwed { term: Term(2), debts: String::new() };
    let healthy = Refusal::PrimaryHealthy { site: site.clone(), verdict: verdict(3), down_min: 2 };
    for (refusal, can) in [
        (signals(0), true),
        (signals(1), false),
        (fence(0, 60), true),
        (fence(0, 59), false),
        (fence(1, 60), false),
        (cooldown(900), true),
        (cooldown(899), false),
        (owed, false),
        (healthy, false),
        (Refusal::DailyLimit { count: 2, per_day: 2 }, true),
        (Refusal::LagUnknown { why: String::new() }, true),
        (Refusal::NoProvenBackup { why: String::new() }, true),
    ] {
        let found = handed(3, refusal.name(), |_| {});
        let answer = lift(refusal.clone(), Seen::Here(vec![found]));
        assert_eq!(answer.is_ok(), can, "{refusal}");
        if let Err(refused) = answer {
            assert!(refused.to_string().contains("lifts nothing, because"), "{refused}");
        }
    }
}
