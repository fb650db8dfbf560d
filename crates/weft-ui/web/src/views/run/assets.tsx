/** The updates of assets that created a run, and those that its tasks made. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { updatesOfRun } from "../../api/assets";
import type { Run } from "../../api/types";
import { Box, Empty } from "../../parts/states";
import { isEnded } from "../../state/states";
import { UpdateItems } from "../assets/update-items";

export function AssetsOfRun({ run }: { run: Run }) {
  return (
    <div className="body">
      <div className="pad col g16">
        {run.kind === "assets" && <CreatedBy run={run} />}
        <Updated run={run} />
      </div>
    </div>
  );
}

function CreatedBy({ run }: { run: Run }) {
  const query = useInfiniteQuery(updatesOfRun(run.id, "taken"));
  return (
    <Box title="Created by" note="the updates since the last run that assets created">
      <UpdateItems
        label="Created by"
        named
        query={query}
        more="Later updates"
        empty={<Empty>The updates that created it are deleted.</Empty>}
      />
    </Box>
  );
}

function Updated({ run }: { run: Run }) {
  const query = useInfiniteQuery(updatesOfRun(run.id, "made"));
  return (
    <Box title="Updated assets" note="by tasks that succeeded, and the runs that this created">
      <UpdateItems
        label="Updated assets"
        named
        query={query}
        more="Later updates"
        empty={
          <Empty>{isEnded(run.state) ? "Its tasks updated no asset." : "Its tasks have updated no asset yet."}</Empty>
        }
      />
    </Box>
  );
}
