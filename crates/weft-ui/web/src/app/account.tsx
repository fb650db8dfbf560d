/** The signed in person: theme, keys, sign out. */
import { Button, Menu, MenuItem, MenuTrigger, Popover, Separator } from "react-aria-components";
import { useStore } from "../lib/store";
import { visible } from "../lib/text";
import { useMe } from "./me";
import { singleKeys, type Theme, theme } from "./prefs";
import { signOut } from "./signin";

const THEMES: { id: Theme; label: string }[] = [
  { id: "system", label: "Theme of the system" },
  { id: "light", label: "Light" },
  { id: "dark", label: "Dark" },
];

export function Account({ folded }: { folded: boolean }) {
  const me = useMe();
  const name = visible(me.name);
  const chosen = useStore(theme);
  const keys = useStore(singleKeys);
  return (
    <MenuTrigger>
      <Button className="nav" aria-label={`${name}, ${me.role}: settings`}>
        <span className="initial">{name.charAt(0).toUpperCase()}</span>
        {!folded && (
          <span className="el lbl">
            <bdi>{name}</bdi>
          </span>
        )}
      </Button>
      <Popover placement="top start" offset={4}>
        <Menu
          className="pop"
          aria-label="Settings"
          onAction={(key) => {
            const picked = THEMES.find((t) => t.id === key);
            if (picked) theme.set(picked.id);
            else if (key === "keys") singleKeys.set(!keys);
            else if (key === "out") void signOut();
          }}
        >
          {THEMES.map((t) => (
            <MenuItem key={t.id} id={t.id} textValue={t.label}>
              <span className={t.id === chosen ? "sb" : ""}>{t.label}</span>
            </MenuItem>
          ))}
          <Separator className="sep" />
          <MenuItem id="keys" textValue="Single keys">
            Single keys: {keys ? "on" : "off"}
          </MenuItem>
          <Separator className="sep" />
          <MenuItem id="out" textValue="Sign out">
            Sign out <span className="mut">({me.role})</span>
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
