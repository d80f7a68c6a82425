// Where the tiles of a mosaic stand: arithmetic between channels, cells and pixels, both ways. No drawing.
//
// A cell is a whole number of device pixels wide, or a whole number of cells share one: so every pixel shows one number.

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{left: number, top: number, width: number, height: number}} Rectangle in CSS pixels */
/** @typedef {{tile: number, y: number, x: number}} Hit place in the order of drawing, and a cell of it */

const SMALLEST_TILE = 30, SMALLEST_UNIT = 6, LARGEST_CELL = 72, CAPTIONED = 44, ONE_ROW = 12;

export class Tiling {
  /**
   * @param {number} count of tiles
   * @param {Size} cells of one tile
   * @param {boolean} named whether every tile has a name to be read, however small it is
   */
  constructor(count, cells, named = false) {
    this.count = count;
    this.cells = cells;
    this.named = named;
    this.isUnits = cells.width * cells.height === 1;
    /** Rows of a sequence, one cell high, are drawn taller. */
    this.stretch = !this.isUnits && cells.height === 1 ? Math.max(1, Math.round(cells.width / 10)) : 1;
    this.gap = this.isUnits ? (count > 2000 ? 0 : 2) : 7;
    this.caption = 17;
    this.margin = 12;
    this.columns = 1;
    this.level = 1;
    this.left = this.top = 0;
    /** @type {Size} */
    this.view = { width: 1, height: 1 };
    this.ratio = 1;
  }

  /** CSS pixels of a cell. */
  get zoom() {
    return this.level / this.ratio;
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
    this.view = view;
    this.ratio = ratio;
    this.level = LARGEST_CELL * ratio;
    while (!this.fits() && !this.isSmallest()) this.level = levelBelow(this.level);
    this.columns = Math.ceil(this.count / Math.ceil(this.count / this.mostColumns()));
    this.left = Math.max(this.margin, (view.width - this.columns * this.pitchX + this.gap) / 2);
    this.top = this.margin;
  }

  mostColumns() {
    return Math.min(this.count, Math.max(1, Math.floor((this.view.width - 2 * this.margin + this.gap) / this.pitchX)));
  }

  fits() {
    if (this.tileWidth > this.view.width - 2 * this.margin) return false;
    if (this.isUnits && this.count <= ONE_ROW && this.mostColumns() < this.count) return false;
    return Math.ceil(this.count / this.mostColumns()) * this.pitchY + this.margin <= this.view.height;
  }

  isSmallest() {
    if (this.tileWidth > this.view.width - 2 * this.margin) return false;
    const below = (Math.max(this.cells.width, this.cells.height * this.stretch) * levelBelow(this.level)) / this.ratio;
    if (this.named) return below < CAPTIONED;
    return below < (this.isUnits ? SMALLEST_UNIT : SMALLEST_TILE);
  }

  /** Show one tile as large as the view allows. @param {number} tile */
  focus(tile) {
    const room = Math.min(
      (this.view.width - 4 * this.margin) / this.cells.width,
      (this.view.height - 4 * this.margin - this.caption) / (this.cells.height * this.stretch),
    );
    this.level = levelAt(Math.min(room, LARGEST_CELL) * this.ratio);
    this.left = (this.view.width - this.tileWidth) / 2 - (tile % this.columns) * this.pitchX;
    this.top = (this.view.height - this.tileHeight - this.caption) / 2 - Math.floor(tile / this.columns) * this.pitchY;
  }

  /** Zoom a step around a point, which stays where it is. @param {boolean} closer @param {number} x @param {number} y */
  step(closer, x, y) {
    const [across, down] = [(x - this.left) / this.pitchX, (y - this.top) / this.pitchY];
    const level = closer ? levelAbove(this.level) : levelBelow(this.level);
    const side = Math.max(this.cells.width, this.cells.height) * (level / this.ratio);
    if (level / this.ratio > 2 * LARGEST_CELL || side < 8 / (this.isUnits ? 4 : 1)) return;
    this.level = level;
    this.left = x - across * this.pitchX;
    this.top = y - down * this.pitchY;
    this.hold();
  }

  /** @param {number} x @param {number} y */
  pan(x, y) {
    this.left += x;
    this.top += y;
    this.hold();
  }

  /** Keep the tiles in reach: what is larger than the view fills it, what is smaller stays inside. */
  hold() {
    const held = (/** @type {number} */ at, /** @type {number} */ content, /** @type {number} */ view) =>
      content + 2 * this.margin <= view
        ? Math.min(Math.max(at, this.margin), view - content - this.margin)
        : Math.min(Math.max(at, view - content - view / 3), view / 3);
    this.left = held(this.left, this.columns * this.pitchX - this.gap, this.view.width);
    this.top = held(this.top, this.rows * this.pitchY, this.view.height);
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
    return {
      left: snap(this.left + (tile % this.columns) * this.pitchX),
      top: snap(this.top + Math.floor(tile / this.columns) * this.pitchY),
      width: this.tileWidth,
      height: this.tileHeight,
    };
  }

  /** The rectangle of cells of a tile, both ends included. @param {number} tile @param {number[][]} box rows, columns @returns {Rectangle} */
  boxAt(tile, [rows, columns]) {
    const { left, top } = this.tileAt(tile);
    const high = this.zoom * this.stretch;
    return {
      left: left + columns[0] * this.zoom,
      top: top + rows[0] * high,
      width: (columns[1] - columns[0] + 1) * this.zoom,
      height: (rows[1] - rows[0] + 1) * high,
    };
  }

  /** What lies under a point; y and x are -1 on the caption of a tile. @param {number} px @param {number} py @returns {Hit|null} */
  hit(px, py) {
    const column = Math.floor((px - this.left) / this.pitchX), row = Math.floor((py - this.top) / this.pitchY);
    const tile = row * this.columns + column;
    if (column < 0 || column >= this.columns || row < 0 || tile >= this.count) return null;
    const { left, top } = this.tileAt(tile);
    const x = Math.floor((px - left) / this.zoom), y = Math.floor((py - top) / (this.zoom * this.stretch));
    if (x < 0 || x >= this.cells.width || y < 0) return null;
    return y < this.cells.height ? { tile, y, x } : { tile, y: -1, x: -1 };
  }

  /** Rows and columns of tiles that are in view, first and behind the last. */
  inView() {
    const range = (/** @type {number} */ at, /** @type {number} */ pitch, /** @type {number} */ view, /** @type {number} */ count) => [
      Math.min(count, Math.max(0, Math.floor(-at / pitch))),
      Math.min(count, Math.max(0, Math.ceil((view - at) / pitch))),
    ];
    const [firstRow, endRow] = range(this.top, this.pitchY, this.view.height, this.rows);
    const [firstColumn, endColumn] = range(this.left, this.pitchX, this.view.width, this.columns);
    return { firstRow, endRow, firstColumn, endColumn };
  }
}

/** @param {number} level whole pixels of a cell, or 1/n of one */
function levelBelow(level) {
  if (level > 1) return Math.min(level - 1, Math.max(1, Math.floor(level * 0.85)));
  return 1 / (Math.round(1 / level) + 1);
}

/** @param {number} level */
function levelAbove(level) {
  if (level >= 1) return Math.max(level + 1, Math.floor(level * 1.25));
  return 1 / (Math.round(1 / level) - 1);
}

/** @param {number} size the level of at most that size */
function levelAt(size) {
  return size >= 1 ? Math.floor(size) : 1 / Math.ceil(1 / size);
}
