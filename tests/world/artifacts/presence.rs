//! What becomes of copies that were proven: somebody deletes them or writes over them, or they rot.

use super::*;

/// Does something to a copy that is proven, and says what is found.
type Spoils = fn(&mut World, &str);

fn artifact(world: &World, at: &str, n: usize) -> String {
    let state = world.state();
    let inventory = current(&state, &format!("{}/artifacts", folder(at))).unwrap();
    artifacts_of(inventory)[n].clone()
}

fn sweep(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(verify_upload::answer(&world.run(), br#"{"action":"sweep"}"#));
    world.assert_promises("the sweep");
    outcome
}

/// P1: a copy that was proven, and that somebody has deleted or written over since, is missed by the next
/// backup, which is rejected for it, and by the sweep, which rejects the one that was proven. The backup
/// after that is whole again, and reads of the vault nothing that it takes on trust.
#[test]
fn a_copy_that_goes_away_after_it_was_proven_is_missed() {
    let table: [(Spoils, &str); 2] = [
        (|world, key| undo(&mut world.set(), key), "is not there"),
        (
            |world, key| {
                let mut state = world.set();
                let versions = state.objects.get_mut(key).unwrap();
                let crc64nvme = Some(warmspare_act::stream::crc64nvme_of(b"HART-1 gcd"));
                let (id, body) = ("other".into(), "HART-1 gcd".into());
                let other = Version { id, body, crc64nvme, ..versions[0].clone() };
                versions.push(other);
            },
            "it was written over",
        ),
    ];
    for (page, (spoil, part)) in
        [None, Some(2)].into_iter().flat_map(|page| table.map(|it| (page, it)))
    {
        let mut world = builder();
        world.set().beside.versions_page = page;
        store(&world, FIRST);
        verify(&world, FIRST).unwrap();
        assert!(has(&world, &receipt(FIRST, "verified")));
        let all = [artifact(&world, FIRST, 4), artifact(&world, FIRST, 5)];
        all.iter().for_each(|key| spoil(&mut world, key));
        store(&world, SECOND);
        assert_eq!(world.state().buckets.opened, 7);
        let said = verify(&world, SECOND).unwrap().to_string();
        assert!(
            said.contains("is rejected") && said.contains(part) && said.contains(&all[0]),
            "{said}"
        );
        assert!(said.contains("it is the first of 2 artifact(s)"), "{said}");
        sweep(&world).unwrap();
        assert!(has(&world, &receipt(FIRST, "rejected")), "{part}");
        let third = "2026-11-21T00:00:20Z";
        store(&world, third);
        assert_is_whole(&world, third);
        verify(&world, third).unwrap();
        assert!(has(&world, &receipt(third, "verified")), "{part}");
        assert_eq!(sweep(&world).unwrap().to_string().matches("rejected").count(), 0);
    }
}

/// Bytes that rot at rest are in no listing: within a month each copy is read again, and the backup that
/// rests on it counts no longer.
#[test]
fn what_rots_at_rest_is_found_within_a_month() {
    let world = builder();
    store(&world, FIRST);
    verify(&world, FIRST).unwrap();
    let rotten = artifact(&world, FIRST, 4);
    {
        let mut state = world.set();
        state.objects.get_mut(&rotten).unwrap()[0].body = "HART-1 gcd".into();
    }
    for _day in 0..30 {
        if has(&world, &receipt(FIRST, "rejected")) {
            break;
        }
        world.pass(86_400);
        sweep(&world).unwrap();
    }
    assert!(has(&world, &receipt(FIRST, "rejected")));
    let told = world.state().announcements.last().unwrap().reason.clone();
    assert!(told.contains(&rotten) && told.contains("its SHA-256 when read back"), "{told}");
    // What rots looks right until it is read, so the next backup does not go by what S3 says of it.
    let today = world.state().now.strftime("%Y-%m-%dT00:00:00Z").to_string();
    store(&world, &today);
    assert_is_whole(&world, &today);
    verify(&world, &today).unwrap();
    assert!(has(&world, &receipt(&today, "verified")));
}
