//! What the RDS server refuses, with the codes and the HTTP statuses of botocore's model.
//!
//! Codes: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html> and the
//! Errors section of each action. Messages are worded as AWS words them where a public report shows
//! it; nothing may depend on them.

/// An error answer, before it is put into XML.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into() }
    }

    pub(super) fn missing_parameter(name: &str) -> Self {
        let message = format!("The request must contain the parameter {name}");
        Self::new("MissingParameter", 400, message)
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", 400, message)
    }

    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", 400, message)
    }

    pub(super) fn action(action: &str, version: &str) -> Self {
        let message = format!("Could not find operation {action} for version {version}");
        Self::new("InvalidAction", 400, message)
    }

    pub(super) fn unsigned() -> Self {
        let message = "Request is missing Authentication Token";
        Self::new("MissingAuthenticationToken", 403, message)
    }

    pub(super) fn denied(access_key: &str, action: &str, resource: &str) -> Self {
        let message = format!(
            "The owner of {access_key} is not authorized to perform: {action} on resource: \
             {resource} because no identity-based policy allows the {action} action"
        );
        Self::new("AccessDenied", 403, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new("InternalFailure", 500, message)
    }

    pub(super) fn no_instance(id: &str) -> Self {
        Self::new("DBInstanceNotFound", 404, format!("DBInstance {id} not found."))
    }

    pub(super) fn instance_exists(id: &str) -> Self {
        Self::new("DBInstanceAlreadyExists", 400, format!("DB instance already exists: {id}"))
    }

    pub(super) fn instance_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBInstanceState", 400, message)
    }

    pub(super) fn no_cluster(id: &str) -> Self {
        Self::new("DBClusterNotFoundFault", 404, format!("DBCluster {id} not found."))
    }

    pub(super) fn no_global_cluster(id: &str) -> Self {
        Self::new("GlobalClusterNotFoundFault", 404, format!("Global cluster {id} not found"))
    }

    pub(super) fn cluster_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBClusterStateFault", 400, message)
    }

    pub(super) fn global_state(message: impl Into<String>) -> Self {
        Self::new("InvalidGlobalClusterStateFault", 400, message)
    }

    pub(super) fn no_snapshot(id: &str) -> Self {
        Self::new("DBSnapshotNotFound", 404, format!("DBSnapshot {id} not found."))
    }

    pub(super) fn snapshot_exists(id: &str) -> Self {
        let message = format!("Cannot create the snapshot because a snapshot {id} already exists.");
        Self::new("DBSnapshotAlreadyExists", 400, message)
    }

    pub(super) fn snapshot_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBSnapshotState", 400, message)
    }

    pub(super) fn snapshot_quota(message: impl Into<String>) -> Self {
        Self::new("SnapshotQuotaExceeded", 400, message)
    }

    pub(super) fn key(key: &str) -> Self {
        let message = format!(
            "The specified KMS key [{key}] does not exist, is not enabled or you do not have \
             permissions to access it."
        );
        Self::new("KMSKeyNotAccessibleFault", 400, message)
    }

    pub(super) fn task_exists(id: &str) -> Self {
        let message = format!("The export task with the ID {id} already exists.");
        Self::new("ExportTaskAlreadyExists", 400, message)
    }

    pub(super) fn no_task(id: &str) -> Self {
        Self::new("ExportTaskNotFound", 404, format!("The export task {id} doesn't exist."))
    }

    /// Not in the model's list for StartExportTask, but it is what AWS answers: public reports quote
    /// "An error occurred (ExportTaskLimitReachedFault) when calling the StartExportTask operation:
    /// You have reached the limit of 5 concurrent export tasks".
    pub(super) fn task_limit(tasks_max: usize) -> Self {
        let message = format!("You have reached the limit of {tasks_max} concurrent export tasks");
        Self::new("ExportTaskLimitReachedFault", 400, message)
    }

    pub(super) fn task_state(id: &str, status: &str) -> Self {
        let message = format!("You can't cancel the export task {id} that is {status}.");
        Self::new("InvalidExportTaskStateFault", 400, message)
    }

    pub(super) fn no_role(arn: &str) -> Self {
        let message = format!(
            "The IAM role {arn} doesn't exist or can't be assumed by export.rds.amazonaws.com."
        );
        Self::new("IamRoleNotFound", 404, message)
    }

    pub(super) fn bucket(name: &str) -> Self {
        let message = format!(
            "The S3 bucket {name} isn't valid. Either it isn't located in the current AWS Region \
             or it doesn't exist. Review your S3 bucket name and retry the export."
        );
        Self::new("InvalidS3BucketFault", 400, message)
    }

    pub(super) fn export_source(message: impl Into<String>) -> Self {
        Self::new("InvalidExportSourceState", 400, message)
    }

    pub(super) fn export_only(only: &[String]) -> Self {
        let message = format!("The snapshot has nothing of what ExportOnly names: {only:?}");
        Self::new("InvalidExportOnly", 400, message)
    }
}
