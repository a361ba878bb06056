use warmspare_decide::name::SecretArn;

use super::*;
use crate::replay::Wire;
use crate::replay::https::Server;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:controller";

fn knows_the_secret() -> Wire {
    Wire::default()
        .says(200, r#"{"SecretString":"{\"username\":\"admin\",\"password\":\"adm!nd42\"}"}"#)
}

fn endpoint(server: &Server, secret: Option<&str>) -> Endpoint {
    Endpoint {
        url: format!("{}/", server.url),
        secret: secret.map(|arn| SecretArn::parse(arn).unwrap()),
        tls_pin: Some(server.pin),
    }
}

#[tokio::test]
async fn a_device42_is_told_its_mode_by_its_documented_call() {
    for (mode, word) in
        [(ApplianceMode::Production, "production"), (ApplianceMode::Standby, "standby")]
    {
        let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let wire = knows_the_secret();
        let appliance = Appliance::Device42(endpoint(&server, Some(SECRET)));
        wire.live().set_mode(&appliance, mode).await.unwrap();
        let request = server.requests().pop().unwrap().to_ascii_lowercase();
        assert!(request.starts_with("post /api/1.0/appliancemode/ http/1.1\r\n"), "{request}");
        assert!(request.contains("content-type: application/x-www-form-urlencoded"), "{request}");
        assert!(request.contains("accept: application/json"), "{request}");
        // "admin:adm!nd42"
        assert!(request.contains("authorization: basic ywrtaw46ywrtiw5knd"), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\nappliance_mode={word}")), "{request}");
        let asked = wire.only();
        assert_eq!(asked.line, "POST https://secretsmanager.us-east-1.amazonaws.com/");
        assert_eq!(asked.body, format!("{{\"SecretId\":\"{SECRET}\"}}"));
    }
}

#[tokio::test]
async fn an_answer_other_than_success_is_a_fault() {
    for (answer, hope) in [
        ("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", Hope::Retryable),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", Hope::Permanent),
    ] {
        let server = Server::answering(answer).await;
        let appliance = Appliance::Device42(endpoint(&server, None));
        let live = Wire::default().live();
        let fault = live.set_mode(&appliance, ApplianceMode::Standby).await.unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
        assert!(fault.why.ends_with("where a 2xx was expected"), "{fault}");
    }
}

/// FA14: half an answer, another type of content, more than an appliance says: nothing was accepted.
#[tokio::test]
async fn a_device42_that_answers_garbage_has_accepted_nothing() {
    for (answer, is_accepted) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"code\":0}", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"code\":", false),
    ] {
        let server = Server::answering(answer).await;
        let appliance = Appliance::Device42(endpoint(&server, None));
        let told = Wire::default().live().set_mode(&appliance, ApplianceMode::Standby).await;
        let hope = told.map_err(|fault| fault.hope);
        assert_eq!(hope, if is_accepted { Ok(()) } else { Err(Hope::Retryable) }, "{answer}");
    }
}

/// FA14: 100 MB are announced, and some of them sent. The error's body is not read at all, and of a
/// success no more than an appliance has to say.
#[tokio::test]
async fn an_appliance_that_talks_without_an_end_is_not_listened_to() {
    let talk = "\"".repeat(1 << 20);
    for (status, hope) in
        [("200 OK", Hope::Retryable), ("500 No", Hope::Retryable), ("403 No", Hope::Permanent)]
    {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 100000000\r\n\r\n{talk}");
        let server = Server::answering(answer.leak()).await;
        let appliance = Appliance::Device42(endpoint(&server, None));
        let told = Wire::default().live().set_mode(&appliance, ApplianceMode::Standby).await;
        assert_eq!(told.unwrap_err().hope, hope, "{status}");
    }
}

#[tokio::test]
async fn an_appliance_that_is_gone_is_unreachable() {
    let url = "https://127.0.0.1:1".to_owned();
    let appliance = Appliance::Device42(Endpoint { url, secret: None, tls_pin: None });
    let live = Wire::default().live();
    let fault = live.set_mode(&appliance, ApplianceMode::Standby).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Unreachable);
    assert_eq!(
        fault.to_string(),
        "setting the mode of https://127.0.0.1:1/api/1.0/appliancemode/: nothing listens there"
    );
}

/// P2: the fence was not attempted, which is not the same as that nobody was there.
#[tokio::test]
async fn secrets_that_cannot_be_reached_do_not_make_an_appliance_unreachable() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let wire = Wire::default().answers_too_late().answers_too_late();
    let appliance = Appliance::Device42(endpoint(&server, Some(SECRET)));
    let fault = wire.live().set_mode(&appliance, ApplianceMode::Standby).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_appliance_that_takes_the_call_and_never_answers_is_not_unreachable() {
    let server = Server::never_answering().await;
    let live = Wire::default().live();
    let client = live.web().client(Some(server.pin)).unwrap();
    let asked = client.post(&server.url).timeout(Duration::from_millis(500));
    let fault = web::fault(DURING, &server.url, asked.send().await.unwrap_err());
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
}

#[tokio::test]
async fn a_secret_that_is_none_is_not_shown() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let wire = Wire::default().says(200, r#"{"SecretString":"adm!nd42"}"#);
    let appliance = Appliance::Device42(endpoint(&server, Some(SECRET)));
    let fault = wire.live().set_mode(&appliance, ApplianceMode::Standby).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "reading the secret {SECRET}: it is not JSON of the form {{\"username\": …, \
             \"password\": …}}"
        )
    );
    assert!(server.requests().is_empty());
}

fn spelled_out(server: &Server) -> Appliance {
    let call = |method: &str, path: &str, body: &str| {
        Box::new(Call {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.to_owned(),
            content_type: "application/json".to_owned(),
            expect: 204,
        })
    };
    Appliance::Http {
        endpoint: endpoint(server, None),
        promote: call("PUT", "/mode?now=1", r#"{"mode":"active"}"#),
        fence: call("DELETE", "/mode", ""),
    }
}

#[tokio::test]
async fn any_other_appliance_is_told_by_the_calls_of_the_plan() {
    let server = Server::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let live = Wire::default().live();
    live.set_mode(&spelled_out(&server), ApplianceMode::Production).await.unwrap();
    live.set_mode(&spelled_out(&server), ApplianceMode::Standby).await.unwrap();
    let requests = server.requests();
    assert!(requests[0].starts_with("PUT /mode?now=1 HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("content-type: application/json"), "{}", requests[0]);
    assert!(requests[0].ends_with("\r\n\r\n{\"mode\":\"active\"}"), "{}", requests[0]);
    assert!(requests[1].starts_with("DELETE /mode HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(!requests[1].contains("content-type"), "{}", requests[1]);
}

#[tokio::test]
async fn only_the_status_of_the_plan_is_success() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let live = Wire::default().live();
    let fault = live.set_mode(&spelled_out(&server), ApplianceMode::Production).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!("setting the mode of {}/mode: it answered 200, where 204 was expected", server.url)
    );
}

#[tokio::test]
async fn what_is_not_built_yet_says_so() {
    let url = "https://10.0.0.5".to_owned();
    let appliance = Appliance::Aviatrix(Endpoint { url, secret: None, tls_pin: None });
    let live = Wire::default().live();
    let fault = live.set_mode(&appliance, ApplianceMode::Standby).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.ends_with("is not supported by this version"), "{fault}");
}
