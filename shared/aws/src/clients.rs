//! One HTTP client and one TLS configuration for every AWS service; a client of a service is built
//! when it is first asked for, one for each Region.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{
    BehaviorVersion, Region as SdkRegion, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use warmspare_act::fault::{Fault, Hope};

use crate::bounded::bounded;
use crate::config::Config;
use crate::connect::http_client;
use crate::tls::Roots;

/// A connection that takes longer than this is to a place that is not there.
const CONNECT: Duration = Duration::from_secs(2);
/// For one attempt at a small call in the recovery region, until its answer begins.
const ATTEMPT_NEAR: Duration = Duration::from_secs(6);
/// For one attempt at a small call elsewhere: often to a Region that is lost.
const ATTEMPT_FAR: Duration = Duration::from_secs(4);
/// For one attempt at an S3 call whose answer comes only when S3 has done its work: a part, a copy,
/// the completion of an upload.
const ATTEMPT_S3_WORK: Duration = Duration::from_secs(180);
/// For how long the body of an S3 object may stand still before it counts as broken off.
const STALL: Duration = Duration::from_secs(20);
/// First try and retries of a call in the recovery region. The next tick is the real retry.
const ATTEMPTS_NEAR: u32 = 3;
/// The same for a call elsewhere.
const ATTEMPTS_FAR: u32 = 2;

/// Clients that were built, by Region.
type PerRegion<C> = RefCell<BTreeMap<String, C>>;

/// Every AWS client of a process.
#[derive(Debug)]
pub(crate) struct Clients {
    http: SharedHttpClient,
    credentials: Credentials,
    endpoint_url: Option<String>,
    home: String,
    first_backoff: Duration,
    autoscaling: PerRegion<aws_sdk_autoscaling::Client>,
    cloudwatch: PerRegion<aws_sdk_cloudwatch::Client>,
    eventbridge: PerRegion<aws_sdk_eventbridge::Client>,
    kms: PerRegion<aws_sdk_kms::Client>,
    rds: PerRegion<aws_sdk_rds::Client>,
    route53: PerRegion<aws_sdk_route53::Client>,
    s3: PerRegion<aws_sdk_s3::Client>,
    secrets: PerRegion<aws_sdk_secretsmanager::Client>,
    sts: PerRegion<aws_sdk_sts::Client>,
}

impl Clients {
    /// Over real connections.
    pub(crate) fn new(config: &Config, roots: &Roots) -> Result<Self, Fault> {
        let tls = roots.for_aws(config.region.as_str()).map_err(|error| {
            Fault::new(Hope::Permanent, "preparing", "TLS", error.to_string()).because(error)
        })?;
        let http = http_client(tls, CONNECT);
        Ok(Self::over(config, http, Duration::from_millis(200)))
    }

    /// Over this HTTP client, waiting `first_backoff` at most before the first retry.
    pub(crate) fn over(config: &Config, http: SharedHttpClient, first_backoff: Duration) -> Self {
        Self {
            http: bounded(http),
            credentials: config.credentials.clone(),
            endpoint_url: config.endpoint_url.clone(),
            home: config.region.as_str().to_owned(),
            first_backoff,
            autoscaling: PerRegion::default(),
            cloudwatch: PerRegion::default(),
            eventbridge: PerRegion::default(),
            kms: PerRegion::default(),
            rds: PerRegion::default(),
            route53: PerRegion::default(),
            s3: PerRegion::default(),
            secrets: PerRegion::default(),
            sts: PerRegion::default(),
        }
    }

    pub(crate) fn autoscaling(&self, region: &str) -> aws_sdk_autoscaling::Client {
        built(&self.autoscaling, region, || aws_sdk_autoscaling::Client::new(&self.sdk(region)))
    }

    pub(crate) fn cloudwatch(&self, region: &str) -> aws_sdk_cloudwatch::Client {
        built(&self.cloudwatch, region, || aws_sdk_cloudwatch::Client::new(&self.sdk(region)))
    }

    pub(crate) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        built(&self.eventbridge, &self.home, || {
            aws_sdk_eventbridge::Client::new(&self.sdk(&self.home))
        })
    }

    pub(crate) fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        built(&self.kms, region, || aws_sdk_kms::Client::new(&self.sdk(region)))
    }

    pub(crate) fn rds(&self, region: &str) -> aws_sdk_rds::Client {
        built(&self.rds, region, || aws_sdk_rds::Client::new(&self.sdk(region)))
    }

    /// Route 53 has one control plane in each partition. Named here and not left to the SDK, which
    /// signs for the caller's own Region when the endpoint is given.
    pub(crate) fn route53(&self) -> aws_sdk_route53::Client {
        let region = if self.home.starts_with("cn-") {
            "cn-northwest-1"
        } else if self.home.starts_with("us-gov-") {
            "us-gov-west-1"
        } else {
            "us-east-1"
        };
        built(&self.route53, region, || aws_sdk_route53::Client::new(&self.sdk(region)))
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        self.s3_at(&self.home)
    }

    /// S3 where a bucket is that is not the vault, in the function's own name.
    pub(crate) fn s3_at(&self, region: &str) -> aws_sdk_s3::Client {
        built(&self.s3, region, || self.s3_in(region, self.credentials.clone()))
    }

    /// S3 with another role's credentials; not kept.
    pub(crate) fn s3_as(&self, credentials: Credentials) -> aws_sdk_s3::Client {
        self.s3_in(&self.home, credentials)
    }

    /// S3 in another Region; not kept.
    pub(crate) fn s3_in(&self, region: &str, credentials: Credentials) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config(region, credentials).build())
    }

    /// What such a client is made of.
    pub(crate) fn s3_config(
        &self,
        region: &str,
        credentials: Credentials,
    ) -> aws_sdk_s3::config::Builder {
        aws_sdk_s3::config::Builder::from(&self.sdk(region))
            .credentials_provider(credentials)
            // A reader here only computes, and never waits for anything else: a body that stands
            // still for this long has broken off. Uploads are sent from memory.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(STALL).build(),
            )
    }

    pub(crate) fn secrets(&self, region: &str) -> aws_sdk_secretsmanager::Client {
        built(&self.secrets, region, || aws_sdk_secretsmanager::Client::new(&self.sdk(region)))
    }

    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        built(&self.sts, &self.home, || aws_sdk_sts::Client::new(&self.sdk(&self.home)))
    }

    fn sdk(&self, region: &str) -> SdkConfig {
        let is_near = region == self.home;
        let attempts = if is_near { ATTEMPTS_NEAR } else { ATTEMPTS_FAR };
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(SdkRegion::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .http_client(self.http.clone())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(attempts)
                    .with_initial_backoff(self.first_backoff),
            )
            .timeout_config(timeouts(if is_near { ATTEMPT_NEAR } else { ATTEMPT_FAR }));
        builder.set_endpoint_url(self.endpoint_url.clone());
        builder.set_app_name(AppName::new("warmspare").ok());
        builder.build()
    }
}

/// What differs for S3 calls that are answered only when S3 has done its work. S3 sends blanks
/// while it works, which says nothing about the connection, so a stall is not looked for.
pub(crate) fn patient() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new()
        .timeout_config(timeouts(ATTEMPT_S3_WORK))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// How long a connection may take is the HTTP client's.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).build()
}

fn built<C: Clone>(clients: &PerRegion<C>, region: &str, build: impl FnOnce() -> C) -> C {
    clients.borrow_mut().entry(region.to_owned()).or_insert_with(build).clone()
}
