"""Keys of the sealed sessions: list those in use, and re-encrypt everything with the newest."""

import time
from typing import Annotated

import typer

from tg_assistant.cli.door import fail, transaction

app = typer.Typer(no_args_is_help=True, help=__doc__)
_LOOK_SECONDS = 0.5
_BEGIN_SECONDS = 15.0


@app.command()
def status() -> None:
    """List the key ids that sealed sessions use, with the number of sessions. Needs no key."""
    from tg_assistant.core.accounts import key_rotation

    found = transaction(key_rotation.uses, all_tenants=True)
    if not found:
        typer.echo("Nothing is sealed yet.")
        return
    typer.echo(f"{'key id':<20} {'sessions':>9} {'pending logins':>15}")
    for use in found:
        typer.echo(f"{use.key_id:<20} {use.sessions:>9} {use.logins:>15}")


@app.command()
def rotate(
    wait: Annotated[float, typer.Option(help="Seconds to wait for the end")] = 3600,
) -> None:
    """Have ingest re-encrypt every sealed session with its newest key (the last in SESSION_CRYPTO_KEY).

    Accounts stay connected. After an interruption it resumes by itself; running it twice does no harm.
    """
    from tg_assistant.core.accounts import key_rotation

    asked = transaction(key_rotation.request)
    began, shown = time.monotonic(), 0
    while True:
        now = transaction(lambda db: key_rotation.read(db, asked.id))
        if now.rewrapped > shown:
            typer.echo(f"{now.rewrapped} brought under {now.keys[-1]!r} …")
            shown = now.rewrapped
        if now.done_at is not None:
            break
        waited = time.monotonic() - began
        if waited > (wait if now.keys else min(wait, _BEGIN_SECONDS)):
            word = "is still at it" if now.keys else "has not begun: is it running"
            fail(f"ingest {word}. The request stays and is worked off by itself; ask again to watch it.")
        time.sleep(_LOOK_SECONDS)
    if now.error:
        fail(f"Nothing was changed. {now.error}")
    used = {use.key_id for use in transaction(key_rotation.uses, all_tenants=True)}
    typer.echo("\n".join(_verdict(now.keys, used, now.rewrapped)))
    if trouble := _trouble(now.unknown, now.broken):
        fail("\n".join(trouble))


def _verdict(ids: list[str], used: set[str], rewrapped: int) -> list[str]:
    newest, spare = ids[-1], [key_id for key_id in ids[:-1] if key_id not in used]
    lines = [f"Done: {rewrapped} brought under {newest!r}; everything new is sealed under it."]
    if spare:
        names = ", ".join(spare)
        lines.append(
            f"No longer used: {names}. Take them out of SESSION_CRYPTO_KEY (or its file), restart ingest."
        )
    if left := [key_id for key_id in ids[:-1] if key_id in used]:
        lines.append(
            f"Still used: {', '.join(left)}. Keep them; give every ingest the newest key, rotate again."
        )
    if not ids[:-1]:
        lines.append(
            "There is only this one key. To replace it, add a line `id:key` below it in "
            "SESSION_CRYPTO_KEY_FILE (a key of openssl rand -base64 32) and rotate again."
        )
    return lines


def _trouble(unknown: dict[str, int], broken: int) -> list[str]:
    lines = [
        f"{count} sealed under {key_id!r}, which ingest does not have: add that key to SESSION_CRYPTO_KEY "
        "again (not as the last one) and rotate; without it these people must connect again."
        for key_id, count in sorted(unknown.items())
    ]
    if broken:
        lines.append(f"{broken} altered or copied from another row: they open for nobody; see ingest's log.")
    return lines
