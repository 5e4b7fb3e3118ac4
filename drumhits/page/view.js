// The picture of a song: overview, spectrogram where there is one, waveform with those of other stems behind it, hits.
// A hit has a time in seconds; how it looks is the page's: see `look`.

const FARTHEST = 4, NEAREST = 900;  // pixels a second
const USUAL = 160;
const GLIDE_MS = 180;
const FAINT = 0.5;
const TOUCH = 9;  // pixels around a hit that are it
const SMALL = 4.5, LARGE = 7;  // signs

export const clock = seconds => {
  const ms = Math.round(seconds * 1000), minutes = Math.floor(ms / 60000);
  return `${minutes}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
};

export class View {
  // parts: {
  //   canvas, overview: canvases; duration in seconds; peak: the highest sample, full scale 1;
  //   waveforms, spectrogram (or null): see tiles.js; siblings: names of the waveforms behind;
  //   look(hit): { shape: "disc", "ring", "cross", "triangle" or "diamond", colour: a variable of the CSS,
  //     height: 0..1, faint, ringed, edge: "top" or "bottom" of the overview, or null };
  //   isWhole: whether the whole song is what is shown first, and the farthest zoom
  // }
  constructor(parts) {
    Object.assign(this, parts);
    this.hits = [];
    this.current = null;
    this.cursor = 0;
    this.playhead = null;
    this.start = 0;
    this.perSecond = USUAL;
    for (const one of [this.waveforms, this.spectrogram]) if (one) one.onArrival = () => this.arrived();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.stopped = new AbortController();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour(), { signal: this.stopped.signal });
    this.sizes = new ResizeObserver(() => this.resized());
    for (const one of [this.canvas, this.overview]) this.sizes.observe(one);
    this.ground = new OffscreenCanvas(1, 1);
    this.recolour();
    if (this.isWhole) this.zoom(0);
  }

  resized() {
    const middle = this.start + (this.shownWidth ?? this.width) / this.perSecond / 2;
    const wasWhole = this.isWhole && this.perSecond <= this.least * 1.01;
    this.shownWidth = this.width;
    this.least = this.leastZoom();
    this.groundIsOld = true;
    if (wasWhole || this.perSecond < this.least) this.perSecond = this.least;
    this.scrollTo(middle - this.width / this.perSecond / 2);
  }

  arrived() {
    this.groundIsOld = true;
    this.redraw();
  }

  close() {
    this.stopped.abort();
    this.sizes.disconnect();
    this.isClosed = true;
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    this.colour = new Proxy({}, { get: (known, name) => known[name] ??= style.getPropertyValue(`--${name}`).trim() });
    this.spectrogram?.repaint(rgb(this.colour.low), rgb(this.colour.high));
    this.arrived();
  }

  get width() { return this.canvas.clientWidth; }
  timeAt(x) { return Math.min(this.duration, Math.max(0, this.start + x / this.perSecond)); }
  xAt(time) { return (time - this.start) * this.perSecond; }

  scrollTo(start) {
    this.glide = null;
    this.start = this.clamped(start);
    this.redraw();
  }

  clamped(start) {
    const shown = this.width / this.perSecond;
    return shown >= this.duration ? (this.duration - shown) / 2 : Math.max(-shown / 4, Math.min(start, this.duration - shown * 3 / 4));
  }

  centre(time) {
    const to = this.clamped(time - this.width / this.perSecond / 2);
    const near = Math.abs(to - this.start) < 3 * this.width / this.perSecond;
    if (this.calm.matches || !near) return this.scrollTo(to);
    this.glide = { from: this.start, to, began: performance.now() };
    this.redraw();
  }

  leastZoom() {
    const whole = this.width / Math.max(this.duration, 1);
    return this.isWhole ? whole : Math.max(FARTHEST, whole);
  }

  zoom(factor, x = this.width / 2) {
    const time = this.start + x / this.perSecond;
    this.least = this.leastZoom();
    this.perSecond = Math.max(this.least, Math.min(NEAREST, this.perSecond * factor));
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

  // Show other hits, or what was decided about them.
  show(hits) {
    this.hits = hits;
    this.arrived();
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
    const split = this.spectrogram ? Math.round(height * 0.42) : 0, middle = split + (height - split) * 0.62, reach = (height - split) * 0.36;
    context.clearRect(0, 0, width, height);
    const current = this.hits.find(hit => hit.hit === this.current);
    if (current) {
      context.fillStyle = colour.here;
      context.fillRect(this.xAt(current.time - 0.5), split, 1.5 * perSecond, height - split);
    }
    this.spectrogram?.draw(context, start, perSecond, width, 0, split);
    context.fillStyle = colour.ghost;
    for (const name of this.siblings) this.drawWave(context, name, width, middle, reach);
    context.fillStyle = colour.wave;
    this.drawWave(context, "stem", width, middle, reach);
    this.drawTicks(context, width, height);
    const shown = this.hits.slice(this.firstAt(start - 20 / perSecond), this.firstAt(start + (width + 20) / perSecond)).filter(hit => hit !== current);
    for (const isMarked of [false, true]) {  // what the overview marks lies on top
      for (const hit of shown) if (Boolean(this.look(hit).edge) === isMarked) this.drawHit(context, hit, middle, reach, false);
    }
    if (current) this.drawHit(context, current, middle, reach, true);
    line(context, this.xAt(this.cursor), 0, height, colour.soft, [3, 3]);
    if (this.playhead !== null) line(context, this.xAt(this.playhead), 0, height, colour.ink, []);
  }

  drawWave(context, name, width, middle, reach) {
    const scale = reach / 32767 / this.peak * 0.9;
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
    for (let time = Math.max(0, Math.ceil(this.start / step) * step); this.xAt(time) < width && time <= this.duration; time += step) {
      context.fillText(step < 1 ? clock(time).slice(0, -2) : clock(time).slice(0, -4), this.xAt(time) + 3, height - 4);
      context.fillRect(this.xAt(time), height - 14, 1, 14);
    }
  }

  drawHit(context, hit, middle, reach, isCurrent) {
    const { shape, colour, height, faint, ringed } = this.look(hit);
    const x = this.xAt(hit.time), y = middle - reach * (0.15 + 1.05 * height), paint = this.colour[colour];
    context.globalAlpha = faint ? FAINT : 1;
    line(context, x, isCurrent ? 0 : y, middle, isCurrent ? this.colour.ink : paint, []);
    sign(context, shape, x, y, paint, isCurrent ? LARGE : SMALL);
    context.globalAlpha = 1;
    if (ringed) {
      context.beginPath();
      context.arc(x, y, isCurrent ? LARGE + 4 : SMALL + 3, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.strokeStyle = this.colour.ink;
      context.stroke();
    }
  }

  // What stays while one scrolls is drawn once.
  drawOverview({ context, width, height, fine }) {
    const perPixel = this.duration / width;
    if (this.groundIsOld || this.ground.width !== context.canvas.width || this.ground.height !== context.canvas.height) this.paintGround(context.canvas, width, height, fine);
    context.clearRect(0, 0, width, height);
    context.fillStyle = this.colour.here;
    context.fillRect(this.start / perPixel, 0, Math.max(2, this.width / this.perSecond / perPixel), height);
    context.drawImage(this.ground, 0, 0, width, height);
    line(context, this.cursor / perPixel, 0, height, this.colour.soft, [2, 2]);
    if (this.playhead !== null) line(context, this.playhead / perPixel, 0, height, this.colour.ink, []);
  }

  paintGround(canvas, width, height, fine) {
    const perPixel = this.duration / width, scale = height / 2 / 32767 / this.peak * 0.7;
    [this.ground.width, this.ground.height] = [Math.max(1, canvas.width), Math.max(1, canvas.height)];
    const context = this.ground.getContext("2d");
    context.setTransform(fine, 0, 0, fine, 0, 0);
    context.fillStyle = this.colour.wave;
    this.waveforms.each("stem", 0, perPixel, width, (x, low, high) => {
      const top = Math.min(height / 2, high * scale), bottom = Math.min(height / 2, -low * scale);
      context.fillRect(x, height / 2 - top, 1, top + bottom + 0.5);
    });
    for (const hit of this.hits) {
      const { edge, ringed, colour } = this.look(hit);
      if (!edge) continue;
      context.fillStyle = this.colour[ringed ? "ink" : colour];
      context.fillRect(hit.time / perPixel - 0.5, edge === "bottom" ? height - 5 : 0, 1.5, 5);
    }
    this.groundIsOld = false;
  }
}

function sign(context, shape, x, y, colour, size) {
  context.lineWidth = 2;
  context.fillStyle = context.strokeStyle = colour;
  context.beginPath();
  SHAPES[shape](context, x, y, size);
  if (shape === "disc" || shape === "triangle") context.fill(); else context.stroke();
}

const ring = (context, x, y, size) => context.arc(x, y, size, 0, 2 * Math.PI);

const SHAPES = {
  disc: ring,
  ring,
  cross: (context, x, y, size) => {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x - size, y + size);
    context.lineTo(x + size, y - size);
  },
  triangle: (context, x, y, size) => {
    context.moveTo(x - 1.2 * size, y - size);
    context.lineTo(x + 1.2 * size, y - size);
    context.lineTo(x, y + 1.2 * size);
    context.closePath();
  },
  diamond: (context, x, y, size) => {
    context.moveTo(x, y - 1.4 * size);
    context.lineTo(x + 1.4 * size, y);
    context.lineTo(x, y + 1.4 * size);
    context.lineTo(x - 1.4 * size, y);
    context.closePath();
  },
};

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
  return { context, width, height, fine };
}

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
