"""Pay codes that nobody has used are forgotten an hour later, by a job that comes back."""

from karez.core.clock import SimulatedClock
from karez.services.payments.qr import operations
from karez.services.payments.qr.forgetting import HANDLERS, KEPT_S, SCHEDULES
from karez.services.payments.qr.pay_codes import sealer
from karez.storage.database import connect
from karez.storage.jobs_batch import run_batch
from karez.storage.schedules import fire_due_schedules, put_schedules
from tests.conftest import SECRET_KEY
from tests.services.payments.qr.street import Street

MINUTE_S = 60


def test_the_job_forgets_what_expired_an_hour_ago(street: Street, clock: SimulatedClock) -> None:
    ana = street.person(0)
    codes = sealer(SECRET_KEY)
    with connect(street.database.worker) as conn:
        put_schedules(conn, SCHEDULES, clock.now_ns())

        def left_after(seconds: int) -> int:
            clock.advance(seconds)
            assert fire_due_schedules(conn, clock.now_ns()) == 1
            assert run_batch(conn, HANDLERS, clock.now_ns(), lambda: 0.5).done == 1
            ((count,),) = conn.execute("SELECT count(*) FROM pay_code").fetchall()
            return int(count)

        street.done(operations.make_pay_code(street.asking(), codes, ana.party))
        assert left_after(KEPT_S) == 1
        street.done(operations.make_pay_code(street.asking(), codes, ana.party))
        assert left_after(MINUTE_S) == 2
        assert left_after(MINUTE_S) == 1
