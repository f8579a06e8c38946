import COpenBLAS

/// How a tile meets what is already in `c`.
enum TileStore {
  /// c = a·b
  case overwrite
  /// c = c + (a·b): the product is summed from zero first.
  case add
  /// The running sums are taken from `c` and continued: cutting a long sum in pieces changes no bit of it.
  case resume
}

/// The operands of one register tile: c (rows,16) ← a (rows,depth) · b (depth,16).
///
/// Every product of this module is made of these. Each element of `c` is one chain of fused multiply-adds over depth
/// 0, 1, 2 …, whatever the number of rows in the tile and whatever the neighbours: that is what makes a row's bits
/// independent of its batch.
struct Tile {
  var a: In
  /// Floats between rows of `a`, and between its columns.
  var aRow: Int
  var aDepth: Int
  var b: In
  /// Floats between rows of `b`: 16 when packed.
  var bDepth: Int
  var depth: Int
  var c: Out
  var cRow: Int
  /// Memory that will be needed soon, asked for along the way: `aheadStep` floats further at each depth. Tiles of four and
  /// six rows do so; nil asks for nothing.
  var ahead: In?
  var aheadStep = 0
}

/// Rows of the next tile when `remaining` are left: 6 fills the registers, and no tile of 1 or 2 is left over that two
/// tiles of 3 or 4 would avoid.
@inline(__always) func tileRows(remaining: Int) -> Int {
  switch remaining {
  case 7, 8, 11: 4
  case 5: 3
  case 6...: 6
  default: remaining
  }
}

/// Computes a tile of 1, 2, 3, 4 or 6 rows.
@inline(__always) func multiply(_ tile: Tile, rows: Int, _ store: TileStore) {
  switch rows {
  case 6: multiply6(tile, store)
  case 4: multiply4(tile, store)
  case 3: multiply3(tile, store)
  case 2: multiply2(tile, store)
  default: multiply1(tile, store)
  }
}

/// `multiply` over any number of rows.
@inline(__always) func multiplyRows(_ tile: Tile, rows: Int, _ store: TileStore) {
  var tile = tile
  var remaining = rows
  while remaining > 0 {
    let count = tileRows(remaining: remaining)
    multiply(tile, rows: count, store)
    tile.a += count * tile.aRow
    tile.c += count * tile.cRow
    remaining -= count
  }
}

@inline(__always) private func begin(_ c: In, _ store: TileStore) -> Vector {
  store == .resume ? load8(c) : Vector(repeating: 0)
}

@inline(__always) private func end(_ sum: Vector, _ c: Out, _ store: TileStore) {
  store8(store == .add ? load8(c) + sum : sum, c)
}

// The accumulators have names: an array of vectors is kept in memory and halves the speed.

@inline(never) private func multiply1(_ t: Tile, _ store: TileStore) {
  let c = t.c
  var l0 = begin(c, store)
  var h0 = begin(c + 8, store)
  var a = t.a
  var b = t.b
  let aDepth = t.aDepth
  let bDepth = t.bDepth
  for _ in 0..<t.depth {
    let bl = load8(b)
    let bh = load8(b + 8)
    let a0 = Vector(repeating: a[0])
    l0.addProduct(a0, bl)
    h0.addProduct(a0, bh)
    a += aDepth
    b += bDepth
  }
  end(l0, c, store)
  end(h0, c + 8, store)
}

@inline(never) private func multiply2(_ t: Tile, _ store: TileStore) {
  let s = t.cRow
  let c = t.c
  var l0 = begin(c, store)
  var h0 = begin(c + 8, store)
  var l1 = begin(c + s, store)
  var h1 = begin(c + s + 8, store)
  var a = t.a
  var b = t.b
  let aRow = t.aRow
  let aDepth = t.aDepth
  let bDepth = t.bDepth
  for _ in 0..<t.depth {
    let bl = load8(b)
    let bh = load8(b + 8)
    let a0 = Vector(repeating: a[0])
    l0.addProduct(a0, bl)
    h0.addProduct(a0, bh)
    let a1 = Vector(repeating: a[aRow])
    l1.addProduct(a1, bl)
    h1.addProduct(a1, bh)
    a += aDepth
    b += bDepth
  }
  end(l0, c, store)
  end(h0, c + 8, store)
  end(l1, c + s, store)
  end(h1, c + s + 8, store)
}

@inline(never) private func multiply3(_ t: Tile, _ store: TileStore) {
  let s = t.cRow
  let c = t.c
  var l0 = begin(c, store)
  var h0 = begin(c + 8, store)
  var l1 = begin(c + s, store)
  var h1 = begin(c + s + 8, store)
  var l2 = begin(c + 2 * s, store)
  var h2 = begin(c + 2 * s + 8, store)
  var a = t.a
  var b = t.b
  let aRow = t.aRow
  let aDepth = t.aDepth
  let bDepth = t.bDepth
  for _ in 0..<t.depth {
    let bl = load8(b)
    let bh = load8(b + 8)
    let a0 = Vector(repeating: a[0])
    l0.addProduct(a0, bl)
    h0.addProduct(a0, bh)
    let a1 = Vector(repeating: a[aRow])
    l1.addProduct(a1, bl)
    h1.addProduct(a1, bh)
    let a2 = Vector(repeating: a[2 * aRow])
    l2.addProduct(a2, bl)
    h2.addProduct(a2, bh)
    a += aDepth
    b += bDepth
  }
  end(l0, c, store)
  end(h0, c + 8, store)
  end(l1, c + s, store)
  end(h1, c + s + 8, store)
  end(l2, c + 2 * s, store)
  end(h2, c + 2 * s + 8, store)
}

@inline(never) private func multiply4(_ t: Tile, _ store: TileStore) {
  let s = t.cRow
  let c = t.c
  var l0 = begin(c, store)
  var h0 = begin(c + 8, store)
  var l1 = begin(c + s, store)
  var h1 = begin(c + s + 8, store)
  var l2 = begin(c + 2 * s, store)
  var h2 = begin(c + 2 * s + 8, store)
  var l3 = begin(c + 3 * s, store)
  var h3 = begin(c + 3 * s + 8, store)
  var a = t.a
  var b = t.b
  let aRow = t.aRow
  var ahead = t.ahead ?? t.b
  let aheadStep = t.aheadStep
  let aDepth = t.aDepth
  let bDepth = t.bDepth
  for _ in 0..<t.depth {
    autodidact_prefetch(ahead)
    ahead += aheadStep
    let bl = load8(b)
    let bh = load8(b + 8)
    let a0 = Vector(repeating: a[0])
    l0.addProduct(a0, bl)
    h0.addProduct(a0, bh)
    let a1 = Vector(repeating: a[aRow])
    l1.addProduct(a1, bl)
    h1.addProduct(a1, bh)
    let a2 = Vector(repeating: a[2 * aRow])
    l2.addProduct(a2, bl)
    h2.addProduct(a2, bh)
    let a3 = Vector(repeating: a[3 * aRow])
    l3.addProduct(a3, bl)
    h3.addProduct(a3, bh)
    a += aDepth
    b += bDepth
  }
  end(l0, c, store)
  end(h0, c + 8, store)
  end(l1, c + s, store)
  end(h1, c + s + 8, store)
  end(l2, c + 2 * s, store)
  end(h2, c + 2 * s + 8, store)
  end(l3, c + 3 * s, store)
  end(h3, c + 3 * s + 8, store)
}

@inline(never) private func multiply6(_ t: Tile, _ store: TileStore) {
  let s = t.cRow
  let c = t.c
  var l0 = begin(c, store)
  var h0 = begin(c + 8, store)
  var l1 = begin(c + s, store)
  var h1 = begin(c + s + 8, store)
  var l2 = begin(c + 2 * s, store)
  var h2 = begin(c + 2 * s + 8, store)
  var l3 = begin(c + 3 * s, store)
  var h3 = begin(c + 3 * s + 8, store)
  var l4 = begin(c + 4 * s, store)
  var h4 = begin(c + 4 * s + 8, store)
  var l5 = begin(c + 5 * s, store)
  var h5 = begin(c + 5 * s + 8, store)
  var a = t.a
  var b = t.b
  let aRow = t.aRow
  var ahead = t.ahead ?? t.b
  let aheadStep = t.aheadStep
  let aDepth = t.aDepth
  let bDepth = t.bDepth
  for _ in 0..<t.depth {
    autodidact_prefetch(ahead)
    ahead += aheadStep
    let bl = load8(b)
    let bh = load8(b + 8)
    let a0 = Vector(repeating: a[0])
    l0.addProduct(a0, bl)
    h0.addProduct(a0, bh)
    let a1 = Vector(repeating: a[aRow])
    l1.addProduct(a1, bl)
    h1.addProduct(a1, bh)
    let a2 = Vector(repeating: a[2 * aRow])
    l2.addProduct(a2, bl)
    h2.addProduct(a2, bh)
    let a3 = Vector(repeating: a[3 * aRow])
    l3.addProduct(a3, bl)
    h3.addProduct(a3, bh)
    let a4 = Vector(repeating: a[4 * aRow])
    l4.addProduct(a4, bl)
    h4.addProduct(a4, bh)
    let a5 = Vector(repeating: a[5 * aRow])
    l5.addProduct(a5, bl)
    h5.addProduct(a5, bh)
    a += aDepth
    b += bDepth
  }
  end(l0, c, store)
  end(h0, c + 8, store)
  end(l1, c + s, store)
  end(h1, c + s + 8, store)
  end(l2, c + 2 * s, store)
  end(h2, c + 2 * s + 8, store)
  end(l3, c + 3 * s, store)
  end(h3, c + 3 * s + 8, store)
  end(l4, c + 4 * s, store)
  end(h4, c + 4 * s + 8, store)
  end(l5, c + 5 * s, store)
  end(h5, c + 5 * s + 8, store)
}
