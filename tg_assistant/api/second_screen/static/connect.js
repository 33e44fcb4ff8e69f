// Shows the login attempt as it moves on, and sends the 2FA password. No framework: a password passes here.
const live = document.getElementById("live");
const at = (id) => document.getElementById(id);
let state = JSON.parse(live.dataset.state);
let received = Date.now();

function show(next) {
  state = next;
  received = Date.now();
  at("title").textContent = state.title;
  at("text").textContent = state.text;
  at("qr").hidden = at("steps").hidden = !state.qr;
  if (state.qr && at("qr").firstElementChild.src !== state.qr) at("qr").firstElementChild.src = state.qr;
  const asking = state.status === "password_required" && !state.busy;
  if (at("password").hidden === asking) {
    at("password").hidden = !asking;
    if (asking) at("secret").focus();
  }
  at("hint").textContent = state.hint ? `${live.dataset.hint} ${state.hint}` : "";
  at("wait").hidden = state.final || Boolean(state.qr) || asking;
  at("done").hidden = !state.final;
  at("done").classList.toggle("bad", state.status !== "authorized");
  at("cancel").hidden = state.final;
  tick();
}

function tick() {
  if (!state.qr || state.seconds === null) return;
  const left = Math.max(0, state.seconds - Math.round((Date.now() - received) / 1000));
  at("seconds").textContent = live.dataset.seconds.replace("{n}", left);
}

async function poll() {
  try {
    const answer = await fetch("/tg/connect/live/state", { cache: "no-store" });
    if ([404, 410].includes(answer.status)) return location.reload(); // over: the page says so in words
    if (answer.ok) show(await answer.json());
    else throw new Error(String(answer.status));
  } catch {
    at("text").textContent = live.dataset.offline;
  }
  if (!state.final) setTimeout(poll, 1000);
}

at("password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = at("password").querySelector("button");
  const password = at("secret").value;
  at("secret").value = "";
  button.disabled = true;
  try {
    const answer = await fetch(`/tg/qr/password/${state.id}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password }),
    });
    const body = await answer.json();
    if (answer.ok) show(body);
    else at("text").textContent = body.detail;
  } catch {
    at("text").textContent = live.dataset.offline;
  }
  button.disabled = false;
});

show(state);
setInterval(tick, 1000);
if (!state.final) setTimeout(poll, 1000);
