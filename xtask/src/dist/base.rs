//! The files of the container image besides the program: a few packages of Debian's, of the
//! program's architecture. They are the C library with its loader, and the roots of TLS for those
//! connections that trust what the machine trusts. QEMU finds the same libraries there.

use super::{archive, linkage::Linkage, platform::Platform};
use crate::{
    tools::debian::{self, Package, Packages},
    workspace::cache_folder,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PACKAGES: [&str; 3] = ["ca-certificates", "libc6", UNWINDER.0];
/// The package and the library that only programs need which Zig did not link.
const UNWINDER: (&str, &str) = ("libgcc-s1", "libgcc_s.so.1");
/// Where the loader looks for libraries, but for the folder that is named after the architecture.
const FOLDERS: [&str; 2] = ["lib", "usr/lib"];
/// Where programs expect the roots of TLS.
const ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";
/// Each root of Debian's, in a file of its own.
const EACH_ROOT: &str = "usr/share/ca-certificates/mozilla";

/// The unpacked packages of one platform.
pub(crate) struct Base {
    root: PathBuf,
    platform: Platform,
}

impl Base {
    /// As it was downloaded before, or downloaded now.
    pub(crate) fn get(platform: Platform) -> Result<Self> {
        let root = root(platform);
        if root.is_dir() {
            return Ok(Self { root, platform });
        }
        Self::download(platform)
    }

    /// The newest packages, which have the newest fixes.
    pub(crate) fn download(platform: Platform) -> Result<Self> {
        let root = root(platform);
        let packages = Packages {
            architecture: Some(platform.debian()),
            names: &PACKAGES,
        };
        debian::unpack(&root, &[packages]).context("the image's C library is Debian's")?;
        Ok(Self { root, platform })
    }

    /// The folder in which a program of the platform finds its loader and libraries.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The packages of which an image with the program has files.
    pub(super) fn packages(&self, program: &Path) -> Result<Vec<Package>> {
        let mut packages = debian::unpacked(&self.root)?;
        if !self.libraries(program)?.contains(UNWINDER.1) {
            packages.retain(|package| package.name != UNWINDER.0);
        }
        Ok(packages)
    }

    /// Copies what a program needs into the root folder of an image, with the licences.
    pub(super) fn copy(&self, program: &Path, to: &Path) -> Result<()> {
        let write = |file: &str, bytes: &[u8]| -> Result<()> {
            let to = to.join(file);
            fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            Ok(fs::write(&to, bytes)?)
        };
        let copy = |file: &str, from: &Path| -> Result<()> {
            write(file, &fs::read(from)?)?;
            archive::make_executable(&to.join(file))
        };
        let loader = self.platform.loader();
        copy(
            loader,
            &self.find(loader.rsplit('/').next().unwrap_or(loader))?.1,
        )?;
        for library in self.libraries(program)? {
            let (name, from) = self.find(&library)?;
            copy(&name, &from)?;
        }
        for package in self.packages(program)? {
            let licence = format!("usr/share/doc/{}/copyright", package.name);
            let file = self.root.join(&licence);
            // The unwinder's is in a package that is named after the compiler's version.
            if file.exists() {
                write(&licence, &fs::read(&file)?)?;
            }
        }
        write(ROOTS, self.roots()?.as_bytes())
    }

    /// The libraries that the loader brings for a program, besides itself.
    fn libraries(&self, program: &Path) -> Result<BTreeSet<String>> {
        let mut open = Linkage::of(program)?.libraries;
        let mut found = BTreeSet::new();
        while let Some(library) = open.pop() {
            if self.platform.loader().ends_with(&library) || found.contains(&library) {
                continue;
            }
            open.extend(Linkage::of(&self.find(&library)?.1)?.libraries);
            found.insert(library);
        }
        Ok(found)
    }

    /// The path of a library in an image, and its file here.
    fn find(&self, library: &str) -> Result<(String, PathBuf)> {
        let own = format!("{}-linux-gnu", self.platform.architecture());
        let mut folders = FOLDERS
            .iter()
            .map(|folder| format!("{folder}/{own}/{library}"));
        let name = folders.find(|name| self.root.join(name).exists());
        let name = name.with_context(|| {
            format!(
                "the program needs {library}, which is in none of {}",
                PACKAGES.join(", ")
            )
        })?;
        let file = self.root.join(&name);
        Ok((name, file))
    }

    /// All roots in one file, as Debian's `update-ca-certificates` writes them.
    fn roots(&self) -> Result<String> {
        let mut files: Vec<_> = fs::read_dir(self.root.join(EACH_ROOT))?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        ensure!(!files.is_empty(), "{EACH_ROOT} is empty");
        let mut bundle = String::new();
        for file in files {
            bundle += fs::read_to_string(file)?.trim_end();
            bundle.push('\n');
        }
        Ok(bundle)
    }
}

fn root(platform: Platform) -> PathBuf {
    cache_folder().join(format!("debian-base-{}", platform.architecture()))
}
