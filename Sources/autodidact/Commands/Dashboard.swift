import ArgumentParser
import Daemon
import HTTPAPI
import Logging
import ServiceLifecycle

struct DashboardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "Serve the page and the HTTP API until Ctrl-C.",
    discussion: """
      EXAMPLE
        autodidact dashboard
        autodidact dashboard --listen unix:/run/user/1000/autodidact.sock
      """)
  @Option(help: ArgumentHelp("Where to listen. Default: 127.0.0.1:8420.", valueName: "host:port|unix:/path"))
  var listen = "127.0.0.1:8420"
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let address: ListenAddress
    do throws(ListenAddress.Malformed) { address = try ListenAddress(listen) } catch { throw Failure.usage("\(error)") }
    try await database.withLog(as: .reader) { open in
      var logger = Logger(label: "autodidact.dashboard") { StreamLogHandler.standardError(label: $0) }
      logger.logLevel = .info
      let server = WebComposition.server(of: open, listen: address, logger: logger)
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
      try await group.run()
    }
  }
}
