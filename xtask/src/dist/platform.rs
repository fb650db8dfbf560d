//! The platforms that packages are made for, and what each kind of package calls them.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use std::env;

/// What a program runs on, by Rust's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Platform {
    /// Linux on x86-64
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86_64,
    /// Linux on 64-bit Arm
    #[value(name = "aarch64-unknown-linux-gnu")]
    Aarch64,
}

impl Platform {
    /// The one of this machine.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let all = Self::value_variants().iter().copied();
        let mut here = all.filter(|platform| platform.is_here());
        here.next().with_context(|| {
            let (os, architecture) = (env::consts::OS, env::consts::ARCH);
            format!(
                "packages are made on Linux on x86-64 or aarch64; this is {os} on {architecture}"
            )
        })
    }

    /// Whether this machine runs its programs itself.
    pub(crate) fn is_here(self) -> bool {
        env::consts::OS == "linux" && env::consts::ARCH == self.architecture()
    }

    /// Rust's name.
    pub(crate) const fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The kernel's name of the processor, which wheels and QEMU have too.
    pub(crate) const fn architecture(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Debian's name of the processor, which container images have too.
    pub(crate) const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// npm's name of the processor.
    pub(crate) const fn npm(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Aarch64 => "arm64",
        }
    }

    /// What `readelf` calls its machine code.
    pub(crate) const fn machine(self) -> &'static str {
        match self {
            Self::X86_64 => "Advanced Micro Devices X86-64",
            Self::Aarch64 => "AArch64",
        }
    }

    /// The program that every other one names as its loader.
    pub(crate) const fn loader(self) -> &'static str {
        match self {
            Self::X86_64 => "lib64/ld-linux-x86-64.so.2",
            Self::Aarch64 => "lib/ld-linux-aarch64.so.1",
        }
    }
}
