//! A record set as the SDK has it and as decisions have it. It goes there and back exactly: what is
//! deleted has to match everything that it was created with.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, Change as SdkChange, ChangeAction, CidrRoutingConfig, Coordinates, GeoLocation,
    GeoProximityLocation, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
    ResourceRecordSetRegion, RrType,
};
use warmspare_decide::dns::{Alias, Change, RecordSet, Routing};

use super::names::{escaped, plain};

pub(super) fn seen(zone: &str, set: &ResourceRecordSet) -> RecordSet {
    RecordSet {
        zone: zone.to_owned(),
        name: plain(set.name()),
        kind: set.r#type().as_str().to_owned(),
        ttl_s: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()),
        values: set.resource_records().iter().map(|record| record.value().to_owned()).collect(),
        alias: set.alias_target().map(|alias| Alias {
            zone: alias.hosted_zone_id().to_owned(),
            name: plain(alias.dns_name()),
            evaluate: alias.evaluate_target_health(),
        }),
        routing: routing(set),
        health_check: set.health_check_id().map(str::to_owned),
    }
}

fn routing(set: &ResourceRecordSet) -> Option<Routing> {
    if let Some(instance) = set.traffic_policy_instance_id() {
        return Some(Routing::Foreign { what: format!("traffic policy instance {instance}") });
    }
    let identifier = set.set_identifier()?.to_owned();
    let text = |text: Option<&str>| text.map(str::to_owned);
    Some(if let Some(weight) = set.weight() {
        Routing::Weighted { identifier, weight }
    } else if let Some(role) = set.failover() {
        Routing::Failover { identifier, role: role.as_str().to_owned() }
    } else if let Some(region) = set.region() {
        Routing::Latency { identifier, region: region.as_str().to_owned() }
    } else if let Some(place) = set.geo_location() {
        Routing::Geolocation {
            identifier,
            continent: text(place.continent_code()),
            country: text(place.country_code()),
            subdivision: text(place.subdivision_code()),
        }
    } else if let Some(place) = set.geo_proximity_location() {
        let coordinates = place.coordinates();
        Routing::Geoproximity {
            identifier,
            region: text(place.aws_region()),
            local_zone_group: text(place.local_zone_group()),
            coordinates: coordinates
                .map(|at| (at.latitude().to_owned(), at.longitude().to_owned())),
            bias: place.bias(),
        }
    } else if let Some(cidr) = set.cidr_routing_config() {
        Routing::Cidr {
            identifier,
            collection: cidr.collection_id().to_owned(),
            location: cidr.location_name().to_owned(),
        }
    } else if set.multi_value_answer() == Some(true) {
        Routing::MultiValue { identifier }
    } else {
        // Whatever Route 53 adds after this was written has an identifier, as all the others.
        Routing::Foreign { what: format!("routed in an unknown way as {identifier}") }
    })
}

pub(super) fn change(change: &Change) -> Result<SdkChange, BuildError> {
    let action = match change {
        Change::Delete(_) => ChangeAction::Delete,
        Change::Create(_) => ChangeAction::Create,
    };
    SdkChange::builder().action(action).resource_record_set(set(change.set())?).build()
}

fn set(set: &RecordSet) -> Result<ResourceRecordSet, BuildError> {
    let records = set
        .values
        .iter()
        .map(|value| ResourceRecord::builder().value(value).build())
        .collect::<Result<Vec<_>, _>>()?;
    let alias = set.alias.as_ref().map(|alias| {
        AliasTarget::builder()
            .hosted_zone_id(&alias.zone)
            .dns_name(escaped(&alias.name))
            .evaluate_target_health(alias.evaluate)
            .build()
    });
    let mut routed = ResourceRecordSet::builder()
        .name(escaped(&set.name))
        .r#type(RrType::from(set.kind.as_str()))
        .set_ttl(set.ttl_s.map(i64::from))
        .set_resource_records((!records.is_empty()).then_some(records))
        .set_alias_target(alias.transpose()?)
        .set_health_check_id(set.health_check.clone())
        .set_set_identifier(set.identifier().map(str::to_owned));
    routed = match &set.routing {
        None | Some(Routing::Foreign { .. }) => routed,
        Some(Routing::Weighted { weight, .. }) => routed.weight(*weight),
        Some(Routing::Failover { role, .. }) => {
            routed.failover(ResourceRecordSetFailover::from(role.as_str()))
        }
        Some(Routing::Latency { region, .. }) => {
            routed.region(ResourceRecordSetRegion::from(region.as_str()))
        }
        Some(Routing::Geolocation { continent, country, subdivision, .. }) => routed.geo_location(
            GeoLocation::builder()
                .set_continent_code(continent.clone())
                .set_country_code(country.clone())
                .set_subdivision_code(subdivision.clone())
                .build(),
        ),
        Some(Routing::Geoproximity { region, local_zone_group, coordinates, bias, .. }) => {
            let at = coordinates.as_ref().map(|(latitude, longitude)| {
                Coordinates::builder().latitude(latitude).longitude(longitude).build()
            });
            routed.geo_proximity_location(
                GeoProximityLocation::builder()
                    .set_aws_region(region.clone())
                    .set_local_zone_group(local_zone_group.clone())
                    .set_coordinates(at.transpose()?)
                    .set_bias(*bias)
                    .build(),
            )
        }
        Some(Routing::Cidr { collection, location, .. }) => routed.cidr_routing_config(
            CidrRoutingConfig::builder()
                .collection_id(collection)
                .location_name(location)
                .build()?,
        ),
        Some(Routing::MultiValue { .. }) => routed.multi_value_answer(true),
    };
    routed.build()
}
