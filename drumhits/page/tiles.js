// Waveforms and spectrogram as they come, in tiles; what is not there yet is asked for.

const TILE_COLUMNS = 4096;
const SPECTRUM_COLUMNS = 512, SPECTRUM_HOP = 256, BANDS = 72;
const MOST_TILES = 240, LATER_MS = 500;

class Tiles {
  constructor(fetch, onArrival) {
    this.fetch = fetch;
    this.onArrival = onArrival;
    this.there = new Map();
    this.asked = new Set();
  }

  get(key) {
    const tile = this.there.get(key);
    if (tile !== undefined || this.asked.has(key)) return tile;
    this.asked.add(key);
    this.fetch(key).then(made => {
      if (!made.length) return this.later(key);
      this.there.set(key, made);
      if (this.there.size > MOST_TILES) this.there.delete(this.there.keys().next().value);
      this.asked.delete(key);
      this.onArrival();
    }, () => this.later(key));
  }

  // It is not decoded yet, or the server was not reached.
  later(key) {
    setTimeout(() => {
      this.asked.delete(key);
      this.onArrival();
    }, LATER_MS);
  }
}

export class Waveforms {
  // lengths: samples of a column, of which there are tiles, increasing; load(name, length, number): promise of a tile of
  // TILE_COLUMNS columns, lowest and highest sample in turn, full scale 32767; empty where it is to be asked for later
  constructor(sampleRate, lengths, load) {
    this.rate = sampleRate;
    this.lengths = lengths;
    this.onArrival = () => {};
    this.tiles = new Tiles(key => load(...key.split("/")), () => this.onArrival());
  }

  // Calls draw(x, low, high) for each pixel of a stretch of a sound, with edges of full scale 32767.
  each(name, start, perPixel, width, draw) {
    const step = perPixel * this.rate, length = this.lengths.findLast(one => one <= step) ?? this.lengths[0];
    let number = -1, tile;
    for (let x = 0; x < width; x++) {
      const first = Math.floor((start * this.rate + x * step) / length);
      const last = Math.max(first + 1, Math.floor((start * this.rate + (x + 1) * step) / length));
      let low = 0, high = 0;
      for (let column = Math.max(0, first); column < last; column++) {
        const wanted = Math.floor(column / TILE_COLUMNS);
        if (wanted !== number) tile = this.tiles.get(`${name}/${length}/${number = wanted}`);
        if (!tile) continue;
        const at = 2 * (column - wanted * TILE_COLUMNS);
        if (tile[at] < low) low = tile[at];
        if (tile[at + 1] > high) high = tile[at + 1];
      }
      if (high > low) draw(x, low, high);
    }
  }
}

export class Spectrogram {
  // load(number): promise of the levels of a tile, BANDS a column
  constructor(sampleRate, load) {
    this.seconds = SPECTRUM_COLUMNS * SPECTRUM_HOP / sampleRate;
    this.onArrival = () => {};
    this.levels = new Tiles(load, () => this.onArrival());
    this.pictures = new Map();
  }

  // Forget the pictures: the colours have changed.
  repaint(low, high) {
    this.colours = Array.from({ length: 256 }, (_, level) => low.map((from, i) => from + (high[i] - from) * (level / 255) ** 1.4));
    this.pictures.clear();
  }

  draw(context, start, perSecond, width, top, height) {
    const first = Math.max(0, Math.floor(start / this.seconds)), last = Math.floor((start + width / perSecond) / this.seconds);
    context.imageSmoothingEnabled = true;
    for (let tile = first; tile <= last; tile++) {
      const picture = this.picture(tile);
      if (picture) context.drawImage(picture, (tile * this.seconds - start) * perSecond, top, this.seconds * perSecond + 1, height);
    }
  }

  picture(tile) {
    if (this.pictures.has(tile)) return this.pictures.get(tile);
    const levels = this.levels.get(String(tile));
    if (!levels) return null;
    const canvas = new OffscreenCanvas(SPECTRUM_COLUMNS, BANDS);
    const context = canvas.getContext("2d"), image = context.createImageData(SPECTRUM_COLUMNS, BANDS);
    for (let column = 0; column < SPECTRUM_COLUMNS; column++) {
      for (let band = 0; band < BANDS; band++) {
        const at = 4 * ((BANDS - 1 - band) * SPECTRUM_COLUMNS + column), colour = this.colours[levels[column * BANDS + band]];
        image.data[at] = colour[0];
        image.data[at + 1] = colour[1];
        image.data[at + 2] = colour[2];
        image.data[at + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    this.pictures.set(tile, canvas);
    if (this.pictures.size > MOST_TILES) this.pictures.delete(this.pictures.keys().next().value);
    return canvas;
  }
}
