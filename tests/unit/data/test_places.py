from pathlib import Path

import pytest

from mda.data.places import as_place, joined, shown


@pytest.mark.parametrize(
    ("root", "folder", "expected"),
    [
        (Path("/data"), "tartanair", Path("/data/tartanair")),
        (Path("/data"), "/other", Path("/other")),
        (Path("/data"), "s3://bucket/a", "s3://bucket/a"),
        ("https://host/shards/", "a/b", "https://host/shards/a/b"),
        ("https://host/shards?token=1", "a", "https://host/shards/a?token=1"),
        ("https://host/shards", "/other", Path("/other")),
    ],
)
def test_folders_are_below_their_root_or_absolute(root, folder, expected):
    assert joined(root, folder) == expected


def test_urls_stay_as_they_are():
    assert as_place("https://host//a") == "https://host//a"
    assert as_place("a//b") == Path("a/b")
    assert as_place("~/a") == Path.home() / "a"


def test_what_is_shown_holds_no_secrets():
    text = "cannot read https://me:pass%40word@host/a@b.tar?sig=abc&x='y' or s3://key:word@bucket/a"
    assert shown(text) == "cannot read https://host/a@b.tar?...'y' or s3://bucket/a"
