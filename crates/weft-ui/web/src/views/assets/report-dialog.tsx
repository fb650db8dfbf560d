/** Reports an update of data that no task of Weft updates; the same as commands. */
import { useMemo, useState } from "react";
import { useReread } from "../../api/acts";
import { type Report, reportUpdate } from "../../api/assets";
import { serverUrl } from "../../lib/base";
import { newKey } from "../../lib/key";
import { plural } from "../../lib/text";
import { FormDialog, TextField } from "../../parts/form";
import { CopyButton } from "../../parts/text";
import { announce } from "../../parts/toast";
import { curl, reportOf, wfctl } from "./report";

const FIELDS = ["asset", "partition", "metadata"];

interface Props {
  /** Which asset; any if absent. */
  asset?: string;
  onClose: () => void;
}

export function ReportDialog({ asset: fixed, onClose }: Props) {
  const [asset, setAsset] = useState(fixed ?? "");
  const [partition, setPartition] = useState("");
  const [metadata, setMetadata] = useState("");
  const reread = useReread();
  const draft = JSON.stringify({ asset, partition, metadata });
  // The same for each try of the same report, so that an answer that was lost makes no second update.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another report has another key
  const key = useMemo(newKey, [draft]);
  const act = async () => {
    const report = reportOf({ asset, partition, metadata });
    const { created = [] } = await reportUpdate(report, key);
    announce(
      `The update of ${report.asset} is recorded${created.length > 0 ? `: ${plural(created.length, "run")} created` : ""}`,
    );
    onClose();
    await reread(["assets"], ["runs"]);
  };
  return (
    <FormDialog title="Report an update" action="Report" act={act} onClose={onClose} fields={FIELDS}>
      {(refused) => (
        <>
          <p className="mut wrapany">
            For data that no task of Weft updates. It creates a run of each DAG whose condition holds with it.
          </p>
          {fixed === undefined ? (
            <TextField
              label="Asset"
              mono
              value={asset}
              onChange={setAsset}
              placeholder="s3://lake/orders"
              error={refused("asset")}
            />
          ) : (
            <code className="wrapany">{fixed}</code>
          )}
          <TextField
            label="Partition"
            value={partition}
            onChange={setPartition}
            placeholder="2026-11-26"
            error={refused("partition")}
            hint="Which part was updated. Without one, the whole asset."
          />
          <TextField
            label="Metadata, a JSON object"
            rows={4}
            value={metadata}
            onChange={setMetadata}
            placeholder={'{"rows": 3}'}
            error={refused("metadata")}
            hint="What consumers should know, at most 4 KiB."
          />
          <Commands draft={{ asset, partition, metadata }} />
        </>
      )}
    </FormDialog>
  );
}

function Commands({ draft }: { draft: Parameters<typeof reportOf>[0] }) {
  let report: Report;
  try {
    report = reportOf(draft);
  } catch {
    // The form says what is missing when it is sent.
    return null;
  }
  return (
    <details className="form-more">
      <summary>As a command</summary>
      <div className="col g12">
        {[wfctl(report), curl(report, serverUrl())].map((text) => (
          <div className="copied" key={text.slice(0, 4)}>
            <code className="pre wrap sp asset-command">{text}</code>
            <CopyButton text={text} />
          </div>
        ))}
      </div>
    </details>
  );
}
