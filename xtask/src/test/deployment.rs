//! Checks `deploy/` with the programs that read it: systemd reads the units, the Compose file's
//! schema checks the Compose file, Helm and the schemas of Kubernetes check the chart.

use crate::{
    program,
    tools::{HELM, path_with},
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path, process::Command};

/// Path of the program in the units.
const INSTALLED: &str = "/usr/local/bin/wfctl";
/// Settings of the chart that a bare one leaves out.
const EVERYTHING: &str = "server.ingress.enabled=true,server.ingress.className=nginx,\
    server.ingress.tlsSecret=tls,networkPolicies.enabled=true,workers[0].autoscaling.enabled=true";

/// Looks at all of it.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let deploy = workspace.root().join("deploy");
    let made = workspace.target().join("deployment");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    fs::create_dir_all(&made)?;
    units(workspace, &deploy, &made)?;
    let helm = HELM.get(workspace)?;
    let tools = helm.parent().context("a program lies in a folder")?;
    let tool = |name: &str| {
        let mut command = Command::new(tools.join(name));
        command.env("PATH", path_with(tools));
        command
    };
    program::run(
        tool("check-jsonschema")
            .args(["--builtin-schema", "vendor.compose-spec"])
            .arg(deploy.join("compose/compose.yaml")),
    )?;
    let chart = deploy.join("helm/weft");
    program::run(tool("helm").args(["lint", "--strict"]).arg(&chart))?;
    for (name, settings) in [("bare.yaml", ""), ("everything.yaml", EVERYTHING)] {
        let rendered = tool("helm")
            .args(["template", "weft"])
            .arg(&chart)
            .args(["--set", settings])
            .output()?;
        let errors = String::from_utf8_lossy(&rendered.stderr);
        ensure!(
            rendered.status.success(),
            "the chart does not render: {errors}"
        );
        let file = made.join(name);
        fs::write(
            &file,
            kubernetes_alone(&String::from_utf8(rendered.stdout)?),
        )?;
        program::run(
            tool("kubernetes-validate")
                .args(["--strict", "--quiet"])
                .arg(&file),
        )?;
    }
    Ok(())
}

/// The units, as systemd reads them where the program is installed.
fn units(workspace: &Workspace, deploy: &Path, made: &Path) -> Result<()> {
    let program = Wfctl::built(workspace, Profile::Dev);
    let program = program.path().to_string_lossy().into_owned();
    let mut units = Vec::new();
    for entry in fs::read_dir(deploy.join("systemd"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "service")
        {
            let text = fs::read_to_string(&path)?;
            ensure!(text.contains(INSTALLED), "{} runs no wfctl", path.display());
            let unit = made.join(path.file_name().context("a file has a name")?);
            fs::write(&unit, text.replace(INSTALLED, &program))?;
            units.push(unit);
        }
    }
    ensure!(!units.is_empty(), "there are no units");
    let checked = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .context("systemd-analyze comes with Debian's package systemd")?;
    // systemd-analyze prints warnings about a unit and still exits with 0.
    let errors = String::from_utf8_lossy(&checked.stderr);
    let own: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains("weft-"))
        .collect();
    ensure!(checked.status.success() && own.is_empty(), "{errors}");
    Ok(())
}

/// Without resources of other projects, whose schemas are theirs.
fn kubernetes_alone(rendered: &str) -> String {
    let documents = rendered.split("\n---\n");
    let own: Vec<&str> = documents
        .filter(|document| !document.contains("apiVersion: keda.sh/"))
        .collect();
    own.join("\n---\n")
}
