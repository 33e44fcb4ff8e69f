// A scrolling conversation: days between, groups kept together, the place under the eye never jumps.
import { h, icon, scope } from "./dom.js";
import { dayKey, dayLabel } from "./format.js";

const NEAR = 600; // px from an edge where the next page is asked for
const STICK = 60; // px from the end that still count as "at the end"

/** options: {testid, groupOf(item) → key, render(items) → node, loadOlder?() , loadNewer?()}; loaders resolve to
 *  false when there is nothing more that way. */
export function createTimeline(session, options) {
  const list = h("div", { class: "messages" });
  const tail = h("div", { class: "messages tail" });
  const scroller = h("div", { class: "scroller", testid: options.testid, tabindex: "-1" }, h("div", { class: "stretch" }), list, tail);
  const down = h("button", { class: "scroll-down", type: "button", hidden: true, testid: "scroll-down",
    "aria-label": "↓", onclick: () => (options.toEnd ?? end)() }, icon("down", 22));
  const el = h("div", { class: "timeline" }, scroller, down);
  const state = { items: new Map(), nodes: new Map(), older: true, newer: false, busy: false, stuck: true, top: 0 };
  const life = scope();

  function end(smooth) {
    state.stuck = true;
    scroller.scrollTo({ top: scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }

  function keepPlace(change) {
    const top = scroller.scrollTop;
    const anchor = [...list.children].find((node) => node.offsetTop + node.offsetHeight > top);
    const offset = anchor ? anchor.offsetTop - top : 0;
    change();
    if (state.stuck && !state.newer) end();
    else if (anchor?.isConnected) scroller.scrollTop = anchor.offsetTop - offset;
  }

  function draw() {
    keepPlace(() => reconcile(list, wanted(session, state, options)));
  }

  async function page(load, flag) {
    if (state.busy || !state[flag] || !load) return;
    state.busy = true;
    try {
      state[flag] = (await load()) !== false;
    } catch {
      setTimeout(edges, 1500); // the server is away: ask again while the edge is in view
    } finally {
      state.busy = false;
    }
  }

  const toEnd = () => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;

  /** Only a scroll upwards leaves the end: a shrinking window or growing text does not. */
  function onScroll() {
    const up = scroller.scrollTop < state.top - 1;
    state.top = scroller.scrollTop;
    if (toEnd() < STICK) state.stuck = true;
    else if (up) state.stuck = false;
    edges();
  }

  function edges() {
    if (!scroller.isConnected) return;
    const below = toEnd();
    down.hidden = below < 300 && !state.newer;
    if (scroller.scrollTop < NEAR) page(options.loadOlder, "older");
    if (below < NEAR) page(options.loadNewer, "newer");
  }

  life.listen(scroller, "scroll", onScroll, { passive: true });
  const watch = new ResizeObserver(() => {
    if (state.stuck && !state.newer) end();
  });
  [scroller, list, tail].forEach((node) => watch.observe(node));
  life.add(() => watch.disconnect());

  return {
    el, tail, state, end,
    put(items) {
      for (const item of items) state.items.set(item.id, item);
      draw();
      requestAnimationFrame(edges);
    },
    remove(ids) {
      ids.forEach((id) => state.items.delete(id));
      draw();
    },
    reset() {
      state.items.clear();
      Object.assign(state, { older: true, newer: false, stuck: true });
    },
    ids: () => [...state.items.keys()].sort((a, b) => a - b),
    reveal(id) {
      const node = [...list.children].find((n) => n.dataset.ids?.split(" ").includes(String(id)));
      if (!node) return false;
      state.stuck = false;
      node.scrollIntoView({ block: "center", behavior: "instant" });
      node.classList.add("highlight");
      setTimeout(() => node.classList.remove("highlight"), 2000);
      return true;
    },
    destroy: () => life.end(),
  };
}

/** The nodes that should stand in the list, old ones reused when their content did not change. */
function wanted(session, state, options) {
  const items = [...state.items.values()].sort((a, b) => a.id - b.id);
  const nodes = [];
  const used = new Map();
  const keep = (key, signature, build) => {
    const old = state.nodes.get(key);
    const kept = old?.signature === signature ? old : { signature, node: build() };
    used.set(key, kept);
    nodes.push(kept.node);
  };
  let day = null;
  for (const group of groups(items, options.groupOf)) {
    const first = group[0];
    if (dayKey(first.date) !== day) {
      day = dayKey(first.date);
      const label = dayLabel(first.date, session);
      keep(`day${day}`, label, () => h("div", { class: "day" }, h("span", { class: "chip" }, label)));
    }
    keep(`g${first.id}`, JSON.stringify(group), () => {
      const node = options.render(group);
      node.dataset.ids = group.map((item) => item.id).join(" ");
      return node;
    });
  }
  state.nodes = used;
  return nodes;
}

function groups(items, groupOf) {
  const out = [];
  for (const item of items) {
    const key = groupOf?.(item);
    const last = out[out.length - 1];
    if (key && last && groupOf(last[0]) === key) last.push(item);
    else out.push([item]);
  }
  return out;
}

function reconcile(list, nodes) {
  const stay = new Set(nodes);
  for (const node of [...list.children]) if (!stay.has(node)) node.remove();
  nodes.forEach((node, i) => {
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
  });
}
