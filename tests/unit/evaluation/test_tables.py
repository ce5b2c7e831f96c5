import pytest

from mda.errors import InputError
from mda.evaluation.results import Row, summarise
from mda.evaluation.tables import quality_tables, replace_between_markers
from mda.metrics import Tally


def row(model, factor, decoder, **means):
    tallies = {name: Tally(sum=float(mean), count=1) for name, mean in means.items()}
    return Row(clip="x", model=model, factor=factor, decoder=decoder, tallies=tallies)


def test_tables_of_depth_blur_and_views():
    rows = [
        row("mini", 1, "mode", abs_rel_scale_aligned=0.0456, flying_own_surfaces=0.25),
        row("mini", 1, None, pose_auc30=0.5),
        row("mini", 2, "mode", abs_rel_scale_aligned=0.05, flying_own_surfaces=0.3),
        row("truth", 1, "depth", abs_rel_scale_aligned=0),
    ]
    depth, blur, views = quality_tables(summarise(rows)).strip().split("\n\n")
    assert depth.splitlines()[0].startswith("| model | decoder | AbsRel % ↓ |")
    assert depth.splitlines()[2].startswith("| mini | mode | 4.56 | - | - | 25.0 |")
    assert depth.splitlines()[3].startswith("| truth | depth | 0.00 |")
    assert blur.splitlines()[2].startswith("| mini | mode | 25.0 | 30.0 | 4.56 | 5.00 |")
    assert len(blur.splitlines()) == 3
    assert views.splitlines()[2].startswith("| mini | 1 | - | - | 50.0 |")


def test_every_line_of_a_table_has_as_many_cells():
    rows = [row("mini", factor, "mode", abs_rel_scale_aligned=0.1) for factor in (1, 4)]
    for table in quality_tables(summarise(rows)).strip().split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_without_blur_or_views_there_are_no_such_tables():
    assert "blur" not in quality_tables(summarise([row("mini", 1, "mode", abs_rel_scale_aligned=0.1)]))


def test_text_between_markers_is_replaced_and_the_rest_kept(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("head\n<!-- quality:begin -->\nold\n<!-- quality:end -->\ntail\n", encoding="utf-8")
    for _ in range(2):
        replace_between_markers(path, "quality", "| new |\n")
    expected = "head\n<!-- quality:begin -->\n\n| new |\n\n<!-- quality:end -->\ntail\n"
    assert path.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("text", ["", "<!-- q:begin -->", "<!-- q:end --> <!-- q:begin -->", "<!-- q:begin -->" * 2])
def test_missing_markers_are_told_and_the_file_is_left(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md needs"):
        replace_between_markers(path, "q", "new")
    assert path.read_text(encoding="utf-8") == text
