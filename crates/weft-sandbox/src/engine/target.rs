//! Targets of compiled code: the machines that it runs on.
//!
//! Engines name their target instead of taking whatever this processor has, so
//! that code made on one machine is the code of all machines of its target, and
//! can be made on any other. The levels of x86-64 are those of its psABI
//! (<https://gitlab.com/x86-psABIs/x86-64-ABI>); what newer processors have on
//! top of level 3 Cranelift hardly uses.

use std::fmt;
use wasmtime::Config;

/// What code is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// Machines of a known target.
    Known(&'static Known),
    /// This machine alone, with whatever its processor has.
    Native,
}

/// A target with a name of its own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    name: &'static str,
    triple: &'static str,
    /// Cranelift's names of what the processor has beyond the architecture's baseline.
    features: &'static [&'static [&'static str]],
}

impl Known {
    fn features(&self) -> impl Iterator<Item = &'static str> {
        self.features.iter().copied().flatten().copied()
    }
}

const LEVEL_2: &[&str] = &[
    "has_cmpxchg16b",
    "has_popcnt",
    "has_sse3",
    "has_ssse3",
    "has_sse41",
    "has_sse42",
];
/// What level 3 has beyond level 2.
const LEVEL_3: &[&str] = &[
    "has_avx",
    "has_avx2",
    "has_bmi1",
    "has_bmi2",
    "has_fma",
    "has_lzcnt",
];

/// Of each triple the one that asks for most comes first.
static KNOWN: [Known; 6] = [
    Known {
        name: "x86_64-unknown-linux-gnu-v3",
        triple: "x86_64-unknown-linux-gnu",
        features: &[LEVEL_2, LEVEL_3],
    },
    Known {
        name: "x86_64-unknown-linux-gnu-v2",
        triple: "x86_64-unknown-linux-gnu",
        features: &[LEVEL_2],
    },
    Known {
        name: "x86_64-unknown-linux-musl-v3",
        triple: "x86_64-unknown-linux-musl",
        features: &[LEVEL_2, LEVEL_3],
    },
    Known {
        name: "x86_64-unknown-linux-musl-v2",
        triple: "x86_64-unknown-linux-musl",
        features: &[LEVEL_2],
    },
    Known {
        name: "aarch64-unknown-linux-gnu",
        triple: "aarch64-unknown-linux-gnu",
        features: &[],
    },
    Known {
        name: "aarch64-unknown-linux-musl",
        triple: "aarch64-unknown-linux-musl",
        features: &[],
    },
];

/// The name of [`Target::Native`].
const NATIVE: &str = "native";

impl Target {
    /// The one of this machine.
    pub(crate) fn of_this_machine() -> Self {
        let libc = if cfg!(target_env = "musl") {
            "musl"
        } else {
            "gnu"
        };
        let triple = format!(
            "{}-unknown-{}-{libc}",
            std::env::consts::ARCH,
            std::env::consts::OS
        );
        KNOWN
            .iter()
            .filter(|known| known.triple == triple)
            .find(|known| known.features().all(is_here))
            .map_or(Self::Native, Self::Known)
    }

    /// Every target that code can be made for on any machine.
    #[cfg(test)]
    pub(crate) fn known() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(Self::Known)
    }

    /// A stable name, for arguments and for names of code.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Known(known) => known.name,
            Self::Native => NATIVE,
        }
    }

    /// The target of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == NATIVE {
            return Some(Self::Native);
        }
        KNOWN
            .iter()
            .find(|known| known.name == name)
            .map(Self::Known)
    }

    /// Whether its code runs on other machines too.
    pub(crate) const fn is_known(self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// Has the compiler work for it.
    #[expect(
        unsafe_code,
        reason = "settings of the compiler can break what it promises; those set here only say what the processor has, which wasmtime holds against this machine's before it loads code"
    )]
    pub(super) fn configure(self, config: &mut Config) -> wasmtime::Result<()> {
        let Self::Known(known) = self else {
            return Ok(());
        };
        config.target(known.triple)?;
        for feature in known.features() {
            // SAFETY: each names a feature of processors and nothing else; see above.
            unsafe { config.cranelift_flag_enable(feature) };
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether this machine's processor has it; by Cranelift's name.
#[cfg(target_arch = "x86_64")]
fn is_here(feature: &str) -> bool {
    use std::arch::is_x86_feature_detected as has;
    match feature {
        "has_cmpxchg16b" => has!("cmpxchg16b"),
        "has_popcnt" => has!("popcnt"),
        "has_sse3" => has!("sse3"),
        "has_ssse3" => has!("ssse3"),
        "has_sse41" => has!("sse4.1"),
        "has_sse42" => has!("sse4.2"),
        "has_avx" => has!("avx"),
        "has_avx2" => has!("avx2"),
        "has_bmi1" => has!("bmi1"),
        "has_bmi2" => has!("bmi2"),
        "has_fma" => has!("fma"),
        "has_lzcnt" => has!("lzcnt"),
        _unknown => false,
    }
}

/// Whether this machine's processor has it: no target of another architecture asks for anything.
#[cfg(not(target_arch = "x86_64"))]
fn is_here(_feature: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_reads_back_from_its_name() {
        for target in Target::known().chain([Target::Native]) {
            assert_eq!(Target::from_name(target.name()), Some(target));
        }
        assert_eq!(Target::from_name("x86_64"), None);
    }
}
