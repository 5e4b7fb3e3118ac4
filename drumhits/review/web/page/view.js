// The picture: overview, spectrogram, waveform with those of the other stems behind it, and the hits.

import { Spectrogram, Waveforms } from "./tiles.js";

const FARTHEST = 4, NEAREST = 900;  // pixels a second
const USUAL = 160;
const GLIDE_MS = 180;
const FAINT = 0.5;  // hits that are surely none
const TOUCH = 9;  // pixels around a hit that are it
const COLOURS = ["ink", "soft", "line", "kept", "dropped", "doubt", "wave", "ghost", "here", "low", "high"];

export const clock = seconds => {
  const ms = Math.round(seconds * 1000), minutes = Math.floor(ms / 60000);
  return `${minutes}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
};

export class View {
  constructor(canvas, overview, about) {
    this.canvas = canvas;
    this.overview = overview;
    this.about = about;
    this.hits = [];
    this.current = null;
    this.cursor = 0;
    this.playhead = null;
    this.start = 0;
    this.perSecond = USUAL;
    const redraw = () => this.redraw();
    this.waveforms = new Waveforms(about.index, about.sampleRate, redraw);
    this.spectrogram = new Spectrogram(about.index, about.sampleRate, redraw);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.recolour();
    this.stopped = new AbortController();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour(), { signal: this.stopped.signal });
    this.sizes = new ResizeObserver(() => this.resized());
    for (const one of [canvas, overview]) this.sizes.observe(one);
  }

  resized() {
    const middle = this.start + (this.shownWidth ?? this.width) / this.perSecond / 2;
    this.shownWidth = this.width;
    this.scrollTo(middle - this.width / this.perSecond / 2);
  }

  close() {
    this.stopped.abort();
    this.sizes.disconnect();
    this.isClosed = true;
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    this.colour = Object.fromEntries(COLOURS.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.spectrogram.repaint(rgb(this.colour.low), rgb(this.colour.high));
    this.redraw();
  }

  get width() { return this.canvas.clientWidth; }
  timeAt(x) { return Math.min(this.about.duration, Math.max(0, this.start + x / this.perSecond)); }
  xAt(time) { return (time - this.start) * this.perSecond; }

  scrollTo(start) {
    this.glide = null;
    this.start = this.clamped(start);
    this.redraw();
  }

  clamped(start) {
    const shown = this.width / this.perSecond;
    return shown >= this.about.duration ? (this.about.duration - shown) / 2 : Math.max(-shown / 4, Math.min(start, this.about.duration - shown * 3 / 4));
  }

  centre(time) {
    const to = this.clamped(time - this.width / this.perSecond / 2);
    const near = Math.abs(to - this.start) < 3 * this.width / this.perSecond;
    if (this.calm.matches || !near) return this.scrollTo(to);
    this.glide = { from: this.start, to, began: performance.now() };
    this.redraw();
  }

  zoom(factor, x = this.width / 2) {
    const time = this.start + x / this.perSecond;
    const least = Math.max(FARTHEST, this.width / Math.max(this.about.duration, 1));
    this.perSecond = Math.max(least, Math.min(NEAREST, this.perSecond * factor));
    this.scrollTo(time - x / this.perSecond);
  }

  // Index of the hit at a point, -1 without: the nearest, drawn last.
  hitAt(x) {
    let best = -1, distance = TOUCH;
    for (let i = this.firstAt(this.start + (x - TOUCH) / this.perSecond); i < this.hits.length; i++) {
      const away = Math.abs(this.xAt(this.hits[i].time) - x);
      if (this.xAt(this.hits[i].time) > x + TOUCH) break;
      if (away <= distance) [best, distance] = [i, away];
    }
    return best;
  }

  // Index of the first hit that is not before a time.
  firstAt(time) {
    let low = 0, high = this.hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hits[middle].time < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  redraw() {
    if (!this.frame && !this.isClosed) this.frame = requestAnimationFrame(now => {
      this.frame = null;
      this.draw(now);
    });
  }

  draw(now) {
    if (this.isClosed) return;
    if (this.glide) {
      const share = Math.min(1, (now - this.glide.began) / GLIDE_MS);
      this.start = this.glide.from + (this.glide.to - this.glide.from) * (1 - (1 - share) ** 3);
      if (share === 1) this.glide = null; else this.redraw();
    }
    this.drawView(sized(this.canvas));
    this.drawOverview(sized(this.overview));
  }

  drawView({ context, width, height }) {
    const { colour, start, perSecond } = this;
    const split = Math.round(height * 0.42), middle = split + (height - split) * 0.62, reach = (height - split) * 0.36;
    context.clearRect(0, 0, width, height);
    const current = this.hits.find(hit => hit.hit === this.current);
    if (current) {
      context.fillStyle = colour.here;
      context.fillRect(this.xAt(current.time - 0.5), split, 1.5 * perSecond, height - split);
    }
    this.spectrogram.draw(context, start, perSecond, width, 0, split);
    context.fillStyle = colour.ghost;
    for (const name of this.about.siblings) this.drawWave(context, name, width, middle, reach);
    context.fillStyle = colour.wave;
    this.drawWave(context, "stem", width, middle, reach);
    this.drawTicks(context, width, height);
    for (let i = this.firstAt(this.timeAt(-20)); i < this.hits.length && this.xAt(this.hits[i].time) < width + 20; i++) {
      this.drawHit(context, this.hits[i], split, middle, reach, height);
    }
    line(context, this.xAt(this.cursor), 0, height, colour.soft, [3, 3]);
    if (this.playhead !== null) line(context, this.xAt(this.playhead), 0, height, colour.ink, []);
  }

  drawWave(context, name, width, middle, reach) {
    const scale = reach / 32767 / this.about.peak * 0.9;
    context.beginPath();
    this.waveforms.each(name, this.start, 1 / this.perSecond, width, (x, low, high) => {
      const top = Math.min(reach, high * scale), bottom = Math.min(reach, -low * scale);
      context.rect(x, middle - top, 1, top + bottom + 0.5);
    });
    context.fill();
  }

  drawTicks(context, width, height) {
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300].find(one => one * this.perSecond > 70) || 600;
    context.fillStyle = this.colour.soft;
    context.font = "11px system-ui, sans-serif";
    for (let time = Math.max(0, Math.ceil(this.start / step) * step); this.xAt(time) < width; time += step) {
      context.fillText(step < 1 ? clock(time).slice(0, -2) : clock(time).slice(0, -4), this.xAt(time) + 3, height - 4);
      context.fillRect(this.xAt(time), height - 14, 1, 14);
    }
  }

  drawHit(context, hit, split, middle, reach, height) {
    const x = this.xAt(hit.time), y = middle - reach * (0.15 + 1.05 * (hit.keep ? hit.velocity / 127 : 0.12));
    const isCurrent = hit.hit === this.current;
    const colour = hit.doubt ? this.colour.doubt : hit.keep ? this.colour.kept : this.colour.dropped;
    context.globalAlpha = hit.keep || hit.doubt || hit.mine || isCurrent ? 1 : FAINT;
    line(context, x, isCurrent ? 0 : y, middle, isCurrent ? this.colour.ink : colour, []);
    sign(context, x, y, hit, colour, isCurrent ? 7 : 4.5);
    context.globalAlpha = 1;
    if (hit.mine) {
      context.beginPath();
      context.arc(x, y, isCurrent ? 11 : 7.5, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.strokeStyle = this.colour.ink;
      context.stroke();
    }
  }

  drawOverview({ context, width, height }) {
    const { duration } = this.about, perPixel = duration / width, { colour } = this;
    context.clearRect(0, 0, width, height);
    context.fillStyle = colour.here;
    context.fillRect(this.start / perPixel, 0, Math.max(2, this.width / this.perSecond / perPixel), height);
    context.fillStyle = colour.wave;
    const scale = height / 2 / 32767 / this.about.peak * 0.7;
    this.waveforms.each("stem", 0, perPixel, width, (x, low, high) => {
      const top = Math.min(height / 2, high * scale), bottom = Math.min(height / 2, -low * scale);
      context.fillRect(x, height / 2 - top, 1, top + bottom + 0.5);
    });
    for (const hit of this.hits) {
      if (!hit.mine && !hit.doubt) continue;
      context.fillStyle = hit.mine ? colour.ink : colour.doubt;
      context.fillRect(hit.time / perPixel - 0.5, hit.mine ? height - 5 : 0, 1.5, 5);
    }
    line(context, this.cursor / perPixel, 0, height, colour.soft, [2, 2]);
  }
}

function sign(context, x, y, hit, colour, size) {
  context.beginPath();
  context.lineWidth = 2;
  context.fillStyle = context.strokeStyle = colour;
  if (hit.keep) {
    context.arc(x, y, size, 0, 2 * Math.PI);
    if (hit.doubt) context.stroke(); else context.fill();
    return;
  }
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x - size, y + size);
  context.lineTo(x + size, y - size);
  context.stroke();
}

function line(context, x, top, bottom, colour, dash) {
  context.beginPath();
  context.setLineDash(dash);
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.moveTo(Math.round(x) + 0.5, top);
  context.lineTo(Math.round(x) + 0.5, bottom);
  context.stroke();
  context.setLineDash([]);
}

// A canvas made as fine as the screen, and its context in CSS pixels.
function sized(canvas) {
  const fine = Math.min(2, devicePixelRatio || 1), width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * fine) || canvas.height !== Math.round(height * fine)) {
    canvas.width = Math.round(width * fine);
    canvas.height = Math.round(height * fine);
  }
  const context = canvas.getContext("2d");
  context.setTransform(fine, 0, 0, fine, 0, 0);
  return { context, width, height };
}

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
