import numpy as np
import pytest
from PIL import Image

from tests.unit.data.layouts import WRITERS
from tests.unit.data.server import serving


@pytest.fixture
def tartanair(tmp_path):
    return tmp_path / "tartanair", WRITERS["tartanair", "published"](tmp_path / "tartanair")


def test_a_whole_download_is_told_and_drawn(command, tartanair):
    result = command("data", "check", tartanair[0], "--source", "tartanair")
    assert result.code == 0, result.err
    assert "TartanAir, published layout: 12 frames, 2 scenes" in result.out
    assert "read 12 frames: 64 x 48 (12)" in result.out
    assert "100% of points agree" in result.out
    assert result.out.rstrip().splitlines()[-1] == "contact sheet: data_check/tartanair.png"
    with Image.open("data_check/tartanair.png") as sheet:
        assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 100


def test_what_is_missing_or_broken_is_named(command, tartanair):
    root, truth = tartanair
    truth.depth.unlink()
    (root / "office/Easy/P001/002_rgb.png").write_bytes(b"no picture")
    result = command("data", "check", root, "--source", "tartanair")
    assert result.code == 1
    assert "1 missing or empty file:" in result.out
    assert "office/Easy/P001/001_depth.npy" in result.out
    assert "1 broken frame:" in result.out
    assert "002_rgb.png is damaged" in result.out
    assert "not whole" in result.out


def test_archives_are_indexed_and_then_checked_and_packed_from_afar(command, tartanair, tmp_path):
    shards = tmp_path / "shards"
    assert command("data", "pack", tartanair[0], shards, "--source", "tartanair").code == 0
    before = (shards / "shards.json").read_bytes()
    (shards / "shards.json").unlink()
    result = command("data", "index", shards)
    assert result.code == 0, result.err
    assert result.out == f"48 files in 1 archive: {shards}/shards.json\n"
    assert (shards / "shards.json").read_bytes() == before
    with serving(shards) as server:
        result = command("data", "check", server.url, "--source", "tartanair")
        assert result.code == 0, result.err
        assert f"TartanAir, packed layout: 12 frames, 2 scenes, from archives in {server.url}" in result.out
        result = command("data", "pack", server.url, tmp_path / "again", "--source", "tartanair")
        assert result.code == 0, result.err
        assert "12 views of 2 scenes" in result.out
        result = command("data", "check", f"{server.url}/nowhere", "--source", "tartanair", "--overwrite")
        assert result.code == 2
        assert "mda data index FOLDER" in result.err
    assert command("data", "index", tmp_path / "nowhere").code == 2
    refused = command("data", "check", "https://localhost/x", "--source", "sintel")
    assert refused.code == 2
    assert "is read from a local folder only" in refused.err


def test_contact_sheets_are_not_overwritten_unless_told(command, tartanair):
    arguments = ("data", "check", tartanair[0], "--source", "tartanair", "--out", "sheet.png", "--frames", 2)
    assert command(*arguments).code == 0
    refused = command(*arguments)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert command(*arguments, "--overwrite").code == 0


def test_the_wrong_folder_is_told_with_what_is_expected(command, tmp_path):
    (tmp_path / "empty").mkdir()
    result = command("data", "check", tmp_path / "empty", "--source", "vkitti2")
    assert result.code == 2
    assert "holds no scenes of Virtual KITTI 2: expected Scene*/*/Camera_*" in result.err
    assert command("data", "check", tmp_path / "nowhere", "--source", "vkitti2").code == 2


def test_unknown_names_are_told_with_the_known_ones(command, tartanair):
    result = command("data", "check", tartanair[0], "--source", "nothing")
    assert result.code == 2
    assert "tartanair" in result.err
    result = command("data", "check", tartanair[0], "--source", "tartanair", "--layout", "other")
    assert result.code == 2
    assert "published, original" in result.err


def test_all_sources_are_listed_with_licence_and_link(command):
    result = command("data", "list")
    assert result.code == 0
    line = next(line for line in result.out.splitlines() if line.startswith("tartanair "))
    assert "CC BY 4.0" in line
    assert "https://" in line


def test_a_packed_copy_is_checked_like_the_data_set(command, tartanair):
    result = command("data", "pack", tartanair[0], "packed", "--source", "tartanair", "--long-side", 32)
    assert result.code == 0, result.err
    assert "12 views of 2 scenes in 1 archive: packed" in result.out
    result = command("data", "check", "packed", "--source", "tartanair")
    assert result.code == 0, result.err
    assert "TartanAir, packed layout: 12 frames, 2 scenes" in result.out
    assert "32 x 24 (12)" in result.out
    assert command("data", "pack", tartanair[0], "packed", "--source", "tartanair").code == 2


def test_pictures_without_cameras_are_checked_too(command, tmp_path):
    WRITERS["hsod_glass", "published"](tmp_path / "hsod")
    result = command("data", "check", tmp_path / "hsod", "--source", "hsod_glass", "--split", "train")
    assert result.code == 0, result.err
    assert "cameras against depth" not in result.out
    assert "HSOD (glass), published layout: 6 frames, 1 scene" in result.out


@pytest.mark.parametrize("action", [("check",), ("pack", "out")])
def test_a_download_without_any_complete_frame_is_told(command, tartanair, action):
    root, _ = tartanair
    for path in root.rglob("*_depth.npy"):
        path.unlink()
    result = command("data", action[0], root, *action[1:], "--source", "tartanair")
    assert result.code == 2
    assert "holds no complete frame of TartanAir (published layout): 12 frames lack 12 files" in result.err
    assert "office/Easy/P001/000_depth.npy, office/Easy/P001/001_depth.npy" in result.err


def test_empty_files_count_as_missing(command, tartanair):
    root, truth = tartanair
    truth.camera.write_bytes(b"")
    result = command("data", "check", root, "--source", "tartanair", "--frames", 2)
    assert result.code == 1
    assert "office/Easy/P001/001_cam.npz" in result.out


def test_a_sample_is_whole_as_far_as_read(command, tartanair):
    arguments = ("data", "check", tartanair[0], "--source", "tartanair", "--overwrite")
    assert "\nwhole as far as read (2 of 12 frames)\n" in command(*arguments, "--frames", 2).out
    assert "\nwhole\n" in command(*arguments, "--all").out


def test_cameras_that_do_not_fit_the_depth_are_told(command, tartanair):
    root, _ = tartanair
    for path in root.rglob("*_cam.npz"):
        camera = dict(np.load(path))
        camera["camera_pose"][:3, 3] *= -8  # of another unit, and in another direction
        np.savez(path, **camera)
    result = command("data", "check", root, "--source", "tartanair")
    assert result.code == 1
    assert "cameras do not fit the depth" in result.out


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_a_folder_in_place_of_the_contact_sheet_is_told(command, tartanair, overwrite):
    result = command("data", "check", tartanair[0], "--source", "tartanair", "--out", ".", *overwrite)
    assert result.code == 2
    assert "is a folder; name the file of the contact sheet: --out tartanair.png" in result.err


def test_a_quality_that_is_none_is_told(command, tartanair):
    result = command("data", "pack", tartanair[0], "packed", "--source", "tartanair", "--quality", 150)
    assert result.code == 2
    assert "from 1 to 100; found 150" in result.err
