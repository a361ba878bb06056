use super::*;

/// What `pg_restore` of PostgreSQL 16 has written of a builder's table.
const TEXT: &str = "--
-- PostgreSQL database dump
--

\\restrict gYOQH0goMgrOcBcbI9y74g1NmfUSJSRgFRqbX8He4nrnUMUzZIu3jxTbyzlMJQj

SELECT pg_catalog.set_config('search_path', '', false);

--
-- Data for Name: origin_packages; Type: TABLE DATA; Schema: public; Owner: hab
--

COPY public.origin_packages (id, owner_id, name, ident, manifest, target, origin) FROM stdin;
1\t\\N\tacl\tcore/acl/2.2.53/20200305230628\tline\\nline\\ttab\\\\back\\n\\\\.\\n\tx86_64-linux\tcore
2\t\\N\tbash\tcore/bash/5.1/20210826050014\t\tx86_64-windows\tcore
3\t\\N\tgcc\tcore/gcc/9.1.0/20200305225533\t\\N\tx86_64-linux-kernel2\tcore
\\.


--
-- PostgreSQL database dump complete
--
";

fn rows_of(text: &str, step: usize) -> (Vec<Row>, Result<(), String>) {
    let (mut read, mut rows) = (CopyText::default(), Vec::new());
    for piece in text.as_bytes().chunks(step) {
        read.read(piece, |row| rows.push(row.clone()));
    }
    (rows, read.end())
}

fn row(ident: &str, target: &str) -> Row {
    Row { ident: Field::Text(ident.into()), target: Field::Text(target.into()) }
}

fn key(ident: &str, target: &str) -> String {
    Package::of(&row(ident, target)).unwrap().key()
}

/// In whatever pieces it comes: the columns are where the text says that they are.
#[test]
fn rows_are_read_from_what_pg_restore_writes() {
    let wanted = [
        row("core/acl/2.2.53/20200305230628", "x86_64-linux"),
        row("core/bash/5.1/20210826050014", "x86_64-windows"),
        row("core/gcc/9.1.0/20200305225533", "x86_64-linux-kernel2"),
    ];
    for step in [1, 2, 3, 7, 64, 1 << 20] {
        let (rows, end) = rows_of(TEXT, step);
        assert_eq!((rows.as_slice(), end), (wanted.as_slice(), Ok(())), "{step}");
    }
    let none = "COPY public.origin_packages (target, ident) FROM stdin;\n\\.\n";
    assert_eq!(rows_of(none, 5), (Vec::new(), Ok(())));
}

#[test]
fn a_text_that_is_not_whole_says_why() {
    let cut = |text: &str| rows_of(text, 16).1.unwrap_err();
    assert_eq!(
        cut("-- PostgreSQL database dump complete\n"),
        "the dump has no table public.origin_packages"
    );
    let other = TEXT.replace("COPY public.", "COPY other.");
    assert_eq!(cut(&other), "the dump has no table public.origin_packages");
    assert_eq!(
        cut(&TEXT.replace("\n\\.\n", "\n")),
        "a row of public.origin_packages has 1 columns, and 7 were named"
    );
    let (first, _) = TEXT.split_once("20210826").unwrap();
    assert_eq!(cut(first), "the rows of public.origin_packages break off");
    let renamed = TEXT.replace("ident, manifest", "identity, manifest");
    assert_eq!(cut(&renamed), "public.origin_packages has no columns ident and target");
    // A row that says the end is a row: `\.` alone is the end.
    assert_eq!(
        cut(&TEXT.replace("\\.\n\n", "\\.\tx\n\n")),
        "a row of public.origin_packages has 2 columns, and 7 were named"
    );
}

/// A manifest of many megabytes costs nothing; an ident of many bytes is none.
#[test]
fn no_column_is_kept_that_is_longer_than_a_key() {
    let long = "x".repeat(1 << 20);
    let text = TEXT.replace("line\\nline", &long).replace("core/bash", &long);
    let mut read = CopyText::default();
    let mut rows = Vec::new();
    read.read(text.as_bytes(), |row| rows.push(row.clone()));
    assert_eq!(rows[0], row("core/acl/2.2.53/20200305230628", "x86_64-linux"));
    assert_eq!(rows[1].ident, Field::Odd);
    assert_eq!(read.end(), Ok(()));
}

/// The key of the builder's own test, and a target with three parts.
#[test]
fn an_artifact_is_named_as_the_builder_names_it() {
    assert_eq!(
        key("bend-sinister/the-other-way/1.0.0/20180701122201", "x86_64-linux"),
        "bend-sinister/the-other-way/1.0.0/20180701122201/x86_64/linux/\
         bend-sinister-the-other-way-1.0.0-20180701122201-x86_64-linux.hart"
    );
    assert_eq!(
        key("core/gcc/9.1.0/20200305225533", "x86_64-linux-kernel2"),
        "core/gcc/9.1.0/20200305225533/x86_64/linux/kernel2/\
         core-gcc-9.1.0-20200305225533-x86_64-linux-kernel2.hart"
    );
    for (ident, target) in [
        ("core/acl/2.2.53", "x86_64-linux"),
        ("core/acl/2.2.53/1/2", "x86_64-linux"),
        ("core//2.2.53/1", "x86_64-linux"),
        ("", "x86_64-linux"),
        ("core/acl/2.2.53/1", "linux"),
        ("core/acl/2.2.53/1", "x86_64-linux-kernel2-musl"),
        ("core/acl/2.2.53/1", "x86_64-Linux"),
        ("core/acl/2.2.53/1", ""),
    ] {
        assert_eq!(Package::of(&row(ident, target)), None, "{ident} {target}");
    }
    let null = Row { ident: Field::Null, ..row("", "x86_64-linux") };
    assert_eq!(Package::of(&null), None);
}

/// What is pasted into a shell is what it seems to be.
#[test]
fn only_a_plain_name_stands_in_a_command() {
    let hart = |ident: &str| Package::of(&row(ident, "x86_64-linux")).unwrap().hart();
    assert_eq!(
        hart("core/libstdc++/9.1~rc1/2").unwrap(),
        "core-libstdc++-9.1~rc1-2-x86_64-linux.hart"
    );
    for ident in [
        "core/$(reboot)/1/2",
        "core/a b/1/2",
        "core/a;b/1/2",
        "core/a`b`/1/2",
        "core/a'b/1/2",
        "core/a\"b/1/2",
        "core/a>b/1/2",
        "core/a*/1/2",
        "core/a\u{202e}b/1/2",
        "core/é/1/2",
        "-core/a/1/2",
        "~core/a/1/2",
        "#core/a/1/2",
    ] {
        assert_eq!(hart(ident), None, "{ident}");
        let said = Package::of(&row(ident, "x86_64-linux")).unwrap().to_string();
        assert!(
            !said.contains(['$', '\'', '"', ';', '`', '\u{202e}', ' ']) || said.contains(" for "),
            "{said}"
        );
        assert!(!said.replace(" for ", "").contains(|c: char| !c.is_ascii_graphic()), "{said}");
    }
    assert_eq!(hart(&format!("core/{}/1/2", "a".repeat(240))), None);
}

const URL: &str = "https://builder.example.com";

fn compare(rows: &[Row], keys: &[String], prefix: &str) -> (Found, String) {
    let mut artifacts = Artifacts::of(u64::try_from(keys.len()).unwrap()).unwrap();
    keys.iter().for_each(|key| artifacts.add(key));
    let mut comparison = Comparison::new(artifacts, prefix, URL);
    rows.iter().for_each(|row| comparison.row(row));
    comparison.end()
}

fn skew(found: Found) -> Skew {
    let name = |name: &str| SourceName::parse(name).unwrap();
    Skew {
        format: FORMAT,
        system: SystemName::parse("builder").unwrap(),
        slot: Slot::parse("2026-11-21T00-00-00Z").unwrap(),
        source: name("metadata"),
        artifacts: Some(name("artifacts")),
        at: "2026-11-21T00:05:00Z".parse().unwrap(),
        found,
    }
}

fn sentence(found: Found) -> String {
    skew(found).sentence("receipts/b/s/skew-metadata.sh")
}

const ACL: (&str, &str) = ("core/acl/2.2.53/20200305230628", "x86_64-linux");
const BASH: (&str, &str) = ("core/bash/5.1/20210826050014", "x86_64-windows");
const GCC: (&str, &str) = ("core/gcc/9.1.0/20200305225533", "x86_64-linux-kernel2");

fn all() -> Vec<Row> {
    [ACL, BASH, GCC].map(|(ident, target)| row(ident, target)).to_vec()
}

fn keys() -> Vec<String> {
    [ACL, BASH, GCC].map(|(ident, target)| key(ident, target)).to_vec()
}

/// C6: database and artifacts of one backup agree.
#[test]
fn rows_that_have_their_artifacts_are_no_skew() {
    let (found, lines) = compare(&all(), &keys(), "");
    assert!(!found.is_told());
    assert_eq!(lines, "");
    assert_eq!(sentence(found), "each of 3 row(s) of metadata has its artifact in artifacts");
}

/// C7: a row without an artifact, and the command that repairs it; an artifact without a row does no harm.
#[test]
fn a_row_without_an_artifact_has_its_command() {
    let mut keys = keys();
    keys.remove(1);
    keys.push(key("core/new/1/2", "x86_64-linux"));
    keys.push("core/README".into());
    let (found, lines) = compare(&all(), &keys, "");
    assert!(found.is_told());
    assert_eq!(
        lines,
        "hab pkg upload core-bash-5.1-20210826050014-x86_64-windows.hart -u \
         https://builder.example.com --force\n"
    );
    assert_eq!(
        sentence(found),
        "1 of 3 row(s) of metadata have no artifact in artifacts, the first is \
         core/bash/5.1/20210826050014 for x86_64-windows, and receipts/b/s/skew-metadata.sh has the \
         command(s) that upload 1 of them; 1 artifact(s) have no row, which does no harm"
    );
    // The same package for another system is another artifact.
    let (found, lines) = compare(&[row(BASH.0, "x86_64-linux")], &self::keys(), "");
    assert!(found.is_told() && lines.contains("20210826050014-x86_64-linux.hart"), "{lines}");
}

#[test]
fn what_cannot_be_a_package_is_counted_and_told() {
    let odd = Row { ident: Field::Null, target: Field::Odd };
    let (found, lines) =
        compare(&[all(), vec![odd, row("core/a b/1/2", "x86_64-linux")]].concat(), &keys(), "");
    assert!(found.is_told() && lines.is_empty());
    assert_eq!(
        sentence(found),
        "1 of 5 row(s) of metadata have no artifact in artifacts, the first is core/a?b/1/2 for \
         x86_64-linux; 1 are in no list, as it is full or as their idents could not stand in a command; \
         1 row(s) have no ident or target that an artifact could be named by"
    );
}

/// A backup of one origin says nothing of the others, and one that has none of the rows nothing at all.
#[test]
fn rows_outside_of_the_prefix_are_not_compared() {
    let mine = ("acme/app/1.0/20210101000000", "x86_64-linux");
    let rows = [all(), vec![row(mine.0, mine.1)]].concat();
    let (found, _) = compare(&rows, &[key(mine.0, mine.1)], "acme/");
    assert!(!found.is_told());
    assert_eq!(
        sentence(found),
        "each of 1 row(s) of metadata has its artifact in artifacts; 3 row(s) are about what is outside \
         of the bucket's prefix"
    );
    let (found, _) = compare(&all(), &keys(), "depot/");
    assert!(found.is_told());
    assert_eq!(
        sentence(found),
        "whether each row of metadata has its artifact is not known, as no row of 3 is about a key that \
         starts with the prefix depot/ of the bucket"
    );
}

/// Memory is bounded: more artifacts are not compared, and more commands not kept, which is said.
#[test]
fn what_is_too_much_is_said_and_never_fine() {
    assert_eq!(
        Artifacts::of(ARTIFACTS_MAX + 1).unwrap_err(),
        "the inventory lists 4194305 objects, and 4194304 are the most that are compared"
    );
    let many: Vec<Row> = (0..10_000)
        .map(|n| row(&format!("core/p{n}/1.0/20210101000000"), "x86_64-linux"))
        .collect();
    let (found, lines) = compare(&many, &keys(), "");
    assert!(lines.len() <= LINES_BYTES_MAX && lines.len() > LINES_BYTES_MAX - 200);
    assert!(lines.ends_with(" --force\n"));
    let Found::Compared(counts) = &found else { panic!("{found:?}") };
    let listed = u64::try_from(lines.lines().count()).unwrap();
    assert_eq!((counts.missing, counts.listed), (10_000, listed));
    let unlisted = 10_000 - listed;
    assert!(sentence(found).contains(&format!("; {unlisted} are in no list")));
}

#[test]
fn how_far_comparisons_are_is_in_the_names_of_receipts() {
    let names = [
        "verified.json",
        "artifacts-depot.000000.json",
        "skew-depot.000000.json",
        "skew-depot.000001.json",
        "skew-depot-old.000000.json",
        "skew-depot-old.json",
        "skew-depot-old.sh",
        "skew-.json",
    ];
    let all = progress(names.into_iter());
    let of = |name: &str| all[&SourceName::parse(name).unwrap()];
    assert_eq!(all.len(), 2);
    assert_eq!(of("depot"), Progress { attempts: 2, is_over: false });
    assert_eq!(of("depot-old"), Progress { attempts: 1, is_over: true });
}
