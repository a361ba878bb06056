//! One process makes the environment, and a half-made one is not believed.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use warmspare_tests::stack::Tell;
use warmspare_tests::stack::preflight::{self, Machine};
use warmspare_tests::stack::venv::Venv;

use crate::stack::Scratch;

fn listening() -> (Tell, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let tell: Tell = Arc::new(move |sentence| {
        if let Ok(mut heard) = hears.lock() {
            heard.push(sentence.to_owned());
        }
    });
    (tell, heard)
}

fn machine() -> anyhow::Result<Machine> {
    Ok(preflight::check(Path::new("/tmp"), 0)?)
}

#[tokio::test]
async fn two_who_come_at_once_make_it_once_and_a_half_made_one_is_made_again() -> anyhow::Result<()>
{
    let home = Scratch::new("venv")?;
    let list = home.path().join("requirements.txt");
    fs::write(&list, "# nothing\n")?;
    let (tell, heard) = listening();
    let machine = machine()?;

    let (one, other) = tokio::try_join!(
        Venv::ready_in(home.path(), &list, &machine, &tell),
        Venv::ready_in(home.path(), &list, &machine, &tell),
    )?;
    assert_eq!(one.python(), other.python());
    assert!(one.python().exists());
    let made = |heard: &Mutex<Vec<String>>| {
        heard.lock().unwrap().iter().filter(|line| line.starts_with("making")).count()
    };
    assert_eq!(made(&heard), 1);
    assert!(heard.lock().unwrap().iter().any(|line| line.starts_with("waiting for another")));

    // As if the process had been killed on the way: everything is there but the mark.
    let root = one.bin().parent().unwrap().to_owned();
    fs::remove_file(root.join("complete"))?;
    fs::write(root.join("half"), "")?;
    Venv::ready_in(home.path(), &list, &machine, &tell).await?;
    assert_eq!(made(&heard), 2);
    assert!(!root.join("half").exists());

    // And now it is believed.
    Venv::ready_in(home.path(), &list, &machine, &tell).await?;
    assert_eq!(made(&heard), 2);
    Ok(())
}

#[tokio::test]
async fn a_package_that_cannot_be_had_is_named() -> anyhow::Result<()> {
    let home = Scratch::new("venv")?;
    let list = home.path().join("requirements.txt");
    fs::write(&list, "./not-there.whl\n")?;
    let (tell, _) = listening();
    let failed = Venv::ready_in(home.path(), &list, &machine()?, &tell).await.unwrap_err();
    let said = format!("{failed:#}");
    assert!(
        said.contains("installing tests/requirements.txt") && said.contains("not-there"),
        "{said}"
    );
    Ok(())
}
