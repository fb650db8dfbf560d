//! Packages are installed as their users do, each into an empty environment, and run a DAG there:
//! without cargo, Rust or Node.js, and without a Python besides the wheel's own environment.

use crate::{
    dist::{self, Base, Platform},
    example, program, tools,
    tools::compilers,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What each installed program runs.
const DAG: &str = "quakes.dag.wasm";
/// Makes the image's files the root folder, with what a container engine mounts there.
const ENTER: &str = "mount --rbind /dev \"$0/dev\" && mount -t proc proc \"$0/proc\" \
    && exec chroot \"$0\" /usr/local/bin/wfctl run \"$1\"";

/// Packs the program that the tests built, installs, and runs.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let dag = example::build(workspace, &wfctl)?;
    let folder = workspace.target().join("packages");
    let platform = Platform::of_this_machine()?;
    let base = Base::get(platform)?;
    let wfctl = stripped(workspace, &wfctl)?;
    let packages = dist::pack(workspace, platform, wfctl, &base, &folder)?;
    program::run(Command::new("sha256sum").current_dir(&folder).args([
        "--check",
        "--quiet",
        "SHA256SUMS",
    ]))?;
    let installed = Installed {
        folder: folder.join("installed"),
        dag,
    };
    installed
        .archive(&packages.archive)
        .context("the archive")?;
    installed
        .wheel(&packages.wheel)
        .context("the Python wheel")?;
    installed.npm(&packages.npm).context("the npm package")?;
    installed
        .image(&packages.image)
        .context("the container image")
}

/// The container image that the step made.
pub(crate) fn image(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target().join("packages");
    let image = format!("-image-{}.tar", Platform::of_this_machine()?.debian());
    let mut files = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .find(|file| file.to_string_lossy().ends_with(&image))
        .context("the step 'packages' makes the image")
}

/// The program without its debug information, which would be most of every package.
fn stripped(workspace: &Workspace, wfctl: &Wfctl) -> Result<Wfctl> {
    let file = workspace.target().join("wfctl-stripped");
    program::run(Command::new("strip").arg("-o").arg(&file).arg(wfctl.path()))?;
    Ok(Wfctl::at(workspace, &file))
}

struct Installed {
    folder: PathBuf,
    dag: PathBuf,
}

impl Installed {
    fn archive(&self, file: &Path) -> Result<()> {
        let folder = self.folder("archive")?;
        compilers::unpack(file, &folder)?;
        let unpacked = only_entry(&folder)?;
        self.run_dag(&unpacked.join("bin"), &folder)?;
        for made in ["completions/_wfctl", "share/man/man1/wfctl-run.1"] {
            fs::metadata(unpacked.join(made)).context(made)?;
        }
        Ok(())
    }

    fn wheel(&self, file: &Path) -> Result<()> {
        let folder = self.folder("wheel")?;
        tools::venv()?;
        program::run(
            Command::new(tools::python()?)
                .args(["-m", "venv"])
                .arg(&folder),
        )?;
        program::run(
            Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "--disable-pip-version-check", "install"])
                .args(["--quiet", "--no-index"])
                .arg(file),
        )?;
        self.run_dag(&folder.join("bin"), &folder)?;
        let mut python = Command::new(folder.join("bin/python"));
        program::run(python.env_clear().args(["-c", "import weft; weft.dag"]))
    }

    fn npm(&self, file: &Path) -> Result<()> {
        let folder = self.folder("npm")?;
        fs::write(folder.join("package.json"), "{\"type\": \"module\"}\n")?;
        program::run(
            compilers::node()?
                .command("npm")
                .current_dir(&folder)
                .args([
                    "install",
                    "--silent",
                    "--offline",
                    "--no-audit",
                    "--no-fund",
                ])
                .arg(file),
        )?;
        self.run_dag(&folder.join("node_modules/.bin"), &folder)?;
        let imported = "import { dag } from '@weft/sdk'; import { run } from '@weft/sdk/testing'; \
                        if (!dag || !run) throw new Error('the SDK exports nothing')";
        let mut node = compilers::node()?.command("node");
        program::run(
            node.current_dir(&folder)
                .args(["--input-type=module", "-e", imported]),
        )
    }

    /// The image's files as the root folder of a process. Podman runs it in `--deep` tests.
    fn image(&self, file: &Path) -> Result<()> {
        let folder = self.folder("image")?;
        let (layout, root) = (folder.join("layout"), folder.join("root"));
        fs::create_dir_all(&layout)?;
        fs::create_dir_all(&root)?;
        program::run(
            Command::new("tar")
                .arg("-xf")
                .arg(file)
                .arg("-C")
                .arg(&layout),
        )?;
        program::run(
            Command::new("tar")
                .args(["--no-same-owner", "-xf"])
                .arg(layer(&layout)?)
                .arg("-C")
                .arg(&root),
        )?;
        fs::copy(&self.dag, root.join(DAG))?;
        for mounted in ["dev", "proc"] {
            fs::create_dir_all(root.join(mounted))?;
        }
        let mut run = Command::new("unshare");
        run.env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("WEFT_DATA_DIR", "/var/lib/weft")
            .env("HOME", "/var/lib/weft")
            .args(["--map-root-user", "--mount", "--pid", "--fork"])
            .args(["sh", "-c", ENTER])
            .arg(&root)
            .arg(format!("/{DAG}"));
        program::run(&mut run)
    }

    /// Runs the DAG with the program of this folder, and nothing else on the path.
    fn run_dag(&self, programs: &Path, home: &Path) -> Result<()> {
        let mut run = Command::new(programs.join("wfctl"));
        run.env_clear()
            .env("PATH", programs)
            .env("HOME", home)
            .env("WEFT_DATA_DIR", home.join("data"))
            .arg("run")
            .arg(&self.dag);
        program::run(&mut run)
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entry = fs::read_dir(folder)?
        .next()
        .context("the archive is empty")?;
    Ok(entry?.path())
}

/// The file of the image's only layer, found as a container engine does.
fn layer(layout: &Path) -> Result<PathBuf> {
    let blob = |digest: &serde_json::Value| -> Result<PathBuf> {
        let digest = digest
            .as_str()
            .and_then(|digest| digest.strip_prefix("sha256:"));
        Ok(layout
            .join("blobs/sha256")
            .join(digest.context("a descriptor has a digest")?))
    };
    let read = |file: &Path| -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    };
    let index = read(&layout.join("index.json"))?;
    let manifest = read(&blob(&index["manifests"][0]["digest"])?)?;
    blob(&manifest["layers"][0]["digest"])
}
