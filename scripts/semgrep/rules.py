"""What each rule finds (`ruleid`) and what it leaves (`ok`); `semgrep scan --test` holds rules.yaml against it. Never run."""

# ruleid: sql-from-strings
text(f"SELECT 1 WHERE name = '{name}'")
# ruleid: sql-from-strings
text("SELECT 1 WHERE name = '%s'" % name)
# ruleid: sql-from-strings
text("SELECT 1 WHERE name = " + name)
# ruleid: sql-from-strings
connection.execute(f"LISTEN {channel}")
# ok: sql-from-strings
text("SELECT 1 WHERE name = :name").bindparams(name=name)
# ok: sql-from-strings
text(f"SELECT 1 WHERE {_OF_THE_TENANT}")


async def add(db: AsyncSession, actor: Actor, rt: Runtime) -> None:
    # ruleid: core-ends-a-transaction
    await db.commit()
    # ruleid: core-ends-a-transaction
    async with rt.db.transaction() as other:
        pass
    # ok: core-ends-a-transaction
    await db.flush()


async def ask(rt: Runtime, actor: Actor) -> None:
    # ok: core-ends-a-transaction
    async with rt.db.transaction(actor.tenant) as db:
        pass


# ruleid: nested-repeats
re.compile(r"[.!?]+(?:\s*[xyz]+)*(?=\s)")
# ruleid: nested-repeats
re.match(r"(a+)+$", words)
# ruleid: nested-repeats
re.compile(r"(?:\w+\s?)*$")
# ruleid: nested-repeats
re.compile(r"(.*)*x")
# ok: nested-repeats
re.compile(r"\[\s*(\d{1,3}(?:\s*,\s*\d{1,3})*)\s*\]")
# ok: nested-repeats
re.compile(r"(?:\s*[xyz]+)*+(?=\s)")
# ok: nested-repeats
re.compile(r"(\w+)\s+(\w+)")

# ruleid: a-shell
subprocess.run(command, shell=True)
# ruleid: a-shell
os.system("ls")
# ok: a-shell
subprocess.run(["ls", folder], check=True)

# ruleid: raw-markup
rx.html(post.text)
# ruleid: raw-markup
rx.markdown(answer)
# ruleid: raw-markup
jinja2.Environment(loader=loader)
# ok: raw-markup
rx.markdown(answer, use_raw=False)
# ok: raw-markup
rx.text(post.text)

# ruleid: private-words-in-the-log
log.info("question.asked", question=question)
# ruleid: private-words-in-the-log
log.warning("login.failed", login_id=id_, password=given)
# ruleid: private-words-in-the-log
structlog.contextvars.bind_contextvars(token=token)
# ok: private-words-in-the-log
log.info("question.asked", question_id=question.id)

# ruleid: words-of-an-error-in-the-log
log.error("post.failed", error=repr(error))
# ok: words-of-an-error-in-the-log
log.error("post.failed", error=type(error).__name__)

# ruleid: secret-compared-by-equality
given.token == known
# ruleid: secret-compared-by-equality
signature != expected
# ok: secret-compared-by-equality
hmac.compare_digest(signature, expected)
# ok: secret-compared-by-equality
select(Link).where(Link.hash == digest)

# ruleid: jwt-without-its-claims
jwt.decode(token, key, algorithms=["HS256"])
# ruleid: jwt-without-its-claims
jwt.decode(token, key, options={"require": ["exp"]})
# ok: jwt-without-its-claims
jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp"]})

# ruleid: code-from-data
pickle.loads(body)
# ruleid: code-from-data
eval(words)
# ok: code-from-data
json.loads(body)

# ruleid: call-from-a-strange-place
httpx.get(address)
# ruleid: call-from-a-strange-place
httpx.AsyncClient(verify=False)
# ok: call-from-a-strange-place
rt.vectors.search(space, channels)

# ruleid: assert-that-checks-input
assert len(body) < 100
# ruleid: assert-that-checks-input
assert role in ("user", "admin"), "unknown role"
# ok: assert-that-checks-input
assert isinstance(row, Account)
# ok: assert-that-checks-input
assert done is not None, "the events of an answer end in Done"

# ruleid: task-without-a-reference
asyncio.create_task(work())
# ruleid: task-without-a-reference
asyncio.get_running_loop().create_task(work())
# ok: task-without-a-reference
task = asyncio.create_task(work())
# ok: task-without-a-reference
self.tasks = [asyncio.create_task(work())]


async def group() -> None:
    async with asyncio.TaskGroup() as all_:
        # ok: task-without-a-reference
        all_.create_task(work())


# ruleid: guessable-randomness
code = random.choice(letters)
# ok: guessable-randomness
code = secrets.choice(letters)


async def everything() -> None:
    # ruleid: operator-outside-the-command-line
    await set_operator(db)
    # ok: operator-outside-the-command-line
    await set_tenant(db, tenant_id)


# ruleid: deleted-by-one-clock
delete(Question).where(Question.created_at < rt.clock.now() - age)
# ok: deleted-by-one-clock
delete(Question).where(Question.created_at < func.now() - age)
