/// How to reach a server and how its sessions behave.
package struct ConnectionSettings: Hashable, Sendable {
  /// A `postgres://` URL or a keyword string, as libpq takes it. What it says wins over the defaults below.
  package var url: String
  /// Another database than the URL's; the tests create one each.
  package var database: String?
  /// Shown in `pg_stat_activity`.
  package var applicationName: String
  package var connectTimeout: Duration = .seconds(10)
  /// The server gives a statement up after this.
  package var statementTimeout: Duration = .seconds(60)
  package var lockTimeout: Duration = .seconds(30)
  package var idleInTransactionTimeout: Duration = .seconds(60)
  /// The client gives the connection up after this: for a server that is gone without a word. More than the server's
  /// own statement time-out, so that a slow statement is the server's to end.
  package var replyTimeout: Duration = .seconds(90)
  /// The role to act as; nil stays the one that logged in.
  package var role: String?

  package init(url: String, database: String? = nil, applicationName: String) {
    self.url = url
    self.database = database
    self.applicationName = applicationName
  }

  /// libpq's connection keywords, in order of increasing precedence.
  var keywords: [(String, String)] {
    var keywords = [
      ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
      ("keepalives", "1"), ("keepalives_idle", "20"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"),
      ("fallback_application_name", applicationName),
      ("dbname", url),
    ]
    if let database { keywords.append(("dbname", database)) }
    keywords.append(("client_encoding", "UTF8"))
    return keywords
  }

  /// Settings that every session begins with, as names and values of `set_config`.
  var session: [(String, String)] {
    [
      ("statement_timeout", String(statementTimeout.milliseconds)),
      ("lock_timeout", String(lockTimeout.milliseconds)),
      ("idle_in_transaction_session_timeout", String(idleInTransactionTimeout.milliseconds)),
      ("search_path", "pg_catalog, public"),
      ("timezone", "UTC"),
    ] + (role.map { [("role", $0)] } ?? [])
  }
}

extension Duration {
  var milliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
