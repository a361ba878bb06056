use std::rc::Rc;

use super::*;
use crate::live::Process;

fn live(request_id: &str, deadline_ms: u64) -> Live {
    let process = Process::begin(crate::replay::config()).unwrap();
    Live::new(Rc::new(process), Invocation::begin(request_id, deadline_ms))
}

fn ms_from_now(ms: i64) -> u64 {
    u64::try_from(now().as_millisecond() + ms).unwrap()
}

#[tokio::test]
async fn a_margin_is_kept_back_from_the_time_that_is_left() {
    let left_s = live("1", ms_from_now(60_500)).left_s();
    assert!((56..=57).contains(&left_s), "{left_s}");
    assert_eq!(live("1", ms_from_now(2_000)).left_s(), 0);
    assert_eq!(live("1", ms_from_now(-2_000)).left_s(), 0);
    assert_eq!(live("1", 0).left_s(), 0);
}

/// Lambda delivers an event again under its request id: the request is the same, the run is not.
#[tokio::test]
async fn two_runs_of_one_request_have_different_writers() {
    let (one, two) = (live("8d5c4e4c", 0).writer(), live("8d5c4e4c", 0).writer());
    assert_ne!(one, two);
    for writer in [one, two] {
        assert_eq!(writer.split_once('/').unwrap().0, "8d5c4e4c");
    }
}

#[test]
fn a_clock_before_1970_does_not_stop_anything() {
    let before = UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(timestamp(before), Timestamp::UNIX_EPOCH);
}
