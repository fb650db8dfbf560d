/** A button that opens a menu. */
import type { ReactNode } from "react";
import { Button, Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Icon, type IconName } from "./icons";

export interface MenuEntry {
  id: string;
  label: ReactNode;
  icon?: IconName;
  act: () => void;
}

export function MenuButton(props: { label: string; entries: MenuEntry[]; children: ReactNode; className?: string }) {
  const { label, entries, children, className = "btn ghost" } = props;
  return (
    <MenuTrigger>
      <Button className={className} aria-label={label}>
        {children}
      </Button>
      <Popover placement="bottom end" offset={4}>
        <Menu className="pop" aria-label={label} onAction={(key) => entries.find((e) => e.id === key)?.act()}>
          {entries.map((e) => (
            <MenuItem key={e.id} id={e.id} textValue={e.id}>
              {e.icon && <Icon name={e.icon} size={14} />}
              {e.label}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
