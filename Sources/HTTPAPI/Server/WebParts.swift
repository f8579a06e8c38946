import Dashboard
import EventLog
import Foundation
import Logging
import Postgres

/// What the server is made of; the composition root gives it.
package struct WebParts: Sendable {
  /// Answers what is not the API's.
  package var dashboard: Dashboard
  /// Sessions that can only select.
  package var pool: ConnectionPool
  /// Watched for the live stream, as the reader.
  package var log: any EventLog
  package var experiments: any ExperimentOperator
  package var tokens: TokenFile
  /// What keeps the server from being ready, in words for an operator; empty if nothing does.
  package var obstacles: @Sendable () async -> [String]
  /// The text of docs/openapi.yaml.
  package var description: [UInt8]
  package var metrics: PrometheusRegistry
  /// Seconds of a monotonic clock.
  package var now: @Sendable () -> Double
  /// Random bytes nobody can guess.
  package var random: @Sendable (Int) -> [UInt8]
  package var logger: Logger

  package init(
    dashboard: Dashboard, pool: ConnectionPool, log: any EventLog, experiments: any ExperimentOperator,
    tokens: TokenFile,
    obstacles: @escaping @Sendable () async -> [String], description: [UInt8], metrics: PrometheusRegistry,
    now: @escaping @Sendable () -> Double, random: @escaping @Sendable (Int) -> [UInt8], logger: Logger
  ) {
    self.dashboard = dashboard
    self.pool = pool
    self.log = log
    self.experiments = experiments
    self.tokens = tokens
    self.obstacles = obstacles
    self.description = description
    self.metrics = metrics
    self.now = now
    self.random = random
    self.logger = logger
  }
}

/// Where the server listens and whom it lets in.
package struct WebConfiguration: Sendable {
  package let address: ListenAddress
  /// Names clients may call it by, besides the loopback's on a local address; nil: any on another address.
  package let hosts: [String]?
  package let needsToken: Bool
  package var limits: WebLimits

  /// - Parameters:
  ///   - needsToken: asked of local clients too; on an address that is not local it always is.
  /// - Throws: `WebRefusal` for an address that others can reach while there is no token.
  package init(
    _ address: ListenAddress, hosts: [String] = [], needsToken: Bool = false, tokens: TokenFile,
    limits: WebLimits = WebLimits()
  ) throws {
    if needsToken || !address.isLocal, try tokens.entries().isEmpty { throw WebRefusal.noToken(address) }
    self.address = address
    self.hosts = hosts.isEmpty ? nil : hosts.map { $0.lowercased() }
    self.needsToken = needsToken || !address.isLocal
    self.limits = limits
  }
}

/// Why the server does not start.
package enum WebRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case noToken(ListenAddress)

  package var description: String {
    switch self {
    case .noToken(let address):
      "whoever calls \(address) needs a token, and there is none; make one with: autodidact token create NAME --scope read"
    }
  }
}
