/// What the settings of a PostgreSQL server mean for a log that must lose nothing. Pure.
struct ServerJudgement {
  typealias Finding = Examination.Finding

  /// The settings it wants to know.
  static let names = [
    "server_version", "server_version_num", "server_encoding", "fsync", "full_page_writes", "synchronous_commit",
    "data_checksums", "max_connections", "superuser_reserved_connections", "autovacuum",
    "default_transaction_isolation",
    "default_transaction_read_only", "zero_damaged_pages", "ignore_checksum_failure",
  ]
  /// Sessions that a daemon takes at most, with a command or two beside it.
  static let sessionsWanted = 10

  let settings: [String: String]

  func findings() -> [Finding] {
    [server, place] + durability
      + [checksums, connections, writable, encoding, isolation, autovacuum].compactMap(\.self)
  }

  private subscript(name: String) -> String { settings[name] ?? "unknown" }

  private var server: Finding {
    let number = Int(self["server_version_num"]) ?? 0
    let size = (Int64(self["size"]) ?? 0) >> 20
    return Finding(
      "PostgreSQL", isGood: number >= 150_000, "\(self["server_version"]), \(size) MiB",
      cure: "the migrations need PostgreSQL 15 or newer: take the database there with ops/backup and ops/restore")
  }

  private var place: Finding {
    let address = self["address"]
    if address.isEmpty { return Finding("connection", .ok, "Unix socket") }
    let isHere = address.hasPrefix("127.") || address == "::1"
    return Finding(
      "connection", isGood: isHere || self["encrypted"] == "true", else: .warn,
      "\(address), \(self["encrypted"] == "true" ? "encrypted" : "not encrypted")",
      cure: "programs, prompts and answers cross the network in the open: add sslmode=verify-full to the URL")
  }

  private var durability: [Finding] {
    let losing = [
      ("fsync", "on", "an acknowledged event can be lost, and the database damaged, when the machine stops"),
      ("full_page_writes", "on", "a page that is half written when the machine stops stays damaged"),
    ].map { name, good, harm in
      Finding(
        name, isGood: self[name] == good, self[name],
        cure: "\(harm): set \(name) = \(good) in postgresql.conf and reload")
    }
    let commit = Finding(
      "synchronous_commit", isGood: self["synchronous_commit"] != "off", self["synchronous_commit"],
      cure:
        "an acknowledged event can be lost: alter role … or alter database … reset synchronous_commit, or set it to on")
    let hiding = ["zero_damaged_pages", "ignore_checksum_failure"].filter { self[$0] == "on" }.map {
      Finding($0, .fail, "on", cure: "damage becomes silent loss: set \($0) = off")
    }
    return losing + [commit] + hiding
  }

  private var checksums: Finding {
    Finding(
      "data checksums", isGood: self["data_checksums"] == "on", else: .warn, self["data_checksums"],
      cure: "damage of the disk is found by `autodidact verify` only: stop the server and run pg_checksums --enable")
  }

  private var connections: Finding {
    let most = (Int(self["max_connections"]) ?? 0) - (Int(self["superuser_reserved_connections"]) ?? 0)
    let used = Int(self["connections"]) ?? 0
    return Finding(
      "connections", isGood: most - used >= Self.sessionsWanted, else: most - used > 2 ? .warn : .fail,
      "\(used) of \(most) in use",
      cure: "a daemon takes up to \(Self.sessionsWanted): raise max_connections, or end idle sessions")
  }

  private var writable: Finding? {
    if self["in_recovery"] == "true" {
      return Finding("server role", .fail, "a standby that only reads", cure: "give the address of the primary")
    }
    guard self["default_transaction_read_only"] == "on" else { return nil }
    return Finding(
      "default_transaction_read_only", .fail, "on", cure: "nothing can be appended: reset it for this role and database"
    )
  }

  private var encoding: Finding? {
    guard self["server_encoding"] != "UTF8" else { return nil }
    return Finding(
      "encoding", .fail, self["server_encoding"],
      cure: "create database … template template0 encoding 'UTF8', and restore into it")
  }

  private var isolation: Finding? {
    guard self["default_transaction_isolation"] != "read committed" else { return nil }
    return Finding(
      "isolation", .warn, self["default_transaction_isolation"],
      cure: "appends wait for each other and are tried again in vain: reset default_transaction_isolation for this role"
    )
  }

  private var autovacuum: Finding? {
    guard self["autovacuum"] != "on" else { return nil }
    return Finding(
      "autovacuum", .warn, self["autovacuum"], cure: "projections and consumers grow for ever: set autovacuum = on")
  }
}
