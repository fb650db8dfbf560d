import pytest
from billing import billing
from weft.local.run import RunFailed

PRICE = {"cents_per_hour": "9000"}


def test_all_accounts_of_a_customer_are_billed():
    run = billing.test({"customer": "acme"}, variables=PRICE)
    assert run.output("accounts.bill") == [1_080_000, 405_000]
    assert run.output("mail") == "acme: 14850.00 are due"
    assert run.states["accounts.close_session"] == "success"


def test_nothing_is_billed_where_nothing_is_due():
    run = billing.test({"customer": "initech"}, variables=PRICE)
    skipped = ["accounts.open_session", "accounts.bill", "accounts.close_session", "total", "mail"]
    assert [run.states[task] for task in skipped] == ["skipped"] * 5


def test_sessions_are_closed_where_the_bill_failed():
    run = billing.test({"customer": "acme"}, check=False)
    assert [bill.attempts for bill in run.instances["accounts.bill"]] == [2, 2]
    assert run.states["accounts.close_session"] == "success"
    assert (run.states["total"], run.states["mail"]) == ("upstream_failed", "upstream_failed")


def test_an_unknown_customer_fails():
    with pytest.raises(RunFailed, match="there is no customer 'hooli'; there are acme, globex, initech"):
        billing.test({"customer": "hooli"}, variables=PRICE)


def test_the_document_says_how_its_runs_are_limited():
    document = billing.build().document()
    assert (document["concurrency_key"], document["max_active_runs_per_key"]) == ("{{ params.customer }}", 1)
    assert document["priority_rule"] == "inherited"
    assert document["tasks"]["mail"]["latest_only"] is True
