import errno
import logging
import os
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from mda.errors import CheckpointError, ConfigError, MissingExtraError
from mda.inference import hub
from mda.inference.loading import find_model, find_weights, load
from mda.models.presets import PRESETS, HubFile, build
from tests.local_hub import LocalHub, sha256

WEIGHTS = HubFile(repo="somebody/something", file="weights.ckpt")
CONTENT = bytes(range(256)) * 4000


def fetch(**options):
    return hub.fetch(WEIGHTS, remedy="Do this.", **options)


def leftovers(suffix=".mda-partial"):
    return [path for path in hub.cache_folder().rglob("*") if path.name.endswith(suffix)]


@pytest.fixture
def remote(local_hub):
    local_hub.put(WEIGHTS.repo, WEIGHTS.file, CONTENT)
    return local_hub


@pytest.fixture(scope="module")
def mini_bytes(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({name: value.contiguous() for name, value in build("mda_mini").state_dict().items()}, file)
    return file.read_bytes()


@pytest.fixture
def remote_preset(local_hub, mini_bytes, monkeypatch, tmp_path):
    """A preset whose weights are on the local Hub alone."""
    monkeypatch.chdir(tmp_path)
    source = HubFile(repo="lab/Mini", file="mini.safetensors")
    preset = replace(
        PRESETS["mda_mini"], name="mini_remote", source=source, commercial=False, licence_weights="CC-BY-NC-4.0"
    )
    monkeypatch.setitem(PRESETS, "mini_remote", preset)
    local_hub.put(source.repo, source.file, mini_bytes)
    return preset


@pytest.mark.usefixtures("remote")
def test_a_file_is_fetched_into_the_cache():
    said = []
    assert hub.cached(WEIGHTS) is None
    file = fetch(announce=said.append)
    assert file.read_bytes() == CONTENT
    assert file.name == WEIGHTS.file
    assert hub.cached(WEIGHTS) == file
    assert said == ["1.0 MB"]
    assert not leftovers()
    # Other programs find it where the library keeps it.
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - an extra

    found = try_to_load_from_cache(WEIGHTS.repo, WEIGHTS.file, cache_dir=hub.cache_folder())
    assert found == str(file)
    assert file.resolve().name == sha256(CONTENT)


def test_the_token_is_told_to_the_hub_and_to_nobody_else(remote):
    fetch()
    to_hub = [request for request in remote.requests if request.host.startswith("127.0.0.1")]
    to_cdn = [request for request in remote.requests if request.host.startswith("localhost")]
    assert to_hub
    assert to_cdn
    assert {request.token for request in to_hub} == {LocalHub.TOKEN}
    assert {request.token for request in to_cdn} == {None}


def test_a_file_that_is_here_is_not_fetched_again(remote):
    first = fetch()
    said = []
    assert fetch(announce=said.append) == first
    assert len(remote.asked("GET", "/cdn/")) == 1
    assert said == []


def test_a_newer_version_is_fetched(remote):
    first = fetch()
    remote.put(WEIGHTS.repo, WEIGHTS.file, CONTENT[::-1])
    second = fetch()
    assert second != first
    assert second.read_bytes() == CONTENT[::-1]
    assert hub.cached(WEIGHTS) == second


def test_a_cut_connection_is_resumed_at_once(remote):
    remote.cuts = [300_000]
    assert fetch().read_bytes() == CONTENT
    assert [request.range for request in remote.asked("GET", "/cdn/")] == [None, "bytes=300000-"]


def test_a_stopped_download_goes_on_where_it_stopped(remote):
    remote.cuts, remote.failing = [300_000], 500
    with pytest.raises(CheckpointError, match=r"weights\.ckpt of somebody/something: .*\(500\)\. Do this\."):
        fetch()
    assert hub.cached(WEIGHTS) is None
    assert [path.stat().st_size for path in leftovers()] == [300_000]
    remote.failing = None
    remote.requests.clear()
    assert fetch().read_bytes() == CONTENT
    assert [request.range for request in remote.asked("GET", "/cdn/")] == ["bytes=300000-"]
    assert not leftovers()


def test_an_interrupted_download_goes_on_too(remote, monkeypatch):
    import huggingface_hub.file_download as library  # noqa: PLC0415 - an extra

    def interrupted(_, file, **__):
        file.write(CONTENT[:1000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(library, "http_get", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch()
    assert fetch().read_bytes() == CONTENT
    assert [request.range for request in remote.asked("GET", "/cdn/")] == ["bytes=1000-"]


def test_a_wrong_checksum_is_refused_and_the_file_deleted(remote):
    remote.lies[WEIGHTS.file] = sha256(b"something else")
    with pytest.raises(CheckpointError) as caught:
        fetch()
    assert sha256(CONTENT) in str(caught.value)
    assert sha256(b"something else") in str(caught.value)
    assert "deleted" in str(caught.value)
    assert hub.cached(WEIGHTS) is None
    assert not leftovers()
    blobs = hub.cache_folder() / "models--somebody--something" / "blobs"
    assert list(blobs.iterdir()) == []


def test_a_damaged_part_is_found_out(remote):
    remote.cuts, remote.failing = [300_000], 500
    with pytest.raises(CheckpointError):
        fetch()
    (part,) = leftovers()
    part.write_bytes(bytes(300_000))
    remote.failing = None
    with pytest.raises(CheckpointError, match="checksum"):
        fetch()
    # It began anew, so the next attempt is whole.
    assert fetch().read_bytes() == CONTENT


def test_small_files_are_checked_by_the_checksum_of_git(local_hub):
    small = HubFile(repo="somebody/something", file="config.json")
    local_hub.put(small.repo, small.file, b"{}")
    assert hub.fetch(small, remedy="").read_bytes() == b"{}"
    local_hub.put(small.repo, small.file, b"[1]")
    local_hub.lies[small.file] = "0" * 40
    with pytest.raises(CheckpointError, match="checksum"):
        hub.fetch(small, remedy="")


@pytest.mark.parametrize("told", ["0123456789abcdef", "W/not-hex"])
def test_what_cannot_be_checked_is_not_kept(remote, told):
    remote.lies[WEIGHTS.file] = told
    with pytest.raises(CheckpointError, match="checksum"):
        fetch()
    assert hub.cached(WEIGHTS) is None


def test_a_gated_repository_tells_how_to_get_in(remote):
    remote.gated.add(WEIGHTS.repo)
    with pytest.raises(CheckpointError, match=r"gated.*accept terms.*hf auth login.*HF_TOKEN.*Do this\."):
        fetch()


@pytest.mark.usefixtures("remote")
def test_what_the_hub_does_not_have_is_told():
    with pytest.raises(CheckpointError, match=r"no such repository.*Do this\."):
        hub.fetch(replace(WEIGHTS, repo="nobody/nothing"), remedy="Do this.")
    with pytest.raises(CheckpointError, match=r"no such file.*Do this\."):
        hub.fetch(replace(WEIGHTS, file="other.ckpt"), remedy="Do this.")
    with pytest.raises(CheckpointError, match=r"no such version.*Do this\."):
        fetch(revision="0" * 40)
    with pytest.raises(CheckpointError, match=r"looks like owner/name.*Do this\."):
        hub.fetch(replace(WEIGHTS, repo="..//x"), remedy="Do this.")


@pytest.mark.usefixtures("remote")
def test_no_connection_is_told(monkeypatch):
    # Nobody listens at the port of a server that is gone.
    with LocalHub() as gone:
        address = gone.url
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(CheckpointError, match=rf"no connection to {address} .*Do this\."):
        fetch()


@pytest.mark.usefixtures("local_hub")
def test_a_server_that_is_no_hub_is_told(monkeypatch):
    import huggingface_hub  # noqa: PLC0415 - an extra

    other = SimpleNamespace(commit_hash=None, etag="abc", size=3)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, **__: other)
    with pytest.raises(CheckpointError, match="does not answer like a Hub"):
        fetch()


def test_a_full_disk_is_told_before_the_download(remote, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(CheckpointError, match=r"is full; free some space, or set HF_HUB_CACHE.*Do this\."):
        fetch()
    assert not remote.asked("GET")


def test_a_disk_that_fills_up_on_the_way_is_told(remote, monkeypatch):
    import huggingface_hub.file_download as library  # noqa: PLC0415 - an extra

    def full(_, file, **__):
        file.write(CONTENT[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(library, "http_get", full)
        with pytest.raises(CheckpointError, match=r"is full.*Do this\."):
            fetch()
    assert fetch().read_bytes() == CONTENT
    assert [request.range for request in remote.asked("GET", "/cdn/")] == ["bytes=1000-"]


def test_a_cache_that_cannot_be_written_to_is_named(remote, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CheckpointError, match=r"cannot write to .*file/cache.*set HF_HUB_CACHE.*Do this\."):
        fetch()
    assert not remote.asked("GET")


def test_offline_asks_nobody(remote, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=r"HF_HUB_OFFLINE is set.*Do this\."):
        fetch()
    assert remote.requests == []


@pytest.mark.usefixtures("remote")
def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mda\[hub\]"'):
        fetch()


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, "~/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x", "HF_HOME": "/y"}, "/y/hub"),
        ({"HF_HOME": "/y", "HF_HUB_CACHE": "/z"}, "/z"),
    ],
)
def test_the_cache_is_where_the_library_has_it(monkeypatch, variables, folder):
    for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(hub.cache_folder()) == os.path.expanduser(folder)  # noqa: PTH111 - a text is compared


@pytest.mark.usefixtures("remote_preset")
def test_a_named_model_is_fetched_at_its_first_use(local_hub, mini_bytes, caplog):
    with caplog.at_level(logging.WARNING):
        predictor = load("mini_remote", device="cpu")
    assert predictor.weights.read_bytes() == mini_bytes
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("mda")]
    assert f"{len(mini_bytes) / 1e6:,.1f} MB" in line
    assert "licence CC-BY-NC-4.0, not for commercial use" in line
    local_hub.requests.clear()
    assert load("mini_remote", device="cpu").weights == predictor.weights
    assert load("LAB/mini", device="cpu").name == "mini_remote"
    assert local_hub.requests == []


@pytest.mark.usefixtures("remote_preset")
def test_weights_beside_the_user_need_no_network(local_hub, mini_bytes, tmp_path):
    place = tmp_path / "checkpoints" / "Mini" / "mini.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(mini_bytes)
    assert load("mini_remote", device="cpu").weights.resolve() == place
    assert load("mini_remote", checkpoint=place, device="cpu").weights == place
    assert local_hub.requests == []


@pytest.mark.parametrize("trouble", ["offline", "gated", "gone", "no connection"])
@pytest.mark.usefixtures("remote_preset")
def test_a_model_that_cannot_be_fetched_tells_the_commands(local_hub, monkeypatch, trouble):
    if trouble == "offline":
        monkeypatch.setenv("HF_HUB_OFFLINE", "YES")
    elif trouble == "gated":
        local_hub.gated.add("lab/Mini")
    elif trouble == "gone":
        del local_hub.repositories["lab/Mini"]
    else:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError) as caught:
        load("mini_remote", device="cpu")
    message = str(caught.value)
    for part in (
        "mda download mini_remote",
        "hf download lab/Mini mini.safetensors --local-dir checkpoints/Mini",
        "put it at checkpoints/Mini/mini.safetensors",
        "--checkpoint FILE",
    ):
        assert part in message
    assert len(message.splitlines()) == 1


@pytest.mark.usefixtures("remote_preset")
def test_without_the_library_nothing_is_fetched(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match=r'mda download mini_remote.*pip install "mda\[hub\]"'):
        load("mini_remote", device="cpu")


@pytest.mark.usefixtures("remote_preset")
def test_the_commercial_guard_is_asked_before_the_network(local_hub, mini_bytes, tmp_path):
    with pytest.raises(ConfigError, match=r"CC-BY-NC-4\.0.*does not allow commercial use.*mda models --commercial"):
        load("mini_remote", device="cpu", commercial=True)
    file = tmp_path / "mine.safetensors"
    file.write_bytes(mini_bytes)
    with pytest.raises(ConfigError, match="commercial"):
        load("mini_remote", checkpoint=file, device="cpu", commercial=True)
    assert load("mda_mini", checkpoint=file, device="cpu", commercial=True).name == "mda_mini"
    assert local_hub.requests == []


def test_an_update_asks_the_hub(local_hub, remote_preset):
    first = find_model("mini_remote").weights()
    assert find_weights(remote_preset) == first
    local_hub.put("lab/Mini", "mini.safetensors", b"newer")
    assert find_model("mini_remote").weights() == first
    newer = find_model("mini_remote", update=True).weights()
    assert newer.read_bytes() == b"newer"
    assert find_weights(remote_preset) == newer


@pytest.mark.usefixtures("remote")
def test_a_link_to_nowhere_is_not_taken_for_weights():
    file = fetch()
    file.resolve().unlink()
    assert hub.cached(WEIGHTS) is None
    assert fetch().read_bytes() == CONTENT
