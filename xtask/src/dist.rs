//! `cargo xtask dist`: what people install, into `target/dist`.
//!
//! The program links against glibc 2.17 through Zig's C compiler, so that it runs on every
//! distribution of the last ten years, on x86-64 and, cross-compiled, on aarch64. Around it: an
//! archive with completions and man pages, a Python wheel, an npm package, a container image, a
//! bill of materials, and checksums. Archives have fixed times and owners, so that the same
//! source gives the same bytes.

pub(crate) mod archive;
mod base;
mod build;
mod image;
mod linkage;
mod npm;
mod platform;
mod sbom;
mod wheel;

pub(crate) use base::Base;
pub(crate) use build::build;
pub(crate) use platform::Platform;

use crate::{
    program,
    steps::timed,
    tools::emulator::Emulator,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Options of `cargo xtask dist`.
#[derive(Args)]
pub(crate) struct DistArgs {
    /// What the packages run on (default: what this machine is)
    #[arg(long, value_name = "TRIPLE")]
    target: Option<Platform>,
    /// Pack this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The version of the workspace, which all packages have.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What all packages are made of.
pub(crate) struct Dist<'w> {
    workspace: &'w Workspace,
    platform: Platform,
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
    let platform = args.target.map_or_else(Platform::of_this_machine, Ok)?;
    let program = timed("the program", || match &args.program {
        Some(program) => {
            build::check(program, platform)?;
            Ok(program.clone())
        }
        None => build(workspace, platform, Profile::Release),
    })?;
    let base = timed("the C library of the image", || Base::download(platform))?;
    let wfctl = runnable(Wfctl::at(workspace, &program), platform, &base)?;
    let folder = workspace.target().join("dist").join(platform.triple());
    pack(workspace, platform, wfctl, &base, &folder)?;
    eprintln!("\nthe packages are in {}", folder.display());
    sizes(&folder)
}

/// The program, run by QEMU where this machine can't run it.
pub(crate) fn runnable(wfctl: Wfctl, platform: Platform, base: &Base) -> Result<Wfctl> {
    if platform.is_here() {
        return Ok(wfctl);
    }
    let emulator = Emulator::get(platform.architecture(), base.root())?;
    Ok(wfctl.emulated(emulator))
}

/// Makes every package of a program in an empty folder.
pub(crate) fn pack(
    workspace: &Workspace,
    platform: Platform,
    wfctl: Wfctl,
    base: &Base,
    folder: &Path,
) -> Result<Packages> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let dist = Dist {
        workspace,
        platform,
        wfctl,
        folder: folder.to_path_buf(),
    };
    let archive = timed("the archive", || dist.archive())?;
    let wheel = timed("the Python wheel", || wheel::pack(&dist))?;
    let npm = timed("the npm package", || npm::pack(&dist))?;
    let image = timed("the container image", || image::pack(&dist, base))?;
    let sbom = timed("the bill of materials", || sbom::write(&dist, base))?;
    archive::checksums(folder, &[&archive, &wheel, &npm, &image, &sbom])?;
    fs::remove_dir_all(dist.staging())?;
    Ok(Packages {
        archive,
        wheel,
        npm,
        image,
    })
}

/// Prints the files of a folder with their sizes.
fn sizes(folder: &Path) -> Result<()> {
    const BYTES_PER_TENTH: u64 = 100_000;
    let mut files = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let tenths = file.metadata()?.len().div_ceil(BYTES_PER_TENTH);
        let (whole, tenth) = (tenths / 10, tenths % 10);
        eprintln!("{whole:>6}.{tenth} MB  {}", file.file_name().display());
    }
    Ok(())
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

    /// Copies Weft's native Python packages to where the program beside `share` looks for them.
    fn copy_native(&self, share: &Path) -> Result<()> {
        let wheels = self.workspace.root().join("sdk/python/native/wheels");
        archive::copy_tree(&wheels, &share.join("weft/python"), &|_| true)
    }

    /// The program with its licence, completions and man pages.
    fn archive(&self) -> Result<PathBuf> {
        let name = format!("weft-{VERSION}-{}", self.platform.triple());
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
        self.copy_native(&folder.join("share"))?;
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
