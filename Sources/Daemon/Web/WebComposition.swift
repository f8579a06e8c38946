import Dashboard
import EventLog
import Foundation
import HTTPAPI
import Logging
import Postgres

/// Puts the HTTP server of an installation together; both executables use it.
package enum WebComposition {
  /// A server that reads as the reader.
  package static func server(of open: OpenLog, listen: ListenAddress, logger: Logger) -> WebServer {
    var reading = ConnectionSettings(url: open.url, applicationName: "autodidact dashboard")
    reading.role = open.role
    reading.statementTimeout = .seconds(10)
    let pool = ConnectionPool(reading, connectionsMax: 4, waitersMax: 64)
    let assets = AssetFolder(path: open.home.share.appendingPathComponent("assets").path)
    let texts = TokenTexts(home: open.home)
    let dashboard = Dashboard(pool: pool, assets: assets) { model, ids in await texts.pieces(model, ids) }
    return WebServer(address: listen, dashboard: dashboard, logger: logger)
  }
}
