//! The format of `pylock.toml` (PEP 751): the packages of a project, at exact versions and with the
//! digests of their wheels.
//!
//! It is read in the general form, as every tool writes it, and written in the form that Weft needs:
//! one wheel for each package. Variants with a name, `pylock.NAME.toml`, are not read.

use super::native;
use serde::{Deserialize, de::IgnoredAny};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use toml::Spanned;
use weft_api::problem::{Code, Location, Problem};

/// The file, beside that of the requirements.
pub(super) const FILE: &str = "pylock.toml";
/// The Pythons that a lock file of Weft is for: those whose wheels the sandbox's Python loads.
pub(super) const REQUIRES_PYTHON: &str = "==3.14.*";
/// Where such a lock file may be used.
const ENVIRONMENT: &str =
    "implementation_name == 'cpython' and platform_machine == 'wasm32' and sys_platform == 'wasi'";
/// What makes a new one.
pub(super) const LOCK_AGAIN: &str = "run `wfctl build --lock`";
/// The largest lock file that is read.
const MAX_BYTES: u64 = 16 << 20;
/// Algorithms that pip checks, the preferred one first.
const ALGORITHMS: [(&str, usize); 3] = [("sha256", 64), ("sha512", 128), ("sha384", 96)];

/// A lock file that was read.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    text: Arc<str>,
    document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: Spanned<String>,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    environments: Vec<String>,
    requires_python: Option<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<LockedPackage>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    weft: Option<Weft>,
}

#[derive(Debug, Deserialize)]
struct Weft {
    /// The digest of the requirements that were resolved.
    requirements: Spanned<String>,
}

/// One package.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct LockedPackage {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) version: String,
    pub(super) marker: Option<String>,
    pub(super) requires_python: Option<String>,
    /// The package index that it is from.
    pub(super) index: Option<String>,
    #[serde(default)]
    pub(super) wheels: Vec<Wheel>,
    /// A wheel or a source distribution that a requirement names by its address or path.
    archive: Option<Wheel>,
    /// A folder of the machine that resolved.
    pub(super) directory: Option<Directory>,
    /// A repository.
    pub(super) vcs: Option<IgnoredAny>,
}

/// A folder with sources.
#[derive(Debug, Deserialize)]
pub(super) struct Directory {
    pub(super) path: String,
}

/// One wheel of a package.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Wheel {
    /// The file's name, where the path or the address has another one.
    name: Option<String>,
    pub(super) url: Option<String>,
    /// From the folder of the lock file on.
    pub(super) path: Option<String>,
    hashes: Spanned<BTreeMap<String, String>>,
}

/// What Weft writes of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As the package index compares it.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) index: Option<String>,
    /// The wheel's file name.
    pub(super) file: String,
    pub(super) url: Option<String>,
    /// Where the wheel is, from the folder of the lock file on. For a wheel that is in no
    /// folder of the project this is the file's name alone, since the standard requires one of
    /// address and path.
    pub(super) path: Option<String>,
    pub(super) sha256: String,
}

impl LockFile {
    /// The lock file in a folder, if there is one.
    pub(super) fn in_folder(folder: &Path) -> Result<Option<Self>, Problem> {
        let path = folder.join(FILE);
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::io("read", &path, &error)),
        };
        if size > MAX_BYTES {
            return Err(Problem::new(
                Code::InvalidDocument,
                format!("{} is larger than {} MiB", path.display(), MAX_BYTES >> 20),
            )
            .help(LOCK_AGAIN));
        }
        let text = fs::read_to_string(&path).map_err(|error| Problem::io("read", &path, &error))?;
        Self::parse(path, text.into()).map(Some)
    }

    fn parse(path: PathBuf, text: Arc<str>) -> Result<Self, Problem> {
        let document: Document = toml::from_str(&text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            damaged(&path, &text, span, error.message())
        })?;
        let lock = Self {
            path,
            text,
            document,
        };
        let version = &lock.document.lock_version;
        if version.get_ref() != "1.0" && !version.get_ref().starts_with("1.") {
            let reason = format!("the lock-version is {}, and not 1", version.get_ref());
            return Err(lock.problem(version.span(), &reason));
        }
        lock.packages()
            .iter()
            .try_for_each(|package| lock.check_package(package))?;
        if lock.weft().is_some() {
            lock.check_entries()?;
        }
        Ok(lock)
    }

    /// Refuses what can't be a package. pip reads names, versions and addresses in lines, and replaces `${NAME}` in them.
    fn check_package(&self, package: &LockedPackage) -> Result<(), Problem> {
        let name = package.name.get_ref();
        let refuse = |span: Range<usize>, reason: String| Err(self.problem(span, &reason));
        let is_plain = |text: &str, further: &str| {
            let mut letters = text.chars();
            !text.starts_with('-')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || further.contains(letter))
        };
        if name.is_empty() || !is_plain(name, "-_.") {
            return refuse(package.name.span(), format!("{name:?} is not a name"));
        }
        if !is_plain(&package.version, "-_.+!") {
            let reason = format!("{name} has a version that is none: {:?}", package.version);
            return refuse(package.name.span(), reason);
        }
        for wheel in package.wheels.iter().chain(&package.archive) {
            let is_address = |url: &String| {
                !url.contains("${") && !url.contains(|c: char| c.is_whitespace() || c.is_control())
            };
            let reason = if wheel.hash().is_none() {
                format!("a wheel of {name} has no sha256 of 64 digits")
            } else if wheel.file().is_empty() {
                format!("a wheel of {name} has neither name nor path nor url")
            } else if !wheel.url.as_ref().is_none_or(is_address) {
                format!("a wheel of {name} has a url that is none")
            } else {
                continue;
            };
            return refuse(wheel.hashes.span(), reason);
        }
        Ok(())
    }

    /// Refuses what Weft never writes: packages without a version or with another number of wheels than one.
    fn check_entries(&self) -> Result<(), Problem> {
        let mut before: Option<String> = None;
        for package in self.packages() {
            let name = package.name.get_ref();
            let reason = if package.version.is_empty() {
                format!("{name} has no version")
            } else if package.wheels.len() != 1 {
                format!("{name} has {} wheels, and not one", package.wheels.len())
            } else if before.as_ref().is_some_and(|before| before >= name) {
                "the packages are not sorted by name".to_owned()
            } else {
                before = Some(name.clone());
                continue;
            };
            return Err(self.problem(package.name.span(), &reason));
        }
        Ok(())
    }

    /// A problem with the part at `span`.
    pub(super) fn problem(&self, span: Range<usize>, reason: &str) -> Problem {
        damaged(&self.path, &self.text, span, reason)
    }

    /// Where a part is.
    pub(super) fn location(&self, span: Range<usize>, label: &str) -> Location {
        location(&self.path, &self.text, span, label)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn packages(&self) -> &[LockedPackage] {
        &self.document.packages
    }

    /// The tool that wrote it.
    pub(super) fn author(&self) -> &str {
        match self.document.created_by.as_str() {
            "" => "another tool",
            name => name,
        }
    }

    /// The digest of the requirements that were resolved, if Weft wrote the file.
    pub(super) fn weft(&self) -> Option<&Spanned<String>> {
        self.document
            .tool
            .weft
            .as_ref()
            .map(|weft| &weft.requirements)
    }

    pub(super) fn requires_python(&self) -> Option<&str> {
        self.document.requires_python.as_deref()
    }

    pub(super) fn environments(&self) -> &[String] {
        &self.document.environments
    }

    pub(super) fn default_groups(&self) -> &[String] {
        &self.document.default_groups
    }
}

impl LockedPackage {
    /// The name as the package index compares it.
    pub(super) fn normalized(&self) -> String {
        native::normalized(self.name.get_ref())
    }

    /// The wheels, and the archive if it is one.
    pub(super) fn all_wheels(&self) -> Vec<&Wheel> {
        let archive = self.archive.as_ref().filter(|archive| archive.is_wheel());
        self.wheels.iter().chain(archive).collect()
    }
}

impl Wheel {
    /// The file's name.
    pub(super) fn file(&self) -> String {
        let address = self.url.as_ref().or(self.path.as_ref());
        self.name
            .clone()
            .or_else(|| address.map(|address| last_part(address)))
            .unwrap_or_default()
    }

    fn is_wheel(&self) -> bool {
        Path::new(&self.file())
            .extension()
            .is_some_and(|end| end == "whl")
    }

    /// The digest as pip takes it: `sha256:...`.
    pub(super) fn hash(&self) -> Option<String> {
        let hashes = self.hashes.get_ref();
        ALGORITHMS.iter().find_map(|(algorithm, digits)| {
            let hash = hashes.get(*algorithm)?;
            let is_hex = hash.len() == *digits && hash.bytes().all(|b| b.is_ascii_hexdigit());
            is_hex.then(|| format!("{algorithm}:{}", hash.to_ascii_lowercase()))
        })
    }
}

/// The name of the file at an address or a path.
pub(super) fn last_part(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let name = address.rsplit(['/', '\\']).next().unwrap_or_default();
    // The name of a local version has a plus sign, which addresses quote.
    name.replace("%2B", "+")
}

fn damaged(path: &Path, text: &Arc<str>, span: Range<usize>, reason: &str) -> Problem {
    let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
    Problem::new(
        Code::InvalidDocument,
        format!("{}, line {line}: {reason}", path.display()),
    )
    .at(location(path, text, span, ""))
    .help(format!("{LOCK_AGAIN}, which writes it anew"))
}

fn location(path: &Path, text: &Arc<str>, span: Range<usize>, label: &str) -> Location {
    Location {
        path: path.display().to_string(),
        source: Arc::clone(text),
        span,
        label: label.to_owned(),
    }
}

/// The text of a lock file. The same entries give the same bytes.
pub(super) fn text(entries: &[Entry], requirements: &str) -> String {
    let mut text = format!(
        "# `wfctl build --lock` writes this file.\n\
         lock-version = \"1.0\"\n\
         environments = [{}]\n\
         requires-python = {}\n\
         created-by = \"wfctl\"\n",
        quoted(ENVIRONMENT),
        quoted(REQUIRES_PYTHON)
    );
    if entries.is_empty() {
        // The key is required, also where every requirement is for other machines.
        text.push_str("packages = []\n");
    }
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for entry in entries {
        line(format!("\n[[packages]]\nname = {}", quoted(&entry.name)));
        line(format!("version = {}", quoted(&entry.version)));
        if let Some(index) = &entry.index {
            line(format!("index = {}", quoted(index)));
        }
        let mut wheel = format!("name = {}", quoted(&entry.file));
        for (key, value) in [("url", &entry.url), ("path", &entry.path)] {
            if let Some(value) = value {
                write!(wheel, ", {key} = {}", quoted(value)).expect("a String takes every text");
            }
        }
        let hash = quoted(&entry.sha256);
        line(format!(
            "wheels = [\n    {{ {wheel}, hashes = {{ sha256 = {hash} }} }},\n]"
        ));
    }
    line(format!(
        "\n[tool.weft]\nrequirements = {}",
        quoted(requirements)
    ));
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::python) fn read(text: &str) -> Result<LockFile, Problem> {
        LockFile::parse(PathBuf::from(FILE), text.into())
    }

    pub(in crate::python) fn entry(name: &str, version: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            version: version.to_owned(),
            index: Some("https://pypi.org/simple/".to_owned()),
            file: format!("{name}-{version}-py3-none-any.whl"),
            url: Some(format!(
                "https://example.org/{name}-{version}-py3-none-any.whl"
            )),
            path: None,
            sha256: "ab".repeat(32),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut native = entry("numpy", "2.4.6");
        (native.index, native.url) = (None, None);
        native.path = Some(native.file.clone());
        let text = text(&[entry("idna", "3.10"), native], "sha256:00");
        let lock = read(&text).expect("it is whole");
        assert_eq!(lock.weft().expect("Weft wrote it").get_ref(), "sha256:00");
        assert_eq!(lock.requires_python(), Some(REQUIRES_PYTHON));
        let [idna, numpy] = lock.packages() else {
            panic!("{:?}", lock.packages());
        };
        assert_eq!(idna.version, "3.10");
        let hash = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(idna.wheels[0].hash(), Some(hash));
        assert_eq!(numpy.index, None);
        assert_eq!(numpy.wheels[0].file(), "numpy-2.4.6-py3-none-any.whl");
        let none = text_of_none();
        assert!(read(&none).expect("it is whole").packages().is_empty());
    }

    fn text_of_none() -> String {
        text(&[], "sha256:00")
    }

    #[test]
    fn a_damaged_file_is_refused_with_line_and_reason() {
        let good = text(&[entry("idna", "3.10"), entry("toml", "1.0")], "sha256:00");
        for (part, instead, line, reason) in [
            (
                "\"1.0\"\nenv",
                "\"2.0\"\nenv",
                2,
                "the lock-version is 2.0, and not 1",
            ),
            (
                "version = \"3.10\"",
                "version = 3.10",
                9,
                "invalid type: floating point",
            ),
            ("version = \"3.10\"\n", "", 8, "idna has no version"),
            (
                "sha256 = \"ab",
                "sha256 = \"xy",
                12,
                "a wheel of idna has no sha256 of 64 digits",
            ),
            (
                "name = \"toml\"",
                "name = \"a\"",
                16,
                "the packages are not sorted by name",
            ),
            (
                "\"3.10\"",
                "\"3.10 --pre\"",
                8,
                "idna has a version that is none: \"3.10 --pre\"",
            ),
            ("\"idna\"", "\"-i\"", 8, "\"-i\" is not a name"),
            (
                "https://example.org/",
                "https://example.org/${HOME}/",
                12,
                "a wheel of idna has a url that is none",
            ),
            ("[[packages]]", "[[packages]", 7, "unclosed array table"),
        ] {
            let text = good.replacen(part, instead, 1);
            assert_ne!(text, good, "{part}");
            let problem = read(&text).expect_err(reason);
            let head = format!("{FILE}, line {line}: {reason}");
            assert!(
                problem.message.starts_with(&head),
                "{:?} is not {head:?}",
                problem.message
            );
            assert!(problem.location.is_some());
            assert!(problem.help.is_some_and(|help| help.contains(LOCK_AGAIN)));
        }
    }

    #[test]
    fn the_lock_file_of_another_tool_is_read() {
        let lock = read(
            "lock-version = \"1.0\"\ncreated-by = \"uv\"\nrequires-python = \">=3.12\"\n\
             [[packages]]\nname = \"A.b\"\nversion = \"1\"\nmarker = \"os_name == 'nt'\"\n\
             sdist = { url = \"https://example.org/a.tar.gz\", hashes = { sha256 = \"00\" } }\n\
             wheels = [{ url = \"https://example.org/A.b-1%2Bc-py3-none-any.whl\", size = 5, hashes = { sha512 = \"\
             cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
             cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\" } }]\n\
             [tool.uv]\nx = 1\n",
        )
        .expect("it is whole");
        assert!(lock.weft().is_none());
        assert_eq!(lock.author(), "uv");
        let package = &lock.packages()[0];
        assert_eq!(package.normalized(), "a-b");
        let wheel = package.all_wheels()[0];
        assert_eq!(wheel.file(), "A.b-1+c-py3-none-any.whl");
        assert_eq!(wheel.hash(), Some(format!("sha512:{}", "cd".repeat(64))));
    }
}
