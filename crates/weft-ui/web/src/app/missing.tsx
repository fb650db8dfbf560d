/** An address that names nothing. */
import { Link } from "@tanstack/react-router";
import { Head } from "./head";

export function NotHere() {
  return (
    <>
      <Head title="Not found" />
      <div className="empty">
        There is nothing at this address.{" "}
        <Link to="/" className="ul">
          Home
        </Link>
      </div>
    </>
  );
}
