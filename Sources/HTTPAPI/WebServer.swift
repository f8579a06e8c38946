import Dashboard
import Hummingbird
import Logging
import ServiceLifecycle

/// The HTTP server: pages, JSON, live changes, metrics. A service of the daemon, or all of `autodidact dashboard`.
package struct WebServer: Service {
  private let address: ListenAddress
  private let dashboard: Dashboard
  private let logger: Logger

  package init(address: ListenAddress, dashboard: Dashboard, logger: Logger) {
    self.address = address
    self.dashboard = dashboard
    self.logger = logger
  }

  /// Serves until graceful shutdown.
  package func run() async throws {
    let bind: BindAddress =
      switch address {
      case .tcp(let host, let port): .hostname(host, port: port)
      case .unix(let path): .unixDomainSocket(path: path)
      }
    let application = Application(
      responder: WebResponder(dashboard: dashboard), configuration: ApplicationConfiguration(address: bind),
      logger: logger)
    try await application.run()
  }
}
