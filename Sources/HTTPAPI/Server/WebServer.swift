import Foundation
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server: pages, JSON, live changes, metrics. A service of the daemon, or all of `autodidact dashboard`.
package struct WebServer: Service, CustomStringConvertible {
  /// What the service group's log lines call it.
  package var description: String { "web server" }

  private let configuration: WebConfiguration
  private let parts: WebParts
  private let onListening: @Sendable (ListenAddress) -> Void

  /// - Parameter onListening: called once with the address, its port chosen.
  package init(
    _ configuration: WebConfiguration, _ parts: WebParts,
    onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.parts = parts
    self.onListening = onListening
  }

  /// Serves until graceful shutdown: answers under way are finished, live streams ended.
  /// - Throws: what listening throws: an address in use, or not this machine's.
  package func run() async throws {
    let site = WebSite(configuration, parts)
    try await withThrowingTaskGroup { group in
      group.addTask { await site.hub.run() }
      try await withGracefulShutdownHandler {
        try await application(site).run()
      } onGracefulShutdown: {
        site.hub.end()
      }
      group.cancelAll()
    }
    if case .unix(let path) = configuration.address { unlink(path) }
  }

  /// The paths that docs/openapi.yaml describes: all but those of the pages' forms and of the login.
  package var describedPaths: [String] {
    WebSite(configuration, parts).routes.map(\.path).filter {
      !$0.hasPrefix("/experiments/") && !$0.hasPrefix("/login") && $0 != "/logout"
    }
  }

  private func application(_ site: WebSite) -> Application<WebResponder> {
    let limits = configuration.limits
    // The framework tells of each connection; we want to hear of its failures.
    var logger = parts.logger
    logger.logLevel = max(logger.logLevel, .warning)
    let bind: BindAddress =
      switch configuration.address {
      case .tcp(let host, let port): .hostname(host, port: port)
      case .unix(let path): .unixDomainSocket(path: path)
      }
    return Application(
      responder: WebResponder(site: site, limits: limits, metrics: parts.metrics, logger: parts.logger),
      server: .http1(configuration: Self.channel(limits)),
      configuration: ApplicationConfiguration(
        address: bind, availableConnectionsDelegate: .maximum(limits.connectionsMax, logger: logger)),
      onServerRunning: { listening(on: $0) }, logger: logger)
  }

  private static func channel(_ limits: WebLimits) -> HTTP1Channel.Configuration {
    HTTP1Channel.Configuration(
      additionalChannelHandlers: [SlowClientHandler(limits)],
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: limits.headersMax, maxHeaderListSize: limits.headersMax,
        maxHeaderFieldCount: limits.headerFieldsMax))
  }

  private func listening(on channel: any Channel) {
    var address = configuration.address
    switch address {
    case .tcp(let host, _): address = .tcp(host: host, port: channel.localAddress?.port ?? 0)
    case .unix(let path):
      // Only this user's programs may connect; the group may by `chmod` of whoever wants it.
      chmod(path, 0o600)
    }
    parts.logger.notice(
      "listening", metadata: ["address": "\(address)", "token": configuration.needsToken ? "needed" : "not needed"])
    onListening(address)
  }
}
