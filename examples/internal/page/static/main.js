// The page: what a person does, what the server says, and what is shown.

import { Model } from "./model.js";
import { Layout } from "./layout.js";
import { Stage } from "./stage.js";
import { Panel } from "./panel.js";
import { Past } from "./past.js";
import * as scenes from "./scene.js";
import * as states from "./state.js";
import * as exports from "./export.js";
import { listen, post } from "./stream.js";
import { clock, number, plural, setToday } from "./text.js";

const $ = (id) => document.getElementById(id);
const steps = 1000; // of the slider
const alivePeriod = 2000; // milliseconds for which what has closed is drawn as if open

const model = new Model();
let state = states.parse(location.hash);
let frozen = null; // a copy of the model, while paused
let past = null; // what the slider shows, while it is not at its end
let scene = scenes.build(model, state);
let mode = "";
let paths = false; // the next node that is clicked is the end of a path
let replay = 0;

const layouts = new Map(); // by how nodes are grouped, each with its places
let layout = new Layout();
const stage = new Stage($("stage"), layout, { select: choose, moved: () => remember(true), pinned });
const panel = new Panel(choose);

// refresh makes the scene anew, after a change of the model (live) or of the
// state.
function refresh(live = false) {
  const source = frozen ?? model;
  scene = scenes.build(source, state, past?.at(past.step(state.at)));
  if (scene.by !== mode) {
    mode = scene.by;
    if (!layouts.has(mode)) layouts.set(mode, new Layout());
    layout = stage.layout = layouts.get(mode);
    layout.shape(stage.size);
  }
  layout.pins = state.pins;
  layout.place(scene);
  emphasise(live);
  stage.show(scene);
  words(source.status);
}

// emphasise works out what stands out: what a search found, and the surroundings
// of the node that is selected.
function emphasise(live = false) {
  if (state.q.trim()) scenes.addPorts(scene);
  const found = state.q.trim() ? new Set([...scene.nodes.values()].filter((n) => scenes.matches(n, state.q)).map((n) => n.key)) : null;
  let lit = null;
  if (scene.nodes.has(state.select)) {
    lit = state.path && scene.nodes.has(state.path) ? scenes.shortestPath(scene, state.select, state.path) : null;
    lit ??= scenes.neighbourhood(scene, state.select);
  }
  const now = past ? () => past.start + (past.step(state.at) + 1) * past.width : Date.now;
  const alive = model.status.unit === "event" ? () => true : (x) => x.last > now() - alivePeriod;
  // While the end of a path is asked for, all that it can be is seen.
  stage.look = { lit: paths ? null : lit, found: lit ? null : found, selected: state.select, alive };
  stage.draw();
  showPanel(found, live);
  if (found) $("search").setAttribute("aria-description", plural(found.size, "match", "matches"));
  else $("search").removeAttribute("aria-description");
}

// showPanel brings the panel up to date: at once after what a person did, and
// else once a second.
let panelTimer = 0, panelShown = 0;
function showPanel(found, live) {
  clearTimeout(panelTimer);
  const left = panelShown + 1000 - performance.now();
  if (live && left > 0) {
    panelTimer = setTimeout(showPanel, left, found, false);
    return;
  }
  panelShown = performance.now();
  panel.show(scene, paths ? "" : state.select, found, past ? state.at : 0);
}

// words brings what is said in words up to date.
function words(status) {
  setToday(status.trace && status.unit === "time" ? status.now : Date.now());
  document.title = status.title ? `${status.title} – tcpgraph` : "tcpgraph";
  $("title").textContent = status.title || "tcpgraph";
  $("summary").textContent = [
    plural(scene.counts.process, "process"), `${number(scene.counts.external)} external`,
    plural(status.connections ?? 0, "connection"), `${number(status.open ?? 0)} open`, plural(status.events ?? 0, "event"),
  ].join(" · ");
  banner("loss", status.lost || status.loss ? `${plural(status.lost ?? 0, "event")} lost: ${status.loss || "the cause is not known"}` : "");
  const notes = [];
  const from = scene.nodes.get(state.select), to = scene.nodes.get(state.path);
  if (paths && from) notes.push(`Choose the other end of the path from ${from.name}, in the graph or in the table; Esc ends this.`);
  if (from && to && from !== to && !scenes.shortestPath(scene, from.key, to.key)) notes.push(`No path joins ${from.name} and ${to.name}.`);
  if (status.note) notes.push(status.note);
  if (!state.by && scene.by === "command") notes.push(`${number(scene.counts.process)} processes are grouped by command; choose under View to see each.`);
  if (!state.external && scene.fold) notes.push(`${number(scene.counts.external)} external addresses are folded by network.`);
  if (status.withheld) notes.push(`${plural(status.withheld, "edge")} that were idle longest are not shown.`);
  if (scene.hidden) notes.push(`${plural(scene.hidden, "node")} hidden.`);
  const said = notes.join(" ");
  $("notice").hidden = !said;
  if ($("notice").firstChild.textContent !== said) $("notice").firstChild.textContent = said;
  $("unhide").hidden = !state.hide.size;
  $("empty").hidden = scene.nodes.size > 0;
  $("empty").textContent = model.edges.size ? "Nothing matches these filters." : status.done ? "There are no connections in this trace." : "No connections yet.";
  if (!past) $("when").textContent = frozen ? "paused" : status.trace ? (status.done ? "end" : "reading") : "live";
}

function banner(id, text) {
  $(id).hidden = !text;
  if ($(id).textContent !== text) $(id).textContent = text;
}

// remember puts the state into the URL, soon.
let remembering = 0;
function remember(moved = false) {
  if (moved) state.camera = { ...stage.camera };
  clearTimeout(remembering);
  remembering = setTimeout(() => history.replaceState(null, "", `#${states.format(state)}`), 200);
}

// change takes over a part of the state.
function change(part) {
  Object.assign(state, part);
  remember();
  refresh();
}

function choose(key) {
  if (paths && key) {
    paths = false;
    change({ path: key });
    return $("details").focus();
  }
  paths = false;
  Object.assign(state, { select: key ?? "", path: "" });
  remember();
  pathMode(false);
  $("pin").setAttribute("aria-pressed", String(state.pins.has(state.select)));
  if (key) toggleSide(true);
  if (key && document.activeElement?.closest("#side")) $("details").focus();
}

function pathMode(on) {
  paths = on;
  emphasise();
  words((frozen ?? model).status);
  if (on) {
    toggleSide(true);
    $("list").querySelector("td button")?.focus();
  }
}

function pinned() {
  $("pin").setAttribute("aria-pressed", String(state.pins.has(state.select)));
  remember(true);
}

function pause(on) {
  frozen = on ? model.copy() : null;
  $("pause").setAttribute("aria-pressed", String(on));
  refresh();
}

// slide moves the slider to a place between 0 and steps; the end is the present.
let loading = null;
async function slide(value) {
  if (value >= steps) {
    stopReplay();
    past = null;
    return change({ at: null });
  }
  if (!past) {
    loading ??= Past.load().finally(() => (loading = null));
    try {
      past = await loading;
    } catch {
      $("slider").value = String(steps);
      return;
    }
    value = Math.min(value, Number($("slider").value));
  }
  showAt(past.start + Math.round(((past.end - past.start) * value) / steps));
}

function showAt(at) {
  $("when").textContent = past.unit === "event" ? `event ${number(at)}` : clock(at, past.end - past.start < 60e3);
  $("slider").setAttribute("aria-valuetext", $("when").textContent);
  change({ at });
}

function stopReplay() {
  clearInterval(replay);
  replay = 0;
  $("play").setAttribute("aria-pressed", "false");
}

async function play() {
  if (replay) return stopReplay();
  if (Number($("slider").value) >= steps) $("slider").value = "0";
  await slide(Number($("slider").value));
  $("play").setAttribute("aria-pressed", "true");
  replay = setInterval(() => {
    $("slider").value = String(Number($("slider").value) + 5);
    slide(Number($("slider").value));
  }, 100);
}

async function save(form) {
  const text = (s, type) => new Blob([s], { type });
  switch (form) {
    case "svg":
      return exports.save("graph.svg", text(exports.svg(stage), "image/svg+xml"));
    case "png":
      return exports.save("graph.png", await exports.png(stage));
    case "dot":
      return exports.save("graph.dot", text(exports.dot(scene), "text/vnd.graphviz"));
    case "link":
      history.replaceState(null, "", `#${states.format(state)}`);
      return navigator.clipboard.writeText(location.href);
  }
  const all = scene.edges.size && [...scene.edges.values()].reduce((sum, e) => sum + e.ids.length, 0) === model.edges.size && !model.status.withheld;
  const edges = all ? null : [...scene.edges.values()].flatMap((e) => e.ids);
  exports.save("graph.trace", await (await post("api/trace", { edges, until: past ? state.at : 0 })).blob());
}

// What a person does.
$("controls").addEventListener("submit", (ev) => ev.preventDefault());
$("search").addEventListener("input", () => {
  state.q = $("search").value;
  remember();
  emphasise();
});
$("search").addEventListener("keydown", (ev) => {
  if (ev.key !== "Enter" || !stage.look.found?.size) return;
  const [key] = stage.look.found;
  choose(key);
  stage.centre(key);
});
for (const id of ["by", "external", "show"]) $(id).addEventListener("change", () => change({ [id]: $(id).value }));
$("loopback").addEventListener("change", () => change({ loopback: $("loopback").checked }));
function fit() {
  stage.auto = true;
  state.camera = null;
  stage.fit();
  remember();
}
function tidy() {
  state.pins.clear();
  layout.tidy(scene);
  fit();
}
$("fit").addEventListener("click", fit);
$("tidy").addEventListener("click", tidy);
$("pause").addEventListener("click", () => pause(!frozen));
$("play").addEventListener("click", play);
$("slider").addEventListener("input", () => slide(Number($("slider").value)));
$("close").addEventListener("click", () => choose(null));
$("hide").addEventListener("click", () => {
  state.hide.add(state.select);
  choose(null);
  refresh();
});
$("unhide").addEventListener("click", () => change({ hide: new Set() }));
$("pin").addEventListener("click", () => {
  if (!state.pins.delete(state.select)) state.pins.set(state.select, stage.places(state.select));
  pinned();
  stage.draw();
});
$("path").addEventListener("click", () => pathMode(true));
$("focus").addEventListener("click", () => stage.centre(state.select));
function toggleSide(shown = $("side").hidden) {
  $("side").hidden = !shown;
  $("toggle").setAttribute("aria-expanded", String(shown));
}
$("toggle").addEventListener("click", () => toggleSide());
for (const b of document.querySelectorAll("[data-export]")) {
  b.addEventListener("click", () => {
    $("export").open = false;
    save(b.dataset.export).catch((err) => banner("loss", `Export failed: ${err.message}`));
  });
}
document.addEventListener("click", (ev) => {
  for (const d of [$("more"), $("export")]) if (d.open && !d.contains(ev.target)) d.open = false;
});
addEventListener("keydown", (ev) => {
  if (ev.key === "Escape") {
    for (const d of [$("more"), $("export")]) d.open = false;
    if (paths) return pathMode(false);
    if (document.activeElement === $("search") && $("search").value === "") $("search").blur();
    return choose(null);
  }
  if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.target.closest("input, select, summary")) return;
  const act = { "/": () => $("search").focus(), f: fit, t: tidy, p: () => pause(!frozen), "+": () => stage.zoom(1.25), "=": () => stage.zoom(1.25), "-": () => stage.zoom(0.8) }[ev.key]
    ?? (ev.target === $("graph") && { ArrowLeft: () => stage.pan(60, 0), ArrowRight: () => stage.pan(-60, 0), ArrowUp: () => stage.pan(0, 60), ArrowDown: () => stage.pan(0, -60) }[ev.key]);
  if (!act) return;
  ev.preventDefault();
  act();
});
addEventListener("hashchange", restore);

// restore takes the state from the URL.
async function restore() {
  state = states.parse(location.hash);
  for (const id of ["by", "external", "show"]) $(id).value = state[id];
  $("search").value = state.q;
  $("loopback").checked = state.loopback;
  stage.auto = !state.camera;
  if (state.camera) stage.camera = { ...state.camera };
  past = null;
  if (state.at !== null) {
    try {
      past = await Past.load();
      $("slider").value = String(Math.round((steps * (state.at - past.start)) / (past.end - past.start || 1)));
      showAt(state.at);
    } catch {
      state.at = null;
    }
  }
  refresh();
}

if (matchMedia("(max-width: 760px)").matches) toggleSide(false);
restore();
// A change in the model is shown with the next frame, and several with one; in a
// tab that nobody looks at there are no frames. Many edges take long to draw, and
// are drawn at most twice a second.
const manyEdges = 700, manyPeriod = 500; // milliseconds
let pending = false, refreshed = 0;
listen((update) => {
  model.apply(update, performance.now());
  if (update.reset) panelShown = -Infinity;
  if (update.reset && state.at !== null) restore();
  if (pending || frozen || past) return;
  pending = true;
  const show = () => requestAnimationFrame((now) => {
    pending = false;
    refreshed = now;
    refresh(true);
  });
  const left = scene.edges.size > manyEdges ? refreshed + manyPeriod - performance.now() : 0;
  if (left > 0) setTimeout(show, left);
  else show();
}, (connected) => ($("offline").hidden = connected));

// What was open a while ago becomes grey though nothing happens.
setInterval(() => {
  if (!frozen && !past && !document.hidden && !model.status.done) refresh(true);
}, alivePeriod);

// For those who look at the page from its console, and for its tests.
globalThis.tcpgraph = { model, stage, get scene() { return scene; }, get state() { return state; } };
