//! What a person sees of a drill: a timeline with progress on a terminal, plain lines in a pipe.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The timeline of one drill. Cheap to clone.
#[derive(Clone)]
pub struct Timeline {
    began: Instant,
    bar: Option<ProgressBar>,
    out: Arc<Mutex<std::io::Stdout>>,
}

impl Timeline {
    /// Begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a drill measures the time of the day it runs on"
    )]
    pub fn begin() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>6} {spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { began: Instant::now(), bar, out: Arc::new(Mutex::new(std::io::stdout())) }
    }

    /// Something happened.
    pub fn line(&self, who: &str, what: &str) {
        self.print(&format!("{:7.1} s  {who:<12} {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Something is waited for: shown on a terminal while it lasts, a line in a pipe.
    pub fn waiting(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => self.line("", what),
        }
    }

    /// A line as it is.
    pub fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) if !bar.is_finished() => bar.println(line),
            Some(_) | None => {
                let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
                // Whoever has closed the pipe does not want to read any more; the drill still counts.
                let _ = writeln!(out, "{line}");
            }
        }
    }

    /// Nothing is waited for any more.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Seconds since the beginning.
    pub fn elapsed_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}
