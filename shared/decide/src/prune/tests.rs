use jiff::tz::TimeZone;

use super::*;
use crate::plan::Calendar;

const NOW: &str = "2026-11-21T06:00:00Z";
const DAY_S: i64 = 86_400;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn slot(text: &str) -> Slot {
    Slot::of(text.parse().unwrap())
}

/// Midnight so many days ago.
fn day(ago: i64) -> Slot {
    let at = slot("2026-11-21T00:00:00Z").instant().as_second() - ago * DAY_S;
    Slot::of(Timestamp::from_second(at).unwrap())
}

fn stored() -> SlotView {
    let (verified, rejected, marked) = (false, false, false);
    let (keys, commit, locked_until) = (3, Commit::Whole, None);
    SlotView { keys, commit, verified, rejected, marked, locked_until }
}

fn verified() -> SlotView {
    SlotView { verified: true, ..stored() }
}

fn view(slots: impl IntoIterator<Item = (Slot, SlotView)>) -> View {
    let slots = slots.into_iter().collect();
    View { now: now(), slots, holds: Vec::new(), in_use: None }
}

/// Verified backups at midnight of the last so many days.
fn days(count: i64) -> View {
    view((0..count).map(|ago| (day(ago), verified())))
}

fn newest(count: u32) -> Keep {
    Keep::Newest(count.try_into().unwrap())
}

fn calendar() -> Calendar {
    let (last, daily, weekly, monthly, yearly) = (0, 0, 0, 0, 0);
    Calendar { last, daily, weekly, monthly, yearly, timezone: TimeZone::UTC }
}

fn going(keep: &Keep, view: &View) -> Vec<Slot> {
    decide(keep, view).going().map(|(slot, _)| slot).collect()
}

fn fate(keep: &Keep, view: &View, slot: Slot) -> Fate {
    decide(keep, view).fates.get(&slot).unwrap().clone()
}

fn hold(slot: impl std::fmt::Display) -> String {
    format!("holds/controller/{slot}")
}

/// Seeds A8, A13: three stay, and the oldest gives way.
#[test]
fn the_newest_three_stay_and_the_oldest_gives_way() {
    assert_eq!(going(&newest(3), &days(3)), []);
    assert_eq!(going(&newest(3), &days(4)), [day(3)]);
    assert_eq!(going(&newest(3), &days(6)), [day(5), day(4), day(3)]);
    let asked = vec![Rule::Newest, Rule::Last];
    assert_eq!(fate(&newest(3), &days(4), day(0)), Fate::Stays(Why::Asked(asked)));
    assert_eq!(fate(&newest(3), &days(4), day(3)), Fate::Goes(Cause::Surplus));
}

/// Seed A12: one stays.
#[test]
fn overwrite_keeps_one() {
    assert_eq!(going(&Keep::Overwrite, &days(3)), [day(2), day(1)]);
    assert_eq!(going(&Keep::Overwrite, &days(1)), []);
}

/// P1, FB10: what was not verified is not counted, and goes only once it is older than the oldest that
/// is, and cannot be verified any more.
#[test]
fn what_was_not_verified_never_counts() {
    let mut view = days(6);
    view.slots.insert(day(0), stored());
    view.slots.insert(day(1), SlotView { rejected: true, ..verified() });
    // 2, 3 and 4 are the newest three that are proven.
    assert_eq!(going(&newest(3), &view), [day(5)]);
    assert_eq!(fate(&newest(3), &view, day(0)), Fate::Stays(Why::NothingNewer));
    assert_eq!(fate(&newest(3), &view, day(1)), Fate::Stays(Why::NothingNewer));
    view.slots.insert(day(3), stored());
    assert_eq!(going(&newest(3), &view), []);
    assert_eq!(fate(&newest(3), &view, day(3)), Fate::Stays(Why::NotOlder));
}

#[test]
fn what_never_counted_goes_when_it_is_older_than_the_oldest_that_stays() {
    for (seen, ago, wanted) in [
        (SlotView { rejected: true, ..stored() }, 2, Fate::Goes(Cause::Rejected)),
        (SlotView { rejected: true, ..verified() }, 2, Fate::Goes(Cause::Rejected)),
        (stored(), 2, Fate::Stays(Why::MayBeVerified)),
        (stored(), 3, Fate::Goes(Cause::NeverProven)),
        (SlotView { commit: Commit::Absent, ..stored() }, 2, Fate::Stays(Why::MayBeVerified)),
        (SlotView { commit: Commit::Absent, ..stored() }, 3, Fate::Goes(Cause::NeverProven)),
        (SlotView { commit: Commit::Lacks(1), ..verified() }, 3, Fate::Goes(Cause::NeverProven)),
        (SlotView { commit: Commit::Unreadable, ..verified() }, 9, Fate::Stays(Why::Unreadable)),
        (SlotView { commit: Commit::Unreadable, ..stored() }, 9, Fate::Stays(Why::Unreadable)),
    ] {
        let mut view = days(1);
        view.slots.insert(day(ago), seen.clone());
        assert_eq!(fate(&newest(3), &view, day(ago)), wanted, "{seen:?}, {ago} days ago");
    }
}

/// P6, I4: whatever else is true.
#[test]
fn without_a_newer_proven_backup_nothing_goes() {
    let lacks = SlotView { commit: Commit::Lacks(1), ..verified() };
    for seen in [stored(), SlotView { rejected: true, ..verified() }, lacks] {
        let all = view((0..9).map(|ago| (day(ago), seen.clone())));
        assert_eq!(going(&Keep::Overwrite, &all), [], "{seen:?}");
    }
    // The only proven one is old, and what is newer is not proven: it stays, and so do they.
    let mut old = view((0..9).map(|ago| (day(ago), stored())));
    old.slots.insert(day(8), verified());
    assert_eq!(going(&Keep::Overwrite, &old), []);
    assert_eq!(decide(&Keep::Overwrite, &old).newest, Some(day(8)));
}

#[test]
fn a_hold_holds_also_when_it_is_not_written_well() {
    let mut view = days(6);
    for (name, held) in [
        (hold(day(5)), vec![day(5)]),
        (hold(format!("{}/why.txt", day(5))), vec![day(5)]),
        (hold(format!("{}.txt", day(4))), vec![day(4)]),
        (hold("2026-11-16"), vec![day(5), day(4), day(3)]),
        (hold("before the upgrade"), vec![day(5), day(4), day(3)]),
        (hold("ünreadable-ünreadable-ü"), vec![day(5), day(4), day(3)]),
        (hold(""), vec![]),
    ] {
        view.holds = vec![name.clone()];
        let stay: Vec<Slot> =
            [day(5), day(4), day(3)].into_iter().filter(|slot| !held.contains(slot)).collect();
        assert_eq!(going(&newest(3), &view), stay, "{name}");
        for slot in held {
            assert_eq!(
                fate(&newest(3), &view, slot),
                Fate::Stays(Why::Held(name.clone())),
                "{name}"
            );
        }
    }
    // A hold keeps more than the plan asks for, and takes nobody's place.
    view.holds = vec![hold(day(5))];
    assert_eq!(decide(&newest(3), &view).fates.len() - going(&newest(3), &view).len(), 4);
}

#[test]
fn what_an_open_failover_would_fall_back_on_stays() {
    let mut view = days(6);
    view.in_use = Some((Term(4), day(5)));
    assert_eq!(going(&newest(3), &view), [day(4), day(3)]);
    assert_eq!(fate(&newest(3), &view, day(5)), Fate::Stays(Why::InUse(Term(4))));
}

/// What is marked does not count, and nothing goes on its account. If it is whole and would be asked
/// for, it stays; if its manifest is gone, it is ended.
#[test]
fn what_is_marked_does_not_count_and_is_ended_or_given_back() {
    let marked = |commit| SlotView { marked: true, commit, ..verified() };
    let mut view = days(5);
    view.slots.insert(day(4), marked(Commit::Whole));
    assert_eq!(going(&newest(3), &view), [day(4), day(3)]);
    view.slots.insert(day(4), marked(Commit::Absent));
    assert_eq!(fate(&newest(3), &view, day(4)), Fate::Goes(Cause::Begun));
    // The newest was rejected after the mark: what was surplus is needed again.
    let mut view = days(4);
    view.slots.insert(day(3), marked(Commit::Whole));
    view.slots.insert(day(0), SlotView { rejected: true, ..verified() });
    assert_eq!(going(&newest(3), &view), []);
    assert!(matches!(fate(&newest(3), &view, day(3)), Fate::Stays(Why::Asked(_))));
    // A newest one that is marked is nobody's reason to go.
    let mut view = days(2);
    view.slots.insert(day(0), marked(Commit::Whole));
    assert_eq!(going(&Keep::Overwrite, &view), []);
    // What is half gone stays as it is once it is held.
    let mut view = days(3);
    view.slots.insert(day(2), marked(Commit::Absent));
    view.holds = vec![hold(day(2))];
    assert_eq!(fate(&newest(1), &view, day(2)), Fate::Stays(Why::Held(hold(day(2)))));
}

#[test]
fn a_calendar_keeps_the_newest_of_each_period_that_has_one() {
    let keep = Keep::Calendar(Calendar { daily: 7, weekly: 4, monthly: 3, ..calendar() });
    let kept = kept(&keep, &(0..200).map(day).collect::<Vec<_>>());
    let shown: Vec<String> = kept.keys().rev().map(|slot| slot.to_string()[..10].into()).collect();
    assert_eq!(
        shown,
        [
            "2026-11-21",
            "2026-11-20",
            "2026-11-19",
            "2026-11-18",
            "2026-11-17",
            "2026-11-16",
            // The seventh day is the Sunday that ends the second week; two weeks more follow.
            "2026-11-15",
            "2026-11-08",
            "2026-11-01",
            "2026-10-31",
            "2026-09-30",
        ]
    );
    assert_eq!(kept[&day(0)], [Rule::Newest, Rule::Daily, Rule::Weekly, Rule::Monthly]);
    assert_eq!(kept[&day(6)], [Rule::Daily, Rule::Weekly]);
    // A week, a month and a year without any backup are passed over.
    let rare = [day(0), day(40), day(400), day(401), day(800)];
    let yearly = Keep::Calendar(Calendar { yearly: 3, ..calendar() });
    let years: Vec<Slot> = super::kept(&yearly, &rare).into_keys().rev().collect();
    assert_eq!(years, [day(0), day(400), day(800)]);
}

/// The plan's time zone says where a day ends, and so does its clock when it changes.
#[test]
fn days_begin_where_the_plan_says() {
    let two = [slot("2026-10-25T23:30:00Z"), slot("2026-10-25T22:30:00Z")];
    let days = |timezone: TimeZone| {
        kept(&Keep::Calendar(Calendar { daily: 2, timezone, ..calendar() }), &two).len()
    };
    assert_eq!(days(TimeZone::UTC), 1);
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    assert_eq!(days(berlin.clone()), 2, "22:30 UTC is still the day of 25 hours, 23:30 is not");
    let long = [slot("2026-10-25T22:59:00Z"), slot("2026-10-24T22:00:00Z")];
    let keep = Keep::Calendar(Calendar { daily: 9, timezone: berlin, ..calendar() });
    assert_eq!(kept(&keep, &long).len(), 1, "a day of 25 hours is one day");
}

#[test]
fn a_decision_reads_as_a_sentence_with_what_could_be_lost() {
    let mut view = days(5);
    view.slots.remove(&day(1));
    view.holds = vec![hold(day(4))];
    view.slots.insert(day(9), SlotView { rejected: true, ..stored() });
    assert_eq!(
        decide(&newest(2), &view).to_string(),
        "2 of 5 backup(s) would go; goes: 2026-11-12T00-00-00Z (rejected); 2026-11-18T00-00-00Z \
         (proven, and not asked for any more); stays: 2026-11-17T00-00-00Z (held by \
         holds/controller/2026-11-17T00-00-00Z); 2026-11-19T00-00-00Z (the plan asks for the newest \
         few); 2026-11-21T00-00-00Z (the plan asks for the newest one and few); the newest proven \
         one is 21600 s old, and the longest time between two that stay is 172800 s"
    );
    view.holds = vec![hold("x")];
    let sentence = decide(&newest(2), &view).to_string();
    assert!(sentence.starts_with("0 of 5 backup(s) would go; stays:"), "{sentence}");
    assert!(sentence.ends_with("holds/controller/x names no slot, so it holds everything"));
    view.slots.clear();
    let sentence = decide(&newest(2), &view).to_string();
    assert!(sentence.starts_with("0 of 0 backup(s) would go; none is proven"), "{sentence}");
}

#[test]
fn listings_are_sorted_by_slot_and_latest_belongs_to_none() {
    let keys = |prefix: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{prefix}/controller/{name}")).collect()
    };
    let (one, two) = (day(0).to_string(), day(1).to_string());
    let backups = [&format!("{one}/config"), &format!("{one}/manifest.json"), "latest/config"];
    let mut backups = keys("backups", &backups.map(|name| name));
    backups.push(format!("backups/controller/{two}/config/x"));
    let receipts = [format!("{one}/verified.json"), format!("{two}/pruned.json")];
    let mut receipts = keys("receipts", &receipts.each_ref().map(String::as_str));
    receipts.push(format!("receipts/controller/{}/verified.json", day(7)));
    let mut found = slots(&backups);
    add_receipts(&mut found, &receipts);
    let absent = SlotView { commit: Commit::Absent, ..stored() };
    let first = SlotView { keys: 2, verified: true, ..absent.clone() };
    let second = SlotView { keys: 1, marked: true, ..absent };
    assert_eq!(found, BTreeMap::from([(day(0), first), (day(1), second)]));
}

/// Thousands of histories, in which anything may be true of any backup.
#[test]
fn whatever_the_history_the_promises_hold() {
    let mut went = 0_usize;
    for seed in 0..20_000_u64 {
        let (keep, view) = history(seed);
        let decision = decide(&keep, &view);
        let goes: Vec<Slot> = decision.going().map(|(slot, _)| slot).collect();
        went += goes.len();
        let is_proven = |seen: &SlotView| {
            seen.verified && !seen.rejected && !seen.marked && seen.commit == Commit::Whole
        };
        let proven: Vec<Slot> =
            view.slots.iter().filter(|(_, seen)| is_proven(seen)).map(|(slot, _)| *slot).collect();
        let during = format!("seed {seed}: {keep:?} {view:?}");
        // The newest verified one stays, and so does a newer one than anything that goes.
        assert!(proven.last().is_none_or(|newest| !goes.contains(newest)), "{during}");
        assert!(goes.iter().all(|slot| proven.last() > Some(slot)), "{during}");
        // Never more than asked: as many verified ones stay as the plan says, if there are as many.
        let asked = match &keep {
            Keep::Overwrite => 1,
            Keep::Newest(count) => usize::try_from(count.get()).unwrap(),
            Keep::Calendar(calendar) => usize::try_from(calendar.last.max(calendar.daily)).unwrap(),
        };
        let left = proven.iter().filter(|slot| !goes.contains(slot)).count();
        let days: BTreeSet<String> =
            proven.iter().map(|slot| slot.to_string()[..10].to_owned()).collect();
        let there = match &keep {
            Keep::Calendar(calendar) if calendar.daily > calendar.last => days.len(),
            Keep::Calendar(_) | Keep::Newest(_) | Keep::Overwrite => proven.len(),
        };
        assert!(left >= asked.min(there), "{during}: {left} stay");
        // And no more than asked, but for what is held or in use.
        if let Keep::Newest(_) | Keep::Overwrite = &keep
            && view.holds.is_empty()
            && view.in_use.is_none()
        {
            assert!(left <= asked, "{during}: {left} stay");
        }
        // Holds, and what a failover falls back on, stay.
        for slot in &goes {
            let name = slot.to_string();
            assert!(view.holds.iter().all(|hold| !hold.contains(&name)), "{during}");
            assert!(view.in_use.is_none_or(|(_, used)| used != *slot), "{during}");
        }
        // What is young and unjudged stays.
        let is_young = |slot: &&Slot| between_s(slot.instant(), view.now) < UNJUDGED_S_MIN;
        for slot in goes.iter().filter(is_young) {
            let seen = &view.slots[slot];
            let is_begun = seen.marked && seen.commit == Commit::Absent;
            assert!(seen.verified || seen.rejected || is_begun, "{during}");
        }
        // What went does not make anything else go.
        let mut after = view.clone();
        after.slots.retain(|slot, _| !goes.contains(slot));
        assert_eq!(going(&keep, &after), [], "{during}");
    }
    assert!(went > 20_000, "only {went} went");
}

/// A history that follows from its seed.
fn history(seed: u64) -> (Keep, View) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = |limit: u64| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    };
    let mut small = |limit: u64| u32::try_from(below(limit)).unwrap();
    let keep = match small(3) {
        0 => Keep::Overwrite,
        1 => newest(small(5) + 1),
        _ => Keep::Calendar(Calendar {
            last: small(3),
            daily: small(4) + 1,
            weekly: small(3),
            monthly: small(3),
            yearly: small(2),
            timezone: TimeZone::UTC,
        }),
    };
    let slots: Vec<(Slot, SlotView)> = (0..small(15))
        .map(|_| {
            let at = now().as_second() - i64::from(small(40)) * 6 * 3600;
            let commit = match small(8) {
                0 => Commit::Absent,
                1 => Commit::Lacks(1),
                2 => Commit::Unreadable,
                _ => Commit::Whole,
            };
            let (verified, rejected, marked) = (small(4) > 0, small(5) == 0, small(6) == 0);
            let (keys, locked_until) = (1, None);
            let seen = SlotView { keys, commit, verified, rejected, marked, locked_until };
            (Slot::of(Timestamp::from_second(at).unwrap()), seen)
        })
        .collect();
    let mut pick = |chance: u64| {
        let n = usize::try_from(below(slots.len().max(1).try_into().unwrap())).unwrap();
        (below(chance) == 0).then(|| slots.get(n).map(|(slot, _)| *slot)).flatten()
    };
    let holds = pick(3).map(hold).into_iter().collect();
    let in_use = pick(4).map(|slot| (Term(1), slot));
    (keep, View { now: now(), slots: slots.into_iter().collect(), holds, in_use })
}

/// What would go and is locked stays until then; what stays anyway stays for its own reason.
#[test]
fn what_is_locked_stays_until_its_lock_is_over() {
    let locked = |until: &str, seen: SlotView| {
        let mut view = view_of_locks(seen, until.parse().unwrap());
        view.slots.insert(day(0), verified());
        let decision = decide(&Keep::Overwrite, &view);
        (decision.fates[&day(2)].clone(), decision.locked())
    };
    let (later, now) = ("2099-01-01T00:00:00Z", "2000-01-01T00:00:00Z");
    let until: Timestamp = later.parse().unwrap();
    let kept = (Fate::Stays(Why::Locked(until)), Some((1, until)));
    assert_eq!(locked(later, verified()), kept);
    assert_eq!(locked(later, SlotView { rejected: true, ..stored() }), kept);
    assert_eq!(locked(now, verified()), (Fate::Goes(Cause::Surplus), None));
    let newest = decide(&Keep::Overwrite, &view_of_locks(verified(), until));
    assert_eq!(newest.locked(), None, "{newest}");
}

fn view_of_locks(seen: SlotView, until: Timestamp) -> View {
    view([(day(2), SlotView { locked_until: Some(until), ..seen })])
}
