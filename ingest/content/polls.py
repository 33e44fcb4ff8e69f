"""Polls, quizzes and to-do lists as text. What a poll offers is asked, never said: it is quoted as a poll."""

from typing import Any

from telethon import types

from ingest.content.entities import said_of
from ingest.content.labels import Part, joined, label


def poll(media: types.MessageMediaPoll) -> list[Part]:
    """Return the question with its options, and as parts of their own the votes, the answer, its reason."""
    asked, options = said_of(media.poll.question), [said_of(each.text) for each in media.poll.answers]
    kind = "quiz" if media.poll.quiz else "poll"
    text = label(kind, asked, question=asked, options="; ".join(options))
    return [Part(origin=kind, text=text), *_results(media, asked), *_solution(media.results, asked)]


def _results(media: types.MessageMediaPoll, asked: str) -> list[Part]:
    given = {each.option: each for each in media.results.results or []}
    named = [(said_of(each.text), given.get(getattr(each, "option", b""))) for each in media.poll.answers]
    voted = [
        label("poll_votes", asked, option=option, votes=result.voters or 0)
        for option, result in named
        if result is not None
    ]
    right = [option for option, result in named if result is not None and result.correct]
    total = media.results.total_voters or 0
    results = label("poll_results", asked, question=asked, results="; ".join(voted), total=total)
    answer = label("quiz_answer", asked, question=asked, answer="; ".join(right))
    return [
        *([Part(origin="poll_results", text=results)] if voted and total else []),
        *([Part(origin="poll_results", text=answer)] if right else []),
    ]


def _solution(results: Any, asked: str) -> list[Part]:
    reason = types.TextWithEntities(results.solution or "", results.solution_entities or [])
    if not reason.text:
        return []
    text = label("quiz_solution", asked, question=asked, solution=said_of(reason))
    return [Part(origin="quiz_solution", text=text)]


def todo(media: types.MessageMediaToDo) -> list[Part]:
    """Return the list with the state of each item."""
    done = {each.id for each in media.completions or []}
    title = said_of(media.todo.title)
    items = [
        label("todo_done" if each.id in done else "todo_open", title, item=said_of(each.title))
        for each in media.todo.list
    ]
    return [Part(origin="todo", text=label("todo", title, title=title, items=joined(items, "; ")))]
