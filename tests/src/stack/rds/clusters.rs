//! Aurora global databases: clusters of which one writes, and the change of the writer, which takes its
//! time. No PostgreSQL stands behind them.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html>

use std::sync::Arc;

use super::Inner;
use super::model::Place;
use super::names::{arn, place_of};
use super::query::Call;
use super::refusal::Refusal;
use super::state::State;
use super::xml::Tree;

/// A global database.
pub(super) struct Global {
    pub(super) id: String,
    pub(super) members: Vec<Place>,
    pub(super) writer: Place,
    /// A change of the writer that is under way.
    moving: Option<Moving>,
}

#[derive(Clone)]
struct Moving {
    to: Place,
    may_lose: bool,
    /// `pending` first, and then what it is.
    has_begun: bool,
}

impl Moving {
    fn word(&self) -> &'static str {
        match (self.has_begun, self.may_lose) {
            (false, _) => "pending",
            (true, true) => "failing-over",
            (true, false) => "switching-over",
        }
    }
}

impl Global {
    pub(super) fn new(id: &str, writer: Place, others: Vec<Place>) -> Self {
        let members = [writer.clone()].into_iter().chain(others).collect();
        Self { id: id.to_owned(), members, writer, moving: None }
    }
}

/// The clusters of the region in which it is asked.
pub(super) fn describe(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let state = inner.state();
    let named = call.text("DBClusterIdentifier").map(|name| cluster(call, name));
    let all = state.globals.iter().flat_map(|global| {
        global
            .members
            .iter()
            .filter(|member| member.region == call.region)
            .map(move |it| (global, it))
    });
    let found: Vec<_> =
        all.filter(|(_, member)| named.as_ref().is_none_or(|named| named == *member)).collect();
    if let (Some(named), true) = (&named, found.is_empty()) {
        return Err(Refusal::no_cluster(&named.id));
    }
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(|(global, member)| {
        let status = global.moving.as_ref().map_or("available", Moving::word);
        Tree::default()
            .put("DBClusterIdentifier", &member.id)
            .put("Status", status)
            .put("Engine", "aurora-postgresql")
            .put("EngineVersion", "16.6")
            .put("StorageEncrypted", true)
            .put("DBClusterArn", arn(&inner.account, "cluster", member))
    });
    Ok(Tree::default().put_some("Marker", marker).list("DBClusters", "DBCluster", shapes))
}

/// A global database is one of no region, and each that it has a member in knows it.
pub(super) fn describe_global(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let state = inner.state();
    let named = call.text("GlobalClusterIdentifier").map(str::to_lowercase);
    let known = state.globals.iter().filter(|global| is_known_in(global, &call.region));
    let found: Vec<&Global> =
        known.filter(|global| named.as_ref().is_none_or(|id| *id == global.id)).collect();
    if let (Some(id), true) = (&named, found.is_empty()) {
        return Err(Refusal::no_global_cluster(id));
    }
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(|global| shape(&state, &inner.account, global));
    Ok(Tree::default().put_some("Marker", marker).list(
        "GlobalClusters",
        "GlobalClusterMember",
        shapes,
    ))
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverGlobalCluster.html>: a
/// switchover unless a loss is allowed, and not both at once.
pub(super) fn fail_over(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let (may_lose, is_switchover) = (call.flag("AllowDataLoss")?, call.flag("Switchover")?);
    if may_lose && is_switchover {
        let message = "AllowDataLoss and Switchover can't both be given";
        return Err(Refusal::combination(message));
    }
    begin(inner, call, may_lose)
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_SwitchoverGlobalCluster.html>
pub(super) fn switch_over(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    begin(inner, call, false)
}

fn begin(inner: &Arc<Inner>, call: &Call, may_lose: bool) -> Result<Tree, Refusal> {
    let id = call.needed("GlobalClusterIdentifier")?.to_lowercase();
    let to = cluster(call, call.needed("TargetDbClusterIdentifier")?);
    let mut state = inner.state();
    let lost = state.lost.clone();
    let found = state.globals.iter_mut().find(|global| global.id == id);
    let global = found
        .filter(|global| is_known_in(global, &call.region))
        .ok_or_else(|| Refusal::no_global_cluster(&id))?;
    if !global.members.contains(&to) {
        return Err(Refusal::no_cluster(&to.id));
    }
    if global.writer == to {
        let message = format!("Cluster {} is the primary of {id} already.", to.id);
        return Err(Refusal::cluster_state(message));
    }
    if global.moving.is_some() {
        return Err(Refusal::global_state(format!("{id} is not in available state.")));
    }
    if !may_lose && lost.contains(&global.writer.region) {
        let message = format!("The primary of {id} can't be reached.");
        return Err(Refusal::global_state(message));
    }
    global.moving = Some(Moving { to, may_lose, has_begun: false });
    let answer = state.globals.iter().find(|global| global.id == id);
    let answer = answer.map(|global| shape(&state, &inner.account, global));
    drop(state);
    inner.spawn(finish(Arc::clone(inner), id));
    Ok(Tree::default().branch_some("GlobalCluster", answer))
}

/// A switchover whose old primary is lost on the way leaves everything as it was.
async fn finish(inner: Arc<Inner>, id: String) {
    inner.pass(|pace| pace.promotion_modifying).await;
    for global in inner.state().globals.iter_mut().filter(|global| global.id == id) {
        if let Some(moving) = &mut global.moving {
            moving.has_begun = true;
        }
    }
    inner.pass(|pace| pace.promotion_rebooting).await;
    let mut state = inner.state();
    let lost = state.lost.clone();
    for global in state.globals.iter_mut().filter(|global| global.id == id) {
        let Some(moving) = global.moving.take() else { continue };
        if moving.may_lose || !lost.contains(&global.writer.region) {
            global.writer = moving.to;
        }
    }
}

fn is_known_in(global: &Global, region: &str) -> bool {
    global.members.iter().any(|member| member.region == region)
}

/// Identifiers are not case-sensitive and kept in lower case; an ARN names one too.
fn cluster(call: &Call, name: &str) -> Place {
    place_of(name, "cluster").unwrap_or_else(|| Place::new(&call.region, name.to_lowercase()))
}

/// `GlobalCluster`.
fn shape(state: &State, account: &str, global: &Global) -> Tree {
    let named = |place: &Place| arn(account, "cluster", place);
    let members = global.members.iter().map(|member| {
        let is_writer = *member == global.writer;
        let readers = global.members.iter().filter(|it| is_writer && *it != member).map(named);
        let is_cut_off =
            [&member.region, &global.writer.region].iter().any(|it| state.lost.contains(*it));
        let status = if is_cut_off { "pending-resync" } else { "connected" };
        Tree::default()
            .put("DBClusterArn", named(member))
            .words("Readers", "member", readers)
            .put("IsWriter", is_writer)
            .put_some("SynchronizationStatus", (!is_writer).then_some(status))
    });
    let moving = global.moving.as_ref().map(|moving| {
        Tree::default()
            .put("Status", moving.word())
            .put("FromDbClusterArn", named(&global.writer))
            .put("ToDbClusterArn", named(&moving.to))
            .put("IsDataLossAllowed", moving.may_lose)
    });
    Tree::default()
        .put("GlobalClusterIdentifier", &global.id)
        .put("GlobalClusterArn", format!("arn:aws:rds::{account}:global-cluster:{}", global.id))
        .put("Status", global.moving.as_ref().map_or("available", Moving::word))
        .put("Engine", "aurora-postgresql")
        .put("EngineVersion", "16.6")
        .put("StorageEncrypted", true)
        .put("DeletionProtection", true)
        .list("GlobalClusterMembers", "GlobalClusterMember", members)
        .branch_some("FailoverState", moving)
}
