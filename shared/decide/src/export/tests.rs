use super::*;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ID: &str = "warmspare-db-2026-11-21t00-00-00z";

fn wanted() -> Wanted {
    Wanted {
        snapshot: ID.into(),
        task: "ws-controller-20261121t000000z".into(),
        region: Region::parse("us-west-2").unwrap(),
        key_arn: KeyArn::parse(KEY).unwrap(),
    }
}

fn snapshot(region: &str, status: &str) -> Snapshot {
    Snapshot {
        id: ID.into(),
        arn: format!("arn:aws:rds:{region}:111122223333:snapshot:{ID}"),
        status: status.into(),
        progress_percent: 40,
        taken_at: None,
        key_arn: (region == "us-west-2").then(|| KEY.into()),
    }
}

fn task(status: &str) -> ExportTask {
    ExportTask {
        id: wanted().task,
        status: status.into(),
        progress_percent: 40,
        failure: None,
        warning: None,
        source_arn: snapshot("us-west-2", "available").arn,
    }
}

fn copy(status: &str) -> Snapshot {
    snapshot("us-west-2", status)
}

fn source(status: &str) -> Snapshot {
    snapshot("us-east-1", status)
}

/// Everything was looked at, and nothing is there yet.
fn calm() -> View {
    View {
        asked_s: 60,
        task: Some(Seen::Absent),
        copy: Some(Seen::Absent),
        snapshot: Some(Seen::Absent),
        ..View::default()
    }
}

fn answer(change: impl FnOnce(&mut View)) -> Next {
    let mut view = calm();
    change(&mut view);
    next(&wanted(), &view)
}

fn failure(change: impl FnOnce(&mut View)) -> String {
    match answer(change) {
        Next::Done(End::Failed { why }) => why,
        other @ (Next::Look(_)
        | Next::Do(_)
        | Next::Wait(_)
        | Next::Done(End::Exported { .. } | End::Partial { .. })
        | Next::NotKnown(_)) => panic!("{other:?}"),
    }
}

#[test]
fn looks_from_the_end_backwards_and_no_further_than_it_needs() {
    let unseen = |task, copy| {
        answer(|view| {
            view.task = task;
            view.copy = copy;
            view.snapshot = None;
        })
    };
    assert_eq!(unseen(None, None), Next::Look(Place::Task));
    assert_eq!(unseen(Some(Seen::Absent), None), Next::Look(Place::Copy));
    assert_eq!(unseen(Some(Seen::Absent), Some(Seen::Absent)), Next::Look(Place::Snapshot));
    let complete = Some(Seen::Here(task("COMPLETE")));
    assert_eq!(unseen(complete, None), Next::Look(Place::Files));
}

#[test]
fn takes_each_step_once_the_one_before_is_seen_done() {
    assert_eq!(answer(|_| ()), Next::Do(Step::TakeSnapshot));
    assert_eq!(
        answer(|view| view.snapshot = Some(Seen::Here(source("available")))),
        Next::Do(Step::CopySnapshot(source("available")))
    );
    assert_eq!(
        answer(|view| view.copy = Some(Seen::Here(copy("available")))),
        Next::Do(Step::StartExport(copy("available")))
    );
    assert_eq!(
        answer(|view| {
            view.task = Some(Seen::Here(task("COMPLETE")));
            view.files = Some(3);
        }),
        Next::Done(End::Exported { files: 3 })
    );
}

/// FR1: what is under way is waited for, with its progress.
#[test]
fn waits_with_the_progress_in_the_sentence() {
    let wait = |sentence: &str| Next::Wait(sentence.to_owned());
    assert_eq!(
        answer(|view| view.snapshot = Some(Seen::Here(source("creating")))),
        wait("the snapshot warmspare-db-2026-11-21t00-00-00z is creating at 40 %")
    );
    assert_eq!(
        answer(|view| view.copy = Some(Seen::Here(copy("copying")))),
        wait("the copy warmspare-db-2026-11-21t00-00-00z is copying at 40 %")
    );
    for status in ["STARTING", "IN_PROGRESS", "CANCELING", "a word of next year"] {
        assert_eq!(
            answer(|view| view.task = Some(Seen::Here(task(status)))),
            wait(&format!("the export task ws-controller-20261121t000000z is {status} at 40 %"))
        );
    }
}

#[test]
fn what_could_not_be_seen_is_never_taken_for_absent() {
    fn unknown<T>() -> Option<Seen<T>> {
        Some(Seen::Unknown("no answer".to_owned()))
    }
    let answers = [
        answer(|view| view.task = unknown()),
        answer(|view| view.copy = unknown()),
        answer(|view| view.snapshot = unknown()),
    ];
    for answer in answers {
        assert!(matches!(&answer, Next::NotKnown(why) if why.ends_with("no answer")), "{answer:?}");
    }
}

/// FR1, FR4.
#[test]
fn each_way_to_fail_says_why() {
    let late = |change: fn(&mut View)| {
        failure(move |view| {
            view.asked_s = WAIT_S_MAX + 1;
            change(view);
        })
    };
    let table = [
        (
            failure(|view| view.snapshot = Some(Seen::Here(source("failed")))),
            "the snapshot warmspare-",
        ),
        (failure(|view| view.copy = Some(Seen::Here(copy("failed")))), "the copy warmspare-"),
        (
            failure(|view| {
                let plain = Snapshot { key_arn: None, ..copy("available") };
                view.copy = Some(Seen::Here(plain));
            }),
            "is encrypted under no key, not under arn:aws:kms:us-west-2",
        ),
        (
            failure(|view| {
                let failure = Some("KMSKeyNotAccessible".into());
                view.task = Some(Seen::Here(ExportTask { failure, ..task("FAILED") }));
            }),
            "failed: KMSKeyNotAccessible",
        ),
        (failure(|view| view.task = Some(Seen::Here(task("FAILED")))), "RDS does not say why"),
        (failure(|view| view.task = Some(Seen::Here(task("CANCELED")))), "was canceled"),
        (
            failure(|view| {
                view.task = Some(Seen::Here(task("COMPLETE")));
                view.files = Some(0);
            }),
            "there is no Parquet file of it",
        ),
        (failure(|view| view.asked_s = SNAPSHOT_S_MAX + 1), "taken more than 86400 s late"),
        (late(|_| ()), "it was asked for 259201 s ago and has not begun"),
        (
            late(|view| view.task = Some(Seen::Here(task("IN_PROGRESS")))),
            "is IN_PROGRESS at 40 %, 259201 s after it was asked for",
        ),
    ];
    for (sentence, part) in table {
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
}

/// FR2: a task of that name is ours only if it exports our copy.
#[test]
fn a_task_of_another_snapshot_is_a_conflict() {
    let sources = [
        "arn:aws:rds:us-west-2:111122223333:snapshot:another".to_owned(),
        source("available").arn,
        format!("arn:aws:rds:us-west-2:111122223333:cluster-snapshot:{ID}"),
        String::new(),
    ];
    for source_arn in sources {
        let why = failure(|view| {
            view.task = Some(Seen::Here(ExportTask { source_arn, ..task("COMPLETE") }));
            view.files = Some(3);
        });
        assert!(why.contains("which is not the copy of warmspare-db"), "{why}");
    }
}

#[test]
fn an_export_that_left_something_out_is_partial() {
    let left_out = vec!["public.logs was skipped".to_owned()];
    let partial = answer(|view| {
        view.task = Some(Seen::Here(task("COMPLETE")));
        view.files = Some(3);
        view.left_out = left_out.clone();
    });
    assert_eq!(partial, Next::Done(End::Partial { files: 3, left_out }));
}

#[test]
fn a_complete_export_counts_however_late_it_was() {
    let done = answer(|view| {
        view.asked_s = WAIT_S_MAX + 1;
        view.task = Some(Seen::Here(task("COMPLETE")));
        view.files = Some(3);
    });
    assert_eq!(done, Next::Done(End::Exported { files: 3 }));
}

fn is_legal(id: &str, length_max: usize) -> bool {
    id.len() <= length_max
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !id.ends_with('-')
        && !id.contains("--")
}

#[test]
fn identifiers_are_legal_for_rds_and_can_be_read_back() {
    let longest = "a".repeat(63);
    let sources =
        ["db", "Controller-DB", "a-1-b-2", &longest, "-odd--name-", "with_underscore", "é", ""];
    for slot in ["2026-11-21T00-00-00Z", "2026-02-28T23-59-59Z", "1999-12-31T00-00-01Z"] {
        let slot = Slot::parse(slot).unwrap();
        for source in sources {
            let id = snapshot_id(source, slot);
            assert!(is_legal(&id, 255), "{id}");
            assert_eq!(id, id.to_ascii_lowercase(), "RDS keeps identifiers in lowercase");
            let (found, found_slot) = slot_of_snapshot(&id).unwrap();
            assert_eq!(snapshot_id(found, found_slot), id);
            assert_eq!(found_slot, slot);
        }
        for system in ["a", "controller", "x-1-y", &"s".repeat(40)] {
            let id = task_id(&SystemName::parse(system).unwrap(), slot);
            assert!(is_legal(&id, 60), "{id} has {}", id.len());
        }
    }
    assert_eq!(snapshot_id("db", Slot::parse("2026-11-21T00-00-00Z").unwrap()), ID);
}

#[test]
fn a_snapshot_of_another_name_is_not_ours() {
    let foreign = [
        "rds:db-2026-11-21-00-00",
        "awsbackup:job-1234",
        "warmspare-",
        "warmspare-db",
        "warmspare-2026-11-21t00-00-00z",
        "warmspare-db-2026-11-21t00-00-0",
        "warmspare-db-2026-13-21t00-00-00z",
        "warmspare-db-éééééééééé",
        "",
    ];
    for id in foreign {
        assert_eq!(slot_of_snapshot(id), None, "{id}");
    }
}

#[test]
fn two_slots_or_systems_never_share_a_task() {
    let mut ids: Vec<String> = Vec::new();
    for system in ["a", "a-1", "b"] {
        for slot in ["2026-11-21T00-00-00Z", "2026-11-21T00-00-01Z", "2026-11-22T00-00-00Z"] {
            let slot = Slot::parse(slot).unwrap();
            ids.push(task_id(&SystemName::parse(system).unwrap(), slot));
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
