use super::*;
use jiff::SignedDuration;

fn now() -> Timestamp {
    "2026-11-21T00:10:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn posted(change: impl FnOnce(&mut Pause)) -> Option<Refusal> {
    let mut pause = Pause {
        format: 1,
        who: "Ada".to_owned(),
        reason: "new firmware".to_owned(),
        from: None,
        until: after(60),
    };
    change(&mut pause);
    let found = Seen::Here(Posted { pause, written_at: after(-60) });
    pause_of(&SystemName::parse("controller").unwrap(), now(), &found)
}

#[test]
fn a_pause_holds_from_its_beginning_to_its_end() {
    let text = posted(|_| {}).unwrap().to_string();
    assert!(text.contains("Ada has paused") && text.contains("new firmware"), "{text}");
    assert!(text.contains("2026-11-21T00:09:00Z until 2026-11-21T00:11:00Z"), "{text}");
    for (from, until, is_paused) in [
        (-60, 1, true),
        (0, 1, true),
        (1, 60, false),
        (-60, 0, false),
        (60 - PAUSE_S_MAX, 60, true),
    ] {
        let found = posted(|pause| {
            pause.from = Some(after(from));
            pause.until = after(until);
        });
        assert_eq!(matches!(found, Some(Refusal::Paused { .. })), is_paused, "{from} {until}");
        assert_eq!(found.is_some(), is_paused, "{from} {until}");
    }
}

#[test]
fn what_is_not_a_sound_pause_is_not_no_pause() {
    type Change = fn(&mut Pause);
    let changes: [(Change, &str); 7] = [
        (|pause| pause.format = 2, "has format 2, and this code reads 1"),
        (|pause| pause.who.clear(), "empty who"),
        (|pause| pause.reason = "\n".to_owned(), "empty reason"),
        (|pause| pause.who = "x".repeat(501), "longer who"),
        (|pause| pause.from = Some(after(60)), "before it begins"),
        (|pause| pause.from = Some(after(59 - PAUSE_S_MAX)), "lasts 604801 s, and 604800 s is"),
        // Without a beginning it counts from when it was written.
        (|pause| pause.until = after(PAUSE_S_MAX - 59), "lasts 604801 s"),
    ];
    for (change, part) in changes {
        let refusal = posted(change).unwrap();
        assert!(matches!(refusal, Refusal::PauseUnclear { .. }), "{part}");
        let text = refusal.to_string();
        assert!(text.contains(part) && text.contains("maintenance/controller.json"), "{text}");
    }
    let system = SystemName::parse("controller").unwrap();
    let unknown = pause_of(&system, now(), &Seen::Unknown("throttled".to_owned())).unwrap();
    assert!(unknown.to_string().contains("could not be read: throttled"), "{unknown}");
    assert_eq!(pause_of(&system, now(), &Seen::Absent), None);
    // Over is over, whatever else is wrong with it.
    let over = posted(|pause| {
        pause.until = after(0);
        pause.from = Some(after(-9 * PAUSE_S_MAX));
    });
    assert_eq!(over, None);
}
