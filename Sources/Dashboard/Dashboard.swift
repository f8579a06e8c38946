import Postgres

/// The pages: a request becomes SQL on the stored projections and views, and HTML (docs/dashboard.md). Knows no web framework;
/// `HTTPAPI` calls it.
package struct Dashboard: Sendable {
  /// The bytes of token ids by a model's own tokenizer, for the colours of tokens; nil for a model that is not on this machine.
  package typealias TokenPieces = @Sendable (_ model: String, _ ids: [Int32]) async -> [[UInt8]]?

  private let reading: Reading
  private let assets: AssetShelf
  private let tokenPieces: TokenPieces

  /// - Parameters:
  ///   - pool: sessions that only read.
  ///   - assets: scripts and styles.
  ///   - tokenPieces: without it, attempts show their text and the log-probabilities beside it.
  package init(pool: ConnectionPool, assets: AssetFolder, tokenPieces: @escaping TokenPieces = { _, _ in nil }) {
    reading = Reading(pool: pool)
    self.assets = AssetShelf(assets)
    self.tokenPieces = tokenPieces
  }

  /// The answer to a GET. Never throws: what goes wrong is a page that says so.
  package func respond(to request: PageRequest) async -> PageResponse {
    let path = request.path.split(separator: "/").map(String.init)
    if path.count == 2, path[0] == "assets" { return assets.response(path[1]) }
    let shell = Shell(request: request, assets: assets)
    do throws(PageError) {
      let page = try await self.page(path, request)
      return request.value("fragment") == nil ? shell.response(page) : shell.fragment(page)
    } catch {
      return shell.response(error.page, status: error.status)
    }
  }

  /// Which page a path is.
  private func page(_ path: [String], _ request: PageRequest) async throws(PageError) -> Page {
    let visit = Visit(request: request, reading: reading, tokenPieces: tokenPieces)
    switch (path.first, path.count) {
    case (nil, _), ("experiments", 1): return try await ExperimentList(visit: visit).page()
    case ("compare", 1): return try await Comparison(visit: visit).page()
    case ("experiments", 2...):
      guard let experiment: ExperimentRow = try await visit.first(ExperimentRow.named(path[1])) else {
        throw .missing("There is no experiment \(path[1]).")
      }
      return try await page(of: experiment, Array(path.dropFirst(2)), visit)
    default: throw .missing("There is no page \(request.path).")
    }
  }

  /// Which page of an experiment the rest of a path is.
  private func page(of experiment: ExperimentRow, _ path: [String], _ visit: Visit) async throws(PageError) -> Page {
    let frame = ExperimentFrame(experiment: experiment, visit: visit)
    switch (path.first, path.count) {
    case (nil, _): return try await ExperimentPage(frame: frame).page()
    case ("problems", 1): return try await ProblemList(frame: frame).page()
    case ("problems", 2): return try await ProblemPage(frame: frame, id: path[1]).page()
    case ("attempts", 2): return try await AttemptPage(frame: frame, id: path[1]).page()
    case ("updates", 2): return try await UpdatePage(frame: frame, version: Int(path[1]) ?? -1).page()
    case ("events", 1): return try await EventPage(frame: frame).page()
    case ("evaluations", 1): return try await EvaluationPage(frame: frame).page()
    case ("settings", 1): return try await SettingsPage(frame: frame).page()
    case ("ask", 2):
      guard let action = ControlPage.Action(rawValue: path[1]) else {
        throw .missing("Nothing can be asked of an experiment by the name \(path[1]).")
      }
      return try ControlPage(frame: frame, action: action).page()
    default: throw .missing("An experiment has no page \(path.joined(separator: "/")).")
    }
  }
}
