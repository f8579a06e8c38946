import ArgumentParser
import Daemon
import Foundation
import HTTPAPI
import Logging
import ServiceLifecycle
import Terminal
import UnixSignals

struct DashboardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "Serve the page and the HTTP API until Ctrl-C.",
    discussion: """
      Reads the database, so that it needs no daemon; pause, resume, stop and fork append to the log like the commands. On \
      this machine's own addresses nobody needs a token; on any other everybody does (docs/http.md).

      EXAMPLE
        autodidact dashboard
        autodidact dashboard --listen unix:/run/user/1000/autodidact.sock
        autodidact token create laptop --scope operate
        autodidact dashboard --listen 10.0.0.5:8420 --host lab.example
      """)
  @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port|unix:/path")) var listen = "127.0.0.1:8420"
  @Option(
    name: .customLong("host"), parsing: .singleValue,
    help: ArgumentHelp("A name clients may call the server by; may be repeated.", valueName: "name"))
  var hosts: [String] = []
  @Flag(help: "Ask local clients for a token too.") var requireToken = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let configuration: WebConfiguration
    do {
      configuration = try WebConfiguration(
        ListenAddress(listen), hosts: hosts, needsToken: requireToken,
        tokens: WebComposition.tokens(try database.home()))
    } catch let error as ListenAddress.Malformed {
      throw Failure.usage("\(error)")
    } catch let error as WebRefusal {
      throw Failure.usage("\(error)")
    }
    try await database.withLog(as: .reader) { open in
      let logger = Logger(label: "autodidact.dashboard") { StreamLogHandler.standardError(label: $0) }
      let server = try WebComposition.server(of: open, configuration, logger: logger) { address in
        // Written at once: whoever reads a pipe waits for it.
        let line = if case .tcp = address { "http://\(address)/\n" } else { "\(address)\n" }
        FileHandle.standardOutput.write(Data(line.utf8))
      }
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
      try await group.run()
    }
  }
}
