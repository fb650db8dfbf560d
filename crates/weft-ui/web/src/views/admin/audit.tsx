/** Changes by people, newest first. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { audit } from "../../api/fleet";
import { useParam } from "../../app/search";
import { SearchField } from "../../parts/controls";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";

export function Audit() {
  const query = useQuery(audit);
  const [q, setQ] = useParam("q");
  const shown = useMemo(() => {
    const words = q.toLowerCase();
    return (query.data ?? []).filter((e) =>
      `${e.actor} ${e.action} ${e.subject} ${JSON.stringify(e.details ?? "")}`.toLowerCase().includes(words),
    );
  }, [query.data, q]);
  return (
    <Box
      title="Audit"
      note="the last 200 changes"
      actions={<SearchField label="Filter" value={q} onChange={(v) => setQ(v)} width={200} />}
    >
      <Answer of={query}>
        {() =>
          shown.length === 0 ? (
            <Empty>No change matches.</Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>When</th>
                  <th>Who</th>
                  <th>What</th>
                  <th>Of</th>
                  <th className="wide">Details</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((e) => (
                  <tr key={e.id}>
                    <td className="mut">
                      <Time at={e.at} />
                    </td>
                    <td>
                      <UntrustedText max={40}>{e.actor}</UntrustedText>
                    </td>
                    <td className="m">{e.action}</td>
                    <td>
                      <UntrustedText max={60}>{e.subject}</UntrustedText>
                    </td>
                    <td className="grow wide">
                      {e.details !== null && e.details !== undefined && (
                        <code className="mut">
                          <UntrustedText max={200}>{JSON.stringify(e.details)}</UntrustedText>
                        </code>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </Box>
  );
}
