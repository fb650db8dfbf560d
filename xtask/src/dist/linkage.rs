//! Requirements of a program on its machine: its C library, by the versions of the symbols that it
//! links to, and other libraries.

use super::platform::Platform;
use crate::program;
use anyhow::{Context as _, Result, ensure};
use std::{fmt, path::Path, process::Command};

/// The version of the C library that every package is made for. Rust itself supports nothing older.
pub(crate) const OLDEST_GLIBC: Version = Version(2, 17);
/// Libraries that every distribution with glibc has.
const EVERYWHERE: [&str; 7] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// A version of glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

/// The dynamic section of a program or a library, as `readelf` prints it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Linkage {
    machine: String,
    /// The newest version of a symbol of glibc's.
    glibc: Option<Version>,
    /// The libraries that it names.
    pub(crate) libraries: Vec<String>,
}

impl Linkage {
    /// Reads it from a file.
    pub(crate) fn of(file: &Path) -> Result<Self> {
        let mut readelf = Command::new("readelf");
        readelf
            .env("LC_ALL", "C")
            .args(["--wide", "--file-header", "--dynamic", "--version-info"])
            .arg(file);
        let printed = program::read(&mut readelf).context("readelf comes with binutils")?;
        Self::parse(&printed).with_context(|| format!("{} is no ELF file", file.display()))
    }

    fn parse(printed: &str) -> Option<Self> {
        let after = |line: &str, name: &str| Some(line.split_once(name)?.1.trim().to_owned());
        let machine = printed.lines().find_map(|line| after(line, "Machine:"))?;
        let needed = |line: &str| {
            let library = after(line, "(NEEDED)")?;
            Some(library.split_once('[')?.1.trim_end_matches(']').to_owned())
        };
        let libraries = printed.lines().filter_map(needed).collect();
        let glibc = printed
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("GLIBC_")?.parse().ok())
            .max();
        Some(Self {
            machine,
            glibc,
            libraries,
        })
    }

    /// Fails for a program that needs a newer glibc or libraries that a distribution may lack.
    pub(crate) fn check(&self, platform: Platform) -> Result<()> {
        ensure!(
            self.machine == platform.machine(),
            "it is machine code for {}, not {}",
            self.machine,
            platform.machine()
        );
        if let Some(newest) = self.glibc {
            ensure!(
                newest <= OLDEST_GLIBC,
                "it needs glibc {newest}, and packages promise {OLDEST_GLIBC}"
            );
        }
        let mut others = self.libraries.iter();
        let other = others.find(|library| !EVERYWHERE.contains(&library.as_str()));
        ensure!(
            other.is_none(),
            "it needs the library {}",
            other.map_or("", |name| name)
        );
        Ok(())
    }
}

impl std::str::FromStr for Version {
    type Err = anyhow::Error;

    /// `2.17`, or `2.2.5` as the oldest symbols have it, of which the third part counts for nothing.
    fn from_str(text: &str) -> Result<Self> {
        let (major, minor) = text.split_once('.').context("a version has a dot")?;
        let minor = minor.split_once('.').map_or(minor, |(minor, _patch)| minor);
        Ok(Self(major.parse()?, minor.parse()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl fmt::Display for Linkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.glibc {
            Some(version) => write!(f, "glibc {version}")?,
            None => f.write_str("no glibc")?,
        }
        write!(f, ", {}", self.libraries.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
        ELF Header:
          Machine:                           AArch64
        Dynamic section at offset 0x11b8 contains 30 entries:
          Tag        Type                         Name/Value
         0x0000000000000001 (NEEDED)             Shared library: [libm.so.6]
         0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
        Version needs section '.gnu.version_r' contains 1 entry:
         000000: Version: 1  File: libc.so.6  Cnt: 2
         0x0010:   Name: GLIBC_2.9  Flags: none  Version: 3
         0x0020:   Name: GLIBC_2.2.5  Flags: none  Version: 2
         0x0030:   Name: GLIBC_2.17  Flags: none  Version: 4
         0x0040:   Name: GLIBC_PRIVATE  Flags: none  Version: 5
    ";

    #[test]
    fn a_program_for_an_old_distribution_is_accepted() {
        let linkage = Linkage::parse(SAID).expect("it is what readelf prints");
        assert_eq!(linkage.to_string(), "glibc 2.17, libm.so.6, libc.so.6");
        linkage.check(Platform::Aarch64).expect("it is old enough");
    }

    #[test]
    fn a_program_that_needs_more_is_refused() {
        let refused = |printed: &str, platform| {
            let linkage = Linkage::parse(printed).expect("it is what readelf prints");
            linkage.check(platform).expect_err("it fits").to_string()
        };
        assert_eq!(
            refused(&SAID.replace("GLIBC_2.17", "GLIBC_2.34"), Platform::Aarch64),
            "it needs glibc 2.34, and packages promise 2.17"
        );
        assert_eq!(
            refused(
                &SAID.replace("libm.so.6", "libgcc_s.so.1"),
                Platform::Aarch64
            ),
            "it needs the library libgcc_s.so.1"
        );
        assert!(refused(SAID, Platform::X86_64).contains("AArch64"));
        assert_eq!(Linkage::parse("readelf: Error: Not an ELF file"), None);
    }
}
