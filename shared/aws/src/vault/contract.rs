//! What the vault relies on of S3, held against servers that somebody else wrote.
//!
//! Each case is a sentence of AWS's documentation, asked by the very adapter that the functions use: the same
//! client, TLS, checksums and conditions. A server that answers differently has a row in [`known`], and the
//! row has to be true: a difference that is not there any more fails as well as one that is new. So what a
//! story on the local stack shows can be told from what only its emulator does.
//!
//! The cases live here because an adapter can be asked in this crate alone: as a program of their own they
//! would need a way in that no function uses, and a second build of the SDKs' largest binary. The servers are
//! other people's processes, so they are started by the tests of the local stack (`tests/local/contracts.rs`),
//! which run this with `WARMSPARE_CONTRACT` in the environment; without it, it is left out.

mod cases;
mod front;
mod known;
mod server;

use std::fmt::Write as _;

use known::KNOWN;
use server::Server;

/// One sentence of the contract.
struct Case {
    /// What is asked for; also the folder of its keys.
    name: &'static str,
    /// Where AWS says so, below <https://docs.aws.amazon.com/>.
    page: &'static str,
    /// What AWS would answer.
    wanted: &'static str,
    ask: for<'s> fn(&'s Server) -> cases::Answer<'s>,
}

/// Every case against one server, with what differs told: the sentences of what is not as it is written down.
#[expect(clippy::print_stdout, reason = "what differs from AWS is told")]
async fn held(server: &Server) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut table = String::new();
    for Case { name, page, wanted, ask } in cases::CASES {
        let found = ask(server).await;
        let mut rows = KNOWN.iter().filter(|row| row.server == server.name && row.case == *name);
        let known = rows.next().map(|row| row.instead);
        assert!(rows.next().is_none(), "{name} is known twice of {}", server.name);
        let (is_wanted, is_known) = (found == *wanted, known == Some(found.as_str()));
        if !is_wanted {
            let _ = writeln!(table, "  {name}: {found}\n    AWS: {wanted} ({page})");
        }
        match (is_wanted, known, is_known) {
            (true, None, _) | (false, Some(_), true) => {}
            (true, Some(_), _) => {
                wrong.push(format!("{name}: it does as AWS now, so its row can go"));
            }
            (false, None, _) => wrong.push(format!("{name}: {found:?}, where AWS: {wanted:?}")),
            (false, Some(known), false) => {
                wrong.push(format!("{name}: {found:?}, known as {known:?}; AWS: {wanted:?}"));
            }
        }
    }
    println!("{}: {} cases; it differs from AWS in:\n{table}", server.name, cases::CASES.len());
    wrong
}

async fn holds(name: &str) {
    let server = Server::of_the_environment(name).await;
    let wrong = held(&server).await;
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "needs the servers of tests/local/contracts.rs"]
async fn ministack_as_published_answers_as_is_known() {
    holds(known::PUBLISHED).await;
}

#[tokio::test]
#[ignore = "needs the servers of tests/local/contracts.rs"]
async fn ministack_as_the_stack_runs_it_answers_as_is_known() {
    holds(known::MENDED).await;
}

#[tokio::test]
#[ignore = "needs the servers of tests/local/contracts.rs"]
async fn moto_answers_as_is_known() {
    holds(known::MOTO).await;
}

/// A row about a case that nobody asks would be true for ever.
#[test]
fn every_known_difference_is_of_a_case_that_is_asked() {
    for row in KNOWN {
        let case = cases::CASES.iter().find(|case| case.name == row.case);
        let case = case.unwrap_or_else(|| panic!("no case is called {}", row.case));
        assert_ne!(row.instead, case.wanted, "{}: that is what AWS does", row.case);
    }
}
