//! Packages of Debian's, unpacked into Weft's cache folder and installed nowhere: for this
//! machine's architecture, and for others without the system learning of them.

use crate::{program, workspace::cache_folder};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// Names the packages in a folder that [`unpack`] made.
const LIST: &str = "packages.txt";

/// Packages of one architecture.
pub(crate) struct Packages<'p> {
    /// Debian's name of it; none is this machine's.
    pub(crate) architecture: Option<&'p str>,
    pub(crate) names: &'p [&'p str],
}

/// A package as it was downloaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
}

/// Downloads packages and unpacks them into a temporary folder, which then replaces the target:
/// either everything is there, or nothing.
pub(crate) fn unpack(root: &Path, wanted: &[Packages<'_>]) -> Result<()> {
    let partial = root.with_extension(format!("partial-{}", process::id()));
    let (archives, unpacked) = (partial.join("packages"), partial.join("root"));
    fs::create_dir_all(&archives)?;
    fs::create_dir_all(&unpacked)?;
    for packages in wanted {
        download(&archives, packages)?;
    }
    let mut list = String::new();
    for archive in fs::read_dir(&archives)? {
        let archive = archive?.path();
        program::run(Command::new("dpkg").arg("-x").arg(&archive).arg(&unpacked))?;
        list += &program::read(
            Command::new("dpkg-deb")
                .args([
                    "--show",
                    "--showformat=${Package} ${Version} ${Architecture}\\n",
                ])
                .arg(&archive),
        )?;
    }
    fs::write(unpacked.join(LIST), list)?;
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    fs::rename(&unpacked, root)
        .with_context(|| format!("{} can't be renamed to its final name", root.display()))?;
    Ok(fs::remove_dir_all(&partial)?)
}

/// What [`unpack`] put into a folder, by name.
pub(crate) fn unpacked(root: &Path) -> Result<Vec<Package>> {
    let list = fs::read_to_string(root.join(LIST))?;
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    let package = |line: &str| {
        let mut words = line.split(' ').map(ToOwned::to_owned);
        Some(Package {
            name: words.next()?,
            version: words.next()?,
            architecture: words.next()?,
        })
    };
    let packages = lines.into_iter().map(package).collect::<Option<_>>();
    packages.with_context(|| format!("{LIST} in {} is damaged", root.display()))
}

fn download(into: &Path, packages: &Packages<'_>) -> Result<()> {
    let options = match packages.architecture {
        Some(architecture) if architecture != here()? => foreign(architecture)?,
        _ => Vec::new(),
    };
    let apt = |action: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.current_dir(into).args(&options).args(action).arg("-q");
        apt
    };
    let fetch = || program::run(apt(&["download"]).args(packages.names));
    if fetch().is_err() {
        // A new machine may not have read the lists of packages yet, and old lists name packages
        // that are gone.
        program::run(&mut apt(&["update"]))?;
        fetch()?;
    }
    Ok(())
}

/// This machine's architecture.
fn here() -> Result<String> {
    let architecture = program::read(Command::new("dpkg").arg("--print-architecture"));
    Ok(architecture
        .context("packages of Debian's are needed")?
        .trim()
        .to_owned())
}

/// Has apt read the machine's sources for another architecture, with lists of its own.
fn foreign(architecture: &str) -> Result<Vec<String>> {
    let folder = cache_folder()
        .join("tools")
        .join(format!("apt-{architecture}"));
    let (lists, cache, status) = (
        folder.join("lists"),
        folder.join("cache"),
        folder.join("status"),
    );
    for needed in [lists.join("partial"), cache.join("archives/partial")] {
        fs::create_dir_all(needed)?;
    }
    // Nothing is installed of it.
    fs::write(&status, "")?;
    let set = |name: &str, value: PathBuf| format!("--option={name}={}", value.display());
    Ok(vec![
        format!("--option=APT::Architecture={architecture}"),
        format!("--option=APT::Architectures::={architecture}"),
        "--option=Acquire::Languages=none".to_owned(),
        set("Dir::State::Lists", lists),
        set("Dir::State::Status", status),
        set("Dir::Cache", cache),
    ])
}
