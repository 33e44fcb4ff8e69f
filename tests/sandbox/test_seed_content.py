"""The demo content is edited by hand; these checks keep it loadable and its questions answerable."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "sandbox" / "seed"
FIELDS = {"id", "days_ago", "text", "edited", "deleted", "album", "photo", "forward", "views"}
Post = dict[str, Any]


def _json(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


def _posts(key: str) -> list[Post]:
    lines = (SEED / "posts" / f"{key}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


CHANNELS = {channel["key"]: channel for channel in _json(SEED / "channels.json")}
POSTS = {key: _posts(key) for key in CHANNELS}
BY_ID = {(key, post["id"]): post for key, posts in POSTS.items() for post in posts}
QUESTIONS = _json(ROOT / "tests" / "eval" / "questions.json")


def _current(post: Post) -> str:
    return post["edited"]["text"] if "edited" in post else post["text"]


def _live_texts(asker: str) -> list[str]:
    readable = [key for key, channel in CHANNELS.items() if asker in channel["followers"]]
    return [_current(post) for key in readable for post in POSTS[key] if not post.get("deleted")]


def test_each_channel_has_its_posts_and_known_people() -> None:
    """A channel without posts, or with an unknown owner or follower, cannot be seeded."""
    people = {person["key"] for person in _json(SEED / "people.json")}
    assert {path.stem for path in (SEED / "posts").glob("*.jsonl")} == set(CHANNELS)
    for channel in CHANNELS.values():
        assert set(channel["followers"]) <= people
        assert channel["owner"] is None or channel["owner"] in channel["followers"]
        assert channel["private"] == (channel["username"] is None)


def test_each_person_has_a_private_channel_the_other_cannot_read() -> None:
    """Isolation between two people can be tried by hand only if each has something of their own."""
    alone = [c["followers"] for c in CHANNELS.values() if c["private"] and len(c["followers"]) == 1]
    assert {tuple(followers) for followers in alone} == {("anna",), ("max",)}


@pytest.mark.parametrize("key", CHANNELS)
def test_ids_grow_with_time(key: str) -> None:
    """Message ids in Telegram follow time; readers of history depend on it."""
    posts = POSTS[key]
    ids = [post["id"] for post in posts]
    ages = [post["days_ago"] for post in posts]
    assert ids == sorted(set(ids))
    assert ages == sorted(ages, reverse=True)
    assert 0 < ages[-1] <= ages[0] <= 45


@pytest.mark.parametrize("key", CHANNELS)
def test_posts_have_the_documented_fields(key: str) -> None:
    """Unknown fields would be dropped silently, empty text is allowed only inside an album."""
    for post in POSTS[key]:
        assert set(post) <= FIELDS
        assert post["text"] or "album" in post
        assert len(_current(post)) <= 1300
        if "edited" in post:
            assert post["edited"]["days_ago"] < post["days_ago"]
            assert post["edited"]["text"] != post["text"]


def test_forwards_repeat_a_live_earlier_post() -> None:
    """A forward names a post that stays and repeats one of its texts."""
    for post in (post for posts in POSTS.values() for post in posts if "forward" in post):
        source = BY_ID[post["forward"]["from"], post["forward"]["id"]]
        assert not source.get("deleted")
        assert source["days_ago"] > post["days_ago"]
        assert post["text"] in (source["text"], _current(source))
        assert not CHANNELS[post["forward"]["from"]]["private"]


@pytest.mark.parametrize("key", CHANNELS)
def test_albums_are_consecutive_photos_with_one_caption(key: str) -> None:
    """Telegram sends an album as neighbours in time, of which the first carries the caption."""
    posts = POSTS[key]
    for album in {post["album"] for post in posts if "album" in post}:
        parts = [post for post in posts if post.get("album") == album]
        start = posts.index(parts[0])
        assert posts[start : start + len(parts)] == parts
        assert 2 <= len(parts) <= 10
        assert parts[0]["text"] and not any(post["text"] for post in parts[1:])
        assert all(post["photo"] for post in parts)


def test_the_mix_shows_what_a_real_account_holds() -> None:
    """Edits, deletions, forwards and albums are frequent enough to meet while trying the demo."""
    everything = [post for posts in POSTS.values() for post in posts]
    counts = Counter(field for post in everything for field in post)
    albums = {(key, post["album"]) for key, posts in POSTS.items() for post in posts if "album" in post}
    assert len(everything) >= 400
    assert counts["edited"] >= 25
    assert counts["deleted"] >= 12
    assert counts["forward"] >= 25
    assert len(albums) >= 10
    assert {channel["language"] for channel in CHANNELS.values()} == {"ru", "en"}


def test_the_ticker_can_fill_its_templates() -> None:
    """The channel that posts each minute exists and its sentences use only the three known values."""
    ticker = json.loads((SEED / "ticker.json").read_text(encoding="utf-8"))
    assert [key for key, channel in CHANNELS.items() if channel["ticker"]] == [ticker["channel"]]
    assert len(ticker["templates"]) >= 12
    for template in ticker["templates"]:
        assert "4.2" in template.format(n=17, time="12:05", value=4.2)


def test_there_are_thirty_questions_of_four_kinds() -> None:
    """The fixed list keeps its proportions, so results stay comparable between versions."""
    assert Counter(q["kind"] for q in QUESTIONS) == {"plain": 10, "none": 10, "cross": 5, "changed": 5}
    assert len({q["id"] for q in QUESTIONS}) == 30


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q["id"])
def test_expected_sources_are_live_readable_and_say_it(question: dict[str, Any]) -> None:
    """An expected source that the asker cannot read, or that lacks the fact, would make the list wrong."""
    assert bool(question["expect"]) == bool(question["must_contain"])
    for source in question["expect"]:
        post = BY_ID[source["channel"], source["id"]]
        assert question["asker"] in CHANNELS[source["channel"]]["followers"]
        assert not post.get("deleted")
        text = _current(post)
        assert all(re.search(pattern, text) for pattern in question["must_contain"])
        assert not any(re.search(pattern, text) for pattern in question["must_not_contain"])


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q["must_not_contain"]], ids=lambda q: q["id"])
def test_what_must_not_appear_was_once_written(question: dict[str, Any]) -> None:
    """A forbidden fact stands in an outdated, deleted or foreign post, so that a leak would show."""
    written = " ".join(post["text"] for posts in POSTS.values() for post in posts)
    assert all(re.search(pattern, written) for pattern in question["must_not_contain"])


@pytest.mark.parametrize(
    "question", [q for q in QUESTIONS if q["id"].startswith("none-other-")], ids=lambda q: q["id"]
)
def test_the_other_persons_facts_stand_in_no_readable_post(question: dict[str, Any]) -> None:
    """A question about someone else's channel has no answer in what the asker follows."""
    readable = "\n".join(_live_texts(question["asker"]))
    assert not any(re.search(pattern, readable) for pattern in question["must_not_contain"])
