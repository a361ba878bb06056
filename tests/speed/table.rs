//! Tables, in the form in which they can be put into a page.

use std::io::Write as _;

use crate::runner::{Client, Task, Took};
use crate::sink::Tally;

/// Says a line.
pub(crate) fn say(line: &str) {
    // Nobody listens any more: then nobody is told.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Rows of equally many cells.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    gib: f64,
}

impl Table {
    /// Processor's time of transfers.
    pub(crate) fn of_cost(mib: u32, rounds: u32) -> Self {
        let title = format!("{mib} MiB, median of {rounds} alternating rounds (least to most)");
        let head = ["client", "CPU s/GiB", "of the first", "wall s", "peak MiB"];
        Self::new(title, &head, mib)
    }

    /// One client.
    pub(crate) fn cost(&mut self, name: &str, took: &[Took], reference: &[Took]) {
        let (least, cpu_s, most) = spread(took.iter().map(|took| took.cpu_s));
        let (_, reference_s, _) = spread(reference.iter().map(|took| took.cpu_s));
        let (_, wall_s, _) = spread(took.iter().map(|took| took.wall_s));
        let peak_bytes = took.iter().map(|took| took.peak_bytes).max().unwrap_or_default();
        let gib = self.gib;
        self.row(vec![
            name.to_owned(),
            format!("{:.2} ({:.2} to {:.2})", cpu_s / gib, least / gib, most / gib),
            format!("{:.2} x less", reference_s / cpu_s),
            format!("{wall_s:.2}"),
            mib_of(peak_bytes),
        ]);
    }

    /// Whole processes, slowed down.
    pub(crate) fn of_shares(mib: u32) -> Self {
        let title = format!("{mib} MiB, a whole cold process with the share of a Lambda function");
        Self::new(title, &["memory MB", "client", "wall s", "CPU s", "GB-s"], mib)
    }

    /// One client with one share. Without a measurement, it did not come to its end.
    pub(crate) fn share(&mut self, memory_mb: u32, client: Client, task: Task, took: Option<Took>) {
        let mut row = vec![memory_mb.to_string(), client.called(task)];
        match took {
            Some(took) => row.extend([
                format!("{:.2}", took.wall_s),
                format!("{:.2}", took.cpu_s),
                format!("{:.2}", took.wall_s * f64::from(memory_mb) / 1024.0),
            ]),
            None => row.extend(["did not end well", "", ""].map(str::to_owned)),
        }
        self.row(row);
    }

    /// Memory of uploads.
    pub(crate) fn of_memory() -> Self {
        let head = ["memory MB", "MiB sent", "peak MiB", "CPU s/GiB", "writes", "reads"];
        Self::new("one upload of a stream of unknown length".to_owned(), &head, 1)
    }

    /// One upload.
    pub(crate) fn memory(&mut self, memory_mb: u32, mib: u32, took: &Took, tally: Tally) {
        self.row(vec![
            memory_mb.to_string(),
            mib.to_string(),
            mib_of(took.peak_bytes),
            format!("{:.2}", took.cpu_s / f64::from(mib) * 1024.0),
            tally.writes.to_string(),
            tally.reads.to_string(),
        ]);
    }

    /// Copies of many objects.
    pub(crate) fn of_copies(objects: u32, object_bytes: u64, answer_ms: u64) -> Self {
        let kib = object_bytes >> 10;
        let title = format!("{objects} objects of {kib} KiB, each answer after {answer_ms} ms");
        Self::new(title, &["client", "wall s", "of the first", "CPU s", "peak MiB"], 1)
    }

    /// One client.
    pub(crate) fn copies(&mut self, name: &str, took: &Took, reference: &Took) {
        self.row(vec![
            name.to_owned(),
            format!("{:.1}", took.wall_s),
            format!("{:.1} x less", reference.wall_s / took.wall_s),
            format!("{:.1}", took.cpu_s),
            mib_of(took.peak_bytes),
        ]);
    }

    /// To the standard output.
    pub(crate) fn print(&self) {
        say(&format!("\n{}\n", self.title));
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| format!("{cell:<0$}", self.width(column)))
                .collect();
            say(&format!("| {} |", cells.join(" | ")));
            if number == 0 {
                let rule: Vec<String> =
                    (0..row.len()).map(|column| "-".repeat(self.width(column))).collect();
                say(&format!("| {} |", rule.join(" | ")));
            }
        }
    }

    fn new(title: String, head: &[&str], mib: u32) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self { title, rows: vec![head], gib: f64::from(mib) / 1024.0 }
    }

    fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0)
    }
}

/// Least, median and most.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

fn mib_of(bytes: u64) -> String {
    (bytes >> 20).to_string()
}
