"""Exchange rates of the day, written for Airflow 2: operators, XComs by `ti`, templates, and a branch."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.email import EmailOperator
from airflow.operators.python import BranchPythonOperator, PythonOperator
from airflow.utils.trigger_rule import TriggerRule

# What a bank publishes, instead of a request to it.
RATES = {"CHF": 0.94, "JPY": 171.2, "USD": 1.16}


def read(currency, ti):
    ti.xcom_push(key="rate", value=RATES[currency])


def choose(ti):
    rates = ti.xcom_pull(task_ids=[f"read_{currency.lower()}" for currency in RATES], key="rate")
    return "publish" if all(rate > 0 for rate in rates) else "complain"


def publish(day, ti):
    rates = {currency: ti.xcom_pull(task_ids=f"read_{currency.lower()}", key="rate") for currency in RATES}
    return f"{day}: " + ", ".join(f"{currency} {rate}" for currency, rate in rates.items())


with DAG(
    "exchange_rates",
    schedule_interval="0 16 * * 1-5",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"owner": "treasury", "retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["rates"],
) as dag:
    chosen = BranchPythonOperator(task_id="choose", python_callable=choose)
    for currency in RATES:
        task_id = f"read_{currency.lower()}"
        PythonOperator(task_id=task_id, python_callable=read, op_kwargs={"currency": currency}) >> chosen
    published = PythonOperator(
        task_id="publish",
        python_callable=publish,
        op_kwargs={"day": "{{ ds }}"},
        priority_weight=10,
        sla=timedelta(minutes=30),
    )
    complained = EmailOperator(
        task_id="complain", to="bank@example.org", subject="Rates of {{ ds }}", html_content="A rate is missing."
    )
    done = BashOperator(
        task_id="done",
        bash_command="echo the rates of {{ ds }} are done",
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    )
    chosen >> [published, complained] >> done
