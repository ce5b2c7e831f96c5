import json
import sys

import numpy as np
import pytest
import torch

from mda.cli.predict import DECODERS, ORDERS
from mda.inference.windows import Order
from mda.io.ply import read_ply
from mda.mixtures import GENERAL_DECODERS, Decoder, DepthMixture
from tests.cli.conftest import photo, pose_of, views_in
from tests.golden import examples_dir
from tests.unit.io.camera_files import some_cameras, write_colmap_binary, write_transforms


def test_a_folder_becomes_a_run(predict, photos, tmp_path):
    result = predict(photos, "--out", tmp_path / "run")
    assert result.code == 0, result.err
    run = tmp_path / "run"
    assert views_in(run) == ["000000", "000001", "000002", "000003"]
    info = json.loads((run / "run.json").read_text())
    assert info["format_version"] == 1
    assert info["model"] == "mda_mini"
    assert info["licence"] == "Apache-2.0"
    assert info["decoder"] in DECODERS
    assert info["command"].startswith("mda predict ")
    assert info["sizes"]["image_hw"] == [48, 64]
    assert info["details"]["skipped"] == []
    assert [view["name"] for view in info["views"]] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert {"network", "total"} <= set(info["timings"])
    assert "torch" in info["versions"]
    assert (run / "preview.png").stat().st_size > 1000
    assert len(read_ply(run / "points.ply").positions) > 0
    for words in (str(run), "4 views", "preview.png", "points.ply", "Apache-2.0", "mda models"):
        assert words in result.out


def test_the_first_view_is_the_world(predict, photos, tmp_path):
    predict(photos, "--out", tmp_path / "run")
    np.testing.assert_allclose(pose_of(tmp_path / "run", "000000"), np.eye(4), atol=1e-6)


def test_without_out_the_place_follows_from_input_and_model(predict, photos):
    result = predict(photos)
    assert result.code == 0
    assert "eval_results/demo/photos/mda_mini" in result.out
    assert len(views_in(photos.parent / "here" / "eval_results" / "demo" / "photos" / "mda_mini")) == 4


def test_several_inputs_become_several_runs(predict, photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    photo(other / "a.png")
    result = predict(photos, other, "--out", tmp_path / "runs")
    assert result.code == 0
    assert len(views_in(tmp_path / "runs" / "photos")) == 4
    assert len(views_in(tmp_path / "runs" / "other")) == 1


def test_a_saved_density_decodes_to_the_saved_depth(predict, photos, tmp_path):
    run = tmp_path / "run"
    assert predict(photos, "--out", run, "--save-mixture", "--decoder", "mode").code == 0
    with np.load(run / "mixture" / "000001.npz") as saved:
        parts = {name: torch.from_numpy(saved[name]) for name in ("locs", "scales", "log_weights")}
        mixture = DepthMixture(**parts, family=str(saved["family"]), space=str(saved["space"]))
    np.testing.assert_allclose(mixture.decode("mode"), np.load(run / "depth" / "000001.npy"), rtol=1e-4)


def test_layers_are_asked_of_a_model_that_knows_them(predict, photos, tmp_path):
    refused = predict(photos, "--out", tmp_path / "run", "--decoder", "layers")
    assert refused.code == 2
    assert "knows no transparent surfaces" in refused.err


@pytest.mark.parametrize("decoder", GENERAL_DECODERS)
def test_every_decoder_works(predict, photos, tmp_path, decoder):
    assert predict(photos, "--out", tmp_path / "run", "--decoder", decoder, "--no-ply").code == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["decoder"] == decoder
    assert not (tmp_path / "run" / "points.ply").exists()


def test_the_listed_choices_are_those_there_are():
    assert set(DECODERS) == {str(decoder) for decoder in Decoder}
    assert set(ORDERS) == {str(order) for order in Order}


def test_stride_and_windows(predict, photos, tmp_path):
    assert predict(photos, "--out", tmp_path / "run", "--stride", 2).code == 0
    assert len(views_in(tmp_path / "run")) == 2
    assert predict(photos, "--out", tmp_path / "windows", "--max-views", 2).code == 0
    assert len(views_in(tmp_path / "windows")) == 4
    joints = json.loads((tmp_path / "windows" / "run.json").read_text())["details"]["joints"]
    assert [joint["view"] for joint in joints] == [2, 3]
    assert predict(photos, "--out", tmp_path / "free", "--max-views", 2, "--order", "unordered").code == 0
    assert len(views_in(tmp_path / "free")) == 4
    assert predict(photos, "--out", tmp_path / "mono", "--mono").code == 0
    assert len(views_in(tmp_path / "mono")) == 4
    assert not (tmp_path / "mono" / "points.ply").exists()
    assert predict(photos, "--out", tmp_path / "free2", "--max-views", 3, "--overlap", 3).code != 0


def test_memory_decides_how_many_views_are_looked_at_together(predict, photos, tmp_path):
    def together(name: str, *options: object) -> int:
        assert predict(photos, "--out", tmp_path / name, *options).code == 0
        return json.loads((tmp_path / name / "run.json").read_text())["settings"]["max_views"]

    assert together("default") == 16
    few, many = together("few", "--memory", 0.04), together("many", "--memory", 2)
    assert 2 <= few < many
    assert together("both", "--memory", 2, "--max-views", 3) == 3
    result = predict(photos, "--out", tmp_path / "none", "--memory", 0.001)
    assert result.code != 0
    assert "--memory" in result.err


def test_the_same_command_again_does_nothing(predict, photos, tmp_path):
    predict(photos, "--out", tmp_path / "run")
    written = (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns
    result = predict(photos, "--out", tmp_path / "run")
    assert result.code == 0
    assert "were there already" in result.out
    assert (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns == written
    predict(photos, "--out", tmp_path / "run", "--overwrite")
    assert (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns > written


def test_a_point_cloud_can_be_had_later(predict, photos, tmp_path):
    predict(photos, "--out", tmp_path / "run", "--no-ply")
    written = (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns
    result = predict(photos, "--out", tmp_path / "run")
    assert "points.ply" in result.out
    assert len(read_ply(tmp_path / "run" / "points.ply").positions) > 0
    assert (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns == written


def test_another_run_is_not_replaced_unasked(predict, photos, tmp_path):
    predict(photos, "--out", tmp_path / "run")
    result = predict(photos, "--out", tmp_path / "run", "--decoder", "mean")
    assert result.code == 2
    assert "decoder" in result.err
    assert "--overwrite" in result.err
    assert predict(photos, "--out", tmp_path / "run", "--decoder", "mean", "--overwrite").code == 0


def test_weights_may_be_the_model(command, weights, photos, tmp_path):
    result = command("predict", photos, "--model", weights, "--size", 64, "--out", tmp_path / "run")
    assert result.code == 0
    assert "larger ones" not in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "mda_mni"], "Did you mean mda_mini"),
        (["--decoder", "best"], "heaviest"),
        (["--stride", "0"], "not a whole number above 0"),
        (["--fps", "x"], "not a number above 0"),
        (["--device", "gpu"], "no device"),
        (["--size", "3"], "--size"),
        (["--max-views", "1"], "--max-views"),
    ],
)
def test_options_that_cannot_work_are_one_line(command, weights, photos, arguments, words):
    result = command("predict", photos, "--checkpoint", weights, *arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert len(result.err.strip().splitlines()) == 1
    assert words in result.err
    assert "Traceback" not in result.err


def test_demo_speaks_the_flags_of_the_published_release(command, photos, monkeypatch):
    sys.modules.pop("demo", None)
    import demo  # noqa: PLC0415

    called = []
    monkeypatch.setattr(demo, "mda", lambda arguments: called.append(arguments) or 0)
    flags = [
        "--fps",
        "2",
        "--image_stride",
        "3",
        "--model_name",
        "mda_mog_sky_l2",
        "--output_dir",
        "out/",
        "--no-viewer",
    ]
    assert demo.main([str(photos), *flags]) == 0
    # The translation is a command that predict understands.
    assert called[0] == [
        *("predict", str(photos), "--fps", "2", "--stride", "3"),
        *("--model", "mda_mog_sky_l2", "--out", "out/mda_mog_sky_l2"),
    ]
    result = command(*called[0])
    assert "huggingface.co/sy000/MDA" in result.err


@pytest.mark.skipif(not examples_dir().is_dir(), reason=f"no example photos in {examples_dir()} (set MDA_EXAMPLES_DIR)")
def test_real_photos(predict, tmp_path):
    folder = min(path for path in examples_dir().iterdir() if any(path.glob("*.jpg")))
    assert predict(folder, "--out", tmp_path / "run", "--stride", 9).code == 0
    assert len(views_in(tmp_path / "run")) > 0


def test_given_cameras_are_those_of_the_run(predict, photos, tmp_path):
    names = [f"{number}.jpg" for number in range(4)]
    cameras = some_cameras(4)
    for path in (
        write_colmap_binary(tmp_path / "project" / "sparse" / "0", cameras, names).parents[1],
        write_transforms(tmp_path / "transforms.json", cameras, names),
    ):
        run = tmp_path / f"run of {path.stem}"
        result = predict(photos, "--cameras", path, "--out", run)
        assert result.code == 0, result.err
        assert "mda_mini cannot be told cameras" in result.err
        for number, stem in enumerate(views_in(run)):
            np.testing.assert_allclose(pose_of(run, stem), cameras.world_from_cam[number], atol=1e-5)
        assert "cameras" in json.loads((run / "run.json").read_text())["details"]
    # The run is a camera file for the next one, and another file is another run.
    result = predict(photos, "--cameras", tmp_path / "project", "--cameras", run, "--out", tmp_path / "again")
    assert result.code == 0, result.err
    np.testing.assert_allclose(pose_of(tmp_path / "again", "000002"), pose_of(run, "000002"), atol=1e-5)
    result = predict(photos, "--out", run)
    assert result.code == 2
    assert "changed cameras" in result.err


@pytest.mark.parametrize(
    ("names", "words"),
    [(["0.jpg", "1.jpg"], "2 of 4 views have no camera"), ([], "is damaged or no such file"), (None, "does not exist")],
)
def test_cameras_that_cannot_be_used_are_one_line(predict, photos, tmp_path, names, words):
    model = tmp_path / "model"
    if names is not None:
        write_colmap_binary(model, some_cameras(4), names)
        if not names:
            (model / "images.bin").write_bytes(b"12")
    result = predict(photos, "--cameras", model, "--out", tmp_path / "run")
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1
    assert words in result.err
    assert str(model) in result.err
    assert not (tmp_path / "run").exists()
