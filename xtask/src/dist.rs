//! `cargo xtask dist`: what people install, into `target/dist`.
//!
//! The program links against glibc 2.17 through Zig's C compiler, so that it runs on every
//! distribution of the last ten years. Around it: an archive with completions and man pages, a
//! Python wheel, an npm package, a container image, a bill of materials, and checksums. Archives
//! have fixed times and owners, so that the same source gives the same bytes.

pub(crate) mod archive;
mod image;
mod npm;
mod sbom;
mod wheel;

use crate::{
    program, tools,
    tools::environment,
    wfctl::Wfctl,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Options of `cargo xtask dist`.
#[derive(Args)]
pub(crate) struct DistArgs {
    /// Pack this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Builds with Zig as its C compiler and linker; versions that fit each other.
const ZIGBUILD: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];
/// The only platform so far.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The C library that the program needs at least. Rust itself supports nothing older.
const GLIBC: &str = "2.17";
/// The version of the workspace, which all packages have.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What all packages are made of.
pub(crate) struct Dist<'w> {
    workspace: &'w Workspace,
    wfctl: Wfctl,
    folder: PathBuf,
}

/// The finished packages.
pub(crate) struct Packages {
    pub(crate) archive: PathBuf,
    pub(crate) wheel: PathBuf,
    pub(crate) npm: PathBuf,
    pub(crate) image: PathBuf,
}

/// Builds the program where none is named, and packs it.
pub(crate) fn run(workspace: &Workspace, args: &DistArgs) -> Result<()> {
    let wfctl = match &args.program {
        Some(program) => Wfctl::at(workspace, program),
        None => Wfctl::at(workspace, &build(workspace)?),
    };
    let folder = workspace.target().join("dist");
    pack(workspace, wfctl, &folder)?;
    eprintln!("the packages are in {}", folder.display());
    Ok(())
}

/// Makes every package of a program in an empty folder.
pub(crate) fn pack(workspace: &Workspace, wfctl: Wfctl, folder: &Path) -> Result<Packages> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let dist = Dist {
        workspace,
        wfctl,
        folder: folder.to_path_buf(),
    };
    let archive = dist.archive().context("the archive")?;
    let wheel = wheel::pack(&dist).context("the Python wheel")?;
    let npm = npm::pack(&dist).context("the npm package")?;
    let image = image::pack(&dist).context("the container image")?;
    let sbom = sbom::write(&dist).context("the bill of materials")?;
    archive::checksums(folder, &[&archive, &wheel, &npm, &image, &sbom])?;
    fs::remove_dir_all(dist.staging())?;
    Ok(Packages {
        archive,
        wheel,
        npm,
        image,
    })
}

/// The program for glibc 2.17; returns its path.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let host = env::consts::ARCH;
    if host != "x86_64" {
        bail!("packages are made on x86-64 only so far; this machine is {host}");
    }
    let programs = environment::with(&ZIGBUILD)?;
    let mut cargo = std::process::Command::new(programs.join("cargo-zigbuild"));
    cargo
        .current_dir(workspace.root())
        .env("PATH", tools::path_with(&programs))
        .env("CARGO_TARGET_DIR", workspace.target())
        .env(
            "ZIG_GLOBAL_CACHE_DIR",
            cache_folder().join("tools/zig-cache"),
        )
        .args(["zigbuild", "--locked", "--release", "--package", "wfctl"])
        .args(["--target", &format!("{TARGET}.{GLIBC}")]);
    program::run(&mut cargo)?;
    Ok(workspace.target().join(TARGET).join("release/wfctl"))
}

impl Dist<'_> {
    /// A folder for the files of one package before it is packed.
    fn stage(&self, name: &str) -> Result<PathBuf> {
        let folder = self.staging().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn staging(&self) -> PathBuf {
        self.folder.join("staging")
    }

    /// Copies the program, and makes it executable.
    fn copy_program(&self, file: &Path) -> Result<()> {
        fs::create_dir_all(file.parent().context("a file has a folder")?)?;
        fs::copy(self.wfctl.path(), file)
            .with_context(|| self.wfctl.path().display().to_string())?;
        archive::make_executable(file)
    }

    /// The program with its licence, completions and man pages.
    fn archive(&self) -> Result<PathBuf> {
        let name = format!("weft-{VERSION}-{TARGET}");
        let folder = self.stage("archive")?.join(&name);
        self.copy_program(&folder.join("bin/wfctl"))?;
        fs::copy(
            self.workspace.root().join("LICENSE"),
            folder.join("LICENSE"),
        )?;
        let completions = folder.join("completions");
        fs::create_dir_all(&completions)?;
        for (shell, file) in [
            ("bash", "wfctl.bash"),
            ("zsh", "_wfctl"),
            ("fish", "wfctl.fish"),
        ] {
            let script = program::read(&mut self.wfctl.command(["completions", shell]))?;
            fs::write(completions.join(file), script)?;
        }
        let pages = folder.join("share/man/man1");
        fs::create_dir_all(&pages)?;
        program::run(
            &mut self
                .wfctl
                .command(["man-pages".as_ref(), pages.as_os_str()]),
        )?;
        let file = self.folder.join(format!("{name}.tar.gz"));
        archive::tar_gz(&self.stage("archive")?, &name, &file)?;
        Ok(file)
    }
}
