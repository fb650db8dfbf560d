/** The navigation of narrow screens. */
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { Icon } from "../parts/icons";
import { MenuButton } from "../parts/menu";
import { isAt, usePlaces } from "./places";

/** What has a place of its own at the bottom; everything else is in its menu. */
const BOTTOM = ["/", "/dags", "/runs", "/approvals"];

export function BottomBar({ onSearch }: { onSearch: () => void }) {
  const places = usePlaces();
  const path = useLocation({ select: (l) => l.pathname });
  const navigate = useNavigate();
  const rest = places.filter((p) => !BOTTOM.includes(p.to));
  return (
    <nav className="bottom" aria-label="Main, narrow">
      {places
        .filter((p) => BOTTOM.includes(p.to))
        .map((place) => (
          <Link key={place.to} to={place.to as never} className={isAt(place, path) ? "on" : ""}>
            <Icon name={place.icon} />
            {place.label}
          </Link>
        ))}
      <MenuButton
        label="More"
        className={rest.some((place) => isAt(place, path)) ? "on" : ""}
        entries={[
          { id: "Search", label: "Search", icon: "search", act: onSearch },
          ...rest.map(({ to, label, icon }) => ({
            id: label,
            label,
            icon,
            act: () => void navigate({ to: to as never }),
          })),
        ]}
      >
        <Icon name="more" />
        More
      </MenuButton>
    </nav>
  );
}
