import Tensor

/// Sequences that begin with the same tokens: the samples of one group, or a single one. The prompt's rows are computed
/// once, forward and backward.
package struct TrainingFamily: Sendable {
  package var prompt: [Int32]
  /// What was sampled after the prompt; only these tokens are trained.
  package var completions: [[Int32]]

  package init(prompt: [Int32], completions: [[Int32]]) {
    (self.prompt, self.completions) = (prompt, completions)
  }
}

/// Which completion of which family.
package struct CompletionIndex: Hashable, Sendable {
  package var family: Int
  package var completion: Int

  package init(family: Int, completion: Int) { (self.family, self.completion) = (family, completion) }
}

/// A row whose logits are needed, and the tokens it predicts: the last row of a prompt predicts the first token of every
/// completion that shares it.
struct TargetRow {
  struct Target {
    var token: Int32
    var completion: CompletionIndex
    /// Which token of the completion.
    var index: Int
  }

  var row: Int32
  var targets: [Target]
}

/// Families, or parts of them, whose activations are in memory at the same time.
struct MicroBatch {
  private(set) var rows: RowBatch
  private(set) var targetRows: [TargetRow] = []
  /// The completions in it, in order.
  private(set) var completions: [CompletionIndex] = []
  private(set) var pageCount = 0

  init(shape: AttentionShape) { rows = RowBatch(plan: AttentionPlan(shape: shape)) }

  /// Adds one completion of `family`, opening the family (its prompt rows) when `isFirst`.
  ///
  /// Each completion has pages of its own from the page in which the prompt ends; the prompt's part of that page is
  /// stored there again, so that every sequence sees its positions as if it were alone.
  mutating func add(_ family: TrainingFamily, completion: CompletionIndex, prefix: inout Prefix?) {
    if prefix == nil { prefix = addPrompt(family.prompt) }
    guard let opened = prefix else { return }
    let tokens = family.completions[completion.completion]
    completions.append(completion)
    targetRows[opened.targetRow].targets.append(.init(token: tokens[0], completion: completion, index: 0))
    if tokens.count == 1 { return }
    let positionStart = family.prompt.count
    let rowStart = rows.count
    for index in 0..<tokens.count - 1 {
      let target = TargetRow.Target(token: tokens[index + 1], completion: completion, index: index + 1)
      targetRows.append(TargetRow(row: Int32(rows.count), targets: [target]))
      rows.tokens.append(tokens[index])
      rows.positions.append(Int32(positionStart + index))
    }
    let sharedPages = positionStart / AttentionPage.positions
    let firstOwn = sharedPages * AttentionPage.positions
    let pages = opened.pages.prefix(sharedPages) + takePages(positions: positionStart + tokens.count - 1 - firstOwn)
    for position in firstOwn..<positionStart + tokens.count - 1 {
      let row = position < positionStart ? opened.rowStart + position : rowStart + position - positionStart
      rows.plan.store(
        row: row, page: pages[position / AttentionPage.positions], slot: position % AttentionPage.positions)
    }
    rows.plan.append(rowCount: tokens.count - 1, positionStart: positionStart, pages: pages)
  }

  /// A prompt whose rows are in the batch.
  struct Prefix {
    var rowStart: Int
    var pages: [Int32]
    var targetRow: Int
  }

  private mutating func addPrompt(_ prompt: [Int32]) -> Prefix {
    let rowStart = rows.count
    let pages = takePages(positions: prompt.count)
    rows.plan.beginFamily()
    for (position, token) in prompt.enumerated() {
      rows.plan.store(
        row: rowStart + position, page: pages[position / AttentionPage.positions],
        slot: position % AttentionPage.positions)
      rows.tokens.append(token)
      rows.positions.append(Int32(position))
    }
    rows.plan.append(rowCount: prompt.count, positionStart: 0, pages: pages)
    targetRows.append(TargetRow(row: Int32(rows.count - 1), targets: []))
    return Prefix(rowStart: rowStart, pages: pages, targetRow: targetRows.count - 1)
  }

  private mutating func takePages(positions: Int) -> [Int32] {
    let first = pageCount
    pageCount += AttentionPage.count(positions: positions)
    return (first..<pageCount).map { Int32($0) }
  }
}

extension MicroBatch {
  /// Cuts families into micro-batches of at most `rowsMax` rows, in order. A family that does not fit goes on in the next
  /// one with its prompt computed again; one prompt with one completion that has more rows is alone in its micro-batch.
  /// Throws when something is empty.
  static func cut(
    _ families: [TrainingFamily], shape: AttentionShape, rowsMax: Int
  ) throws(TransformerError) -> [MicroBatch] {
    var batches: [MicroBatch] = []
    var current = MicroBatch(shape: shape)
    for (familyIndex, family) in families.enumerated() {
      if family.prompt.isEmpty { throw .emptyTokens("a prompt") }
      var prefix: Prefix?
      for (completionIndex, tokens) in family.completions.enumerated() {
        if tokens.isEmpty { throw .emptyTokens("a completion") }
        let alone = family.prompt.count + tokens.count - 1
        let added = prefix == nil ? alone : tokens.count - 1
        if current.rows.count > 0, current.rows.count + added > rowsMax {
          batches.append(current)
          current = MicroBatch(shape: shape)
          prefix = nil
        }
        current.add(family, completion: .init(family: familyIndex, completion: completionIndex), prefix: &prefix)
      }
    }
    if current.rows.count > 0 { batches.append(current) }
    return batches
  }
}
