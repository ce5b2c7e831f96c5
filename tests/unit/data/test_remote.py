import base64
import dataclasses
import pickle
import tarfile

import pytest
from torch.utils.data import DataLoader

from mda.data import remote
from mda.data.archives import write_index
from mda.data.contract import open_source
from mda.data.mix import Mix, training_loader
from mda.data.packed import PackedLayout, pack_source
from mda.data.shards import INDEX_FILE
from mda.data.sources import SOURCES
from mda.errors import ConfigError, InputError, RemoteError
from tests.unit.data import layouts
from tests.unit.data.server import serving
from tests.unit.data.test_mix import config, same, take


@pytest.fixture(autouse=True)
def nearby(monkeypatch):
    """No pauses between attempts, and no way to the network."""
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0, 0.0))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Two data sets, packed."""
    root = tmp_path_factory.mktemp("packed")
    for name in ("tartanair", "vkitti2"):
        layouts.WRITERS[name, "published"](root / "in" / name)
        pack_source(open_source(SOURCES[name], root / "in" / name), root / "out" / name, shard_bytes=1)
    return root / "out"


@pytest.fixture
def server(packed):
    with serving(packed) as state:
        yield state


@pytest.fixture
def own(tmp_path, packed):
    """A server of a copy that may be changed."""
    for file in (packed / "tartanair").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with serving(tmp_path) as state:
        yield state


def opened(place):
    return open_source(SOURCES["tartanair"], place, more=(PackedLayout(),))


def views(source):
    return [source.view(scene, frame) for scene in source.scenes for frame in scene.frames]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_server_gives_the_same_batches_as_folders(packed, server, workers):
    here = take(training_loader(Mix(config(packed))), 6)
    there = take(training_loader(Mix(config(server.url, workers=workers))), 6)
    assert all(same(a, b) for a, b in zip(here, there, strict=True))


def test_loader_processes_that_are_spawned_read_too(packed, server):
    mix = Mix(config(server.url))
    mix.clip(0, epoch=0, views=1, image_hw=(28, 42))
    plain = training_loader(mix)
    spawned = DataLoader(
        plain.dataset, sampler=plain.sampler, batch_size=None, num_workers=1, multiprocessing_context="spawn"
    )
    here = take(training_loader(Mix(config(packed))), 1)
    assert same(take(spawned, 1)[0], here[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumes_in_the_middle_of_an_epoch_from_a_server(server, workers):
    whole = take(training_loader(Mix(config(server.url))), 9)
    resumed = take(training_loader(Mix(config(server.url, workers=workers)), first_batch=5), 4)
    assert all(same(a, b) for a, b in zip(whole[5:], resumed, strict=True))


def test_opening_takes_one_request_and_a_view_at_most_one_more(server):
    source = opened(f"{server.url}/tartanair")
    assert server.count() == server.count(INDEX_FILE) == 1
    count = len(views(source))
    shards = len(list(server.folder.glob("tartanair/*.tar")))
    assert server.count() == 1 + shards + count  # the size of each shard is looked at once


def test_neighbouring_views_of_a_clip_take_one_request(server):
    source = opened(f"{server.url}/tartanair")
    scene = source.scenes[0]
    source.fetch(scene, scene.frames)
    before = server.count()
    assert len([source.view(scene, frame) for frame in scene.frames]) == 6
    assert server.count() == before == 3


def test_files_far_from_each_other_are_fetched_in_one_go(tmp_path, monkeypatch):
    layouts.dynamic_replica_published(tmp_path / "in")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "in", arcname=".")
    write_index(tmp_path)
    monkeypatch.setattr(remote, "_GAP", 0)
    with serving(tmp_path) as state:
        source = open_source(SOURCES["dynamic_replica"], state.url)
        here = open_source(SOURCES["dynamic_replica"], tmp_path / "in")
        scene = source.scenes[0]
        source.fetch(scene, scene.frames[:1])
        before = state.count()
        view = source.view(scene, scene.frames[0])
        assert state.count() == before
        assert (view.depth == here.view(here.scenes[0], scene.frames[0]).depth).all()


def test_large_files_are_read_one_by_one(server, monkeypatch):
    monkeypatch.setattr(remote, "_MOST_AT_HAND", 10)
    source = opened(f"{server.url}/tartanair")
    source.view(source.scenes[0], source.scenes[0].frames[0])
    assert server.count(".tar") == 1 + 4


@pytest.mark.parametrize("trouble", ["cut", "busy"])
def test_a_passing_trouble_costs_an_attempt(server, trouble):
    setattr(server, trouble, 2)
    source = opened(f"{server.url}/tartanair")
    setattr(server, trouble, 2)
    source.view(source.scenes[0], source.scenes[0].frames[0])
    assert getattr(server, trouble) == 0


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("trouble", ["cut", "busy"])
def test_a_lasting_trouble_stops_a_run_and_costs_no_frames(server, trouble, workers):
    mix = Mix(config(server.url.replace("://", "://me:secret@"), workers=workers))
    setattr(server, trouble, 1000)
    with pytest.raises(RemoteError, match=r"http://127\.0\.0\.1:\d+/.*-00000\d\.tar cannot be read .*conn") as told:
        take(training_loader(mix), 1)
    assert "secret" not in str(told.value)


def test_a_server_that_cannot_be_reached_is_told(packed):
    with serving(packed) as state:
        source = opened(f"{state.url}/tartanair")
    with pytest.raises(RemoteError, match=r"tartanair-000000\.tar cannot be read"):
        views(source)
    with pytest.raises(RemoteError, match=r"shards\.json cannot be read"):
        opened(f"{state.url}/tartanair")


def test_a_server_that_ignores_ranges_is_told_at_once(server):
    server.ranges = False
    with pytest.raises(RemoteError, match=r"shards\.json comes whole .* ignores Range requests.*copy the archives"):
        opened(f"{server.url}/tartanair")
    assert server.count() == 1


def test_a_server_that_begins_to_ignore_ranges_is_told(server):
    source = opened(f"{server.url}/tartanair")
    server.ranges = False
    with pytest.raises(RemoteError, match=r"tartanair-000000\.tar comes whole"):
        views(source)


@pytest.mark.parametrize("more", [-10240, 10240])
def test_a_shard_of_another_size_is_told(own, more):
    source = opened(own.url)
    shard = own.folder / "tartanair-000000.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[:more] if more < 0 else content + bytes(more))
    with pytest.raises(RemoteError, match=r"tartanair-000000\.tar is not the archive of .* bytes .*mda data index"):
        views(source)


def test_a_shard_that_is_gone_is_told(own):
    source = opened(own.url)
    (own.folder / "tartanair-000001.tar").unlink()
    with pytest.raises(RemoteError, match=r"There is no http://127.*tartanair-000001\.tar; check the URL"):
        views(source)


def test_a_wrong_url_is_told(server):
    with pytest.raises(
        InputError, match=r"/nowhere has no shards\.json, and no tar archives are listed.*mda data index"
    ):
        opened(f"{server.url}/nowhere")
    with pytest.raises(ConfigError, match="nothing://somewhere cannot be opened"):
        opened("nothing://somewhere")


def test_pages_that_are_no_index_are_told(own):
    (own.folder / INDEX_FILE).write_bytes(b"<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(InputError, match=r"/shards\.json is no index of archives"):
        opened(own.url)


def test_archives_without_an_index_are_found_where_they_are_listed(own, monkeypatch):
    (own.folder / INDEX_FILE).unlink()
    own.lists = True
    assert len(views(opened(own.url))) == 12
    assert len(views(opened(f"{own.url}/tartanair-000001.tar"))) == 6
    (own.folder / "tartanair-000001.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(InputError, match=r"http://127.*/tartanair-000001\.tar cannot be read as a tar archive"):
        opened(own.url)
    own.ranges = False
    monkeypatch.setattr(remote, "_SCAN_BLOCK", 1024)
    with pytest.raises(RemoteError, match=r"tartanair-000000\.tar cannot be read .*range requests"):
        opened(own.url)


def test_names_with_signs_are_read(own):
    index = own.folder / INDEX_FILE
    (own.folder / "tartanair-000001.tar").rename(own.folder / "a #1 100%.tar")
    index.unlink()
    own.lists = False
    write_index(own.folder)
    assert len(views(opened(own.url))) == 12


def test_passwords_are_used_and_never_shown(own):
    own.login = "Basic " + base64.b64encode(b"me:secret").decode()
    url = own.url.replace("://", "://me:secret@")
    source = opened(f"{url}?token=hidden")
    assert len(views(source)) == 12
    assert source.files.place == f"{own.url}?..."
    assert "secret" not in repr(source.files)
    (own.folder / "tartanair-000000.tar").write_bytes(b"")
    own.login = "Basic other"
    for place in (url, f"{url}?token=hidden", f"{url}/nowhere"):
        with pytest.raises(RemoteError, match="cannot be read") as told:
            opened(place)
        assert "secret" not in str(told.value)
        assert "hidden" not in str(told.value)
        assert told.value.__cause__ is None
        assert told.value.__suppress_context__


def test_files_survive_a_pickle(server):
    source = opened(f"{server.url}/tartanair")
    files = pickle.loads(pickle.dumps(source)).files  # noqa: S301 - our own pickle
    assert files == source.files
    assert hash(files) == hash(source.files)
    one, other = (opened(f"{server.url}/tartanair/tartanair-00000{number}.tar").files for number in range(2))
    assert one != other  # tables are kept by their files
    assert files.names("office/Easy/P001") == source.files.names("office/Easy/P001")


def test_other_file_systems_work_too(packed):
    assert len(views(opened(f"file://{packed}/tartanair"))) == 12


def test_data_sets_of_a_mix_may_lie_in_different_places(packed, server):
    places = {"tartanair": f"{server.url}/tartanair", "vkitti2": "vkitti2"}
    mixed = Mix(dataclasses.replace(config(packed), folders=places))
    here = Mix(config(packed))
    for number in (0, 29):
        a, b = (mix.clip(number, epoch=0, views=2, image_hw=(28, 42)) for mix in (mixed, here))
        assert a.name == b.name
        assert (a.images == b.images).all()
