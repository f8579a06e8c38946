/// Keys of rows that events of a batch have changed, each once, in the order they were first touched: what a fold keeps to make
/// these rows at the end of the batch (`Projection.finish`).
struct TouchedRows<Key: Hashable & Sendable>: Sendable {
  private var keys: [(key: Key, isNew: Bool)] = []
  private var known: Set<Key> = []

  /// The row is not in the table yet.
  mutating func insert(_ key: Key) {
    if known.insert(key).inserted { keys.append((key, true)) }
  }

  /// The row is in the table, or will be.
  mutating func update(_ key: Key) {
    if known.insert(key).inserted { keys.append((key, false)) }
  }

  /// Those since the last call.
  mutating func take() -> [(key: Key, isNew: Bool)] {
    guard !keys.isEmpty else { return [] }
    defer {
      keys.removeAll(keepingCapacity: true)
      known.removeAll(keepingCapacity: true)
    }
    return keys
  }
}
