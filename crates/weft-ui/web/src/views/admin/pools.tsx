/** Pools of slots that tasks share. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { put } from "../../api/acts";
import { seg } from "../../api/client";
import { pools } from "../../api/fleet";
import { useMay } from "../../app/me";
import { Answer, Box, Empty } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { Input, RowForm } from "./form";
import { Remove } from "./remove";

export function Pools() {
  const query = useQuery(pools);
  const settle = useMay("settle");
  const [name, setName] = useState("");
  const [slots, setSlots] = useState("");
  return (
    <Box title="Pools" note="tasks that name a pool share its slots">
      {settle && (
        <RowForm
          action="Set"
          reread="pools"
          ready={name.trim() !== "" && /^\d+$/.test(slots)}
          act={async () => {
            await put(`pools/${seg(name.trim())}`, { slots: Number(slots) });
            return `${name.trim()} has ${slots} slots`;
          }}
        >
          <Input label="Name" value={name} onChange={setName} />
          <Input label="Slots" value={slots} onChange={setSlots} width={96} />
        </RowForm>
      )}
      <Answer of={query}>
        {(list) =>
          list.length === 0 ? (
            <Empty>There are none.</Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Pool</th>
                  <th className="r">Slots</th>
                  <th>
                    <span className="vh">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((p) => (
                  <tr key={p.name}>
                    <td className="m grow">
                      <UntrustedText>{p.name}</UntrustedText>
                    </td>
                    <td className="r">{p.slots}</td>
                    <td className="r">
                      {settle && (
                        <Remove
                          what={p.name}
                          path={`pools/${seg(p.name)}`}
                          reread="pools"
                          consequence="Tasks that name it wait until there is one of this name again."
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
