"""run_job: every case once, failures with a reason, stored results taken over, progress as records."""

import pickle
from types import SimpleNamespace

import polars as pl
import pytest

from maskwright.engine.jobs.case import CaseTask, resume_key, run_case
from maskwright.engine.jobs.executors import local
from maskwright.engine.jobs.record import RunRecord
from maskwright.engine.jobs.run import join_tables, rows_table, run_job
from maskwright.errors import ConfigError, FileFormatError, InputError
from support.lengths_job import LengthsJob, Word


def test_a_run_finishes_with_rows_and_failures(tmp_path):
    job = LengthsJob(("one", "!two", "three", "#four"))
    seen = []
    lengths, failures, resumed = run_job(job, tmp_path / "new" / "out", workers=1, on_progress=seen.append)
    assert lengths == {"one": 3, "three": 5}
    assert failures == {
        "!two": f"unexpected ValueError at {failures['!two'].split()[-1]}",
        "#four": "its process ended with status 7",
    }
    assert resumed == 0
    assert [record.done for record in seen] == [0, 1, 2, 3, 4]
    assert seen[-1] == RunRecord("running", 4, 4, 2)


def test_only_new_and_failed_cases_run_again(tmp_path):
    log = tmp_path / "log"
    run_job(LengthsJob(("one", "!two", "three"), str(log)), tmp_path / "out", workers=1)
    log.unlink()
    lengths, _, resumed = run_job(LengthsJob(("five", "three", "!two", "one"), str(log)), tmp_path / "out", workers=1)
    assert (lengths, resumed) == ({"one": 3, "three": 5, "five": 4}, 2)
    assert sorted(log.read_text().split()) == ["!two", "five"]
    run_job(LengthsJob(("one",), str(log)), tmp_path / "out", workers=1, resume=False)
    assert log.read_text().split()[-1] == "one"


def test_the_key_of_a_case_follows_the_job_and_the_code():
    class OtherJob(LengthsJob):
        pass

    case = Word("one")
    keys = [resume_key(job, code, case) for job in (LengthsJob(()), OtherJob(())) for code in "ab"]
    assert len(set(keys)) == 4
    assert resume_key(LengthsJob(("two",)), "a", case) == keys[0]


def test_a_job_goes_to_a_worker_once(tmp_path, monkeypatch):
    sent = []

    def dumps(request):
        sent.append(request[0])
        return pickle.dumps(request)

    monkeypatch.setattr(local, "pickle", SimpleNamespace(**{**vars(pickle), "dumps": dumps}))
    run_job(LengthsJob(tuple("abcd")), tmp_path, workers=1)
    assert [function is None for function in sent] == [False, True, True, True]


def test_types_do_not_depend_on_values():
    assert join_tables([], {"letters": int}).schema == {"case": pl.String, "letters": pl.Int64}
    table = rows_table("a", [{"letters": None, "half": None}], {"letters": int})
    assert table.schema == {"case": pl.String, "letters": pl.Int64, "half": pl.Float64}


@pytest.mark.parametrize(
    ("options", "error"),
    [({"executor": "slurm"}, ConfigError), ({"address": "auto"}, ConfigError), ({"workers": 0}, InputError)],
)
def test_a_bad_option_is_refused(tmp_path, options, error):
    with pytest.raises(error):
        run_job(LengthsJob(("one",)), tmp_path, **options)


def test_a_case_that_occurs_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="'one' twice"):
        run_job(LengthsJob(("one", "two", "one")), tmp_path, workers=1)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileFormatError, match="cannot make the output folder"):
        run_job(LengthsJob(("one",)), tmp_path / "file" / "out")


def test_a_job_without_rows_fails_its_case(tmp_path, monkeypatch):
    job = LengthsJob(("one",))
    monkeypatch.setattr(LengthsJob, "run", lambda self, case: [])
    assert "at least one row" in run_case(job, "0", CaseTask(job.cases()[0])).reason
