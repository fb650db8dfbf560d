/** How many tasks wait for somebody's answer, in one line; nothing where none does. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { APPROVALS_PAGE, approvals } from "../../api/approvals";
import { count } from "../../lib/text";
import { Go } from "../../parts/go";
import { Mark } from "../../state/mark";

export function People() {
  const { data } = useInfiniteQuery(approvals(""));
  const first = data?.pages[0];
  if (!first || first.items.length === 0) return null;
  return (
    <Go target={{ to: "/approvals" }} className="box people">
      <Mark state="deferred" />
      <span>Waiting for people</span>
      <b>{first.next ? `${APPROVALS_PAGE}+` : count(first.items.length)}</b>
    </Go>
  );
}
