import Dashboard
import EventLog
import Foundation
import HTTPAPI
import Logging
import Postgres
import PostgresLog

/// The HTTP server of an installation, with its parts; `autodidact dashboard` and `autodidactd --listen` run it.
package enum WebComposition {
  /// The process' metrics: what the executables give to swift-metrics and what `/metrics` shows.
  package static let metrics = PrometheusRegistry()

  /// Where the tokens of an installation are.
  package static func tokens(_ home: Home) -> TokenFile { TokenFile(folder: home.state) }

  /// As many bytes as asked for from the system's generator.
  package static let random: @Sendable (Int) -> [UInt8] = { count in
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// - Parameter open: opened as the reader; changes open the log as the writer by themselves.
  package static func server(
    of open: OpenLog, _ configuration: WebConfiguration, logger: Logger,
    onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
  ) throws -> WebServer {
    var reading = ConnectionSettings(url: open.url, applicationName: "autodidact http")
    reading.role = open.role
    // A page that takes longer is no page.
    reading.statementTimeout = .seconds(10)
    reading.replyTimeout = .seconds(15)
    let pool = ConnectionPool(reading, connectionsMax: 4, waitersMax: 64)
    let texts = TokenTexts(home: open.home)
    let assets = AssetFolder(path: open.home.share.appendingPathComponent("assets").path)
    let file = open.home.share.appendingPathComponent("docs/openapi.yaml")
    let parts = WebParts(
      dashboard: Dashboard(pool: pool, assets: assets) { model, ids in await texts.pieces(model, ids) },
      pool: pool, log: open.log, experiments: DeskOperator(url: open.url, home: open.home, logger: logger),
      tokens: tokens(open.home), obstacles: obstacles(reading, open.home),
      description: Array(try Data(contentsOf: file)),
      metrics: metrics, now: open.surroundings.now, random: random, logger: logger)
    return WebServer(configuration, parts, onListening: onListening)
  }

  /// Asks the database anew each time: readiness is asked every few seconds.
  private static func obstacles(
    _ settings: ConnectionSettings, _ home: Home
  ) -> @Sendable () async -> [String] {
    {
      do {
        let connection = try await Connection.open(settings)
        let pending = try await Migrator(folder: home.migrations).pending(connection)
        await connection.close()
        return pending.isEmpty ? [] : ["the database lacks \(pending.joined(separator: ", "))"]
      } catch {
        return ["the database does not answer"]
      }
    }
  }
}
