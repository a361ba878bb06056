//! The appliance: its API, its modes, its troubles, on a real database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use warmspare_tests::stack::appliance::{Appliance, Lookup, Mode, Options, Power, Switch, Trouble};
use warmspare_tests::stack::folders::Run;
use warmspare_tests::stack::postgres::{Cluster, Postgres, Stop};
use warmspare_tests::stack::wait;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(90);
const MODE: &str = "/api/1.0/appliancemode/";
const PRODUCTION: &str = "appliance_mode=production";

async fn postgres() -> Result<Postgres> {
    let run = Arc::new(Run::begin()?);
    Postgres::prepare(&crate::parts::venv().await?, &run)
}

fn options(cluster: &Cluster) -> Options {
    Options { settles: SHORT, ..Options::new("east", cluster.url()) }
}

async fn production(cluster: &Cluster) -> Result<Appliance> {
    Appliance::start(Options { mode: Mode::Production, ..options(cluster) }).await
}

#[tokio::test]
async fn a_standby_becomes_production_and_says_so_only_when_it_is() -> Result<()> {
    let cluster = Cluster::primary(&postgres().await?, "east").await?;
    let appliance = Appliance::start(options(&cluster)).await?;
    assert_eq!(appliance.ask("GET", "/healthstats/", "").await?.status, 200);
    assert_eq!(appliance.ask("POST", "/api/1.0/devices/", "name=one").await?.status, 503);
    assert_eq!(appliance.ask("GET", "/export", "").await?.status, 503);
    for wrong in ["", "appliance_mode=primary"] {
        assert_eq!(appliance.ask("POST", MODE, wrong).await?.status, 400);
    }
    assert_eq!(appliance.ask("POST", MODE, PRODUCTION).await?.status, 200);
    assert_eq!(appliance.ask("GET", "/healthstats/", "").await?.status, 503);
    let healthy = wait::until("a healthy appliance", LONG, async || {
        let health = appliance.ask("GET", "/healthstats/", "").await?;
        if health.status == 200 { health.json().map(Some) } else { Ok(None) }
    });
    let health = healthy.await?;
    let fields: Vec<&String> = health.as_object().unwrap().keys().collect();
    let documented =
        ["backup_status", "cpu_used_percent", "dbsize", "disk_used_percent", "memory_in_MB"];
    assert_eq!(fields, documented);
    assert!(health["dbsize"].as_str().unwrap().ends_with(" MB"), "{health}");

    let asked = appliance.asked();
    let switched = asked.iter().filter(|it| it.path == MODE && it.status == Some(200));
    let switched: Vec<&str> = switched.map(|it| it.body.as_str()).collect();
    assert_eq!(switched, [PRODUCTION]);
    assert!(asked.is_sorted_by_key(|it| it.at));
    Ok(())
}

#[tokio::test]
async fn a_device_is_a_row_in_the_database() -> Result<()> {
    let cluster = Cluster::primary(&postgres().await?, "east").await?;
    let appliance = production(&cluster).await?;
    let added = appliance.ask("POST", "/api/1.0/devices/", "name=one").await?;
    assert_eq!((added.status, &added.json()?["code"]), (200, &0.into()));
    let names = ["two & a half", "one"].map(str::to_owned);
    appliance.add_devices(&names).await?;
    assert_eq!(appliance.devices().await?, ["one", "two & a half"]);
    assert_eq!(cluster.value("select count(*) from devices").await?.as_deref(), Some("2"));
    Ok(())
}

#[tokio::test]
async fn a_replica_takes_no_device_until_it_is_promoted() -> Result<()> {
    let postgres = postgres().await?;
    let east = Cluster::primary(&postgres, "east").await?;
    let first = production(&east).await?;
    assert_eq!(first.ask("POST", "/api/1.0/devices/", "name=one").await?.status, 200);
    let west = Cluster::replica_of(&postgres, "west", &east).await?;
    let second = production(&west).await?;
    let listed = wait::until("the replica has the device", LONG, async || {
        let listed = second.ask("GET", "/api/1.0/devices/", "").await?.json()?;
        Ok(listed["Devices"][0]["name"].as_str().map(str::to_owned))
    });
    assert_eq!(listed.await?, "one");
    let refused = second.ask("POST", "/api/1.0/devices/", "name=two").await?;
    assert_eq!(refused.status, 500);
    assert!(String::from_utf8_lossy(&refused.body).contains("read-only"), "{refused:?}");
    west.promote().await?;
    assert_eq!(second.ask("POST", "/api/1.0/devices/", "name=two").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_archive_follows_from_the_state_alone() -> Result<()> {
    let postgres = postgres().await?;
    let cluster = Cluster::primary(&postgres, "east").await?;
    let archive_bytes = 200_001;
    let options = Options { mode: Mode::Production, archive_bytes, ..options(&cluster) };
    let appliance = Appliance::start(options).await?;
    let one = appliance.ask("GET", "/export", "").await?;
    assert_eq!((one.status, one.length), (200, Some(archive_bytes)));
    assert_eq!(one.body.len(), 200_001);
    assert_eq!(one.body, appliance.archive().await?);
    assert_eq!(one.body, appliance.ask("GET", "/export", "").await?.body);
    appliance.ask("POST", "/api/1.0/devices/", "name=one").await?;
    let other = appliance.ask("GET", "/export", "").await?.body;
    assert_ne!(one.body, other);
    // Not the settings alone have changed, but all that follows from them.
    assert_ne!(one.body[150_000..], other[150_000..]);
    assert_eq!(appliance.ask_as("admin:wrong", "GET", "/export", "").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_restored_appliance_shows_its_archive_until_it_is_in_production() -> Result<()> {
    let postgres = postgres().await?;
    let cluster = Cluster::primary(&postgres, "west").await?;
    let west = Appliance::start(Options { mode: Mode::Production, ..options(&cluster) }).await?;
    west.add_devices(&["one".to_owned()]).await?;
    let archive = west.archive().await?;
    west.add_devices(&["two".to_owned()]).await?;
    let no_database = "host=127.0.0.1 port=1 user=nobody";
    let east = Options { settles: SHORT, ..Options::new("east", no_database) };
    let east = Appliance::start(east).await?;
    let health =
        async || Ok::<_, anyhow::Error>(east.ask("GET", "/healthstats/", "").await?.status);
    assert_eq!(health().await?, 503);
    let url: Arc<Mutex<Option<String>>> = Arc::default();
    let known = Arc::clone(&url);
    let lookup: Lookup = Arc::new(move || known.lock().unwrap().clone());
    east.restore(&archive, Arc::clone(&lookup)).await?;
    assert_eq!((health().await?, east.mode()), (200, Mode::Standby));
    assert_eq!(east.devices().await?, ["one"]);
    assert_eq!(east.ask("POST", "/api/1.0/devices/", "name=three").await?.status, 503);
    // In production it is as well as its database, which its name leads to by now or does not.
    east.set_mode(Mode::Production);
    wait::until("it has settled", LONG, async || {
        let answer = east.ask("GET", "/healthstats/", "").await?;
        Ok(format!("{answer:?}").contains("leads nowhere").then_some(()))
    })
    .await?;
    *url.lock().unwrap() = Some(cluster.url());
    assert_eq!(health().await?, 200);
    assert_eq!(east.devices().await?, ["one", "two"]);
    let refused = east.restore(&archive, Arc::clone(&lookup)).await.unwrap_err();
    assert!(refused.to_string().contains("in production"), "{refused}");
    east.set_mode(Mode::Standby);
    assert!(east.restore(b"{}", lookup).await.is_err());
    Ok(())
}

#[tokio::test]
async fn the_pin_is_that_of_the_key_which_it_shows() -> Result<()> {
    let one = Appliance::start(Options::new("one", "")).await?;
    assert_eq!(one.ask("GET", "/nothing", "").await?.status, 404);
    let shown = CertificateDer::from(one.certificate());
    let key = ParsedCertificate::try_from(&shown)?.subject_public_key_info();
    assert_eq!(one.pin(), format!("sha256/{}", STANDARD.encode(Sha256::digest(&key))));
    let other = Appliance::start(Options::new("other", "")).await?;
    assert_ne!(one.pin(), other.pin());
    Ok(())
}

/// An appliance in production whose machine takes its database with it.
async fn machine(cluster: &Arc<Cluster>) -> Result<Appliance> {
    let switched = Arc::clone(cluster);
    let switch: Switch = Arc::new(move |power| {
        let cluster = Arc::clone(&switched);
        Box::pin(async move {
            match power {
                Power::Off => cluster.stop(Stop::Kill).await,
                Power::On => cluster.start().await,
            }
        })
    });
    let options = Options { mode: Mode::Production, switch: Some(switch), ..options(cluster) };
    Appliance::start(options).await
}

async fn ran(appliance: &Appliance, least: usize) -> Result<()> {
    let jobs = async || Ok((appliance.jobs_run() >= least).then_some(()));
    wait::until("a job has run", LONG, jobs).await
}

#[tokio::test]
async fn a_machine_that_was_gone_comes_back_as_it_was() -> Result<()> {
    let cluster = Arc::new(Cluster::primary(&postgres().await?, "east").await?);
    let appliance = machine(&cluster).await?;
    let url = appliance.url();
    ran(&appliance, 1).await?;
    assert_eq!(appliance.ask("POST", "/api/1.0/devices/", "name=one").await?.status, 200);
    appliance.gone().await?;
    let before = appliance.jobs_run();
    assert!(appliance.ask("GET", "/healthstats/", "").await.is_err());
    assert!(!cluster.is_running()?);
    appliance.back().await?;
    assert_eq!(appliance.jobs_run(), before, "a machine that is gone runs no jobs");
    assert_eq!((appliance.mode(), appliance.url()), (Mode::Production, url));
    assert_eq!(appliance.ask("GET", "/healthstats/", "").await?.status, 200);
    let listed = appliance.ask("GET", "/api/1.0/devices/", "").await?.json()?;
    assert_eq!(listed["Devices"][0]["name"], "one");
    ran(&appliance, before + 1).await
}

/// Whoever else took the port would answer in its place.
#[tokio::test]
async fn the_port_of_an_appliance_that_is_gone_is_closed_and_nobody_elses() -> Result<()> {
    let appliance = Appliance::start(Options::new("east", "")).await?;
    assert_eq!(appliance.ask("GET", "/healthstats/", "").await?.status, 200);
    let before = Timestamp::try_from(wait::now())?;
    appliance.stop().await;
    let gone = Timestamp::try_from(wait::now())?;
    let refused = tokio::net::TcpStream::connect(appliance.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let taken = std::net::TcpListener::bind(appliance.address()).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    appliance.start_again().await?;
    assert_eq!(appliance.ask("GET", "/healthstats/", "").await?.status, 200);
    let back = Timestamp::try_from(wait::now())?;
    assert_eq!([before, gone, back].map(|at| appliance.is_there(at)), [true, false, true]);
    Ok(())
}

#[tokio::test]
async fn only_production_runs_jobs() -> Result<()> {
    let appliance = Appliance::start(Options::new("east", "")).await?;
    assert_eq!(appliance.jobs_run(), 0);
    appliance.ask("POST", MODE, PRODUCTION).await?;
    ran(&appliance, 2).await?;
    appliance.ask("POST", MODE, "appliance_mode=standby").await?;
    let fenced = appliance.jobs();
    let later = wait::until("one more job", Duration::from_millis(2500), async || {
        Ok((appliance.jobs_run() > fenced.len()).then_some(()))
    });
    assert!(later.await.is_err(), "a standby ran a job");
    assert!(fenced.is_sorted());
    Ok(())
}

#[tokio::test]
async fn a_trouble_of_the_answer_is_seen_as_what_it_is() -> Result<()> {
    let cluster = Cluster::primary(&postgres().await?, "east").await?;
    let appliance = production(&cluster).await?;
    let health = async || appliance.ask("GET", "/healthstats/", "").await;
    appliance.answer("/healthstats/", Trouble::Status(500)).await;
    assert_eq!(health().await?.status, 500);
    let export = appliance.ask("GET", "/export", "").await?;
    assert_eq!(export.status, 200, "a trouble has a path");
    appliance.answer("/healthstats/", Trouble::Garbage).await;
    let garbage = health().await?;
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
    appliance.answer("/healthstats/", Trouble::Nothing).await;
    assert!(timeout(Duration::from_secs(1), health()).await.is_err(), "it answered");
    assert_eq!(appliance.asked().last().unwrap().status, None);
    appliance.answer(MODE, Trouble::AnswerLost).await;
    let lost = appliance.ask("POST", MODE, "appliance_mode=standby").await;
    assert!(format!("{:#}", lost.unwrap_err()).contains("no answer"));
    assert_eq!(appliance.mode(), Mode::Standby, "the answer was lost, the effect was not");
    appliance.answer("*", Trouble::Refuse).await;
    assert!(format!("{:#}", health().await.unwrap_err()).contains("the port is closed"));
    appliance.heal().await?;
    assert_eq!(health().await?.status, 200);
    cluster.stop(Stop::Fast).await?;
    assert_eq!(health().await?.status, 503, "an appliance without its database is not healthy");
    Ok(())
}

#[tokio::test]
async fn a_body_is_cut_or_wrongly_measured() -> Result<()> {
    let cluster = Cluster::primary(&postgres().await?, "east").await?;
    let options = Options { mode: Mode::Production, archive_bytes: 200_000, ..options(&cluster) };
    let appliance = Appliance::start(options).await?;
    let export = async || appliance.ask("GET", "/export", "").await;
    let whole = export().await?.body;
    appliance.answer("/export", Trouble::CutBody(70_000)).await;
    let cut = export().await.unwrap_err();
    assert!(format!("{cut:#}").contains("the body is cut"), "{cut:#}");
    appliance.answer("/export", Trouble::WrongLength(1000)).await;
    assert_eq!(export().await?.body, whole[..1000]);
    appliance.answer("/export", Trouble::WrongLength(1_000_000)).await;
    let unfilled = export().await.unwrap_err();
    assert!(format!("{unfilled:#}").contains("the body is cut"), "{unfilled:#}");
    Ok(())
}
