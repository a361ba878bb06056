//! Tables of dumps, as `pg_restore` writes them. It gets the dump on its standard input and is connected to
//! no database: `--file=-` (<https://www.postgresql.org/docs/16/app-pgrestore.html>).

use std::cell::Cell;
use std::process::Stdio;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use warmspare_act::fault::Fault;
use warmspare_act::ports::Dumps;
use warmspare_act::stream::Chunks;
use warmspare_decide::seen::Seen;

use super::postgres::{PIECE_BYTES, last_of};
use crate::Live;
use crate::fault::fragment;

/// For so long `pg_restore` may neither take nor give anything, while there is something for it to take.
const STALL: Duration = Duration::from_secs(60);
/// After its output has ended, it has to end too.
const END: Duration = Duration::from_secs(30);

impl Dumps for Live {
    async fn table<C: Chunks>(
        &self,
        dump: &mut C,
        schema: &str,
        table: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Seen<()>, Fault> {
        let program = &self.config().pg_restore;
        let mut command = Command::new(program);
        command
            .args(["--data-only", "--schema", schema, "--table", table, "--file=-"])
            .env_clear()
            .env("LC_ALL", "C")
            .envs(self.config().library_path.iter().map(|path| ("LD_LIBRARY_PATH", path)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return unknown(format!("{program} cannot be started: {error}")),
        };
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(complaints)) = pipes else {
            return unknown("pg_restore was started without its pipes".to_owned());
        };
        let complaints = tokio::spawn(last_of(complaints));
        let fed = Fed::default();
        let (feeding, reading) =
            tokio::join!(feed(dump, input, &fed), read(&mut child, output, &fed, take));
        feeding?;
        if let Err(why) = reading {
            return unknown(why);
        }
        let status = match timeout(END, child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                return unknown(format!("nobody knows how pg_restore ended: {error}"));
            }
            Err(_) => {
                let end_s = END.as_secs();
                return unknown(format!("pg_restore had not ended {end_s} s after its output"));
            }
        };
        if status.success() {
            return Ok(Seen::Here(()));
        }
        let said = match timeout(END, complaints).await {
            Ok(Ok(said)) => fragment(&said),
            // What it wrote cannot be had; that it failed is known all the same.
            Ok(Err(_)) | Err(_) => String::new(),
        };
        let ended = status.code().map_or_else(
            || "pg_restore was ended from outside".to_owned(),
            |code| format!("pg_restore ended with {code}"),
        );
        unknown(if said.is_empty() { ended } else { format!("{ended}: {said}") })
    }
}

/// How far the dump is handed on.
#[derive(Default)]
struct Fed {
    pieces: Cell<u64>,
    /// The vault has not given the next piece yet: `pg_restore` cannot do anything.
    is_waiting: Cell<bool>,
}

fn unknown(why: String) -> Result<Seen<()>, Fault> {
    Ok(Seen::Unknown(why))
}

/// Hands on the dump. `pg_restore` does not read on once it has what it wants, or has failed; the dump is read
/// to its end all the same, so that its sums can be compared.
async fn feed<C: Chunks>(dump: &mut C, input: ChildStdin, fed: &Fed) -> Result<(), Fault> {
    let mut input = Some(input);
    loop {
        fed.is_waiting.set(true);
        let piece = dump.next().await;
        fed.is_waiting.set(false);
        let Some(piece) = piece? else { return Ok(()) };
        if let Some(open) = &mut input
            && open.write_all(&piece).await.is_err()
        {
            input = None;
        }
        fed.pieces.set(fed.pieces.get().saturating_add(1));
    }
}

async fn read(
    child: &mut Child,
    mut output: ChildStdout,
    fed: &Fed,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), String> {
    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        let before = fed.pieces.get();
        match timeout(STALL, output.read_buf(&mut piece)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(_)) => take(&piece),
            Ok(Err(error)) => return Err(format!("the output of pg_restore broke off: {error}")),
            // What stands before the table in the dump is taken in silence.
            Err(_) if fed.is_waiting.get() || fed.pieces.get() != before => {}
            Err(_) => {
                // Whoever feeds it may be waiting for it.
                let _or_is_over = child.start_kill();
                return Err(format!("pg_restore did nothing for {} s", STALL.as_secs()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
