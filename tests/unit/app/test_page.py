"""The page as its server answers: two visitors, hostile requests, what is left afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mda.app import AppLimits, Jobs
from mda.app.page import launch
from tests.cli.conftest import photo
from tests.event_loops import closed_loops

gradio_client = pytest.importorskip("gradio_client", reason="the extra `app` is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # the server and its client have warnings of their own


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A page with small limits, and its address."""
    with closed_loops(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", "")  # so that it is restored
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        jobs = Jobs(AppLimits(images=3, size=64, megabytes=1), models=["mda_mini"], device="cpu")
        page = launch(jobs, wait=False)
        yield jobs, page.local_url
        page.close()
        jobs.close()
        assert not jobs.folder.exists()


def visitor(url: str):
    return gradio_client.Client(url, verbose=False)


def predict(client, photos, *, model="mda_mini", size=64, decoder="the model's own", fps=2, alone=False):
    files = [gradio_client.handle_file(str(path)) for path in photos]
    return client.predict(files, model, size, decoder, fps, alone, api_name="/predict")


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_two_visitors_have_their_own_results(served, tmp_path):
    jobs, url = served
    first, second = visitor(url), visitor(url)
    predict(first, [photo(tmp_path / "a b.jpg", seed=1), photo(tmp_path / "ü.jpg", seed=2)])
    said = predict(second, [photo(tmp_path / "c.jpg", seed=3)])[-1]
    assert "1 views" in said
    runs = sorted(jobs.folder.glob("run-*"))
    assert [len(list((run / "depth").iterdir())) for run in runs] in ([1, 2], [2, 1])
    taken = [Path(client.predict("npz", False, 0, api_name="/export")).read_bytes() for client in (first, second)]
    assert taken[0] != taken[1]
    assert first.predict(False, 50, api_name="/thin")
    with pytest.raises(gradio_client.exceptions.AppError):
        first.predict(False, 100, api_name="/thin")
    # A visitor's new result replaces the old one, and nobody else's.
    predict(first, [photo(tmp_path / "d.jpg", seed=4)])
    assert len(set(jobs.folder.glob("run-*")) - set(runs)) == 1
    assert len(set(runs) - set(jobs.folder.glob("run-*"))) == 1
    assert second.predict("npz", False, 0, api_name="/export")


def test_files_of_the_machine_and_of_others_are_not_served(served, tmp_path):
    jobs, url = served
    predict(visitor(url), [photo(tmp_path / "a.jpg")])
    (here := Path("secret.txt").resolve()).write_text("secret")
    for path in ("/etc/passwd", here, *jobs.folder.glob("run-*/run.json")):
        assert status(f"{url}gradio_api/file={path}") in {403, 404}, path
    assert status(url) == 200


def called(url: str, name: str, *values: object) -> str:
    """The events of a call by hand: the client would upload what a path names before it sends it."""
    body = json.dumps({"data": values}).encode()
    request = urllib.request.Request(f"{url}gradio_api/call/{name}", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}", timeout=60) as answer:  # noqa: S310
        return answer.read().decode()


@pytest.mark.parametrize("path", ["/etc/passwd", "theirs.jpg", "../../etc/passwd", "run"])
def test_paths_of_the_server_cannot_be_sent_as_uploads(served, path):
    jobs, url = served
    photo(Path("theirs.jpg"))
    if path == "run":
        path = str(next(jobs.folder.glob("run-*/color/*.png")))
    before = set(jobs.folder.glob("run-*"))
    upload = {"path": path, "meta": {"_type": "gradio.FileData"}}
    events = called(url, "predict", [upload], "mda_mini", 64, "the model's own", 2, False)
    assert "event: error" in events
    assert "root:" not in events
    assert set(jobs.folder.glob("run-*")) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "/etc/passwd"},
        {"size": -5},
        {"size": 1e9},
        {"decoder": "rm"},
        {"fps": 0},
        {"fps": -1},
    ],
)
def test_values_that_the_page_does_not_offer_are_refused(served, tmp_path, wrong):
    jobs, url = served
    before = set(jobs.folder.glob("run-*"))
    with pytest.raises(gradio_client.exceptions.AppError):
        predict(visitor(url), [photo(tmp_path / "a.jpg")], **wrong)
    assert set(jobs.folder.glob("run-*")) == before


def test_errors_name_the_file_and_not_the_machine(served, tmp_path):
    jobs, url = served
    (broken := tmp_path / "my <b>photo.jpg").write_text("hello")
    with pytest.raises(gradio_client.exceptions.AppError) as caught:
        predict(visitor(url), [broken])
    assert "photo" in str(caught.value)
    assert str(jobs.folder) not in str(caught.value)
    assert "<b>" not in str(caught.value)


def test_too_many_photos_and_too_large_files_are_refused(served, tmp_path):
    _, url = served
    with pytest.raises(gradio_client.exceptions.AppError, match="4 views; at most 3"):
        predict(visitor(url), [photo(tmp_path / f"{number}.jpg") for number in range(4)])
    (large := tmp_path / "large.jpg").write_bytes(b"x" * 2_000_000)
    with pytest.raises(Exception, match=r"(?i)413|size|large"):
        predict(visitor(url), [large])


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_sigterm_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "mda.cli.main", "app", "--no-browser", "--model", "mda_mini", "--device", "cpu"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    try:
        for line in process.stdout:
            if "127.0.0.1" in line:
                break
        assert list(tmp_path.glob("mda-app-*"))
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert not list(tmp_path.glob("mda-app-*"))
