use super::*;
use crate::name::{Region, SecretArn};
use crate::plan::Endpoint;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_547_200 + second).unwrap()
}

fn slot() -> Slot {
    Slot::of(at(0))
}

fn controller() -> Controller {
    let secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/avx";
    Controller {
        endpoint: Endpoint {
            url: "https://198.51.100.20".into(),
            secret: Some(SecretArn::parse(secret).unwrap()),
            tls_pin: None,
        },
        bucket: "avx-backups".into(),
        region: Region::parse("us-east-1").unwrap(),
        prefix: String::new(),
        owner: None,
        private_ip: None,
        account: None,
    }
}

fn file(name: &str, second: i64) -> Written {
    Written { key: name.into(), etag: format!("{second}"), size_bytes: 9, written_at: at(second) }
}

fn listing(files: &[Written], second: i64) -> Listing {
    Listing { files: files.to_vec(), at: at(second) }
}

fn config() -> Config {
    Config {
        enabled: true,
        cloud_type: "1".into(),
        account: "aws".into(),
        bucket: "avx-backups".into(),
        region: "us-east-1".into(),
        multiple: false,
    }
}

fn yes() -> Said {
    Said { is_done: true, ..Said::default() }
}

fn no(reason: &str) -> Said {
    Said { reason: reason.into(), ..Said::default() }
}

fn cid() -> Sealed {
    Sealed("cid".into())
}

/// A state with an open session, and this configuration heard.
fn heard(config: Option<Config>) -> State {
    let mut state = State::begin(at(5));
    state.hear(&Call::Token, Said { token: Some(Sealed("t".into())), ..yes() }, at(5)).unwrap();
    let login = Call::Login { token: Some(Sealed("t".into())) };
    state.hear(&login, Said { cid: Some(cid()), ..yes() }, at(5)).unwrap();
    if config.is_some() {
        state.hear(&Call::ReadConfig { cid: cid() }, Said { config, ..yes() }, at(5)).unwrap();
    }
    state
}

fn order() -> Call {
    let order = Order {
        cloud_type: "1".into(),
        account: "aws".into(),
        bucket: "avx-backups".into(),
        region: "us-east-1".into(),
        multiple: false,
        now: true,
    };
    Call::Backup { cid: cid(), order }
}

fn ask(state: &State, listing: &Listing) -> Next {
    next(&controller(), slot(), true, state, listing, 800)
}

const DATELESS: &str = "CloudN_10.0.0.5_save_cloudx_config.enc";
const DATED: &str = "CloudN_10.0.0.5_save_cloudx_config_20251201000012.enc";

/// A11: token, login, configuration, request, and then the bucket.
#[test]
fn a_controller_is_asked_in_the_order_of_its_api() {
    let old = listing(&[file(DATELESS, -1)], 5);
    let mut state = State::begin(at(5));
    assert_eq!(ask(&state, &old), Next::Call(Call::Token));
    let token = Some(Sealed("t".into()));
    state.hear(&Call::Token, Said { token: token.clone(), ..yes() }, at(5)).unwrap();
    let login = Call::Login { token };
    assert_eq!(ask(&state, &old), Next::Call(login.clone()));
    state.hear(&login, Said { cid: Some(cid()), ..yes() }, at(5)).unwrap();
    let read = Call::ReadConfig { cid: cid() };
    assert_eq!(ask(&state, &old), Next::Call(read.clone()));
    state.hear(&read, Said { config: Some(config()), ..yes() }, at(5)).unwrap();
    assert_eq!(ask(&state, &old), Next::Call(order()));
    state.hear(&order(), yes(), at(6)).unwrap();
    assert_eq!(ask(&state, &listing(&[file(DATELESS, -1)], 16)), Next::Wait(POLL_S));
    let new = file(DATELESS, 12);
    assert_eq!(ask(&state, &listing(std::slice::from_ref(&new), 16)), Next::Take(new));
}

#[test]
fn a_file_since_the_slot_is_taken_without_a_question() {
    let state = State::begin(at(5));
    for second in [0, 3] {
        let new = file(DATELESS, second);
        assert_eq!(ask(&state, &listing(std::slice::from_ref(&new), 5)), Next::Take(new));
    }
    // The slot of a request by hand may be ahead of S3's clock: what is there then was not asked for.
    let ahead =
        next(&controller(), Slot::of(at(60)), true, &state, &listing(&[file(DATELESS, 4)], 5), 800);
    assert_eq!(ahead, Next::Call(Call::Token));
}

/// A9, A10: both are the same backup; the one with a date is not written over while it is read.
#[test]
fn of_a_backup_and_its_copy_the_dated_one_is_read() {
    let both = [file(DATED, 12), file(DATELESS, 12)];
    let state = State::begin(at(5));
    assert_eq!(ask(&state, &listing(&both, 20)), Next::Take(file(DATED, 12)));
    let newer = [file(DATED, 12), file(DATELESS, 13)];
    assert_eq!(ask(&state, &listing(&newer, 20)), Next::Take(file(DATELESS, 13)));
}

#[test]
fn only_what_is_named_like_a_backup_counts() {
    let ip = "10.0.0.5".parse().unwrap();
    let table = [
        (DATELESS, Some(FileName { private_ip: ip, is_dated: false })),
        (DATED, Some(FileName { private_ip: ip, is_dated: true })),
        ("CloudN_10.0.0.5_save_cloudx_version.txt", None),
        ("CloudN_10.0.0.5_save_cloudx_config_2025120100001.enc", None),
        ("CloudN_10.0.0.5_save_cloudx_config_2025120100001x.enc", None),
        ("CloudN_10.0.0.500_save_cloudx_config.enc", None),
        ("CloudN_10.0.0.5_save_cloudx_config.enc.bak", None),
        ("cloudn_10.0.0.5_save_cloudx_config.enc", None),
    ];
    for (name, wanted) in table {
        assert_eq!(FileName::parse(name), wanted, "{name}");
    }
    let empty = Written { size_bytes: 0, ..file(DATELESS, 12) };
    let below = file(&format!("other/{DATELESS}"), 12);
    assert_eq!(ask(&State::begin(at(5)), &listing(&[empty, below], 20)), Next::Call(Call::Token));
}

#[test]
fn two_controllers_in_one_bucket_are_told_apart_by_the_plan_or_not_at_all() {
    let other = "CloudN_10.1.0.5_save_cloudx_config.enc";
    let both = listing(&[file(DATELESS, 12), file(other, 13)], 20);
    let state = State::begin(at(5));
    let Next::Refuse(refusal) = ask(&state, &both) else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "2 controllers (10.0.0.5 and 10.1.0.5) have written to avx-backups since \
         2025-12-01T00:00:00Z, and the plan does not say by private_ip which of them is asked"
    );
    let named = Controller { private_ip: Some("10.0.0.5".parse().unwrap()), ..controller() };
    let wanted = Next::Take(file(DATELESS, 12));
    assert_eq!(next(&named, slot(), true, &state, &both, 800), wanted);
    // What the other one wrote before the slot is of no interest.
    let old = listing(&[file(DATELESS, 12), file(other, -1)], 20);
    assert_eq!(ask(&state, &old), wanted);
}

/// A6, B3: enabling it makes a backup at once.
#[test]
fn a_backup_that_is_switched_off_is_enabled_only_with_the_account_of_the_plan() {
    let state = heard(Some(Config { enabled: false, ..Config::default() }));
    let Next::Refuse(refusal) = ask(&state, &listing(&[], 5)) else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "the backup of the controller https://198.51.100.20 is switched off, and the plan names no \
         account with which it could be enabled for avx-backups"
    );
    for (region, cloud) in [("us-east-1", "1"), ("us-gov-west-1", "256"), ("cn-north-1", "1024")] {
        let named = Controller {
            account: Some("ops".into()),
            region: Region::parse(region).unwrap(),
            ..controller()
        };
        let asked = next(&named, slot(), true, &state, &listing(&[], 5), 800);
        let Next::Call(Call::Backup { order, .. }) = asked else { panic!("{asked:?}") };
        assert_eq!((order.cloud_type.as_str(), order.account.as_str()), (cloud, "ops"));
        assert_eq!((order.region.as_str(), order.multiple, order.now), (region, true, false));
    }
}

#[test]
fn a_controller_that_writes_elsewhere_is_not_asked() {
    let state = heard(Some(Config { bucket: "elsewhere".into(), ..config() }));
    let Next::Refuse(refusal) = ask(&state, &listing(&[], 5)) else { panic!() };
    assert!(refusal.to_string().contains("the bucket elsewhere, and the plan says avx-backups"));
}

/// 200 with `return: false` is a failure, with its reason.
#[test]
fn what_is_declined_is_told_with_the_reason_of_the_controller() {
    let mut state = State::begin(at(5));
    let login = Call::Login { token: None };
    let declined = state.hear(&login, no("Invalid user or password."), at(5)).unwrap_err();
    assert!(declined.is_final);
    assert_eq!(
        declined.why,
        "it answered login with 200 and return:false: Invalid user or password"
    );
    let declined = state.hear(&login, yes(), at(5)).unwrap_err();
    assert!(declined.why.ends_with("without a reason"), "{}", declined.why);
    let read = Call::ReadConfig { cid: cid() };
    for (call, said) in [(&read, no("busy")), (&read, yes()), (&order(), no("busy"))] {
        let declined = heard(None).hear(call, said, at(5)).unwrap_err();
        assert!(!declined.is_final && declined.why.contains("return:false"), "{}", declined.why);
    }
    let long = heard(None).hear(&order(), no(&"x".repeat(5_000)), at(5)).unwrap_err();
    assert!(long.why.len() < 400);
}

#[test]
fn a_controller_without_tokens_takes_a_login_without_one() {
    let mut state = State::begin(at(5));
    state.hear(&Call::Token, no("Valid action required"), at(5)).unwrap();
    assert_eq!(ask(&state, &listing(&[], 5)), Next::Call(Call::Login { token: None }));
}

#[test]
fn an_expired_session_is_opened_again_once() {
    for said in ["CID is invalid or expired", "Invalid session. Please login again."] {
        let mut state = heard(Some(config()));
        state.hear(&order(), no(said), at(6)).unwrap();
        assert_eq!(ask(&state, &listing(&[], 6)), Next::Call(Call::Token));
        let login = Call::Login { token: None };
        state.hear(&login, Said { cid: Some(cid()), ..yes() }, at(6)).unwrap();
        // What was heard of the configuration still holds.
        assert_eq!(ask(&state, &listing(&[], 6)), Next::Call(order()));
        assert!(
            state
                .hear(&order(), no(said), at(7))
                .unwrap_err()
                .why
                .contains(said.trim_end_matches('.'))
        );
    }
}

/// The vendor's own scripts take a closed connection for a success. Here the bucket decides.
#[test]
fn a_lost_answer_is_waited_for_and_then_asked_again_once() {
    let lost = "it closed the connection before it had answered";
    let mut state = heard(Some(config()));
    state.lose(lost.into(), at(6));
    assert_eq!(ask(&state, &listing(&[], 95)), Next::Wait(POLL_S));
    let new = file(DATELESS, 90);
    assert_eq!(ask(&state, &listing(std::slice::from_ref(&new), 95)), Next::Take(new));
    assert_eq!(ask(&state, &listing(&[], 96)), Next::Call(order()));
    state.lose(lost.into(), at(96));
    assert_eq!(ask(&state, &listing(&[], 400)), Next::Wait(POLL_S));
    let Next::GiveUp(why) = ask(&state, &listing(&[file(DATELESS, -60)], 696)) else { panic!() };
    assert_eq!(
        why,
        "it was asked 2 time(s), 600 s ago last, and it closed the connection before it had \
         answered, and no backup since 2025-12-01T00:00:00Z lies in s3://avx-backups/: of 1 \
         object(s) the newest is CloudN_10.0.0.5_save_cloudx_config.enc of 2025-11-30T23:59:00Z"
    );
}

#[test]
fn a_controller_that_never_writes_is_given_up_with_the_numbers() {
    let mut state = heard(Some(config()));
    state.hear(&order(), yes(), at(6)).unwrap();
    assert_eq!(ask(&state, &listing(&[], 605)), Next::Wait(POLL_S));
    let Next::GiveUp(why) = ask(&state, &listing(&[], 606)) else { panic!() };
    assert!(why.starts_with("it took the request 600 s ago, and no backup since"), "{why}");
    assert!(why.ends_with("of 0 object(s) none is there"), "{why}");
    let empty = Written { size_bytes: 0, ..file(DATELESS, 12) };
    let Next::GiveUp(why) = ask(&state, &listing(&[empty], 606)) else { panic!() };
    assert!(why.ends_with("config.enc is empty"), "{why}");
    // A run that has no time to read a file does not wait for one.
    let short = |left_s| next(&controller(), slot(), true, &state, &listing(&[], 20), left_s);
    assert_eq!(short(40), Next::Wait(POLL_S));
    assert!(matches!(short(39), Next::GiveUp(_)));
    let new = file(DATELESS, 12);
    let late =
        next(&controller(), slot(), true, &state, &listing(std::slice::from_ref(&new), 20), 1);
    assert_eq!(late, Next::Take(new));
    let never = next(&controller(), slot(), true, &State::begin(at(5)), &listing(&[], 5), 12);
    let Next::GiveUp(why) = never else { panic!() };
    assert!(why.starts_with("12 s are left, which is too little to ask it"), "{why}");
}

#[test]
fn what_opens_a_controller_is_not_shown() {
    let shown = format!("{:?} {:?}", order(), heard(Some(config())));
    assert!(!shown.contains("cid\"") && !shown.contains("\"cid"), "{shown}");
}
