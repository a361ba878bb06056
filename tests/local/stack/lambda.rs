//! Functions as MiniStack runs them: who they are at the gateway, how they die, how they are
//! deployed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use warmspare_tests::stack::functions::{access_key, kill_9};
use warmspare_tests::stack::gateway::{Match, Moment};
use warmspare_tests::stack::{Stack, aws, wait};

const WEST: &str = "us-west-2";
const WITHIN: Duration = Duration::from_secs(90);

/// A custom runtime in a page: it puts the event into an object, and answers with what it sees of
/// itself.
const BOOTSTRAP: &str = r#"
import json, os, urllib.request
import boto3
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as event:
        request, body = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    try:
        if "bucket" in body:
            boto3.client("s3").put_object(Bucket=body["bucket"], Key=body["key"], Body=b"x")
        answer, end = dict(os.environ), "response"
    except Exception as error:
        answer, end = {"errorMessage": str(error), "errorType": type(error).__name__}, "error"
    print("answered", end, flush=True)
    url, content = f"{api}/{request}/{end}", json.dumps(answer).encode()
    post = urllib.request.Request(url, content, method="POST")
    urllib.request.urlopen(post).read()
"#;

const TEMPLATE: &str = r#"
Parameters:
  Zip: { Type: String }
  Retries: { Type: Number, Default: 0 }
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: puts-into-vault
      AssumeRolePolicyDocument:
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }
      Policies:
        - PolicyName: put
          PolicyDocument:
            Statement: [{ Effect: Allow, Action: s3:PutObject, Resource: "arn:aws:s3:::vault/*" }]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: trivial
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 30
      Role: !GetAtt Role.Arn
      Code: { S3Bucket: vault, S3Key: !Ref Zip }
  Dead: { Type: AWS::SQS::Queue }
  Retried:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Function
      Qualifier: $LATEST
      MaximumRetryAttempts: !Ref Retries
      DestinationConfig: { OnFailure: { Destination: !GetAtt Dead.Arn } }
Outputs:
  Function: { Value: !GetAtt Function.Arn }
  Role: { Value: !GetAtt Role.Arn }
  Dead: { Value: !Ref Dead }
"#;

struct Deployed {
    function: String,
    role: String,
    dead: String,
}

/// Uploads the bootstrap and deploys the template.
async fn deploy(stack: &Stack) -> anyhow::Result<Deployed> {
    let folder = stack.run.folder("trivial")?;
    let zip = zip_of_the_bootstrap(&stack.venv.python(), &folder)?;
    let place = json!({ "LocationConstraint": WEST });
    for bucket in ["vault", "other"] {
        let bucket = json!({ "Bucket": bucket, "CreateBucketConfiguration": place });
        stack.aws.call(WEST, "s3", "create_bucket", bucket).await?;
    }
    let put =
        json!({ "Bucket": "vault", "Key": "trivial.zip", "Body": aws::bytes(&fs::read(zip)?) });
    stack.aws.call(WEST, "s3", "put_object", put).await?;
    let template = folder.join("template.yaml");
    fs::write(&template, TEMPLATE)?;
    let params = [("Zip", "trivial.zip")];
    let capabilities = ["CAPABILITY_NAMED_IAM"];
    let mut outputs = stack.aws.deploy(WEST, "trivial", &template, &params, &capabilities).await?;
    let mut output = |name: &str| outputs.remove(name).unwrap_or_default();
    Ok(Deployed { function: output("Function"), role: output("Role"), dead: output("Dead") })
}

fn zip_of_the_bootstrap(python: &Path, folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let bootstrap = folder.join("bootstrap");
    fs::write(&bootstrap, format!("#!{}{BOOTSTRAP}", python.display()))?;
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))?;
    let zip = Command::new(python)
        .args(["-m", "zipfile", "-c", "bootstrap.zip", "bootstrap"])
        .current_dir(folder)
        .status()?;
    ensure!(zip.success(), "no zip was made");
    Ok(folder.join("bootstrap.zip"))
}

#[tokio::test]
async fn a_function_has_its_roles_key_its_roles_rights_and_a_clean_environment()
-> anyhow::Result<()> {
    let stack = crate::stack::start().await?;
    let deployed = deploy(&stack).await?;
    let event = json!({ "bucket": "vault", "key": "from-the-function" });
    let answer = stack.aws.invoke(WEST, "trivial", &event, true).await?;
    assert_eq!((answer.status, answer.function_error.as_deref()), (200, None), "{answer:?}");
    assert!(answer.log.contains("answered response"), "{}", answer.log);
    assert!(stack.aws.object(WEST, "vault", "from-the-function").await?.is_some());

    let printed = stack.aws.printed(WEST, "trivial").await?;
    assert!(printed.iter().any(|line| line == "answered response"), "{printed:?}");
    assert_eq!(stack.aws.printed(WEST, "none").await?, Vec::<String>::new());

    // By its key the record knows who called.
    let key = access_key(&deployed.function, &deployed.role);
    assert_eq!(answer.answer["AWS_ACCESS_KEY_ID"], key);
    let calls = stack.gateway.calls(&Match::any().access_key(&key));
    let call = calls.first().unwrap();
    assert_eq!(
        (call.action.as_str(), call.status, call.region.as_str()),
        ("PutObject", Some(200), WEST)
    );

    // It knows the gateway, and nothing of this machine's environment.
    assert_eq!(answer.answer["AWS_ENDPOINT_URL"], stack.gateway.url());
    for leaked in ["CARGO", "CARGO_MANIFEST_DIR", "USER", "RUST_BACKTRACE", "LD_LIBRARY_PATH"] {
        assert!(answer.answer.get(leaked).is_none(), "{leaked}");
    }

    // Where its role does not let it, it may not.
    let event = json!({ "bucket": "other", "key": "forbidden" });
    let answer = stack.aws.invoke(WEST, "trivial", &event, true).await?;
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert!(answer.answer["errorMessage"].as_str().unwrap().contains("AccessDenied"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_bootstrap_is_found_and_killed_in_the_middle_of_a_step() -> anyhow::Result<()> {
    let stack = crate::stack::start().await?;
    deploy(&stack).await?;
    assert!(stack.bootstraps("trivial")?.is_empty(), "none before the first invocation");
    let mut trap = stack.gateway.trap_times(Match::any().action("PutObject"), Moment::After, 1);
    let event = json!({ "bucket": "vault", "key": "k" });
    let killing = async {
        let held = trap.caught(WITHIN).await?;
        let running = stack.bootstraps("trivial")?;
        ensure!(running.len() == 1, "{running:?}");
        ensure!(stack.caller("trivial", &held.call)? == running[0], "{:?}", held.call);
        ensure!(stack.caller("none", &held.call).is_err(), "another function made the call");
        kill_9(running[0])?;
        wait::until("the caller is gone", WITHIN, async || Ok(held.is_abandoned().then_some(())))
            .await?;
        Ok(running)
    };
    let (killed, answer) = tokio::join!(killing, stack.aws.invoke(WEST, "trivial", &event, true));
    let (killed, answer) = (killed?, answer?);
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(answer.answer["errorType"], "Runtime.ExitError", "{answer:?}");
    assert!(stack.aws.object(WEST, "vault", "k").await?.is_some(), "it had happened");

    // The next invocation has a new one, which is kept for the one after it.
    for _ in 0..2 {
        let answer = stack.aws.invoke(WEST, "trivial", &event, true).await?;
        assert_eq!(answer.function_error, None);
    }
    let running = stack.bootstraps("trivial")?;
    assert!(running.len() == 1 && running != killed, "{running:?} after {killed:?}");
    drop(stack);
    assert!(!Path::new(&format!("/proc/{}", running[0])).exists());
    Ok(())
}

#[tokio::test]
async fn an_event_that_fails_for_good_reaches_the_queue() -> anyhow::Result<()> {
    let stack = crate::stack::start().await?;
    let deployed = deploy(&stack).await?;
    let event = json!({ "bucket": "other", "key": "forbidden" });
    assert_eq!(stack.aws.invoke(WEST, "trivial", &event, false).await?.status, 202);
    let take = json!({ "QueueUrl": deployed.dead });
    let message = wait::until("the event has arrived", WITHIN, async || {
        let found = stack.aws.call(WEST, "sqs", "receive_message", take.clone()).await?;
        Ok(found["Messages"].get(0).cloned())
    })
    .await?;
    let body: serde_json::Value = serde_json::from_str(message["Body"].as_str().unwrap())?;
    assert_eq!(body["requestPayload"], event);
    assert_eq!(
        stack.gateway.calls(&Match::any().action("PutObject")).len(),
        1,
        "no retry was asked for"
    );
    Ok(())
}

#[tokio::test]
async fn a_stack_is_updated_and_a_broken_one_says_why() -> anyhow::Result<()> {
    let stack = crate::stack::start().await?;
    let deployed = deploy(&stack).await?;
    let template = stack.folder().join("trivial").join("template.yaml");
    let capabilities = ["CAPABILITY_NAMED_IAM"];
    let params = [("Zip", "trivial.zip"), ("Retries", "1")];
    for _ in 0..2 {
        // The second time nothing has changed, which is no failure.
        let outputs = stack.aws.deploy(WEST, "trivial", &template, &params, &capabilities).await?;
        assert_eq!(outputs.get("Function"), Some(&deployed.function));
    }
    let config = json!({ "FunctionName": "trivial", "Qualifier": "$LATEST" });
    let config = stack.aws.call(WEST, "lambda", "get_function_event_invoke_config", config).await?;
    assert_eq!(config["MaximumRetryAttempts"], 1);

    let broken = stack.folder().join("broken.yaml");
    fs::write(&broken, "Resources:\n  Health: { Type: AWS::Route53::HealthCheck }\n")?;
    let failed = stack.aws.deploy(WEST, "broken", &broken, &[], &[]).await.unwrap_err();
    let said = format!("{failed:#}");
    assert!(
        said.contains("deploying broken from") && said.contains("AWS::Route53::HealthCheck"),
        "{said}"
    );
    Ok(())
}
