//! `wfctl completions`: prints a completion script.

use clap_complete::Shell;
use weft_api::problem::Exit;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl completions bash > ~/.local/share/bash-completion/completions/wfctl
  wfctl completions zsh  > ~/.zfunc/_wfctl
  wfctl completions fish > ~/.config/fish/completions/wfctl.fish")]
pub(crate) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

/// Writes the script for `wfctl` to standard output.
pub(crate) fn run(args: &CompletionsArgs, mut wfctl: clap::Command) -> Exit {
    clap_complete::generate(args.shell, &mut wfctl, "wfctl", &mut std::io::stdout());
    Exit::Success
}
