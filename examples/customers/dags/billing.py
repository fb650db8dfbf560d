"""Invoices of customers: a DAG that runs for one customer at a time, and what its operators do with it.

`billing` looks up the accounts of a customer, and bills each of them in a session of its own, which is closed whatever
happens. The mail at the end is the urgent part, so everything that it needs goes first.
"""

import logging
from typing import TypedDict

from weft import Context, Fail, RateLimit, Variable, dag, task, task_group

log = logging.getLogger(__name__)


class Account(TypedDict):
    id: str
    hours: int


#: The hours of each account that are not billed yet, instead of a database.
ACCOUNTS: dict[str, list[Account]] = {
    "acme": [{"id": "acme-eu", "hours": 120}, {"id": "acme-us", "hours": 45}],
    "globex": [{"id": "globex", "hours": 8}],
    "initech": [{"id": "initech", "hours": 0}],
}


@task
def find_accounts(customer: str) -> list[Account]:
    """The accounts of a customer."""
    if customer not in ACCOUNTS:
        raise Fail(f"there is no customer {customer!r}; there are {', '.join(ACCOUNTS)}")
    return ACCOUNTS[customer]


@task.short_circuit
def anything_due(accounts: list[Account]) -> bool:
    """Skips everything that follows if there is nothing to bill."""
    return any(account["hours"] for account in accounts)


@task
def open_session(account: str, context: Context) -> str:
    """A session with the account's ledger, which `close_session` closes."""
    return f"{account}/{context.run_id}"


@task(
    retries=1,
    retry_delay="1s",
    retry_on=["author", "timeout"],
    timeout="1m",
    grants={"variables": ["cents_per_hour"]},
)
def bill(session: str, hours: int) -> int:
    """Bills the hours of an account, and returns the cents."""
    cents = hours * int(Variable.get("cents_per_hour"))
    log.info("%d hours cost %.2f", hours, cents / 100, extra={"session": session})
    return cents


@task
def close_session(session: str) -> str:
    """Runs whatever came of the bill, also after a cancel."""
    return f"{session} is closed"


@task_group
def accounts(account):
    session = open_session(account["id"])
    cents = bill(session, account["hours"])
    cents >> close_session(session).teardown_of(session)
    return cents


@task
def total(cents: list[int]) -> int:
    return sum(cents)


@task(latest_only=True, priority=5, deadline="30m")
def mail(customer: str, cents: int) -> str:
    """The text of the mail. A run that is made up for sends none, because a later one does."""
    return f"{customer}: {cents / 100:.2f} are due"


@dag(
    schedule=["0 6 1 * *", "0 6 15 * *"],
    holidays=["01-01", "05-01", "2026-12-15"],
    catchup=False,
    concurrency_key="{{ params.customer }}",
    max_active_runs_per_key=1,
    rate_limit=RateLimit(10, per="1m"),
    deadline="2h",
    priority_rule="inherited",
    owners=["billing"],
    tags=["customers"],
)
def billing(customer: str = "acme"):
    found = find_accounts(customer)
    billed = accounts.expand(account=found)
    anything_due(found) >> billed
    mail(customer, total(billed))
