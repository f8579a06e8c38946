import Synchronization

/// Remembers the tokens of short words, so that common words are merged once. Bounded; emptied when full. What it holds
/// never changes a result.
final class WordCache: Sendable {
  private let words = Mutex<[ArraySlice<UInt8>: [Int32]]>([:])

  private static let wordLengthMax = 64
  private static let wordsMax = 65_536

  /// The remembered tokens of `word`.
  func tokens(of word: ArraySlice<UInt8>) -> [Int32]? {
    guard word.count <= Self.wordLengthMax else { return nil }
    return words.withLock { $0[word] }
  }

  /// Remembers the tokens of `word` if it is short.
  func remember(_ word: ArraySlice<UInt8>, _ tokens: ArraySlice<Int32>) {
    guard word.count <= Self.wordLengthMax else { return }
    // A slice keeps all of its text alive; the copies do not.
    let (key, value) = (ArraySlice(Array(word)), Array(tokens))
    words.withLock { words in
      if words.count >= Self.wordsMax { words.removeAll(keepingCapacity: true) }
      words[key] = value
    }
  }
}
