"""Orders and their report: a DAG that updates an asset, and another one whose runs the updates create.

`load_orders` loads the orders of a day, and says which day it was and how much it is worth. Each update of the orders
creates a run of `report_orders`, also one that a client records.
"""

from weft import AssetUpdate, Context, RecordedUpdate, Skip, dag, task, update

ORDERS = "s3://lake/orders"
REPORT = "s3://lake/reports/orders"

#: The orders of every day, in cents, instead of a shop.
PRICES = [12_50, 7_90, 21_00]


@task(outlets=[ORDERS])
def load(context: Context, partition: str) -> int:
    """Loads the orders of a partition, or of the run's date, and returns how many there are."""
    about = {"rows": len(PRICES), "cents": sum(PRICES)}
    return update(len(PRICES), assets=[AssetUpdate(ORDERS, partition=partition or context["ds"], metadata=about)])


@dag(schedule="0 5 * * *", catchup=False)
def load_orders(partition: str = ""):
    load(partition=partition)


@task(outlets=[REPORT])
def report(assets: dict[str, list[RecordedUpdate]]) -> str:
    """A line of what was updated."""
    updates = assets.get(ORDERS, [])
    if not updates:
        raise Skip("no orders were updated")
    days = ", ".join(one.get("partition", "all days") for one in updates)
    about = [one.get("metadata", {}) for one in updates]
    rows, cents = (sum(one.get(key, 0) for one in about) for key in ("rows", "cents"))
    return f"{days}: {rows} orders of {cents / 100:.2f}"


@dag(on_assets=[ORDERS])
def report_orders(assets: dict[str, list[RecordedUpdate]] = {}):  # noqa: B006
    report(assets)
