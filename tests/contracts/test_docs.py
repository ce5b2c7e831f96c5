"""The committed drawings are those of the script, and every page of docs/ has a place in the menu."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = runpy.run_path(str(ROOT / "scripts" / "draw_conventions.py"))["PICTURES"]


@pytest.mark.parametrize("name", PICTURES)
def test_drawings_are_those_of_the_script(name):
    committed = (ROOT / "docs" / "images" / f"convention_{name}.svg").read_text(encoding="utf-8")
    assert committed == PICTURES[name]()
    assert f"images/convention_{name}.svg" in (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")


def test_every_page_is_in_the_menu_and_every_example_has_a_section():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages == set(re.findall(r": (\S+\.md)$", menu, re.MULTILINE))
    shown = (ROOT / "docs" / "how_to" / "examples.md").read_text(encoding="utf-8")
    for program in (ROOT / "examples").glob("*.py"):
        assert f'--8<-- "examples/{program.name}"' in shown, f"docs/how_to/examples.md does not show {program.name}"
