import json
import tarfile

import numpy as np
import pytest

from mda.data import archives
from mda.data.archives import TarFiles, write_index
from mda.data.contract import open_source
from mda.data.files import FolderFiles
from mda.data.packed import PackedLayout, pack_source
from mda.data.shards import INDEX_FILE, decode_index
from mda.data.sources import SOURCES
from mda.errors import InputError, OutputError
from tests.unit.data import layouts


def packed(root, name, out, **options):
    source = open_source(SOURCES[name], root)
    report = pack_source(source, out, **options)
    return source, report, open_source(SOURCES[name], out, more=(PackedLayout(),))


@pytest.mark.parametrize("name", ["tartanair", "dynamic_replica", "spring", "omniworld_game"])
def test_packed_views_are_those_of_the_source(tmp_path, name):
    layouts.WRITERS[name, "published"](tmp_path / "in")
    source, report, copy = packed(tmp_path / "in", name, tmp_path / "out", quality=100)
    assert copy.layout.name == "packed"
    assert [scene.name for scene in copy.scenes] == [scene.name for scene in source.scenes]
    assert report.views == source.num_frames == copy.num_frames
    for scene, again in zip(source.scenes, copy.scenes, strict=True):
        for frame, other in zip(scene.frames, again.frames, strict=True):
            a, b = source.view(scene, frame), copy.view(again, other)
            for mask in ("image", "valid", "sky", "sky_labelled"):
                assert np.array_equal(getattr(a, mask), getattr(b, mask))
            np.testing.assert_allclose(b.depth, a.depth, rtol=1e-4)
            np.testing.assert_array_equal(a.camera.intrinsics, b.camera.intrinsics)
            np.testing.assert_array_equal(a.camera.world_from_cam, b.camera.world_from_cam)


def test_layers_are_packed_too(tmp_path):
    layouts.layered_depth_published(tmp_path / "in")
    source, _, copy = packed(tmp_path / "in", "layered_depth", tmp_path / "out")
    a, b = (one.view(one.scenes[0], one.scenes[0].frames[2]) for one in (source, copy))
    assert a.layers is not None
    assert b.layers is not None
    assert np.array_equal(a.layers.glass, b.layers.glass)
    assert np.array_equal(a.layers.last_valid, b.layers.last_valid)
    np.testing.assert_allclose(a.layers.last_depth, b.layers.last_depth, rtol=1e-4)


def test_pictures_shrink_with_their_cameras(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    source, _, copy = packed(tmp_path / "in", "tartanair", tmp_path / "out", long_side=32)
    a, b = (one.view(one.scenes[0], one.scenes[0].frames[0]) for one in (source, copy))
    assert b.image.shape == (24, 32, 3)
    np.testing.assert_allclose(b.camera.intrinsics[:2], a.camera.intrinsics[:2] / 2, rtol=1e-4)


def test_members_of_a_view_stand_together_and_scenes_are_not_split(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    _, report, copy = packed(tmp_path / "in", "tartanair", tmp_path / "out", shard_bytes=1)
    assert [path.name for path in report.shards] == ["tartanair-000000.tar", "tartanair-000001.tar"]
    with tarfile.open(report.shards[0]) as archive:
        names = archive.getnames()
    keys = [name.partition(".")[0] for name in names]
    assert keys == sorted(keys)  # WebDataset: what is before the first point is the key
    assert len(set(keys)) == 6
    assert len({key.rpartition("/")[0] for key in keys}) == 1
    assert copy.num_frames == 12


def test_broken_frames_are_left_out_and_told(tmp_path):
    truth = layouts.tartanair_published(tmp_path / "in")
    truth.image.write_bytes(b"broken")
    _, report, copy = packed(tmp_path / "in", "tartanair", tmp_path / "out")
    assert len(report.broken) == 1
    assert copy.num_frames == 11


def test_archives_are_not_overwritten(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    packed(tmp_path / "in", "tartanair", tmp_path / "out")
    with pytest.raises(OutputError, match="holds archives already"):
        packed(tmp_path / "in", "tartanair", tmp_path / "out")


@pytest.mark.parametrize("inside", ["", "packed/small"])
def test_a_data_set_is_not_packed_into_itself(tmp_path, inside):
    layouts.tartanair_published(tmp_path / "in")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="whose files archives would hide; choose a folder elsewhere"):
        packed(tmp_path / "in", "tartanair", tmp_path / "in" / inside)
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_archives_are_named(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    _, report, _ = packed(tmp_path / "in", "tartanair", tmp_path / "out", shard_bytes=1)
    shard = report.shards[1]
    content = shard.read_bytes()
    with tarfile.open(shard) as archive:
        starts = [member.offset for member in archive]
    for end in (len(content) // 2 - 100, starts[8], starts[9] + 600):  # in the middle, between members, within one
        shard.write_bytes(content[:end])
        with pytest.raises(InputError, match=r"tartanair-000001\.tar (is cut off|cannot be read)"):
            open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))
    shard.write_bytes(b"no archive" * 100)
    with pytest.raises(InputError, match=r"tartanair-000001\.tar cannot be read as a tar archive"):
        open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))


def test_archives_with_a_hole_are_named(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    _, report, _ = packed(tmp_path / "in", "tartanair", tmp_path / "out")
    content = bytearray(report.shards[0].read_bytes())
    with tarfile.open(report.shards[0]) as archive:
        hole = [member.offset for member in archive][20]
    content[hole : hole + 4096] = bytes(4096)
    report.shards[0].write_bytes(content)
    copy = open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))
    frame = copy.scenes[0].frames[5]
    with pytest.raises(InputError, match=r"000005\.[a-z.]* is damaged"):
        copy.view(copy.scenes[0], frame)
    (tmp_path / "out" / INDEX_FILE).unlink()
    with pytest.raises(InputError, match=r"tartanair-000000\.tar is damaged: after \d+ bytes .* download it again"):
        open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))


def test_compressed_archives_are_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.tar\.gz is compressed.*repack it as \.tar"):
        open_source(SOURCES["tartanair"], tmp_path)


def archived(folder, out):
    with tarfile.open(out, "w") as archive:
        archive.add(folder, arcname=".")


@pytest.mark.parametrize("left", ["part", "damaged", "folder", "dead link", "compressed"])
def test_what_is_left_beside_the_unpacked_files_does_not_hide_them(tmp_path, caplog, left):
    root = tmp_path / "in"
    layouts.tartanair_published(root)
    beside = root / "a.tar"
    if left == "part":
        (tmp_path / "part/office/Easy/P001").mkdir(parents=True)
        (tmp_path / "part/office/Easy/P001/000_rgb.png").write_bytes(b"picture")
        archived(tmp_path / "part", beside)
    elif left == "damaged":
        beside.write_bytes(b"no archive" * 100)
    elif left == "folder":
        beside.mkdir()
    elif left == "dead link":
        beside.symlink_to(tmp_path / "nowhere")
    else:
        (root / "a.tar.gz").write_bytes(b"x")
    source = open_source(SOURCES["tartanair"], root)
    assert source.num_frames == 12
    assert isinstance(source.files, FolderFiles)
    assert ("The unpacked files are used instead" in caplog.text) == (left in {"part", "damaged"})


def test_archives_go_before_the_files_beside_them(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    archived(tmp_path / "in", tmp_path / "a.tar")
    (tmp_path / "a.tar").rename(tmp_path / "in" / "a.tar")
    assert isinstance(open_source(SOURCES["tartanair"], tmp_path / "in").files, TarFiles)
    assert open_source(SOURCES["tartanair"], tmp_path / "in" / "a.tar").num_frames == 12


def test_compressed_archives_beside_others_are_told_where_files_lack(tmp_path):
    layouts.vkitti2_original(tmp_path / "in")
    for table in ("intrinsic.txt", "extrinsic.txt"):
        (tmp_path / "in/Scene02/15-deg-left" / table).unlink()
    (tmp_path / "out").mkdir()
    archived(tmp_path / "in", tmp_path / "out/vkitti_2.0.3_rgb.tar")
    (tmp_path / "out/vkitti_2.0.3_textgt.tar.gz").write_bytes(b"x")
    with pytest.raises(InputError, match=r"12 frames lack 24 files.*intrinsic\.txt.*textgt\.tar\.gz is compressed"):
        open_source(SOURCES["vkitti2"], tmp_path / "out")
    with pytest.raises(InputError, match=r"rgb\.tar holds no complete frame"):
        open_source(SOURCES["vkitti2"], tmp_path / "out/vkitti_2.0.3_rgb.tar")


def test_empty_members_count_as_missing(tmp_path):
    layouts.tartanair_published(tmp_path / "in")
    (tmp_path / "in/office/Easy/P001/002_depth.npy").write_bytes(b"")
    (tmp_path / "out").mkdir()
    archived(tmp_path / "in", tmp_path / "out" / "a.tar")
    source = open_source(SOURCES["tartanair"], tmp_path / "out")
    assert [lack.path for lack in source.missing] == ["office/Easy/P001/002_depth.npy"]


def test_members_outside_the_tree_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("../office/Easy/P001/000_rgb.png", "office/Easy/P001/.hidden_rgb.png"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("office/Easy/P001/001_rgb.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(InputError, match="holds no scenes"):
        open_source(SOURCES["tartanair"], tmp_path)


def test_a_packed_copy_is_opened_by_its_index(tmp_path, monkeypatch):
    layouts.tartanair_published(tmp_path / "in")
    _, report, copy = packed(tmp_path / "in", "tartanair", tmp_path / "out", shard_bytes=1)
    members = [
        member for shard in decode_index((tmp_path / "out" / INDEX_FILE).read_bytes(), "") for member in shard.members
    ]
    with tarfile.open(report.shards[0]) as archive:
        assert [(member.name, member.offset_data, member.size) for member in archive] == members[: len(members) // 2]
    monkeypatch.setattr(archives, "scan_shard", None)
    again = TarFiles(tmp_path / "out")
    assert again.folders("office") == copy.files.folders("office")


@pytest.mark.parametrize("change", ["longer", "gone", "added", "damaged"])
def test_an_index_that_does_not_fit_is_told_and_not_used(tmp_path, caplog, change):
    layouts.tartanair_published(tmp_path / "in")
    _, report, _ = packed(tmp_path / "in", "tartanair", tmp_path / "out", shard_bytes=1)
    index = tmp_path / "out" / INDEX_FILE
    if change == "longer":
        report.shards[1].write_bytes(report.shards[1].read_bytes() + bytes(10240))
    elif change == "gone":
        report.shards[1].unlink()
    elif change == "added":
        (tmp_path / "out/tartanair-000002.tar").write_bytes(report.shards[1].read_bytes())
    else:
        index.write_bytes(index.read_bytes()[:100])
    copy = open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))
    assert copy.num_frames == (6 if change == "gone" else 12)
    assert "mda data index" in caplog.text
    caplog.clear()
    write_index(tmp_path / "out")
    open_source(SOURCES["tartanair"], tmp_path / "out", more=(PackedLayout(),))
    assert not caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format_version": 2}, "format_version is 2"),
        ({"name": "../a.tar"}, r"what it says of '\.\./a\.tar' cannot be"),
        ({"members": [["../a.png", 512, 10]]}, "cannot be"),
        ({"members": [["a.png", 512, 10_000]]}, "cannot be"),
        ({"members": [["a.png", 512]]}, "no index of archives, or damaged"),
        ({"size": "x"}, "no index of archives, or damaged"),
    ],
)
def test_an_index_of_what_cannot_be_is_refused(change, told):
    shard = {"name": "a.tar", "size": 10240, "members": [["a.png", 512, 10]]}
    about = {"format_version": 1, "shards": [shard | change]} | change
    with pytest.raises(InputError, match=f"index.json.*{told}.*mda data index"):
        decode_index(json.dumps(about).encode(), "index.json")
