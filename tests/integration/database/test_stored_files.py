from tests.integration.conftest import Connection, Person, WorkerVoice


def test_x(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    job = alice.export()
    worker.claim(job)
    print(worker._call("select resumepair.reserve_upload(%s, 1, 'a', 10)", job))
    print(worker.fail(job, 1, "1 second"))
    print(admin.execute("select * from resumepair.stored_files").fetchall())
    assert 0
