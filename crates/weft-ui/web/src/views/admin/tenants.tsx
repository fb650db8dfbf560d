/** Tenants and their quotas. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { put } from "../../api/acts";
import { seg } from "../../api/client";
import { tenants } from "../../api/fleet";
import { count } from "../../lib/text";
import { Answer, Box } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { Input, RowForm } from "./form";

export function Tenants() {
  const query = useQuery(tenants);
  const [id, setId] = useState("");
  const [weight, setWeight] = useState("");
  const [most, setMost] = useState("");
  return (
    <Box title="Tenants">
      <RowForm
        action="Set"
        reread="tenants"
        ready={id.trim() !== "" && /^\d*$/.test(weight) && /^\d*$/.test(most)}
        act={async () => {
          await put(`tenants/${seg(id.trim())}`, {
            ...(weight ? { weight: Number(weight) } : {}),
            ...(most ? { max_active_tasks: Number(most) } : {}),
          });
          return `${id.trim()} is set`;
        }}
      >
        <Input label="Tenant" value={id} onChange={setId} />
        <Input label="Weight" value={weight} onChange={setWeight} width={96} />
        <Input label="Active tasks at most" value={most} onChange={setMost} width={140} />
      </RowForm>
      <Answer of={query}>
        {(list) => (
          <table className="tbl tight">
            <thead>
              <tr>
                <th>Tenant</th>
                <th className="r">Weight</th>
                <th className="r">Active tasks at most</th>
              </tr>
            </thead>
            <tbody>
              {list.map((t) => (
                <tr key={t.id}>
                  <td className="m grow">
                    <UntrustedText>{t.id}</UntrustedText>
                  </td>
                  <td className="r">{t.weight}</td>
                  <td className="r">{t.max_active_tasks ? count(t.max_active_tasks) : "no limit"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answer>
    </Box>
  );
}
