"""Revenue of a shop by region and month: two tables over HTTP, checked, joined, summed and drawn."""

import logging
from datetime import date
from typing import TypedDict

import pandas
from chart import lines
from pydantic import BaseModel, Field, ValidationError
from weft import Artifact, Fail, dag, task

log = logging.getLogger(__name__)

SHOP = {"http": ["http://127.0.0.1:8000"]}
PARQUET = "application/vnd.apache.parquet"


class Order(BaseModel):
    """One row of the shop's orders."""

    order: int
    customer: str = Field(pattern=r"^C\d{3}$")
    day: date
    quantity: int = Field(gt=0)
    price: float = Field(gt=0, allow_inf_nan=False)


class Checked(TypedDict):
    """The rows that can be used, and how many can't."""

    table: Artifact
    rejected: int


class Line(BaseModel):
    """What a region sold in a month."""

    region: str
    month: str
    revenue: float


def checked(rows: list[dict]) -> tuple[list[Order], int]:
    """Puts aside rows that are no orders."""
    orders = []
    for row in rows:
        try:
            orders.append(Order(**row))
        except ValidationError as error:
            first = error.errors()[0]
            log.warning("put aside order %s: %s: %s", row.get("order"), first["loc"][0], first["msg"])
    return orders, len(rows) - len(orders)


def revenue(orders: pandas.DataFrame, customers: pandas.DataFrame) -> pandas.DataFrame:
    """Sums up by region and month; an order of an unknown customer counts for none."""
    joined = orders.merge(customers, on="customer", how="inner", validate="many_to_one")
    joined["month"] = pandas.to_datetime(joined["day"]).dt.strftime("%Y-%m")
    joined["revenue"] = joined["quantity"] * joined["price"]
    return joined.groupby(["region", "month"], as_index=False)["revenue"].sum().round(2)


def stored(table: pandas.DataFrame) -> Artifact:
    """Writes a table as Parquet, which keeps the types of its columns."""
    return Artifact.write(table.to_parquet(index=False), PARQUET)


def loaded(table: Artifact) -> pandas.DataFrame:
    with table.open() as file:
        return pandas.read_parquet(file)


@task(retries=3, grants=SHOP, timeout="1m")
def orders(shop: str) -> Checked:
    """Read the orders and check each."""
    table = pandas.read_csv(f"{shop}/orders.csv")
    good, rejected = checked(table.to_dict("records"))
    return {"table": stored(pandas.DataFrame([order.model_dump() for order in good])), "rejected": rejected}


@task(retries=3, grants=SHOP, timeout="1m")
def customers(shop: str) -> Artifact:
    """Read the customers."""
    return stored(pandas.read_csv(f"{shop}/customers.csv").drop_duplicates("customer"))


@task
def join(orders: Artifact, customers: Artifact) -> Artifact:
    """Bring both tables together."""
    table = revenue(loaded(orders), loaded(customers))
    if table.empty:
        raise Fail("no order has a customer")
    return stored(table)


@task
def best(table: Artifact) -> list[Line]:
    """The best month of each region."""
    found = loaded(table)
    rows = found.loc[found.groupby("region")["revenue"].idxmax()]
    return [Line(**row) for row in rows.to_dict("records")]


@task
def draw(table: Artifact) -> Artifact:
    """Draw a line for each region."""
    wide = loaded(table).pivot(index="month", columns="region", values="revenue").fillna(0.0)
    series = {str(region): [float(value) for value in wide[region]] for region in wide.columns}
    return Artifact.write(lines("Revenue by region", [str(month) for month in wide.index], series), "image/svg+xml")


@dag(tags=["example"])
def shop(shop: str = "http://127.0.0.1:8000"):
    """Revenue of a shop by region and month."""
    table = join(orders(shop)["table"], customers(shop))
    best(table)
    draw(table)
