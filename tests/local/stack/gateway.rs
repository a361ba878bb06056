//! The gateway in front of MiniStack: what it lets through unchanged, and what it does to a call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use warmspare_tests::stack::aws::{Aws, AwsError, bytes};
use warmspare_tests::stack::gateway::{Effect, Match, Moment};
use warmspare_tests::stack::{Stack, wait};

const WITHIN: Duration = Duration::from_secs(90);
const WEST: &str = "us-west-2";

/// A stack with a bucket, and a caller who goes the functions' way.
struct World {
    caller: Arc<Aws>,
    stack: Stack,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let stack = crate::stack::start().await?;
        let folder = stack.run.folder("caller")?;
        let caller = Aws::start(&stack.venv, &folder, &stack.gateway.url()).await?;
        let place = json!({ "LocationConstraint": WEST });
        let bucket = json!({ "Bucket": "vault", "CreateBucketConfiguration": place });
        stack.aws.call(WEST, "s3", "create_bucket", bucket).await?;
        Ok(Self { caller: Arc::new(caller), stack })
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<Value, AwsError> {
        put(&self.caller, key, body).await
    }

    /// What is there, seen past every fault.
    async fn seen(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.stack.aws.object(WEST, "vault", key).await?)
    }
}

async fn put(caller: &Aws, key: &str, body: &[u8]) -> Result<Value, AwsError> {
    let args = json!({ "Bucket": "vault", "Key": key, "Body": bytes(body) });
    caller.call(WEST, "s3", "put_object", args).await
}

#[tokio::test]
async fn everything_goes_through_unchanged_and_is_recorded() -> anyhow::Result<()> {
    let world = World::new().await?;
    let gateway = &world.stack.gateway;
    // Larger than what is read on the way, and with a key that has to stay encoded as it is signed.
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let key = "backups/controller/2026-11-21T00-00-00Z/a b+ü=1";
    world.put(key, &large).await?;
    assert_eq!(world.caller.object(WEST, "vault", key).await?, Some(large.clone()));
    let head = json!({ "Bucket": "vault", "Key": key });
    let head = world.caller.call(WEST, "s3", "head_object", head).await?;
    assert_eq!(head["ContentLength"], 3_000_000);
    assert_eq!(world.caller.object(WEST, "vault", "not-there").await?, None);

    let actions = |service: &str| -> Vec<(String, Option<u16>)> {
        let calls = gateway.calls(&Match::any().service(service));
        calls.into_iter().map(|call| (call.action, call.status)).collect()
    };
    let expected =
        [("PutObject", 200), ("GetObject", 200), ("HeadObject", 200), ("GetObject", 404)];
    let expected = expected.map(|(action, status)| (action.to_owned(), Some(status)));
    assert_eq!(actions("s3"), expected);

    // One of each other protocol: JSON, query, REST with XML, and whatever this SDK uses for
    // CloudWatch.
    let ask = |service, operation, args| world.caller.call(WEST, service, operation, args);
    ask("kms", "create_key", json!({})).await?;
    ask("sts", "get_caller_identity", json!({})).await?;
    ask("route53", "list_hosted_zones", json!({})).await?;
    let metric = json!({ "MetricName": "PrimaryHealthy", "Value": 1.0 });
    let metric = json!({ "Namespace": "warmspare", "MetricData": [metric] });
    ask("cloudwatch", "put_metric_data", metric).await?;
    assert_eq!(actions("kms"), [("CreateKey".to_owned(), Some(200))]);
    assert_eq!(actions("sts"), [("GetCallerIdentity".to_owned(), Some(200))]);
    assert_eq!(actions("route53"), [("ListHostedZones".to_owned(), Some(200))]);
    assert_eq!(actions("monitoring"), [("PutMetricData".to_owned(), Some(200))]);
    let calls = gateway.calls(&Match::any().key_contains("a b+ü=1"));
    assert!(calls.iter().all(|call| call.region == WEST && call.access_key == "test"), "{calls:?}");
    assert_eq!(calls.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_lost_region_is_lost_to_the_functions_and_not_to_the_test() -> anyhow::Result<()> {
    let world = World::new().await?;
    let gateway = &world.stack.gateway;
    let lost = gateway.fault(Match::any().region(WEST).sparing("kms"), Effect::Refuse);
    let refused = world.put("during", b"x").await.unwrap_err();
    assert!(refused.code.contains("ConnectionClosed"), "{refused}");
    assert_eq!(world.seen("during").await?, None);
    world.stack.aws.object(WEST, "vault", "past the fault").await?;
    // Another region, and what is spared, live on.
    world.caller.call("us-east-1", "sqs", "list_queues", json!({})).await?;
    world.caller.call(WEST, "kms", "list_keys", json!({})).await?;
    assert_eq!(lost.met(), 1);
    lost.heal();
    world.put("after", b"x").await?;
    let faults = gateway.calls(&Match::any().service("s3"));
    let faults: Vec<_> = faults.into_iter().map(|call| (call.fault, call.status)).collect();
    assert_eq!(faults, [(Some("refused"), None), (None, Some(200))]);
    Ok(())
}

#[tokio::test]
async fn an_answer_can_be_made_up_and_a_reply_lost_a_number_of_times() -> anyhow::Result<()> {
    let world = World::new().await?;
    let gateway = &world.stack.gateway;
    let slow = Effect::Status {
        code: 503,
        body: "<Error><Code>SlowDown</Code><Message>later</Message></Error>".into(),
        content_type: "application/xml",
    };
    let slow = gateway.fault_times(Match::any().action("PutObject").key_contains("/k"), slow, 2);
    for _ in 0..2 {
        assert_eq!(world.put("k", b"1").await.unwrap_err().code, "SlowDown");
    }
    world.put("other", b"1").await?;
    world.put("k", b"1").await?;
    assert_eq!(slow.met(), 2);

    let lost = gateway.fault_times(Match::any().action("PutObject"), Effect::LoseReply, 1);
    assert!(world.put("k", b"2").await.is_err());
    assert_eq!(world.seen("k").await?.as_deref(), Some(&b"2"[..]), "it happened all the same");
    let call = gateway.calls(&Match::any().action("PutObject")).pop().unwrap();
    assert_eq!((call.status, call.fault), (Some(200), Some("reply lost")));
    world.put("k", b"3").await?;
    drop(lost);

    // A body is looked into where it names the thing.
    let tagged = Match::any().service("sns").key_contains("controller topic");
    let _fault = gateway.fault(tagged, Effect::Refuse);
    let topic = |name: &str| json!({ "Name": "t", "Tags": [{ "Key": "for", "Value": name }] });
    assert!(
        world.caller.call(WEST, "sns", "create_topic", topic("controller topic")).await.is_err()
    );
    world.caller.call(WEST, "sns", "create_topic", topic("other")).await?;
    Ok(())
}

#[tokio::test]
async fn silence_lasts_until_it_is_healed_and_then_the_call_arrives_late() -> anyhow::Result<()> {
    let world = World::new().await?;
    let silence = world.stack.gateway.fault(Match::any().service("s3"), Effect::Silence);
    let caller = Arc::clone(&world.caller);
    let waiting = tokio::spawn(async move { put(&caller, "late", b"x").await });
    wait::until("it is silenced", WITHIN, async || Ok((silence.met() == 1).then_some(()))).await?;
    assert!(!waiting.is_finished());
    assert_eq!(world.seen("late").await?, None);
    silence.heal();
    waiting.await??;
    assert_eq!(world.seen("late").await?.as_deref(), Some(&b"x"[..]));
    Ok(())
}

#[tokio::test]
async fn a_trap_holds_a_call_before_or_after_it_happens() -> anyhow::Result<()> {
    let world = World::new().await?;
    let gateway = &world.stack.gateway;
    let puts = |key: &'static str| {
        let caller = Arc::clone(&world.caller);
        tokio::spawn(async move { put(&caller, key, b"x").await })
    };

    let mut before = gateway.trap(Match::any().action("PutObject"), Moment::Before);
    let (released, lost) = (puts("released"), puts("lost"));
    for _ in 0..2 {
        let held = before.caught(WITHIN).await?;
        assert!(held.call.status.is_none() && !held.is_abandoned());
        assert!(world.stack.aws.objects(WEST, "vault", "").await?.len() < 2);
        if held.call.path.contains("released") { held.release() } else { held.lose() }
    }
    released.await??;
    assert!(lost.await?.is_err());
    assert_eq!(world.stack.aws.objects(WEST, "vault", "").await?, ["released"]);
    drop(before);

    let mut after = gateway.trap_times(Match::any().key_contains("done"), Moment::After, 1);
    let done = puts("done");
    let held = after.caught(WITHIN).await?;
    assert_eq!(held.call.status, Some(200));
    assert!(world.seen("done").await?.is_some() && !done.is_finished());
    held.lose();
    assert!(done.await?.is_err());
    puts("done").await??;
    assert!(after.caught(Duration::from_millis(50)).await.is_err(), "once was asked for");

    // What is still held when the trap goes is set free.
    let trap = gateway.trap(Match::any(), Moment::Before);
    let free = puts("free");
    wait::until("it is caught", WITHIN, async || Ok((trap.met() == 1).then_some(()))).await?;
    drop(trap);
    free.await??;
    Ok(())
}

#[tokio::test]
async fn a_service_can_live_elsewhere() -> anyhow::Result<()> {
    let world = World::new().await?;
    let gateway = &world.stack.gateway;
    // Nobody listens there.
    gateway.route("sns", "http://127.0.0.1:1")?;
    assert!(world.caller.call(WEST, "sns", "list_topics", json!({})).await.is_err());
    let call = gateway.calls(&Match::any().service("sns")).pop().unwrap();
    assert_eq!((call.action.as_str(), call.status), ("ListTopics", Some(502)));
    assert!(gateway.route("sns", "no address").is_err());
    gateway.route("sns", world.stack.ministack.url())?;
    world.caller.call(WEST, "sns", "list_topics", json!({})).await?;
    Ok(())
}
