// Plays a part of a sound, at full or half speed, once or in a loop, with clicks or drums laid over it.

export const BEFORE_S = 0.5, AFTER_S = 1.0;  // of a hit, what is played of the sound around it
export const OVERLAYS = ["off", "click", "drum"];
const KEPT_CLIPS = 40;
const LOUDEST = 0.8;
const OVERLAY = 0.5;

export class Player {
  // fetch(address, first, last): promise of the samples of a sound from first to before last, full scale 1
  constructor(sampleRate, fetch) {
    this.rate = sampleRate;
    this.fetch = fetch;
    this.clips = new Map();
    this.context = null;
    this.source = null;
  }

  // Fetch the samples of a part of a sound in seconds, as floats of full scale 1.
  clip(address, start, stop) {
    const first = Math.max(0, Math.round(start * this.rate)), last = Math.round(stop * this.rate);
    const key = `${address} ${first} ${last}`;
    if (!this.clips.has(key)) {
      const made = this.fetch(address, first, last);
      made.catch(() => this.clips.delete(key));
      this.clips.set(key, made);
      if (this.clips.size > KEPT_CLIPS) this.clips.delete(this.clips.keys().next().value);
    }
    return this.clips.get(key);
  }

  async play({ address, start, stop, peak, speed, loop, overlay, moments }) {
    this.stop();
    const asked = this.asked = {};
    start = Math.max(0, start);
    this.context ??= new AudioContext({ sampleRate: this.rate });
    this.context.resume();
    const samples = Float32Array.from(await this.clip(address, start, stop));
    if (asked !== this.asked || !samples.length) return;
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-4);
    const gain = Math.min(LOUDEST / peak, LOUDEST / loudest);
    for (let i = 0; i < samples.length; i++) samples[i] *= gain;
    if (overlay) for (const moment of moments) lay(samples, Math.round((moment - start) * this.rate), overlay, this.rate);
    const buffer = this.context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.loop = loop;
    source.playbackRate.value = speed;
    source.connect(this.context.destination);
    source.start();
    source.onended = () => { if (this.source === source) this.source = null; };
    this.source = source;
    this.now = { from: start, length: samples.length / this.rate, speed, loop, began: this.context.currentTime };
  }

  stop() {
    this.asked = null;
    if (this.source) this.source.stop();
    this.source = null;
  }

  // Where in the song it sounds now, in seconds; null where it is silent.
  get position() {
    if (!this.source) return null;
    const { from, length, speed, loop, began } = this.now;
    const played = (this.context.currentTime - began) * speed;
    if (loop) return from + played % length;
    return played < length ? from + played : null;
  }
}

const STEM_OF = { ride: "cymbals", crash: "cymbals" };

// What the player lays over a stem, or a part of one, for one of OVERLAYS.
export const overlayOf = (kind, part) => kind === "off" ? null : kind === "drum" ? STEM_OF[part] ?? part : kind;

function lay(samples, at, kind, rate) {
  const drum = drums(kind, rate);
  for (let i = 0; i < drum.length; i++) {
    const to = at + i;
    if (to >= 0 && to < samples.length) samples[to] = Math.max(-1, Math.min(1, samples[to] + OVERLAY * drum[i]));
  }
}

const made = new Map();

function drums(kind, rate) {
  if (!made.has(kind)) made.set(kind, (DRUMS[kind] || DRUMS.click)(rate));
  return made.get(kind);
}

function shaped(rate, seconds, at) {
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => at(i / rate));
}

let seed = 1;
function noise() {
  seed = (seed * 16807) % 2147483647;
  return seed / 1073741824 - 1;
}

function bright(fade, seconds) {
  return rate => {
    let before = 0;
    return shaped(rate, seconds, t => {
      const now = noise(), value = (now - before) / 2;
      before = now;
      return value * Math.exp(-t / fade);
    });
  };
}

const tone = (hz, drop, fade, seconds) => rate =>
  shaped(rate, seconds, t => Math.sin(2 * Math.PI * hz * t * (1 + drop * Math.exp(-t / 0.02))) * Math.exp(-t / fade));

const DRUMS = {
  click: rate => shaped(rate, 0.02, t => Math.sin(2 * Math.PI * 1760 * t) * Math.exp(-t / 0.004)),
  kick: tone(55, 0.8, 0.08, 0.3),
  toms: tone(120, 0.3, 0.12, 0.4),
  snare: rate => {
    const body = tone(190, 0.2, 0.05, 0.2)(rate), wires = bright(0.06, 0.2)(rate);
    return body.map((value, i) => 0.6 * value + 0.8 * wires[i]);
  },
  hihat: bright(0.03, 0.15),
  cymbals: bright(0.25, 0.8),
};
