// Where the tiles of a mosaic stand: arithmetic between channels, cells and pixels, both ways. No drawing.
//
// A cell is a whole number of device pixels wide; where there are more cells than pixels, each pixel shows one of them.

const SMALLEST_TILE = 30, SMALLEST_UNIT = 6, LARGEST_CELL = 72, CAPTIONED = 44, ONE_ROW = 12;

export class Tiling {
  /** @param {number} count of tiles @param {Size} cells of one tile @param {boolean} named whether each has a name to be read, however small it is */
  constructor(count, { width, height }, named) {
    this.count = count;
    this.cells = { width, height };
    this.isUnits = width * height === 1;
    /** Sequences, one cell high, are drawn taller. */
    this.stretch = !this.isUnits && height === 1 ? Math.max(1, Math.round(width / 10)) : 1;
    this.smallest = named ? CAPTIONED : this.isUnits ? SMALLEST_UNIT : SMALLEST_TILE;
    this.gap = this.isUnits ? (count > 2000 ? 0 : 2) : 7;
    this.caption = 17;
    this.margin = 12;
    this.columns = this.level = this.ratio = 1;
    this.left = this.top = 0;
    /** @type {Size} */
    this.view = { width: 1, height: 1 };
  }

  /** Units without gaps between them, drawn as one. */
  get isCrowd() {
    return this.isUnits && this.gap === 0 && this.count > 1;
  }

  /** CSS pixels of a cell. */
  get zoom() {
    return this.level / this.ratio;
  }

  /** Cells from one painted pixel to the next, where cells share them. */
  get stride() {
    return Math.max(1, 1 / this.level);
  }

  /** Which cell is seen so many CSS pixels behind the edge of its tile. @param {number} pixels */
  cellAfter(pixels) {
    return this.level < 1 ? Math.floor(Math.floor(pixels * this.ratio) * this.stride) : Math.floor(pixels / this.zoom);
  }

  get tileWidth() {
    return this.cells.width * this.zoom;
  }

  get tileHeight() {
    return this.cells.height * this.stretch * this.zoom;
  }

  get isCaptioned() {
    return this.caption > 0 && this.tileWidth >= CAPTIONED;
  }

  get pitchX() {
    return this.tileWidth + this.gap;
  }

  get pitchY() {
    return this.tileHeight + this.gap + (this.isCaptioned ? this.caption : 0);
  }

  get rows() {
    return Math.ceil(this.count / this.columns);
  }

  /** Choose the largest cells with which all tiles are in view, but none too small to be seen. @param {Size} view @param {number} ratio */
  fit(view, ratio) {
    Object.assign(this, { view, ratio, level: LARGEST_CELL * ratio });
    const width = Math.max(1, view.width - 2 * this.margin);
    for (; ; this.level = levelBelow(this.level)) {
      this.columns = Math.min(this.count, Math.max(1, Math.floor((width + this.gap) / this.pitchX)));
      const isOneRow = !this.isUnits || this.count > ONE_ROW || this.rows === 1;
      if (this.tileWidth <= width && isOneRow && this.rows * this.pitchY + this.margin <= view.height) break;
      const below = (Math.max(this.cells.width, this.cells.height * this.stretch) * levelBelow(this.level)) / ratio;
      if (this.tileWidth <= width && below < this.smallest) break;
    }
    this.columns = Math.ceil(this.count / this.rows);
    this.left = Math.max(this.margin, (view.width - this.columns * this.pitchX + this.gap) / 2);
    this.top = this.margin;
  }

  /** Show one tile as large as the view allows. @param {number} tile */
  focus(tile) {
    const { width, height } = this.view, edge = 4 * this.margin;
    const [across, down] = [(width - edge) / this.cells.width, (height - edge - this.caption) / (this.cells.height * this.stretch)];
    this.level = wholeFromOne(Math.min(across, down, LARGEST_CELL) * this.ratio, false);
    this.left = (width - this.tileWidth) / 2 - (tile % this.columns) * this.pitchX;
    this.top = (height - this.tileHeight - this.caption) / 2 - Math.floor(tile / this.columns) * this.pitchY;
  }

  /** Zoom a step around a point, which stays where it is. @param {boolean} closer @param {number} x @param {number} y */
  step(closer, x, y) {
    const [across, down] = [(x - this.left) / this.pitchX, (y - this.top) / this.pitchY];
    const level = wholeFromOne(this.level * (closer ? 1.25 : 0.8), closer), zoom = level / this.ratio;
    if (zoom > 2 * LARGEST_CELL || Math.max(this.cells.width, this.cells.height) * zoom < (this.isUnits ? 2 : 8)) return;
    this.level = level;
    this.pan(x - across * this.pitchX - this.left, y - down * this.pitchY - this.top);
  }

  /** Move the tiles, but keep them in reach: what is larger than the view fills most of it, what is smaller stays inside. @param {number} x @param {number} y */
  pan(x, y) {
    const held = (/** @type {number} */ at, /** @type {number} */ content, /** @type {number} */ view) => {
      const isInside = content + 2 * this.margin <= view;
      const [first, last] = isInside ? [this.margin, view - content - this.margin] : [view - content - view / 3, view / 3];
      return Math.min(Math.max(at, first), last);
    };
    this.left = held(this.left + x, this.columns * this.pitchX - this.gap, this.view.width);
    this.top = held(this.top + y, this.rows * this.pitchY, this.view.height);
  }

  /** Move as little as brings a rectangle into view. @param {Rectangle} place */
  reveal({ left, top, width, height }) {
    const shift = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ view) =>
      at < this.margin ? this.margin - at : Math.min(0, view - this.margin - at - size);
    this.left += shift(left, width, this.view.width);
    this.top += shift(top, height, this.view.height);
  }

  /** @param {number} tile @returns {Rectangle} aligned with device pixels */
  tileAt(tile) {
    const snap = (/** @type {number} */ at) => Math.round(at * this.ratio) / this.ratio;
    const left = snap(this.left + (tile % this.columns) * this.pitchX), top = snap(this.top + Math.floor(tile / this.columns) * this.pitchY);
    return { left, top, width: this.tileWidth, height: this.tileHeight };
  }

  /** The rectangle of some cells of a tile. @param {number} tile @param {Box} box @returns {Rectangle} */
  boxAt(tile, box) {
    const [[firstRow, lastRow], [firstColumn, lastColumn]] = box.slice(-2), { left, top } = this.tileAt(tile), high = this.zoom * this.stretch;
    return {
      left: left + firstColumn * this.zoom,
      top: top + firstRow * high,
      width: (lastColumn - firstColumn + 1) * this.zoom,
      height: (lastRow - firstRow + 1) * high,
    };
  }

  /** What lies under a point; y is -1 on the caption of a tile. @param {number} px @param {number} py */
  hit(px, py) {
    const column = Math.floor((px - this.left) / this.pitchX), row = Math.floor((py - this.top) / this.pitchY);
    const tile = row * this.columns + column;
    if (column < 0 || column >= this.columns || row < 0 || tile >= this.count) return null;
    const { left, top } = this.tileAt(tile), x = this.cellAfter(px - left), y = this.cellAfter((py - top) / this.stretch);
    if (x < 0 || x >= this.cells.width || y < 0) return null;
    return { tile, y: y < this.cells.height ? y : -1, x };
  }

  inView() {
    const range = (/** @type {number} */ at, /** @type {number} */ pitch, /** @type {number} */ view, /** @type {number} */ count) => {
      const first = Math.min(count, Math.max(0, Math.floor(-at / pitch)));
      return [first, Math.max(0, Math.min(count, Math.ceil((view - at) / pitch)) - first)];
    };
    const [firstRow, rows] = range(this.top, this.pitchY, this.view.height, this.rows);
    const [firstColumn, columns] = range(this.left, this.pitchX, this.view.width, this.columns);
    return { firstRow, rows, firstColumn, columns };
  }

  /** The tiles in view, rows and columns counted from the first; or that alone. @param {boolean} [first] */
  *visible(first = false) {
    const { firstRow, rows, firstColumn, columns } = this.inView();
    for (let i = 0; i < (first ? 1 : rows * columns); i++) {
      const row = Math.floor(i / columns), column = i % columns, tile = (firstRow + row) * this.columns + firstColumn + column;
      if (tile < this.count) yield { tile, row, column };
    }
  }
}

/** A number of device pixels a cell: whole, if it is not below one. @param {number} level @param {boolean} larger rather than smaller */
function wholeFromOne(level, larger) {
  if (level < 1) return level;
  return larger ? Math.ceil(level) : Math.floor(level);
}

/** @param {number} level the next smaller one that is tried */
function levelBelow(level) {
  return level > 1 ? level - 1 : level * 0.95;
}
