//! What the simulated world's failovers store is decided again as it was decided.

use std::path::Path;

use warmspare_act::failover_promotion::answer;
use warmspare_act::replay;
use warmspare_decide::failover::Declined;
use warmspare_decide::journal::{Entry, What};
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, lost, refusal};
use crate::hand::acknowledge;
use crate::world::{World, finish};

fn stored<T: serde::de::DeserializeOwned>(world: &World, prefix: &str) -> Vec<T> {
    let state = world.state();
    let ours = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
    let ours = ours.filter(|(key, _)| !key.ends_with("alive.json"));
    ours.map(|(_, versions)| serde_json::from_slice(&versions[0].body).unwrap()).collect()
}

/// Refused for its lag, accepted by a person, and gone through.
fn lived() -> (Vec<Entry>, Declined) {
    let world = lost();
    for point in &mut world.set().sites.lag {
        point.lag_s = 61.0;
    }
    assert!(matches!(refusal(&world, ALARM), Refusal::TooFarBehind { .. }));
    acknowledge(&world, 1, "too-far-behind");
    finish(answer(&world.run(), ALARM)).unwrap();
    let mut refusals: Vec<Declined> = stored(&world, "refusals/");
    (stored(&world, "failovers/"), refusals.remove(0))
}

#[test]
fn a_failover_and_the_refusal_before_it_are_decided_as_they_were() {
    let (entries, declined) = lived();
    let replayed = replay::journal(&entries, None);
    assert!(replayed.is_same(), "{replayed:?}");
    assert_eq!(replayed.same.len(), 2, "its beginning and its report");
    assert!(replay::declined(&declined).is_same());
    write_for_the_command(&entries, &declined);
}

/// `WARMSPARE_WRITE=1` writes what the tests of the command read.
fn write_for_the_command(entries: &[Entry], declined: &Declined) {
    #[expect(clippy::disallowed_methods, reason = "a person asks for it on the command line")]
    let is_asked = std::env::var("WARMSPARE_WRITE").is_ok();
    if !is_asked {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/replay");
    let journal = serde_json::to_string_pretty(entries).unwrap();
    std::fs::write(folder.join("journal.json"), journal + "\n").unwrap();
    let refusal = serde_json::to_string_pretty(declined).unwrap();
    std::fs::write(folder.join("refusal.json"), refusal + "\n").unwrap();
}

#[test]
fn what_was_altered_differs_and_what_is_broken_is_not_claimed() {
    let (entries, declined) = lived();
    let altered = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = entries.clone();
        change(&mut entries);
        let replayed = replay::journal(&entries, None);
        assert!(!replayed.is_same(), "{replayed:?}");
        [replayed.differs, replayed.undecided].concat().join("; ")
    };
    let opened = |entries: &mut Vec<Entry>,
                  change: &dyn Fn(&mut warmspare_decide::failover::Opened)| {
        let What::Opened(opened) = &mut entries[0].what else { panic!() };
        change(opened);
    };
    let steps = altered(&|entries| opened(entries, &|opened| opened.accepted.clear()));
    assert!(steps.contains("accepted was []"), "{steps}");
    let refused = altered(&|entries| {
        opened(entries, &|opened| {
            opened.view.acknowledgements = warmspare_decide::seen::Seen::Absent
        });
    });
    assert!(
        refused.contains("began, and would be refused today: the replica was 61 s"),
        "{refused}"
    );
    let report = altered(&|entries| {
        let What::Completed(report) = &mut entries.last_mut().unwrap().what else { panic!() };
        report.rto_s += 1;
    });
    assert!(report.contains("its report: rto_s was"), "{report}");
    let gap = altered(&|entries| {
        entries.remove(3);
    });
    assert!(gap.contains("does not follow"), "{gap}");
    let planless = altered(&|entries| opened(entries, &|opened| opened.plan.clear()));
    assert!(planless.contains("does not hold the text"), "{planless}");
    let bad = altered(&|entries| opened(entries, &|opened| opened.plan = "x".to_owned()));
    assert!(bad.contains("its plan is refused today"), "{bad}");
    assert!(!replay::journal(&[], None).is_same());
    let begins = Declined { plan: declined.plan.replace("30s", "90s"), ..declined };
    assert!(replay::declined(&begins).differs[0].contains("would begin today"));
}
