import Daemon
import Domain
import EventLog
import Foundation
import HTTPAPI
import Logging
import Postgres
import PostgresLog
import Projections
import ServiceLifecycle
import Synchronization
import Testing

/// A real server on a real socket, over a database with one played experiment, `first`.
struct WebWorld: Sendable {
  let client: WebClient
  let home: Home
  let tokens: TokenFile
  let log: PostgresEventLog
  /// What the server logged, as text.
  let logged: LogLines
  /// The paths that the API's description is to have.
  let paths: [String]

  /// How the server is started.
  struct Manner: Sendable {
    var needsToken = false
    var hosts: [String] = []
    var limits = WebLimits()
    var isUnix = false
    /// Whether an experiment is played into the log first.
    var isPlayed = true
  }

  /// - Parameter body: called with the world and a client without a token.
  static func with(_ manner: Manner = Manner(), _ body: (WebWorld) async throws -> Void) async throws {
    try await TestServer.withDatabase { database in
      let folder = FileManager.default.temporaryDirectory.appending(path: "autodidact-web-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let home = Home(state: folder, share: TestServer.migrations.deletingLastPathComponent())
      let log = PostgresEventLog(database, clock: ContinuousClock())
      if manner.isPlayed { try await play(into: log) }
      let url = database.url + (database.url.contains("?") ? "&" : "?") + "dbname=" + (database.database ?? "")
      let tokens = WebComposition.tokens(home)
      if manner.needsToken {
        _ = try tokens.create("first token", scope: .read, now: 0, random: WebComposition.random)
      }
      try await OpenLog.with(url: url, home: home, as: .reader) { open in
        try await serve(manner, open, tokens, folder) { client, logged, paths in
          try await body(WebWorld(client: client, home: home, tokens: tokens, log: log, logged: logged, paths: paths))
        }
      }
    }
  }

  private static func play(into log: PostgresEventLog) async throws {
    var writer = PlayWriter("first", smallSettings { $0.play.batch = 4 }, id: 1, log: log)
    try await writer.play(stepsMax: 40)
    for experiment in try await log.experiments() {
      var projector = ExperimentProjector(ProjectionCatalogue.all, of: experiment.id, in: log)
      _ = try await projector.catchUp()
    }
  }

  private static func serve(
    _ manner: Manner, _ open: OpenLog, _ tokens: TokenFile, _ folder: URL,
    _ body: (WebClient, LogLines, [String]) async throws -> Void
  ) async throws {
    let listen = manner.isUnix ? "unix:\(folder.path)/s" : "127.0.0.1:0"
    let configuration = try WebConfiguration(
      ListenAddress(listen), hosts: manner.hosts, needsToken: manner.needsToken, tokens: tokens, limits: manner.limits)
    let (addresses, continuation) = AsyncStream.makeStream(of: ListenAddress.self)
    let lines = LogLines()
    let logger = Logger(label: "test") { _ in lines.handler }
    let server = try WebComposition.server(of: open, configuration, logger: logger) { continuation.yield($0) }
    let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [server], logger: logger))
    try await withThrowingTaskGroup { tasks in
      tasks.addTask { try await group.run() }
      guard let address = await addresses.first(where: { _ in true }) else { return }
      try await body(WebClient(address: address), lines, server.describedPaths)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  /// A client with a new token of this scope.
  func client(_ scope: Scope, name: String = "tester") throws -> WebClient {
    let token = try tokens.create(name, scope: scope, now: 0, random: WebComposition.random)
    return WebClient(address: client.address, token: token.text)
  }

  /// Types of the experiment's events.
  func eventTypes(of name: String = "first") async throws -> [String] {
    let record = try #require(try await log.experiment(named: name))
    return try await log.read(experiment: record.id, after: .start, types: nil, limit: 1000).map(\.type)
  }
}

/// Keeps what is logged, metadata and all.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])
  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  var handler: any LogHandler { Handler(lines: self) }

  private func add(_ line: String) { lines.withLock { $0.append(line) } }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.add("\(event.level) \(event.message) \(metadata) \(event.metadata ?? [:])")
    }
  }
}
