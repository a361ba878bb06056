//! FF16: sets of every kind, made from numbers that follow from a seed, as Route 53 lists them. What is
//! deleted is, letter for letter, what was listed.

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

    fn one_of(&mut self, texts: &[&str]) -> String {
        let at = usize::try_from(self.below(u64::try_from(texts.len()).unwrap())).unwrap();
        texts[at].to_owned()
    }

    /// What follows name and type, in the order of Route 53's own schema.
    fn rest(&mut self) -> String {
        let which = self.below(9);
        let identifier = self.one_of(&["blue", "Set 2 &amp; more", "eu-west-1"]);
        let mut rest = String::new();
        if which > 0 {
            rest += &format!("<SetIdentifier>{identifier}</SetIdentifier>");
        }
        rest += &match which {
            1 => format!("<Weight>{}</Weight>", self.below(256)),
            2 => format!("<Region>{}</Region>", self.one_of(&["us-east-1", "eu-central-1"])),
            3 => format!(
                "<GeoLocation>{}</GeoLocation>",
                self.one_of(&[
                    "<ContinentCode>EU</ContinentCode>",
                    "<CountryCode>*</CountryCode>",
                    "<CountryCode>US</CountryCode><SubdivisionCode>CA</SubdivisionCode>",
                ])
            ),
            4 => format!("<Failover>{}</Failover>", self.one_of(&["PRIMARY", "SECONDARY"])),
            5 => "<MultiValueAnswer>true</MultiValueAnswer>".to_owned(),
            _ => String::new(),
        };
        rest += &if self.below(3) == 0 {
            format!(
                "<AliasTarget><HostedZoneId>Z35SXDOTRQ7X7K</HostedZoneId><DNSName>dualstack.lb\
                 </DNSName><EvaluateTargetHealth>{}</EvaluateTargetHealth></AliasTarget>",
                self.below(2) == 0
            )
        } else {
            let value = self.one_of(&["203.0.113.1", "&quot;a b; c\\052&quot; &quot;d&quot;"]);
            let record = format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>");
            let count = usize::try_from(self.below(3)).unwrap() + 1;
            let ttl = self.below(86_401);
            format!("<TTL>{ttl}</TTL><ResourceRecords>{}</ResourceRecords>", record.repeat(count))
        };
        if self.below(3) == 0 {
            rest += "<HealthCheckId>b2c4-11</HealthCheckId>";
        }
        rest += &match which {
            6 => "<CidrRoutingConfig><CollectionId>c-1</CollectionId><LocationName>office\
                  </LocationName></CidrRoutingConfig>"
                .to_owned(),
            7 | 8 => format!(
                "<GeoProximityLocation>{}</GeoProximityLocation>",
                self.one_of(&[
                    "<AWSRegion>eu-west-1</AWSRegion><Bias>-20</Bias>",
                    "<LocalZoneGroup>us-east-1-bue-1</LocalZoneGroup>",
                    "<Coordinates><Latitude>49.22</Latitude><Longitude>-74.01</Longitude>\
                 </Coordinates><Bias>5</Bias>",
                ])
            ),
            _ => String::new(),
        };
        rest
    }
}

fn shaped(name: &str, rest: &str) -> String {
    format!("<ResourceRecordSet><Name>{name}</Name><Type>A</Type>{rest}</ResourceRecordSet>")
}

#[tokio::test]
async fn what_is_deleted_is_what_was_listed() {
    let names = ["controller.example.com", "\\303\\244\\056b.example.com", "*.example.com"];
    let done = "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id>\
                <Status>PENDING</Status><SubmittedAt>2026-11-21T11:30:00Z</SubmittedAt>\
                </ChangeInfo></ChangeResourceRecordSetsResponse>";
    for seed in 1..=300 {
        let mut dice = Dice(seed);
        let (name, rest) = (dice.one_of(&names), dice.rest());
        let in_list = format!("{}.", name.replace('*', "\\052"));
        let wire = Wire::default().says(200, page(&shaped(&in_list, &rest), LAST)).says(200, done);
        let asked = [(plain(&name), "A".to_owned())];
        let live = wire.live();
        let found = live.records("Z1", &asked).await.unwrap();
        let [set] = found.as_slice() else { panic!("seed {seed}: {found:?}") };
        live.change("Z1", &[Change::Delete(set.clone())]).await.unwrap();
        let body = &wire.sent()[1].body;
        let wanted = format!("<Action>DELETE</Action>{}", shaped(&name, &rest));
        assert!(body.contains(&wanted), "seed {seed}:\n{body}\n{wanted}");
    }
}

/// A set that somebody else manages cannot be created again, so it is never deleted.
#[tokio::test]
async fn a_set_of_a_traffic_policy_is_foreign() {
    let rest =
        format!("{}<TrafficPolicyInstanceId>t-1</TrafficPolicyInstanceId>", a("203.0.113.1"));
    let wire = Wire::default().says(200, page(&shaped("x.example.com.", &rest), LAST));
    let asked = [("x.example.com".to_owned(), "A".to_owned())];
    let found = wire.live().records("Z1", &asked).await.unwrap();
    assert_eq!(found[0].shown(), "203.0.113.1 (traffic policy instance t-1)");
}
