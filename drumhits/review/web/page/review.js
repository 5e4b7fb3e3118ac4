// The page: what is asked, the keys and buttons that answer, and what the server says.

import { bytes, load, samples, send } from "./api.js";
import { listen } from "./pointer.js";
import { AFTER_S, BEFORE_S, overlayOf, OVERLAYS, Player } from "./sound.js";
import { Spectrogram, Waveforms } from "./tiles.js";
import { clock, View } from "./view.js";

const LOOK_MS = 1500;
const DOUBTFUL = 15;  // percent from either end up to which a hit is sure
const COLUMN_SAMPLES = [64, 1024];  // of the waveforms that the server gives
const CURSOR_S = 0.01, NUDGE_S = 0.005;

const element = id => document.getElementById(id);
const page = { about: null, state: null, chosen: null, busy: 0, mix: false, slow: false, loop: false, overlay: 0 };
let view, player, stopListening, lastStep = Promise.resolve();

async function start(about) {
  page.about = about;
  page.state = page.chosen = null;
  stopListening?.abort();
  view?.close();
  player?.stop();
  stopListening = new AbortController();
  view = new View({
    canvas: element("view"), overview: element("overview"), duration: about.duration, peak: about.peak, siblings: about.siblings, look: lookOf,
    waveforms: new Waveforms(about.sampleRate, COLUMN_SAMPLES, async (name, length, number) => new Int16Array(await bytes(`${about.index}/waveform/${name}/${length}/${number}`))),
    spectrogram: new Spectrogram(about.sampleRate, async number => new Uint8Array(await bytes(`${about.index}/spectrum/${number}`))),
  });
  player ??= new Player(about.sampleRate, samples);
  listen(view, { choose, cursor, hover, move }, stopListening.signal);
  showAbout();
  const state = await load(`${about.index}/state`);
  if (page.about === about) take(state);
}

function showAbout() {
  const { about } = page;
  document.title = `Review: ${about.label}`;
  element("title").textContent = about.label;
  element("stems-label").hidden = about.stems.length < 2;
  element("title").classList.toggle("unseen", about.stems.length > 1);  // the list says it
  element("stems").replaceChildren(...about.stems.map((stem, i) => new Option(`${i + 1}/${about.stems.length} ${stem.label}${stem.done ? " ✓" : ""}`, i)));
  element("stems").value = about.index;
  element("mix").hidden = !about.hasMix;
  element("names").replaceChildren(...about.names.map((one, i) => {
    const button = document.createElement("button");
    button.append(one.name.replace("_", " "), key(i + 1));
    button.addEventListener("click", () => name(i));
    button.dataset.number = one.number;
    return button;
  }));
  if (about.warnings.length) problem(about.warnings.join(" "));
}

function lookOf(hit) {
  if (hit.missed) return { shape: "diamond", colour: "doubt", height: 0.12, edge: "top" };
  return {
    shape: !hit.keep ? "cross" : hit.doubt ? "ring" : "disc", colour: hit.doubt ? "doubt" : hit.keep ? "kept" : "dropped",
    height: hit.keep ? hit.velocity / 127 : 0.12, faint: !(hit.keep || hit.doubt || hit.mine), ringed: hit.mine,
    edge: hit.mine ? "bottom" : hit.doubt ? "top" : null,
  };
}

function key(text) {
  const sign = document.createElement("kbd");
  sign.textContent = text;
  return sign;
}

// Take a state from the server: show it, and ask the next question.
function take(state) {
  const before = page.state, asked = current();
  page.state = state;
  const mine = new Set(state.mine), { about } = page;
  const hits = about.hits.map((hit, i) => ({
    hit, row: i, time: state.moved[hit] ?? about.times[i], keep: state.keep[i] === "1", sure: state.sure[i], mine: mine.has(hit),
    doubt: !mine.has(hit) && state.sure[i] > DOUBTFUL && state.sure[i] < 100 - DOUBTFUL, velocity: state.velocity[i], number: state.number[i],
  })).concat(state.added.filter(one => one.keep).map(one => ({ ...one, mine: true, doubt: false, sure: 100 })))
    .concat(state.missed.map(time => ({ hit: missedAt(time), time, missed: true, keep: false, mine: false, doubt: true })));
  view.show(hits.sort((a, b) => a.time - b.time));
  element("problem").hidden = true;
  show(before ? changes(before, state) : 0);
  if (current() !== asked || !before) present();
}

const changes = (before, state) => [...state.keep].filter((keep, i) => keep !== before.keep[i] && !state.mine.includes(page.about.hits[i])).length;
const missedAt = time => `missed ${time}`;  // in place of the number of a hit
const first = () => page.state?.askMissed != null ? missedAt(page.state.askMissed) : page.state?.queue[0] ?? null;
const current = () => page.chosen ?? first();
const found = hit => view.hits.find(one => one.hit === hit);

function show(nChanged) {
  const { state } = page, hit = found(current());
  const wrong = Math.round(state.wrong);
  element("progress-text").textContent = `${state.decided} decided, about ${wrong} wrong ${wrong === 1 ? "hit" : "hits"} left` + (nChanged ? `, ${nChanged} changed by your answers` : "");
  element("progress-bar").value = state.wrongAtFirst > 0 ? Math.max(0, 1 - state.wrong / state.wrongAtFirst) : 1;
  element("undo").disabled = !state.undo;
  for (const id of ["keep", "delete", "again", "skip"]) element(id).disabled = !hit;
  element("skip").disabled ||= hit?.missed;
  label("keep", hit?.missed ? ["Add", "A"] : ["Keep", "K"]);
  label("delete", hit?.missed ? ["Nothing", "D"] : ["Delete", "D"]);
  if (!hit) {
    element("ask").textContent = "Nothing left to ask";
    element("what").textContent = "Press Done to write the files, or choose a hit in the picture.";
    return;
  }
  element("ask").textContent = hit.missed ? "Likely missed here" : page.chosen === null ? "Is this a hit?" : hit.keep ? "Kept. Right?" : "Dropped. Right?";
  element("what").textContent = description(hit);
  for (const button of element("names").children) button.setAttribute("aria-pressed", hit.keep && Number(button.dataset.number) === hit.number);
}

function label(id, texts) {
  [...element(id).children].forEach((child, i) => { child.textContent = texts[i]; });
}

function description(hit) {
  if (hit.missed) return `${clock(hit.time)} · a weak attack that is no candidate`;
  const named = page.about.names.find(one => hit.keep && one.number === hit.number);
  const by = hit.mine ? "you decided" : `${hit.sure} % sure it is a hit`;
  return [clock(hit.time), hit.keep ? "kept" : "dropped", by, named?.name.replace("_", " "), hit.keep && `velocity ${hit.velocity}`].filter(Boolean).join(" · ");
}

// Bring the current hit before the eyes and the ears, and fetch the sound of those that follow.
function present() {
  const hit = found(current());
  view.current = hit ? hit.hit : null;
  if (!hit) return player.stop();
  view.cursor = hit.time;
  view.centre(hit.time);
  play(hit.time);
  for (const next of page.state.queue.slice(1)) {
    const other = found(next);
    if (other) player.clip(soundAddress(), Math.max(0, other.time - BEFORE_S), other.time + AFTER_S).catch(() => {});
  }
}

const soundAddress = () => `${page.about.index}/sound/${page.mix && page.about.hasMix ? "mix" : "stem"}`;

function play(time) {
  if (!navigator.userActivation.hasBeenActive) {  // a browser lets no page sound before that
    element("what").textContent += " · press Again to listen";
    return;
  }
  const from = Math.max(0, time - BEFORE_S), to = Math.min(page.about.duration, time + AFTER_S);
  const moments = view.hits.filter(hit => hit.time >= from && hit.time < to && (hit.keep || hit.hit === current())).map(hit => hit.time);
  const kind = OVERLAYS[page.overlay];
  player.play({
    address: soundAddress(), start: from, stop: to, peak: page.about.peak, speed: page.slow ? 0.5 : 1, loop: page.loop, moments,
    overlay: overlayOf(kind, page.about.stem),
  }).then(follow, report);
}

function follow() {
  view.playhead = player.position;
  view.redraw();
  if (view.playhead !== null) requestAnimationFrame(follow);
}

// One after the other: what changes the review, or the stem that is open. The page is busy until the last is done.
function inTurn(work) {
  page.busy += 1;
  lastStep = lastStep.then(work).catch(report).finally(() => { page.busy -= 1; });
}

// A step that comes while the page is busy was meant for a hit that may no longer be the current one: it is dropped.
function act(step) {
  if (!page.busy) inTurn(() => taken(step));
}

async function taken(step) {
  const wasMissed = step.do === "add" && found(current())?.missed;  // the next question follows
  try {
    const undone = step.do === "undo" ? page.state.undo : null;
    const state = await send(`${page.about.index}/act`, { revision: page.state.revision, step });
    page.chosen = undone?.hit >= 0 ? undone.hit : ["move", "add"].includes(step.do) && !wasMissed ? touched(state) : null;
    if (page.chosen === state.queue[0] && state.askMissed == null) page.chosen = null;
    view.current = null;
    take(state);
    if (undone || page.chosen !== null) present();
  } catch (error) {
    take(error.answer?.state ?? page.state);
    throw error;
  }
}

// The hit of the last step, where it is one that was moved or added.
const touched = state => state.undo.hit ?? state.added.at(-1)?.hit ?? null;

function decide(what) {
  const hit = found(current());
  if (!hit) return;
  if (hit.missed) act({ do: what === "keep" ? "add" : "nothing", time_s: hit.time });
  else act({ do: what, hit: hit.hit });
}

function move(hit, time) {
  act(found(hit)?.missed ? { do: "add", time_s: time } : { do: "move", hit, time_s: time });
}



function name(i) {
  const one = page.about.names[i], hit = found(current());
  if (one && hit) act(hit.missed ? { do: "add", time_s: hit.time, name: one.name } : { do: "name", hit: hit.hit, name: one.name });
}

function choose(hit) {
  page.chosen = hit === first() ? null : hit;
  show(0);
  present();
}

function cursor(time) {
  view.cursor = Math.max(0, Math.min(page.about.duration, time));
  view.redraw();
}

function hover(hit) {
  element("hover").hidden = !hit;
  if (!hit) return;
  element("hover").textContent = description(hit);
  element("hover").style.left = `${view.xAt(hit.time)}px`;
  element("hover").style.top = `${view.canvas.offsetTop + view.canvas.clientHeight / 2}px`;
}

function step(by) {
  const i = view.hits.findIndex(one => one.hit === current());
  const next = view.hits[i < 0 ? view.firstAt(view.cursor) : i + by];
  if (next) choose(next.hit);
}

function nudge(by) {
  const hit = found(current());
  if (hit) move(hit.hit, Math.max(0, hit.time + by));
}

function toggle(what) {
  page[what] = !page[what];
  element(what).setAttribute("aria-pressed", page[what]);
  again();
}

function overlay() {
  page.overlay = (page.overlay + 1) % OVERLAYS.length;
  element("note").firstElementChild.textContent = `Our note: ${OVERLAYS[page.overlay]}`;
  element("note").classList.toggle("on", page.overlay > 0);
  again();
}

function again() {
  const hit = found(current());
  if (hit) element("what").textContent = description(hit);
  play(hit ? hit.time : view.cursor);
}

function finish() {
  element("finish").disabled = true;
  inTurn(async () => {
    try {
      showEnd(await send(`${page.about.index}/finish`, {}));
      take(await load(`${page.about.index}/state`));
    } finally { element("finish").disabled = false; }
  });
}

function showEnd({ files, said }) {
  const { about, state } = page, what = ["the MIDI file", "all that was found, to train on", "what you made of it, to train on"];
  element("files").replaceChildren(...files.map((file, i) => {
    const item = document.createElement("li"), note = document.createElement("span");
    note.textContent = ` ${what[i]}`;
    item.append(file, note);
    return item;
  }));
  element("grid").textContent = said.join(" ");
  element("said").textContent = `${state.decided} decided; about ${Math.round(state.wrong)} wrong hits may be left. A model would be ${about.files.model}.`;
  element("next").hidden = about.index + 1 >= about.stems.length;
  element("end").showModal();
}

async function train() {
  element("train").disabled = true;
  element("said").textContent = "Training…";
  try {
    element("said").textContent = (await send(`${page.about.index}/train`, {})).said;
  } catch (error) {
    element("said").textContent = error.message;
  } finally {
    element("train").disabled = false;
  }
}

function open(index) {
  element("end").close();
  inTurn(async () => start(await send(`${page.about.index}/open`, { index })));
}

async function end() {
  try {
    await send(`${page.about.index}/end`, {});
    page.over = true;
    player.stop();
    document.body.replaceChildren(Object.assign(document.createElement("h1"), { className: "question", textContent: "The review has ended. You can close this tab." }));
  } catch (error) { report(error); }
}

function problem(sentence) {
  element("problem").textContent = sentence;
  element("problem").hidden = false;
}

// Say what went wrong; where another tab has opened another stem, open it here, too.
async function report(error) {
  if (error.answer?.index !== undefined) await load("about").then(start).catch(other => { error = other; });
  problem(error.message);
}

// Show what another tab decided, or a model that was fitted meanwhile, unless the page has gone on since it asked.
async function look() {
  const { about, state } = page, isLate = () => page.busy || page.over || page.about !== about || page.state !== state;
  if (state && !isLate()) {
    try {
      const news = await load(`${about.index}/state?version=${state.version}`);
      if (news && !isLate()) take(news);
    } catch (error) {
      if (!isLate()) await report(error);
    }
  }
  setTimeout(look, LOOK_MS);
}

const BUTTONS = {
  keep: () => decide("keep"), delete: () => decide("delete"), skip: () => decide("skip"), again, undo: () => act({ do: "undo" }),
  add: () => act({ do: "add", time_s: view.cursor }), mix: () => toggle("mix"), slow: () => toggle("slow"), loop: () => toggle("loop"),
  note: overlay, closer: () => view.zoom(1.5), farther: () => view.zoom(1 / 1.5), finish, train, back: () => element("end").close(),
  close: end, next: () => open(page.about.index + 1),
};
const KEYS = {
  k: "keep", arrowright: "keep", d: "delete", arrowleft: "delete", " ": "again", u: "undo", s: "skip", a: "add", m: "mix", n: "note",
  h: "slow", l: "loop", "+": "closer", "=": "closer", "-": "farther",
};
const OTHER_KEYS = {
  "[": () => step(-1), "]": () => step(1), ",": () => cursor(view.cursor - CURSOR_S), ".": () => cursor(view.cursor + CURSOR_S),
  "<": () => nudge(-NUDGE_S), ">": () => nudge(NUDGE_S), 0: () => view.zoom(0),
};

for (const [id, press] of Object.entries(BUTTONS)) {
  element(id).addEventListener("click", event => {
    if (event.detail) element(id).blur();  // pressed by a pointer: the space bar is for listening again
    if (page.state) press();
  });
}
element("stems").addEventListener("change", event => open(Number(event.target.value)));
document.addEventListener("keydown", event => {
  const own = event.target.closest("button, select, dialog");
  if (!page.state || page.over || event.ctrlKey || event.metaKey || event.altKey || element("end").open) return;
  if (own && (event.key === " " || event.key === "Enter" || own.matches("select"))) return;
  const button = KEYS[event.key.toLowerCase()], digit = /^[1-9]$/.test(event.key);
  const press = button ? () => element(button).disabled || BUTTONS[button]() : OTHER_KEYS[event.key] ?? (digit && (() => name(event.key - 1)));
  if (!press || event.repeat && ["keep", "delete", "skip", "undo", "add"].includes(button)) return;
  event.preventDefault();
  press();
});

export { view };
load("about").then(start).then(look, report);
