/** Connections: where the host adds credentials to requests. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { put } from "../../api/acts";
import { seg } from "../../api/client";
import { connections } from "../../api/fleet";
import { useMay } from "../../app/me";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Input, RowForm } from "./form";
import { Remove } from "./remove";

export function Connections() {
  const query = useQuery(connections);
  const settle = useMay("settle");
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [bearer, setBearer] = useState("");
  return (
    <Box title="Connections" note="the host adds their credentials to requests; tasks never see them">
      {settle && (
        <RowForm
          action="Set"
          reread="connections"
          ready={name.trim() !== "" && url.trim() !== ""}
          act={async () => {
            await put(`connections/${seg(name.trim())}`, { url: url.trim(), ...(bearer ? { bearer } : {}) });
            setBearer("");
            return `${name.trim()} is set`;
          }}
        >
          <Input label="Name" value={name} onChange={setName} />
          <Input label="URL" value={url} onChange={setUrl} width={280} />
          <Input label="Bearer token, if it needs one" value={bearer} onChange={setBearer} secret />
        </RowForm>
      )}
      <Answer of={query}>
        {(list) =>
          list.length === 0 ? (
            <Empty>None are set.</Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>URL</th>
                  <th>Credentials</th>
                  <th>Set</th>
                  <th>
                    <span className="vh">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((c) => (
                  <tr key={c.name}>
                    <td className="m">
                      <UntrustedText>{c.name}</UntrustedText>
                    </td>
                    <td className="grow">
                      <UntrustedText>{c.url}</UntrustedText>
                    </td>
                    <td className="mut">
                      {c.auth}
                      {c.headers.length > 0 && `, headers ${c.headers.join(", ")}`}
                    </td>
                    <td className="mut">
                      <Time at={c.updated} />
                    </td>
                    <td className="r">
                      {settle && (
                        <Remove
                          what={c.name}
                          path={`connections/${seg(c.name)}`}
                          reread="connections"
                          consequence="Requests of tasks that use it fail from then on."
                        />
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
