use super::*;
use crate::dns::{self, Change, RecordSet};
use crate::failover::Kind;
use crate::failover::report;
use crate::failover::tests::{now, opened, plan, record};

mod newest;

fn entries(whats: Vec<What>) -> Vec<Entry> {
    whats
        .into_iter()
        .zip(1..)
        .map(|(what, n)| Entry {
            format: FORMAT,
            system: SystemName::parse("controller").unwrap(),
            term: Term(1),
            n,
            at: "2026-11-21T00:00:00Z".parse().unwrap(),
            writer: "test".to_owned(),
            plan_version: "v1".to_owned(),
            what,
        })
        .collect()
}

fn begun() -> What {
    What::Opened(Box::new(opened()))
}

fn intended(step: Step) -> What {
    What::Intended { step, batch: vec![] }
}

fn fenced() -> What {
    What::Confirmed { step: Step::Fence, finding: Finding::Fenced { debts: vec![Debt::Database] } }
}

fn abort() -> What {
    What::AbortAsked { who: "Ada".to_owned(), reason: "it is back".to_owned() }
}

fn abandoned() -> What {
    What::Abandoned { why: Refusal::NoExport {}, debts: vec![] }
}

#[test]
fn an_impossible_sequence_is_an_error_and_not_a_guess() {
    for (whats, part) in [
        (vec![], "is missing"),
        (vec![fenced()], "does not open"),
        (vec![begun(), begun()], "a second time"),
        (vec![begun(), intended(Step::PromoteDatabase)], "not the next step"),
        (vec![begun(), intended(Step::Repoint)], "not the next step"),
        (vec![begun(), fenced(), fenced()], "not the next step"),
        (
            vec![begun(), fenced(), intended(Step::PromoteDatabase), abandoned()],
            "after its point of no return",
        ),
        (vec![begun(), abandoned(), fenced()], "after the end"),
        (vec![begun(), owing(Debt::Mode)], "was never taken"),
        (vec![begun(), intended(Step::Fence), owing(Debt::Mode)], "was never taken"),
        (vec![begun(), intended(Step::Unfence), owing(Debt::Appliance)], "and owes"),
        (vec![begun(), intended(Step::Unfence), abandoned(), paid(Debt::Mode)], "not owed"),
        (vec![begun(), intended(Step::Fence), owing(Debt::PilotLight)], "was never started"),
        (vec![begun(), abort(), abort()], "a second time"),
        (vec![begun(), abort(), intended(Step::Fence)], "not the next step"),
        (vec![begun(), intended(Step::Fence), abort(), fenced()], "after an abort"),
        (vec![begun(), fenced(), abort(), intended(Step::PromoteDatabase)], "not the next step"),
        (
            vec![begun(), fenced(), intended(Step::PromoteDatabase), abort()],
            "abort after a promotion",
        ),
        (vec![begun(), fenced(), intended(Step::Unfence)], "not the next step"),
        (
            vec![begun(), intended(Step::Fence), intended(Step::Unfence), intended(Step::Fence)],
            "after the way back",
        ),
        (vec![begun(), What::OwedAgain { debt: Debt::Database, seen: String::new() }], "not paid"),
        (vec![begun(), What::Paid { debt: Debt::Appliance, seen: String::new() }], "not owed"),
    ] {
        let wrong = Progress::of(&entries(whats)).unwrap_err().to_string();
        assert!(wrong.contains(part), "{part}: {wrong}");
    }
}

fn owing(debt: Debt) -> What {
    What::Abandoned { why: Refusal::NoExport {}, debts: vec![debt] }
}

fn paid(debt: Debt) -> What {
    What::Paid { debt, seen: String::new() }
}

/// I11: what a failover owes that was given up is paid after its end, once.
#[test]
fn a_failover_that_was_given_up_owes_the_way_back_until_it_is_paid() {
    let mut whats = vec![begun(), intended(Step::Unfence), owing(Debt::Mode)];
    let owes = Progress::of(&entries(whats.clone())).unwrap();
    assert_eq!(
        (owes.debts.as_slice(), owes.end.unwrap().completed),
        ([Debt::Mode].as_slice(), false)
    );
    whats.push(paid(Debt::Mode));
    let paid_off = Progress::of(&entries(whats.clone())).unwrap();
    assert_eq!(paid_off.debts, []);
    assert!(!paid_off.is_paid(Debt::Mode), "what was never left is not looked at again");
    whats.push(paid(Debt::Mode));
    assert!(Progress::of(&entries(whats)).is_err());
}

#[test]
fn a_gap_another_term_or_another_format_stops_the_fold() {
    let good = entries(vec![begun(), intended(Step::Fence), fenced()]);
    assert!(Progress::of(&good).is_ok());
    let mut gap = good.clone();
    gap.remove(1);
    assert!(Progress::of(&gap).is_err());
    for change in [|entry: &mut Entry| entry.term = Term(2), |entry: &mut Entry| entry.format = 4] {
        let mut wrong = good.clone();
        change(&mut wrong[2]);
        assert!(Progress::of(&wrong).is_err());
    }
}

#[test]
fn from_the_intention_of_a_promotion_on_there_is_no_way_back() {
    let fold = |whats| Progress::of(&entries(whats)).unwrap();
    assert!(!fold(vec![begun(), fenced()]).is_past_return);
    assert!(fold(vec![begun(), fenced(), intended(Step::PromoteDatabase)]).is_past_return);
}

/// Format 1, as it was first written. A later version of this code must go on reading it.
#[test]
fn the_golden_journal_of_format_1_is_read() {
    assert_golden(1, include_str!("golden/format-1.json"));
}

/// Format 2 says what kind of move it is; a journal without that is of a failover.
#[test]
fn the_golden_journal_of_format_2_is_read() {
    assert_golden(2, include_str!("golden/format-2.json"));
}

fn assert_golden(format: u32, golden: &str) {
    let entries: Vec<Entry> = serde_json::from_str(golden).unwrap();
    assert!(entries.iter().all(|entry| entry.format == format));
    let progress = Progress::of(&entries).unwrap();
    assert_eq!(progress.opened.kind, Kind::Failover);
    assert!(progress.end.is_some_and(|end| end.completed));
    assert_eq!(progress.debts, [Debt::Database]);
    assert_eq!(progress.entries, 13);
}

/// FA17: an unknown format is named, at the beginning and in the middle.
#[test]
fn a_journal_of_an_unknown_format_is_refused_by_its_number() {
    let good = entries(vec![begun(), intended(Step::Fence), fenced()]);
    for (at, format) in [(0, 0), (0, 4), (2, 0), (2, 4)] {
        let mut wrong = good.clone();
        wrong[at].format = format;
        let why = Progress::of(&wrong).unwrap_err().to_string();
        let n = at + 1;
        let said = format!("entry {n} of the journal of term 1 has format {format}, and this code");
        assert!(why.starts_with(&said) && why.ends_with("reads 1 to 3"), "{why}");
    }
}

/// FA17: what an older version began is gone on with in the format of today.
#[test]
fn a_journal_of_an_older_format_is_gone_on_with() {
    let mut mixed = entries(vec![begun(), intended(Step::Fence), fenced()]);
    mixed[0].format = 1;
    assert!(Progress::of(&mixed).is_ok());
}

fn healthy() -> Vec<What> {
    let verdict = opened().verdict;
    let done = [
        (Step::PromoteDatabase, Finding::Writable),
        (Step::PromoteAppliance, Finding::Accepted),
        (Step::SeeHealthy, Finding::Healthy { verdict }),
    ];
    let done = done.map(|(step, finding)| What::Confirmed { step, finding });
    [vec![begun(), fenced()], done.to_vec()].concat()
}

/// The newest completed term says which site is active, so it is completed by its last step alone.
#[test]
fn a_failover_is_completed_after_its_last_step_and_not_before() {
    let open = Progress::of(&entries(healthy())).unwrap();
    let completed = What::Completed(Box::new(report(&plan(), &open, now())));
    let early = [healthy(), vec![completed.clone()]].concat();
    let wrong = Progress::of(&entries(early)).unwrap_err().to_string();
    assert!(wrong.contains("completes the failover before its last step"), "{wrong}");
    let moved = Finding::Moved { change_id: None, changes: vec![], records: vec![] };
    let last = [(Step::Repoint, moved), (Step::SeeInSync, Finding::InSync)];
    let last = last.map(|(step, finding)| What::Confirmed { step, finding });
    let whole = [healthy(), last.to_vec(), vec![completed]].concat();
    assert!(Progress::of(&entries(whole)).unwrap().end.is_some_and(|end| end.completed));
}

#[test]
fn paying_one_debt_leaves_the_others() {
    let whats = vec![begun(), intended(Step::Unfence), owing(Debt::Mode), paid(Debt::Mode)];
    let mut entries = entries(whats);
    let last = entries.pop().unwrap();
    let mut owes = Progress::of(&entries).unwrap();
    owes.debts.push(Debt::PilotLight);
    owes.follow(&last).unwrap();
    assert_eq!((owes.debts, owes.paid), (vec![Debt::PilotLight], vec![Debt::Mode]));
}

#[test]
fn what_is_owed_again_leaves_what_is_paid() {
    let mut done = Progress::of(&entries(healthy())).unwrap();
    done.end = Some(End { at: now(), completed: true });
    (done.debts, done.paid) = (vec![], vec![Debt::Appliance, Debt::Database]);
    let what = What::OwedAgain { debt: Debt::Database, seen: String::new() };
    let last = Entry { n: done.entries + 1, what, ..entries(vec![begun()]).remove(0) };
    done.follow(&last).unwrap();
    assert_eq!((done.debts, done.paid), (vec![Debt::Database], vec![Debt::Appliance]));
}

/// What the records were is told by the change that moved them, and by none that only touches the term.
#[test]
fn a_touch_does_not_hide_what_the_records_were() {
    let name = "_warmspare.controller.controller.example.com";
    let term = RecordSet::simple("Z1", name, "TXT", 60, vec!["\"term=1\"".to_owned()]);
    let touch = dns::touch(&plan(), Term(1), "Z1", &[record("203.0.113.20"), term]);
    let moves =
        vec![Change::Delete(record("203.0.113.10")), Change::Create(record("203.0.113.20"))];
    let repoint = |batch: &[Change]| What::Intended { step: Step::Repoint, batch: batch.to_vec() };
    let batch =
        |whats: Vec<What>| Progress::of(&entries([healthy(), whats].concat())).unwrap().batch;
    assert_eq!(batch(vec![repoint(&moves), repoint(&touch)]), moves);
    assert_eq!(batch(vec![repoint(&touch)]), touch, "nothing else is known");
    assert_eq!(batch(vec![repoint(&touch), repoint(&moves)]), moves);
}

/// FF8: a change that Route 53 has lost is submitted again, until one was seen in sync.
#[test]
fn a_lost_change_may_be_submitted_again_until_the_records_are_in_sync() {
    let moved = |id: &str| {
        let changes = vec![ZoneChange { zone: "Z1".to_owned(), id: id.to_owned() }];
        let finding = Finding::Moved { change_id: None, changes, records: vec![] };
        What::Confirmed { step: Step::Repoint, finding }
    };
    let again = [moved("C1"), intended(Step::Repoint), moved("C2")];
    let mut whats = [healthy(), again.to_vec()].concat();
    let progress = Progress::of(&entries(whats.clone())).unwrap();
    assert_eq!(progress.change_id("Z1"), Some("C2"), "the last one is followed");
    assert_eq!(progress.next_step(), Some(Step::SeeInSync));
    let mut restarted = whats.clone();
    restarted.push(intended(Step::PromoteAppliance));
    assert!(Progress::of(&entries(restarted)).is_err(), "nothing else is done twice");
    whats.push(What::Confirmed { step: Step::SeeInSync, finding: Finding::InSync });
    assert!(Progress::of(&entries(whats.clone())).is_ok());
    whats.push(intended(Step::Repoint));
    assert!(Progress::of(&entries(whats)).is_err(), "they are in sync");
}
