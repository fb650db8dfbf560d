/** Variables that tasks read; values are written, never shown. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { put } from "../../api/acts";
import { seg } from "../../api/client";
import { variables } from "../../api/fleet";
import { useMay } from "../../app/me";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Input, RowForm } from "./form";
import { Remove } from "./remove";

export function Variables() {
  const query = useQuery(variables);
  const settle = useMay("settle");
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [place, setPlace] = useState("");
  return (
    <Box title="Variables" note="tasks that are granted one read it; its value is never shown here">
      {settle && (
        <RowForm
          action="Set"
          reread="variables"
          ready={name.trim() !== ""}
          act={async () => {
            await put(`variables/${seg(name.trim())}`, place.trim() ? { from: place.trim() } : { value });
            setValue("");
            setPlace("");
            return `${name.trim()} is set`;
          }}
        >
          <Input label="Name" value={name} onChange={setName} />
          <Input label="Value" value={value} onChange={setValue} width={280} secret />
          <Input label="Or where it is kept" value={place} onChange={setPlace} width={240} />
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
                  <th>Kept in</th>
                  <th>Set</th>
                  <th>By</th>
                  <th>
                    <span className="vh">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((v) => (
                  <tr key={v.name}>
                    <td className="m grow">
                      <UntrustedText>{v.name}</UntrustedText>
                    </td>
                    <td className="m">{v.from ? <UntrustedText>{v.from}</UntrustedText> : "the database"}</td>
                    <td className="mut">
                      <Time at={v.updated} />
                    </td>
                    <td className="mut">
                      <UntrustedText max={40}>{v.updated_by}</UntrustedText>
                    </td>
                    <td className="r">
                      {settle && (
                        <Remove
                          what={v.name}
                          path={`variables/${seg(v.name)}`}
                          reread="variables"
                          consequence="Tasks that read it fail from then on."
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
