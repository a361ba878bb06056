//! Nothing outlives the process that started it, however that process ends.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use warmspare_tests::stack::folders::Run;
use warmspare_tests::stack::functions::kill_9;
use warmspare_tests::stack::keeper::{Kept, Order, Signal};
use warmspare_tests::stack::wait;

use crate::stack::{Scratch, shared_venv};

/// Set in the copy of this program that is to be killed.
const DOOMED: &str = "WARMSPARE_DOOMED";
const WITHIN: Duration = Duration::from_secs(90);

/// A child, a grandchild, one that moved to a session of its own and lost its parent, and one that
/// ignores SIGTERM. Each writes its process id.
const FAMILY: &str = "
    trap '' TERM
    echo $$ >> pids
    sh -c 'echo $$ >> pids; sleep 1000' &
    setsid sh -c 'echo $$ >> pids; setsid sh -c \"echo \\$\\$ >> pids; exec sleep 1000\" & exit' &
    wait; sleep 1000
";

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn pids(folder: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(folder.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

async fn family_of_four(folder: &Path) -> anyhow::Result<Vec<u32>> {
    wait::until("the family is complete", WITHIN, async || {
        let pids = pids(folder);
        Ok((pids.len() == 4).then_some(pids))
    })
    .await
}

async fn nobody_lives(pids: &[u32]) -> anyhow::Result<()> {
    wait::until("nobody is left", WITHIN, async || {
        Ok((!pids.iter().any(|pid| lives(*pid))).then_some(()))
    })
    .await
}

fn family(folder: &Path) -> Order {
    Order::new("sh").args(["-c", FAMILY]).in_folder(folder).log(folder.join("log"))
}

#[tokio::test]
async fn a_dropped_child_takes_its_whole_family_along() -> anyhow::Result<()> {
    let (venv, scratch) = (shared_venv().await?, Scratch::new("family")?);
    // TERM is ignored by one of them, so this shows the grace and what comes after it.
    let order = family(scratch.path()).ends_by(Signal::TERM, Duration::from_millis(200));
    let kept = Kept::start(&venv.python(), order).await?;
    let pids = family_of_four(scratch.path()).await?;
    assert!(pids.contains(&kept.pid()));
    kept.end();
    // `end` returns only when it is so: no waiting here.
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
    Ok(())
}

#[tokio::test]
async fn a_stopped_child_is_ended_too() -> anyhow::Result<()> {
    let venv = shared_venv().await?;
    let order = Order::new("sleep").arg("1000").ends_by(Signal::TERM, WITHIN);
    let kept = Kept::start(&venv.python(), order).await?;
    let pid = kept.pid();
    warmspare_tests::stack::functions::signal(pid, Signal::STOP)?;
    kept.end();
    assert!(!lives(pid));
    Ok(())
}

#[tokio::test]
async fn a_child_that_ends_by_itself_gives_its_code_and_leaves_nobody() -> anyhow::Result<()> {
    let (venv, scratch) = (shared_venv().await?, Scratch::new("code")?);
    let left_behind = "setsid sh -c 'echo $$ >> pids; exec sleep 1000' & \
                       until [ -s pids ]; do :; done; exit 7";
    let order = Order::new("sh").args(["-c", left_behind]).in_folder(scratch.path());
    let kept = Kept::start(&venv.python(), order).await?;
    assert_eq!(kept.finished(WITHIN).await?.code(), Some(7));
    nobody_lives(&pids(scratch.path())).await?;

    let killed = Kept::start(&venv.python(), Order::new("sleep").arg("1000")).await?;
    kill_9(killed.pid())?;
    assert_eq!(killed.finished(WITHIN).await?.code(), Some(128 + 9));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_in_a_sentence() -> anyhow::Result<()> {
    let venv = shared_venv().await?;
    let refused = Kept::start(&venv.python(), Order::new("/not/there")).await.unwrap_err();
    assert!(refused.to_string().contains("/not/there could not be started"), "{refused}");
    let order = Order::new("true").as_user(Some("no-such-user"));
    let refused = Kept::start(&venv.python(), order).await.unwrap_err();
    assert!(refused.to_string().contains("there is no user `no-such-user`"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_after_kill_9_of_the_parent() -> anyhow::Result<()> {
    if let Some(folder) = doomed() {
        return be_doomed(Path::new(&folder)).await;
    }
    shared_venv().await?;
    let scratch = Scratch::new("doomed")?;
    // This program again, with this test only, in the part of the parent that will be killed.
    let parent = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "stack::keeper::nothing_is_left_after_kill_9_of_the_parent",
            "--nocapture",
        ])
        .env(DOOMED, scratch.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut parent = Doomed(parent);
    let said = parent.0.stderr.take().map(BufReader::new);
    let pids = family_of_four(scratch.path()).await?;
    // The stack is up as well: its processes are named on standard error, then `ready`.
    let (stack, folder) = tokio::task::spawn_blocking(move || named(said)).await??;
    // boto3, three keepers, MiniStack, the family, and PostgreSQL with its processes at the least.
    assert!(stack.iter().filter(|pid| lives(**pid)).count() > 10, "{stack:?}");
    // One of the four has made an orphan of another and is gone.
    assert!(pids.iter().filter(|pid| lives(**pid)).count() >= 3, "{pids:?}");

    assert!(Path::new(&folder).exists());

    kill_9(parent.0.id())?;
    parent.0.wait()?;
    nobody_lives(&pids).await?;
    nobody_lives(&stack).await?;

    // What lies on the disk is cleared away by whichever run begins next.
    wait::until("its folder is cleared away", WITHIN, async || {
        drop(Run::begin()?);
        Ok((!Path::new(&folder).exists()).then_some(()))
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "a variable is how this program knows which part it plays"
)]
fn doomed() -> Option<std::ffi::OsString> {
    std::env::var_os(DOOMED)
}

/// The parent that is killed, also if the test fails before.
struct Doomed(std::process::Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn named(said: Option<BufReader<std::process::ChildStderr>>) -> anyhow::Result<(Vec<u32>, String)> {
    let mut pids = Vec::new();
    for line in said.into_iter().flat_map(BufRead::lines) {
        let line = line?;
        if let Some(folder) = line.strip_prefix("ready ") {
            return Ok((pids, folder.to_owned()));
        }
        pids.extend(line.strip_prefix("pid ").and_then(|pid| pid.parse::<u32>().ok()));
    }
    anyhow::bail!("the parent ended early")
}

/// The part of the parent: a whole stack with a database, and a family, until it is killed.
async fn be_doomed(folder: &Path) -> anyhow::Result<()> {
    use warmspare_tests::stack::postgres::Cluster;
    let stack = crate::stack::start().await?;
    let _cluster = Cluster::primary(&stack.postgres, "doomed").await?;
    let _kept = Kept::start(&stack.venv.python(), family(folder)).await?;
    let mut out = std::io::stderr();
    for pid in below(std::process::id()) {
        writeln!(out, "pid {pid}")?;
    }
    writeln!(out, "ready {}", stack.folder().display())?;
    std::future::pending().await
}

fn below(parent: u32) -> Vec<u32> {
    let children =
        std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let children = children.flat_map(|task| {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    });
    children.flat_map(|pid| [vec![pid], below(pid)].concat()).collect()
}
