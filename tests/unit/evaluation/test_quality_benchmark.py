import importlib.util
import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import save_file

from mda.evaluation.procedural import network_predictor
from mda.mixtures import Decoder
from mda.models.presets import build
from tests.unit.evaluation.step_clip import Oracle, step_clip

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """A script of benchmarks/ as a module, as it is found when another one of them imports it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_the_benchmark_writes_json_and_tables(script, tmp_path, capsys):
    weights, readme, out = tmp_path / "w.safetensors", tmp_path / "README.md", tmp_path / "results" / "quality.json"
    save_file(build("mda_mini").state_dict(), weights)
    readme.write_text("a\n<!-- quality:begin -->\n<!-- quality:end -->\nb\n", encoding="utf-8")
    options = f"--weights {weights} --clips 1 --views 1 --size 64x64 --blur 1 2 --decoders mode mean --out {out}"
    script("quality").main([*options.split(), "--readme", str(readme)])
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["clips"] == 1
    assert report["image_hw"] == [64, 64]
    settings = [(found["model"], found["factor"], found["decoder"]) for found in report["summaries"]]
    assert settings == [
        ("truth", 1, "depth"),
        ("truth", 1, None),
        ("truth_blurred_3x3", 1, "depth"),
        ("truth_blurred_3x3", 1, None),
        *[("mda_mini", factor, decoder) for factor in (1, 2) for decoder in ("mode", "mean", None)],
    ]
    printed = capsys.readouterr().out
    assert "| mda_mini | mode |" in printed
    assert (
        readme.read_text(encoding="utf-8")
        == f"a\n<!-- quality:begin -->\n\n{printed.strip()}\n\n<!-- quality:end -->\nb\n"
    )


def test_rows_of_a_baseline_whose_weights_are_gone_are_kept_if_made_the_same_way(script, tmp_path, capsys):
    for preset in ("mda_mini", "mda_mini_single"):
        save_file(build(preset).state_dict(), tmp_path / f"{preset}.safetensors")
    options = f"--weights {tmp_path}/mda_mini.safetensors --clips 1 --views 1 --size 64x64 --blur 1 2 --decoders mode"
    options = [
        *options.split(),
        "--out",
        str(tmp_path / "q.json"),
        "--baseline",
        str(tmp_path / "mda_mini_single.safetensors"),
    ]
    quality = script("quality")
    quality.main([*options, "--remedies", "--figures", str(tmp_path / "figures")])
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"quality_blur.png", "quality_coverage.png"}
    first = json.loads((tmp_path / "q.json").read_text())
    assert len(first["benchmark"]["first_clip"]) == 16
    rows = [found for found in first["summaries"] if found["model"] == "mda_mini_single"]
    assert [found["remedy"] for found in rows if found["factor"] == 1 and found["decoder"]].count(None) == 1
    (tmp_path / "mda_mini_single.safetensors").unlink()
    capsys.readouterr()
    quality.main(options)
    assert "kept from the earlier results" in capsys.readouterr().err
    second = json.loads((tmp_path / "q.json").read_text())
    assert [found for found in second["summaries"] if found["model"] == "mda_mini_single"] == rows
    assert second["benchmark"] == first["benchmark"]
    quality.main([*options, "--seed", "2000001"])
    assert "it has no rows" in capsys.readouterr().err


def test_the_figure_shows_red_points_where_the_mean_flies(script, tmp_path, monkeypatch):
    figure = script("flying_points_figure")
    monkeypatch.setattr(figure, "REGION", (12, 16))
    network = Oracle(step_clip())
    counts = []
    for decoder in (Decoder.COMPONENT, Decoder.MEAN):
        path = tmp_path / decoder.value / "figure.png"
        figure.draw({"oracle": network_predictor(network, [decoder])}, [step_clip()], path)
        pixels = Image.open(path).convert("RGB").get_flattened_data()
        counts.append(sum(red > 180 and green < 80 and blue < 80 for red, green, blue in pixels))
    assert counts[0] == 0
    assert counts[1] > 10


def test_a_figure_without_an_edge_to_draw_is_refused(script, tmp_path, monkeypatch):
    figure = script("flying_points_figure")
    monkeypatch.setattr(figure, "REGION", (12, 16))
    with pytest.raises(figure.ConfigError, match="no edge that every model resolves"):
        figure.draw({}, [], tmp_path / "figure.png")
