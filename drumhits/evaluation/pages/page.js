// The songs of an evaluation: what each decider made of them, to see and to hear, mistake by mistake.
import { listen } from "./pointer.js";
import { AFTER_S, BEFORE_S, overlayOf, OVERLAYS, Player } from "./sound.js";
import { Waveforms } from "./tiles.js";
import { clock, View } from "./view.js";

const ENOUGH_CLOSE = 60;  // pixels a second at which a mistake is looked at
const TILE = 4096;  // columns
const LOOKS = {
  right: { shape: "disc", colour: "right", edge: null },
  false: { shape: "cross", colour: "false", edge: "top" },
  missed: { shape: "triangle", colour: "missed", edge: "bottom" },
  undetected: { shape: "diamond", colour: "missed", edge: "bottom" },
};
const WORDS = { right: "right", false: "false: came out, but is no hit", missed: "missed: removed, but is a hit", undetected: "missed by the detector" };
const UNKNOWN_HEIGHT = 0.7;  // of a hit without velocity

const data = JSON.parse(document.getElementById("data").textContent);
const player = new Player(data.rates.sound, async (song, first, last) => (await song.decoded()).subarray(first, last));

const bytesOf = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

class Song {
  constructor(section) {
    this.section = section;
    Object.assign(this, data.songs[section.dataset.song]);
    this.overlay = 0;
    const columns = new Int8Array(bytesOf(this.columns).buffer), length = Math.max(1, this.duration * data.rates.samples / (columns.length / 2));
    this.view = new View({
      canvas: this.find(".view"), overview: this.find(".overview"), duration: this.duration, peak: 1, siblings: [], spectrogram: null, isWhole: true,
      waveforms: new Waveforms(data.rates.samples, [length], async (name, _, number) => {
        const tile = columns.subarray(2 * TILE * number, 2 * TILE * (Number(number) + 1));
        return tile.length ? Int16Array.from(tile, edge => edge * 32767 / data.rates.full) : new Int16Array(2 * TILE);
      }),
      look: hit => ({ ...LOOKS[hit.kind], height: hit.velocity ? hit.velocity / 127 : UNKNOWN_HEIGHT }),
    });
    listen(this.view, { choose: hit => this.choose(this.view.hits[hit]), cursor: time => this.go(time), hover: hit => this.hover(hit), move: () => this.show(shown) });
    section.addEventListener("click", event => this.press(event.target.closest("[data-do]")?.dataset.do));
    section.addEventListener("focusin", () => { current = this; });
    section.addEventListener("pointerdown", () => { current = this; });
  }

  find(selector) { return this.section.querySelector(selector); }

  // Show what one decider made of it.
  show(index) {
    const { numbers, hits, mistakes } = this.by[index], { view } = this;
    this.find(".numbers").textContent = numbers;
    view.current = null;
    view.show(hits.map(([kind, ms, velocity, decided]) => ({ kind, time: ms / 1000, velocity, decided })).sort((a, b) => a.time - b.time));
    view.hits.forEach((hit, i) => { hit.hit = i; });
    this.mistakes = view.hits.filter(hit => hit.kind !== "right");
    this.find("summary").textContent = mistakes.length === 1 ? "One wrong decision" : `All ${mistakes.length} wrong decisions, the worst first`;
    this.find("details").hidden = !mistakes.length;
    this.find(".mistakes").replaceChildren(...mistakes.map(([ms, text]) => this.mistake(ms / 1000, text)));
    this.find(".what").textContent = "";
  }

  mistake(time, text) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => this.choose(this.nearest(time)));
    item.append(button);
    return item;
  }

  nearest(time) {
    return this.view.hits.reduce((best, hit) => Math.abs(hit.time - time) < Math.abs(best.time - time) ? hit : best);
  }

  choose(hit) {
    const { view } = this;
    view.current = hit.hit;
    view.cursor = hit.time;
    if (view.perSecond < ENOUGH_CLOSE) view.zoom(ENOUGH_CLOSE / view.perSecond);
    view.centre(hit.time);
    this.find(".what").textContent = described(hit);
    this.play(hit.time - BEFORE_S, hit.time + AFTER_S);
  }

  go(time) {
    this.view.cursor = time;
    this.view.redraw();
    this.play(time, this.duration);
  }

  // The mistake before (-1) or after (1) the cursor, or the chosen one.
  step(by) {
    const { view, mistakes } = this, at = mistakes.findIndex(hit => hit.hit === view.current);
    const behind = mistakes.findIndex(hit => hit.time > view.cursor), next = behind < 0 ? mistakes.length : behind;
    const hit = mistakes[at >= 0 ? at + by : by > 0 ? next : next - 1];
    if (hit) this.choose(hit);
  }

  play(from, to) {
    if (!this.sound) return;
    const start = Math.max(0, from), stop = Math.min(this.duration, to), kind = OVERLAYS[this.overlay];
    const moments = this.view.hits.filter(hit => (hit.kind === "right" || hit.kind === "false") && hit.time >= start && hit.time < stop).map(hit => hit.time);
    player.play({ address: this, start, stop, peak: 1, speed: 1, loop: false, moments, overlay: overlayOf(kind, data.stem) })
      .then(() => { playing = this; this.follow(); }, error => { this.find(".what").textContent = `It cannot be played: ${error.message}`; });
  }

  // Move the line that shows what sounds, as long as it is this song.
  follow() {
    const { view } = this, position = playing === this ? player.position : null;
    view.playhead = position;
    if (position === null && playing === this) playing = null;
    if (this.find('[data-do="play"]')) this.find('[data-do="play"]').textContent = position === null ? "Play" : "Stop";
    if (position !== null && (position < view.start || view.xAt(position) > view.width)) view.scrollTo(position);
    view.redraw();
    if (position !== null) requestAnimationFrame(() => this.follow());
  }

  press(what) {
    if (what) this.actions[what]();
  }

  get actions() {
    return {
      before: () => this.step(-1), after: () => this.step(1), closer: () => this.view.zoom(1.5), farther: () => this.view.zoom(1 / 1.5),
      play: () => playing === this ? player.stop() : this.play(this.view.cursor, this.duration),
      notes: () => {
        this.overlay = (this.overlay + 1) % OVERLAYS.length;
        this.find('[data-do="notes"]').textContent = `Our notes: ${OVERLAYS[this.overlay]}`;
        this.play(this.view.cursor - BEFORE_S, this.view.cursor + 4 * AFTER_S);
      },
    };
  }

  hover(hit) {
    const box = this.find(".hover");
    box.hidden = !hit;
    if (!hit) return;
    box.textContent = described(hit);
    box.style.left = `${Math.max(0, Math.min(this.view.width, this.view.xAt(hit.time)))}px`;
    box.style.top = `${this.view.canvas.clientHeight / 2}px`;
  }

  // The samples, decoded at the first time.
  decoded() {
    this.samples ??= new OfflineAudioContext(1, 1, data.rates.sound).decodeAudioData(bytesOf(this.sound).buffer).then(buffer => buffer.getChannelData(0));
    return this.samples;
  }

  toString() { return this.section.dataset.song; }
}

function described(hit) {
  return [clock(hit.time), WORDS[hit.kind], hit.decided, hit.velocity && `velocity ${hit.velocity}`].filter(Boolean).join(" · ");
}

const KEYS = { " ": "play", "]": "after", arrowright: "after", "[": "before", arrowleft: "before", n: "notes", "+": "closer", "=": "closer", "-": "farther" };

let shown = 0, current = null, playing = null;
const songs = [...document.querySelectorAll(".song")].map(section => new Song(section));

function showDecider(index) {
  shown = index;
  document.querySelectorAll(".verdict").forEach((section, i) => { section.hidden = i !== shown; });
  for (const song of songs) song.show(shown);
}

document.getElementById("shown").addEventListener("change", event => showDecider(Number(event.target.value)));
document.addEventListener("keydown", event => {
  const what = KEYS[event.key.toLowerCase()], song = current ?? songs[0];
  if (!what || !song || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, summary")) return;
  if (event.key === " " && event.target.matches("button")) return;
  if (!song.find(`[data-do="${what}"]`)) return;
  event.preventDefault();
  song.press(what);
});
showDecider(0);
