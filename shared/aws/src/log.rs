//! The standard output, written by a thread of its own: a log that nobody takes must not stop the work.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait to be taken; what is said beyond them is lost.
const LINES_MAX: usize = 1024;
/// How long an invocation waits at its end until its lines are taken, before Lambda freezes the process.
const FLUSH_MAX: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum Said {
    Line(Vec<u8>),
    /// Everything before this was taken.
    Flush(SyncSender<()>),
}

/// Where lines go.
#[derive(Clone, Debug)]
pub(crate) struct Log(SyncSender<Said>);

impl Log {
    /// On the standard output.
    pub(crate) fn begin() -> Self {
        Self::over(io::stdout())
    }

    /// On this. What it answers is not looked at: there is nobody to be told.
    fn over(mut out: impl Write + Send + 'static) -> Self {
        let (lines, said) = sync_channel(LINES_MAX);
        let write = move || {
            for said in said {
                match said {
                    Said::Line(line) => {
                        let _lost = out.write_all(&line).and_then(|()| out.flush());
                    }
                    Said::Flush(done) => {
                        let _nobody_waits = done.try_send(());
                    }
                }
            }
        };
        // Without a thread nobody takes the lines, and each is lost.
        let _runs_by_itself = thread::Builder::new().name("log".to_owned()).spawn(write);
        Self(lines)
    }

    /// Says this, line break and all, and does not wait until it is taken.
    pub(crate) fn say(&self, line: Vec<u8>) {
        let _too_much = self.0.try_send(Said::Line(line));
    }

    /// Waits a moment until everything was taken, and says whether it was.
    pub(crate) fn flush(&self) -> bool {
        let (done, taken) = sync_channel(1);
        self.0.try_send(Said::Flush(done)).is_ok() && taken.recv_timeout(FLUSH_MAX).is_ok()
    }
}

/// For `tracing`, which writes each line in one piece.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.say(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
