// A channel: its posts, back into the past by scrolling; for its owner also writing, editing, deleting.
import { albumOf, bubble } from "./bubble.js";
import { createComposer } from "./composer.js";
import { avatar, h, icon, iconButton, replace, scope } from "./dom.js";
import { openUrl } from "./links.js";
import { confirm, copy, menu, toast } from "./modal.js";
import { createTimeline } from "./timeline.js";

const PAGE = 50;

export function channelView(session, query, id) {
  const life = scope();
  const view = { session, life, id: Number(id), channel: null, newest: 0, wanted: Number(query.get("post")) || null };
  view.title = h("b", {});
  view.subtitle = h("small", { testid: "chat-status" });
  view.face = h("span", {});
  view.footer = h("div", { class: "footer" });
  view.timeline = createTimeline(session, {
    testid: "posts", groupOf: (post) => post.album, render: (posts) => postNode(view, posts),
    loadOlder: () => older(view), loadNewer: () => newer(view), toEnd: () => guarded(view, fromEnd),
  });
  view.on = {
    url: (address) => openUrl(session, address),
    forward: (f) => session.go(`/c/${f.channel_id}?post=${f.post_id}`),
  };
  listen(view);
  guarded(view, view.wanted ? arrive : fromEnd);
  return {
    el: h("div", { class: "chat wallpaper", testid: "channel-chat" }, header(view), view.timeline.el, view.footer),
    arrive: (next) => { view.wanted = Number(next.get("post")) || null; if (view.wanted) guarded(view, arrive); },
    destroy: () => { life.end(); view.timeline.destroy(); },
  };
}

function header(view) {
  const { session } = view;
  const more = iconButton("more", session.t("more"), { testid: "chat-menu", onclick: () => menu(more, [
    view.channel?.link && { icon: "link", text: session.t("copyLink"), testid: "channel-copy-link",
      run: () => copy(session, view.channel.link) },
    view.channel?.joined && !view.channel.owned && { icon: "leave", text: session.t("leave"), destructive: true,
      testid: "channel-leave", run: () => leave(view) },
    { icon: "reload", text: session.t("reload"), run: () => guarded(view, fromEnd) },
  ]) });
  return h("header", { class: "bar" },
    h("a", { class: "icon-button back", href: session.href(""), testid: "chat-back", "aria-label": session.t("back") }, icon("back")),
    view.face, h("div", { class: "bar-text" }, view.title, view.subtitle), more);
}

function drawChannel(view, channel) {
  const { session } = view;
  view.channel = channel;
  view.title.textContent = channel.title;
  const kind = channel.private ? ` · ${session.t("privateChannel")}` : "";
  view.subtitle.textContent = session.t(channel.kind === "group" ? "members" : "subscribers", { n: channel.members }) + kind;
  replace(view.face, avatar(channel.title, channel.id, 42));
  const state = channel.owned ? "owned" : channel.joined ? "joined" : "stranger";
  if (view.footerState === state) return;
  view.footerState = state;
  if (channel.owned) replace(view.footer, ownerComposer(view).el);
  else if (channel.joined && channel.kind === "group") replace(view.footer);
  else if (channel.joined) replace(view.footer, h("div", { class: "muted-bar" }, session.t("muted")));
  else replace(view.footer, h("button", { class: "start", type: "button", testid: "channel-join", onclick: () => join(view) }, session.t("join")));
}

function ownerComposer(view) {
  const { session, timeline } = view;
  view.composer = createComposer(session, { placeholder: session.t("broadcast"), send: async (text, about) => {
    const post = about?.edit ? await session.api.editPost(view.id, about.edit, text) : await session.api.writePost(view.id, text);
    if (!about?.edit && timeline.state.newer) return fromEnd(view);
    view.newest = Math.max(view.newest, post.id);
    timeline.put([post]);
    return about?.edit || timeline.end();
  } });
  return view.composer;
}

async function join(view) {
  try {
    drawChannel(view, await view.session.api.join(view.id));
    view.session.bus.emit("chats");
  } catch (error) {
    toast(view.session.words(error));
  }
}

async function leave(view) {
  const { session } = view;
  if (!(await confirm(session, { title: session.t("leaveTitle"), text: session.t("leaveText"), action: session.t("leave") }))) return;
  try {
    await session.api.leave(view.id);
    session.bus.emit("chats");
    session.go("");
  } catch (error) {
    toast(session.words(error));
  }
}

function listen(view) {
  const { session, timeline, life } = view;
  const on = (name, fn) => life.add(session.bus.on(name, fn));
  const mine = (fn) => (data) => data.channel_id === view.id && fn(data);
  on("post", mine(({ post }) => {
    view.newest = Math.max(view.newest, post.id);
    if (!timeline.state.newer) timeline.put([post]);
  }));
  on("post_edited", mine(({ post }) => timeline.state.items.has(post.id) && timeline.put([post])));
  on("post_deleted", mine(({ ids }) => timeline.remove(ids)));
  on("resync", () => guarded(view, fromEnd));
}

/** Load the chat; one that is not (or no longer) this person's to see leads back to the list. */
async function guarded(view, load) {
  try {
    await load(view);
  } catch (error) {
    if (!view.timeline.el.isConnected) return;
    toast(error.status === 404 ? view.session.t("noSuchChat") : view.session.words(error));
    if (error.status) view.session.go("");
  }
}

async function fromEnd(view) {
  const { session, timeline } = view;
  const page = await session.api.posts(view.id, undefined, PAGE);
  timeline.reset();
  timeline.state.older = page.posts.length > 0;
  view.newest = page.posts.at(-1)?.id ?? 0;
  drawChannel(view, page.channel);
  timeline.put(page.posts);
  timeline.end();
  if (page.posts.length) timeline.tail.replaceChildren();
  else replace(timeline.tail, h("div", { class: "day" }, h("span", { class: "chip" }, session.t("empty"))));
}

/** Open at one post: the page around it, then both ways by scrolling. */
async function arrive(view) {
  const { session, timeline, wanted } = view;
  view.wanted = null;
  if (timeline.reveal(wanted)) return;
  const [last, around] = await Promise.all([
    session.api.posts(view.id, undefined, 1), session.api.posts(view.id, wanted + PAGE / 2, PAGE)]);
  drawChannel(view, last.channel);
  view.newest = last.posts.at(-1)?.id ?? 0;
  timeline.reset();
  timeline.state.stuck = false;
  timeline.state.newer = (around.posts.at(-1)?.id ?? 0) < view.newest;
  timeline.put(around.posts);
  history.replaceState(null, "", session.href(`/c/${view.id}`));
  if (timeline.reveal(wanted)) return;
  toast(session.t("noPost"));
  await fromEnd(view);
}

async function older({ session, timeline, id }) {
  const first = timeline.ids()[0];
  if (first === undefined) return true;
  const { posts } = await session.api.posts(id, first, PAGE);
  timeline.put(posts);
  return posts.length > 0;
}

/** The API pages backwards only: ask below a later id until something newer than what is shown comes. */
async function newer({ session, timeline, id, newest }) {
  const last = timeline.ids().at(-1) ?? 0;
  for (let step = PAGE; last < newest; step += PAGE) {
    const { posts } = await session.api.posts(id, last + step + 1, PAGE);
    const fresh = posts.filter((post) => post.id > last);
    if (!fresh.length && last + step < newest) continue;
    timeline.put(fresh);
    return fresh.length > 0 && fresh.at(-1).id < newest;
  }
  return false;
}

function postNode(view, posts) {
  const { session } = view;
  const captioned = posts.find((post) => post.text) ?? posts[0];
  const open = () => actions(view, captioned, posts);
  const more = h("button", { class: "side-button", type: "button", testid: `post-menu-${posts[0].id}`,
    "aria-label": session.t("more"), onclick: () => menu(more, open()) }, icon("forward", 18));
  return bubble(session, {
    item: { ...captioned, views: posts[0].views, out: false }, author: view.channel?.title, media: albumOf(session, posts),
    on: view.on, menu: open, side: more, testid: `post-${posts[0].id}`,
  });
}

function actions(view, post, posts) {
  const { session, channel } = view;
  return [
    { icon: "forward", text: session.t("forwardToBot"), testid: "post-forward", run: () => forward(view, post) },
    post.link && { icon: "link", text: session.t("copyLink"), testid: "post-copy-link", run: () => copy(session, post.link) },
    post.text && { icon: "copy", text: session.t("copyText"), testid: "post-copy", run: () => copy(session, post.text) },
    channel.owned && { icon: "edit", text: session.t("edit"), testid: "post-edit",
      run: () => view.composer.quoting({ edit: post.id, title: session.t("editing"), text: post.text }) },
    channel.owned && { icon: "trash", text: session.t("remove"), destructive: true, testid: "post-delete", run: () => remove(view, posts) },
  ];
}

async function forward({ session, id }, post) {
  try {
    await session.api.sendToBot({ forward: { channel_id: id, post_id: post.id } });
    toast(session.t("forwarded"));
  } catch (error) {
    toast(session.words(error));
  }
}

async function remove({ session, id, timeline }, posts) {
  const sure = await confirm(session, { title: session.t("deletePost"), text: session.t("deletePostText"),
    action: session.t("remove"), testid: "post-delete-confirm" });
  if (!sure) return;
  try {
    for (const post of posts) await session.api.deletePost(id, post.id);
    timeline.remove(posts.map((post) => post.id));
  } catch (error) {
    toast(session.words(error));
  }
}
