use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Somebody who takes a line when it is allowed to, and hands it on.
struct Taker {
    allowed: Receiver<()>,
    taken: Sender<Vec<u8>>,
}

impl Write for Taker {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Whoever allowed it may be gone: then nothing more is taken.
        self.allowed.recv().map_err(io::Error::other)?;
        let _ = self.taken.send(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn taker() -> (Taker, Sender<()>, Receiver<Vec<u8>>) {
    let (allow, allowed) = channel();
    let (taken, lines) = channel();
    (Taker { allowed, taken }, allow, lines)
}

#[test]
fn what_is_said_is_taken_in_its_order_before_an_invocation_ends() {
    let (taker, allow, lines) = taker();
    let mut log = Log::over(taker);
    for said in ["one\n", "two\n"] {
        allow.send(()).unwrap();
        write!(log, "{said}").unwrap();
    }
    assert!(Log::flush(&log));
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), [b"one\n", b"two\n"]);
}

/// FA16: the sink is blocked. However much is said, nobody waits for it longer than a moment; and when it
/// takes lines again, it gets those that were kept.
#[test]
fn a_log_that_nobody_takes_stops_nothing() {
    let (taker, allow, lines) = taker();
    let log = Log::over(taker);
    for n in 0..LINES_MAX * 3 {
        log.say(format!("{n}\n").into_bytes());
    }
    assert!(!log.flush(), "nothing was taken");
    for _line in 0..LINES_MAX * 3 {
        allow.send(()).unwrap();
    }
    assert_eq!(lines.recv().unwrap(), b"0\n");
    drop((allow, log));
    let kept = lines.iter().count();
    assert!((LINES_MAX - 1..=LINES_MAX + 1).contains(&kept), "{kept} were kept");
}

/// FA16: the sink is closed, or full for good. The lines are lost, and the work goes on.
#[test]
fn a_log_that_was_closed_stops_nothing() {
    let (taker, allow, lines) = taker();
    drop(allow);
    let log = Log::over(taker);
    for n in 0..LINES_MAX / 2 {
        log.say(format!("{n}\n").into_bytes());
    }
    assert!(log.flush(), "each was tried, and lost");
    assert_eq!(lines.try_iter().count(), 0);
}
