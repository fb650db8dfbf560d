"""The stocktaking of a week, written for Airflow 3: TaskFlow, a mapped group, a sensor, and a setup with its teardown."""

from datetime import datetime, timezone

from airflow.sdk import dag, setup, task, task_group, teardown

# What was counted and what the books say, instead of a database.
WAREHOUSES = {
    "north": {"counted": {"bolts": 120, "nuts": 80}, "booked": {"bolts": 125, "nuts": 80}},
    "south": {"counted": {"bolts": 40, "nuts": 60}, "booked": {"bolts": 40, "nuts": 60}},
}


def differences(counted, booked):
    """How many pieces are there beyond the books, of each article where there is a difference."""
    return {article: counted[article] - booked[article] for article in booked if counted[article] != booked[article]}


@dag(schedule="0 5 * * 1", start_date=datetime(2026, 1, 5), catchup=False, tags=["warehouse"])
def stocktaking():
    """Compares what was counted with the books."""

    @task.sensor(poke_interval=5, timeout=3600)
    def counting_is_over(logical_date=None):
        return datetime.now(timezone.utc) >= logical_date

    @task
    def warehouses():
        return sorted(WAREHOUSES)

    @setup
    @task
    def lock(name):
        return f"{name} is locked"

    @task
    def compare(name):
        return differences(**WAREHOUSES[name])

    @task
    def correct(name, found):
        # The books follow what was counted.
        return {article: WAREHOUSES[name]["booked"][article] + more for article, more in found.items()}

    @teardown
    @task
    def unlock(name):
        print(f"{name} is unlocked")

    @task_group
    def check(name):
        locked = lock(name)
        corrected = correct(name, compare(name))
        locked >> corrected >> unlock(name).as_teardown(setups=locked)
        return corrected

    @task
    def report(corrections):
        return sum(len(one) for one in corrections)

    @task(trigger_rule="one_failed")
    def alarm():
        print("the stock could not be compared with the books")

    names = warehouses()
    counting_is_over() >> names
    reported = report(check.expand(name=names))
    reported >> alarm()


stocktaking()
