//! FF16: sets of every kind, made from numbers that follow from a seed. Whatever a set is, the batch
//! deletes exactly it, and creates it with another answer and nothing else changed.

use super::*;

/// Numbers that follow from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn maybe(&mut self, text: &str) -> Option<String> {
        (self.below(2) == 0).then(|| text.to_owned())
    }

    fn routing(&mut self) -> Option<Routing> {
        let identifier = format!("set {}", self.below(4));
        Some(match self.below(8) {
            0 => return None,
            1 => {
                let weight = i64::try_from(self.below(256)).unwrap();
                Routing::Weighted { identifier, weight }
            }
            2 => Routing::Failover { identifier, role: "SECONDARY".to_owned() },
            3 => Routing::Latency { identifier, region: "us-east-1".to_owned() },
            4 => Routing::Geolocation {
                identifier,
                continent: self.maybe("EU"),
                country: self.maybe("*"),
                subdivision: self.maybe("BE"),
            },
            5 => Routing::Geoproximity {
                identifier,
                region: self.maybe("eu-west-1"),
                local_zone_group: self.maybe("us-east-1-bue-1"),
                coordinates: (self.below(2) == 0).then(|| ("1.5".to_owned(), "-2".to_owned())),
                bias: (self.below(2) == 0).then_some(-99),
            },
            6 => Routing::Cidr {
                identifier,
                collection: "c-1".to_owned(),
                location: "office".to_owned(),
            },
            _ => Routing::MultiValue { identifier },
        })
    }

    fn target(&mut self, site: u64) -> Target {
        if self.below(2) == 0 {
            let values = (0..=self.below(3)).map(|n| format!("203.0.{site}.{n}")).collect();
            return Target::Values(values);
        }
        Target::Alias(Alias {
            zone: format!("Z{}", self.below(9)),
            name: format!("lb-{site}.example.com"),
            evaluate: self.below(2) == 0,
        })
    }

    fn set(&mut self, target: &Target) -> RecordSet {
        let (routing, health_check) = (self.routing(), self.maybe("h-1"));
        let set = RecordSet { routing, health_check, ..a(&[]) };
        match target {
            Target::Values(values) => {
                let ttl_s = Some(u32::try_from(self.below(3_600)).unwrap());
                RecordSet { ttl_s, values: values.iter().rev().cloned().collect(), ..set }
            }
            Target::Alias(alias) => RecordSet { ttl_s: None, alias: Some(alias.clone()), ..set },
        }
    }
}

#[test]
fn whatever_a_set_is_only_its_answer_is_exchanged() {
    for seed in 1..=2_000 {
        let mut dice = Dice(seed);
        let (home, away) = (dice.target(1), dice.target(2));
        let set = dice.set(&home);
        let mut plan = plan();
        let record = &mut plan.dns.records[0];
        (record.home, record.away) = (home.clone(), away.clone());
        record.set_identifier = set.identifier().map(str::to_owned);
        // Another set of the same name is somebody else's, and stays as it is.
        let beside = set.routing.is_some().then(|| RecordSet {
            routing: Some(Routing::Weighted { identifier: "other".to_owned(), weight: 1 }),
            ..set.clone()
        });
        let seen: Vec<RecordSet> = beside.into_iter().chain([set.clone()]).collect();
        let moved = decide(&plan, &site("west"), Term(7), "Z1", &seen);
        let Move::Batch(batch) = moved else { panic!("seed {seed}: {moved:?}") };
        let [Change::Delete(gone), Change::Create(new), Change::Create(term)] = batch.as_slice()
        else {
            panic!("seed {seed}: {batch:?}")
        };
        assert_eq!((gone, term.kind.as_str()), (&set, "TXT"), "seed {seed}");
        let answer_of = |new: &RecordSet| RecordSet {
            ttl_s: new.ttl_s,
            values: new.values.clone(),
            alias: new.alias.clone(),
            ..set.clone()
        };
        assert_eq!(new, &answer_of(new), "seed {seed}: something else was changed");
        assert!(answers(new, &away), "seed {seed}");
        // What a journal keeps of it comes back the same, and leads back to where it was.
        let kept: RecordSet = serde_json::from_str(&serde_json::to_string(new).unwrap()).unwrap();
        assert_eq!(&kept, new, "seed {seed}");
        let back = decide(&plan, &site("east"), Term(8), "Z1", &[kept, term.clone()]);
        let Move::Batch(back) = back else { panic!("seed {seed}: {back:?}") };
        let Change::Create(restored) = &back[1] else { panic!("seed {seed}") };
        assert!(answers(restored, &home), "seed {seed}");
        assert_eq!(restored.routing, set.routing, "seed {seed}");
        assert_eq!(restored.health_check, set.health_check, "seed {seed}");
        if new.alias.is_none() && set.alias.is_none() {
            assert_eq!(restored.ttl_s, set.ttl_s, "seed {seed}");
        }
        // Without its identifier the plan means another set, and leaves this one alone.
        if plan.dns.records[0].set_identifier.take().is_some() {
            let moved = decide(&plan, &site("west"), Term(7), "Z1", &seen);
            assert!(matches!(moved, Move::Drift(_)), "seed {seed}: {moved:?}");
        }
    }
}
