import Postgres

/// The pages: a request becomes SQL on the views and HTML. Knows no web framework; `HTTPAPI` calls it.
package struct Dashboard: Sendable {
  private let pool: ConnectionPool
  private let assets: AssetFolder

  /// - Parameters:
  ///   - pool: sessions that only read.
  ///   - assets: scripts and styles.
  package init(pool: ConnectionPool, assets: AssetFolder) {
    self.pool = pool
    self.assets = assets
  }

  /// The answer to a GET. Never throws: what goes wrong is a page that says so.
  package func respond(to request: PageRequest) async -> PageResponse {
    guard request.path == "/" else { return page(status: 404, "Nothing here.") }
    do throws(PostgresError) {
      let names = try await pool.withConnection { (connection: isolated Connection) throws(PostgresError) in
        var names: [String] = []
        for row in try connection.query("select name, state from log.experiments order by number limit 500") {
          names.append("\(try row.text(0)): \(try row.text(1))")
        }
        return names
      }
      return page(status: 200, names.joined(separator: "\n"))
    } catch {
      return page(status: 503, "The database does not answer.")
    }
  }

  private func page(status: Int, _ text: String) -> PageResponse {
    PageResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }
}
