use super::*;
use crate::replay::{Wire, query_error};

fn east() -> Region {
    Region::parse("us-east-1").unwrap()
}

fn described(groups: &str) -> String {
    format!(
        "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups>\
         {groups}</AutoScalingGroups></DescribeAutoScalingGroupsResult>\
         </DescribeAutoScalingGroupsResponse>"
    )
}

fn instance(state: &str, protected: bool) -> String {
    format!(
        "<member><InstanceId>i-1</InstanceId><LifecycleState>{state}</LifecycleState>\
         <ProtectedFromScaleIn>{protected}</ProtectedFromScaleIn></member>"
    )
}

#[tokio::test]
async fn a_group_says_what_it_runs_and_what_keeps_it_from_changing() {
    let instances = [
        instance("InService", true),
        instance("Terminating:Wait", false),
        instance("Standby", false),
    ];
    let wire = Wire::default().says(
        200,
        described(&format!(
            "<member><AutoScalingGroupName>controller-east</AutoScalingGroupName>\
             <CreatedTime>2026-01-01T00:00:00Z</CreatedTime>\
             <MinSize>0</MinSize><MaxSize>2</MaxSize><DesiredCapacity>1</DesiredCapacity>\
             <Instances>{}</Instances><SuspendedProcesses><member>\
             <ProcessName>Terminate</ProcessName></member></SuspendedProcesses></member>",
            instances.concat()
        )),
    );
    let seen = wire.live().group(&east(), "controller-east").await.unwrap();
    let suspended = vec!["Terminate".to_owned()];
    let wanted =
        Group { desired: 1, min: 0, max: 2, in_service: 1, instances: 3, protected: 1, suspended };
    assert_eq!(seen, Seen::Here(wanted));
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://autoscaling.us-east-1.amazonaws.com/");
    assert_eq!(
        sent.body,
        "Action=DescribeAutoScalingGroups&Version=2011-01-01\
         &AutoScalingGroupNames.member.1=controller-east"
    );
}

#[tokio::test]
async fn a_group_that_is_not_listed_is_absent_and_half_a_description_is_none() {
    let wire = Wire::default().says(200, described(""));
    assert_eq!(wire.live().group(&east(), "controller-east").await.unwrap(), Seen::Absent);
    let little = "<member><AutoScalingGroupName>controller-east</AutoScalingGroupName></member>";
    let wire = Wire::default().says(200, described(little));
    let fault = wire.live().group(&east(), "controller-east").await.unwrap_err();
    assert!(fault.to_string().ends_with("description of it is not whole"), "{fault}");
}

#[tokio::test]
async fn the_desired_capacity_is_set_at_once_and_a_refusal_says_why() {
    let wire = Wire::default()
        .says(200, "<SetDesiredCapacityResponse></SetDesiredCapacityResponse>")
        .says(
            400,
            query_error("ValidationError", "New SetDesiredCapacity value 0 is below min value 1."),
        )
        .says(400, query_error("ScalingActivityInProgress", "Scaling activity in progress."));
    let live = wire.live();
    live.set_desired(&east(), "controller-east", 0).await.unwrap();
    let refused = live.set_desired(&east(), "controller-east", 0).await.unwrap_err();
    assert_eq!(refused.hope, Hope::Permanent);
    assert!(refused.to_string().contains("value 0 is below min value 1"), "{refused}");
    let busy = live.set_desired(&east(), "controller-east", 0).await.unwrap_err();
    assert_eq!(busy.hope, Hope::Retryable, "{busy}");
    assert_eq!(
        wire.sent()[0].body,
        "Action=SetDesiredCapacity&Version=2011-01-01&AutoScalingGroupName=controller-east\
         &DesiredCapacity=0&HonorCooldown=false"
    );
}
