/** Tokens: who may do what. A new one's secret is shown once. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { post, seg } from "../../api/client";
import { tokens } from "../../api/fleet";
import { useMe } from "../../app/me";
import { Select } from "../../parts/controls";
import { Answer, Box } from "../../parts/states";
import { CommandLine, Time, UntrustedText } from "../../parts/text";
import { Input, RowForm } from "./form";
import { Remove } from "./remove";

const ROLES = ["viewer", "operator", "deployer", "admin", "worker", "trusted_worker"].map((id) => ({
  id,
  label: id.replaceAll("_", " "),
}));

export function Tokens() {
  const query = useQuery(tokens);
  const me = useMe();
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [secret, setSecret] = useState("");
  return (
    <Box title="Tokens">
      <RowForm
        action="Create"
        reread="tokens"
        ready={name.trim() !== ""}
        act={async () => {
          const made = await post<{ secret: string }>("tokens", {
            name: name.trim(),
            role,
            ...(me.everywhere ? {} : { tenant: me.tenant }),
          });
          setSecret(made.secret);
          setName("");
          return "The token is created";
        }}
      >
        <Input label="Name" value={name} onChange={setName} />
        <span className="col">
          <span className="mut t12">Role</span>
          <Select label="Role" value={role} options={ROLES} onChange={setRole} />
        </span>
      </RowForm>
      {secret && (
        <div className="pad16 col g8" role="status">
          <b>The new token, shown only now:</b>
          <CommandLine text={secret} />
        </div>
      )}
      <Answer of={query}>
        {(list) => (
          <table className="tbl tight">
            <thead>
              <tr>
                <th>Name</th>
                <th>Role</th>
                <th className="wide">Created</th>
                <th className="wide">By</th>
                <th>Last used</th>
                <th className="wide">Ends</th>
                <th>
                  <span className="vh">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((t) => (
                <tr key={t.id}>
                  <td className="m grow">
                    <UntrustedText>{t.name}</UntrustedText>
                    {t.id === me.token && <span className="mut"> (this one)</span>}
                  </td>
                  <td>{t.role.replaceAll("_", " ")}</td>
                  <td className="mut wide">
                    <Time at={t.created} form="short" />
                  </td>
                  <td className="mut wide">
                    <UntrustedText max={40}>{t.created_by}</UntrustedText>
                  </td>
                  <td className="mut">{t.last_used ? <Time at={t.last_used} form="relative" /> : "never"}</td>
                  <td className="mut wide">
                    {t.revoked ? "revoked" : t.expires ? <Time at={t.expires} form="short" /> : "never"}
                  </td>
                  <td className="r">
                    {!t.revoked && (
                      <Remove
                        what={t.name}
                        verb="Revoke"
                        path={`tokens/${seg(String(t.id))}`}
                        reread="tokens"
                        consequence="Requests with it are refused from then on. A revoked token can't be brought back."
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answer>
    </Box>
  );
}
