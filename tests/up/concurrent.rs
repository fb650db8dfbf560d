//! A component of WASI 0.3, deployed and run by a server.

use crate::installation::Installation;

#[test]
fn async_tasks_are_deployed_and_run() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = "[dag]\nid = \"both\"\n\n[tasks.overlap]\ncomponent = \"guest_concurrent.wasm\"\n\n\
                    [tasks.report]\ncomponent = \"guest_concurrent.wasm\"\ninputs = { overlap = \"overlap\" }\n";
    let said = installation.deploy_with(&up, "guest_concurrent", manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = installation.trigger(&up, "both");
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(up.api().get(&format!("/runs/{run}"))["state"], "success");
}
