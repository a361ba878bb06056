use std::rc::Rc;

use warmspare_act::ports::{Signals as _, Vault as _};
use warmspare_decide::evidence::Sight;
use warmspare_decide::plan::Check;

use super::*;
use crate::clock::Invocation;
use crate::live::{Live, Process};
use crate::replay::https::Server;
use crate::replay::{File, Wire};

fn pem(der: &CertificateDer<'_>) -> Vec<u8> {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (n, letter) in BASE64.encode(der).chars().enumerate() {
        text.push(letter);
        if n % 64 == 63 {
            text.push('\n');
        }
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text.into_bytes()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

async fn look(server: &Server, tls_pin: Option<TlsPin>) -> Sight {
    let check = Check::Https { url: server.url.clone(), expect: 200, tls_pin };
    Wire::default().live().look(&check).await
}

/// It signed its certificate itself.
#[tokio::test]
async fn the_pinned_key_is_believed_whoever_signed_it() {
    let server = Server::answering(OK).await;
    assert_eq!(look(&server, Some(server.pin)).await, Sight::AsExpected);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn another_key_is_not_believed_and_hears_nothing() {
    let server = Server::answering(OK).await;
    let Sight::Otherwise(how) = look(&server, Some(TlsPin([7; 32]))).await else { panic!() };
    assert!(how.contains("the server's public key is sha256/"), "{how}");
    assert!(how.contains("the pin is sha256/BwcHBwcH"), "{how}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn without_a_pin_only_the_authorities_count() {
    let server = Server::answering(OK).await;
    let Sight::Otherwise(how) = look(&server, None).await else { panic!() };
    assert!(how.contains("its certificate is not believed"), "{how}");
    assert!(server.requests().is_empty());
}

/// The AWS clients have a TLS configuration of their own.
#[tokio::test]
async fn the_aws_clients_believe_the_given_authorities_and_no_others() {
    let body = "HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n<ListBucketResult/>";
    let server = Server::answering(body).await;
    let list = async |roots: Option<&File>| {
        let mut config = crate::replay::config();
        config.endpoint_url = Some(server.url.clone());
        config.tls_roots_pem = roots.map(|file| file.path.clone());
        let process = Rc::new(Process::begin(config).unwrap());
        Live::new(process, Invocation::begin("1", 0)).list("plans/").await
    };
    let file = File::of("own.pem", &pem(&server.certificate));
    assert_eq!(list(Some(&file)).await.unwrap(), Vec::<String>::new());
    assert!(server.requests()[0].starts_with("GET /warmspare-vault/?list-type=2"));
    let fault = list(None).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Unreachable);
    assert!(fault.why.contains("invalid peer certificate"), "{fault}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn all_five_of_amazons_authorities_are_compiled_in() {
    let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    assert_eq!(all.iter().filter(|root| is_amazons(root)).count(), AMAZON.len());
}

#[test]
fn a_file_takes_the_place_of_the_compiled_in_authorities() {
    let root = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().find(|root| is_amazons(root));
    let file = File::of("roots.pem", &pem(root.unwrap()));
    let Roots::Given(roots) = Roots::load(Some(&file.path)).unwrap() else { panic!() };
    assert_eq!(roots.len(), 1);
}

#[test]
fn a_file_without_authorities_is_named_with_what_is_wrong() {
    let why = |path: &str| Roots::load(Some(path)).unwrap_err().to_string();
    assert!(why("/nowhere/roots.pem").starts_with("reading the TLS roots of /nowhere/roots.pem: "));
    let file = File::of("empty.pem", b"nothing");
    let expected = format!("reading the TLS roots of {}: there is no certificate in it", file.path);
    assert_eq!(why(&file.path), expected);
    let wrong = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let file = File::of("wrong.pem", wrong);
    assert!(why(&file.path).contains("a certificate in it is of no use"), "{}", why(&file.path));
}
