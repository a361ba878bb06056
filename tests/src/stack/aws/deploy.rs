//! Deploys a CloudFormation template as `aws cloudformation deploy` does, and says why when it
//! fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{Aws, at, each, text};
use crate::stack::wait;

const DEPLOY_MAX: Duration = Duration::from_secs(120);

impl Aws {
    /// Creates the stack `name` from `template`, or updates it, waits for the end, and returns its
    /// outputs. A stack whose creation had failed is deleted first.
    ///
    /// # Errors
    /// The reasons that the events of the stack give.
    pub async fn deploy(
        &self,
        region: &str,
        name: &str,
        template: &Path,
        params: &[(&str, &str)],
        capabilities: &[&str],
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let url = self.in_a_bucket(region, name, template).await?;
        let params: Vec<Value> = params
            .iter()
            .map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value }))
            .collect();
        let args = json!({
            "StackName": name,
            "TemplateURL": url,
            "Parameters": params,
            "Capabilities": capabilities,
        });
        let deployed = self.create_or_update(region, name, args).await;
        deployed.with_context(|| format!("deploying {name} from {}", template.display()))
    }

    /// Puts a template where CloudFormation reads it: in a request it takes 51,200 bytes at most, and
    /// 1 MB from a bucket, as `aws cloudformation deploy --s3-bucket` does it
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
    async fn in_a_bucket(
        &self,
        region: &str,
        name: &str,
        template: &Path,
    ) -> anyhow::Result<String> {
        let body =
            std::fs::read(template).with_context(|| format!("reading {}", template.display()))?;
        let bucket = format!("templates-{region}");
        // S3 takes no location where it is us-east-1.
        let place = json!({ "LocationConstraint": region });
        let made = match region {
            "us-east-1" => json!({ "Bucket": bucket }),
            _ => json!({ "Bucket": bucket, "CreateBucketConfiguration": place }),
        };
        match self.call(region, "s3", "create_bucket", made).await {
            Ok(_) => {}
            Err(error) if error.code == "BucketAlreadyOwnedByYou" => {}
            Err(error) => return Err(error.into()),
        }
        let args = json!({ "Bucket": bucket, "Key": name, "Body": super::bytes(&body) });
        self.call(region, "s3", "put_object", args).await?;
        Ok(format!("https://s3.{region}.amazonaws.com/{bucket}/{name}"))
    }

    async fn create_or_update(
        &self,
        region: &str,
        name: &str,
        args: Value,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut before = self.stack(region, name).await?;
        if before
            .as_ref()
            .is_some_and(|stack| text(at(stack, "StackStatus")) == "ROLLBACK_COMPLETE")
        {
            self.call(region, "cloudformation", "delete_stack", json!({ "StackName": name }))
                .await?;
            self.settled(region, name).await?;
            before = None;
        }
        let operation = if before.is_some() { "update_stack" } else { "create_stack" };
        match self.call(region, "cloudformation", operation, args).await {
            Ok(_) => {}
            Err(error) if error.message.contains("No updates are to be performed") => {}
            Err(error) => return Err(error.into()),
        }
        let stack = self.settled(region, name).await?.context("the stack is gone")?;
        let status = text(at(&stack, "StackStatus"));
        if status != "CREATE_COMPLETE" && status != "UPDATE_COMPLETE" {
            bail!("{status}: {}", self.reasons(region, name).await?.join("; "));
        }
        let output =
            |output: &Value| (text(at(output, "OutputKey")), text(at(output, "OutputValue")));
        Ok(each(at(&stack, "Outputs")).map(output).collect())
    }

    /// The stack when it is no longer on its way, or `None` when it is gone.
    async fn settled(&self, region: &str, name: &str) -> anyhow::Result<Option<Value>> {
        wait::until("the stack has settled", DEPLOY_MAX, async || {
            let stack = self.stack(region, name).await?;
            let status = stack.as_ref().map(|stack| text(at(stack, "StackStatus")));
            Ok(match status.as_deref() {
                None | Some("DELETE_COMPLETE") => Some(None),
                Some(status) if status.ends_with("_IN_PROGRESS") => None,
                Some(_) => Some(stack),
            })
        })
        .await
    }

    async fn stack(&self, region: &str, name: &str) -> anyhow::Result<Option<Value>> {
        let args = json!({ "StackName": name });
        match self.call(region, "cloudformation", "describe_stacks", args).await {
            Ok(found) => Ok(at(&found, "Stacks").get(0).cloned()),
            Err(error) if error.message.contains("does not exist") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn reasons(&self, region: &str, name: &str) -> anyhow::Result<Vec<String>> {
        let args = json!({ "StackName": name });
        let events = self.call(region, "cloudformation", "describe_stack_events", args).await?;
        let failed = each(at(&events, "StackEvents"))
            .filter(|event| text(at(event, "ResourceStatus")).ends_with("FAILED"));
        Ok(failed
            .map(|event| {
                let resource = text(at(event, "LogicalResourceId"));
                format!("{resource}: {}", text(at(event, "ResourceStatusReason")))
            })
            .collect())
    }
}
