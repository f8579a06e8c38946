import CLibPQ
import Glibc

/// The one owner of a libpq connection; its end is the connection's end. `Connection` and `Listener` hold one each, on
/// their own threads.
struct ConnectionHandle: ~Copyable {
  private let pointer: OpaquePointer

  /// Connects, blocking until it succeeds or the connect time-out of `settings` is over, and begins the session.
  init(_ settings: ConnectionSettings) throws(PostgresError) {
    let keywords = settings.keywords
    pointer = withCStrings(keywords.map(\.0)) { names in
      withCStrings(keywords.map(\.1)) { values in PQconnectdbParams(names, values, 1) }
    }
    guard PQstatus(pointer) == CONNECTION_OK else {
      throw PostgresError(.connecting, message: errorMessage)
    }
    PQsetnonblocking(pointer, 1)
    PQsetNoticeProcessor(pointer, { _, _ in }, nil)
    for (name, value) in settings.session {
      _ = try query(
        "select set_config($1, $2, false)", [.text(name), .text(value)], timeout: settings.replyTimeout)
    }
  }

  deinit { PQfinish(pointer) }

  var isOpen: Bool { PQstatus(pointer) == CONNECTION_OK }
  var socket: Int32 { PQsocket(pointer) }
  var backendPID: Int32 { PQbackendPID(pointer) }
  var isInTransaction: Bool { PQtransactionStatus(pointer) != PQTRANS_IDLE }
  var hasFailedTransaction: Bool { PQtransactionStatus(pointer) == PQTRANS_INERROR }

  /// Runs one statement with bound values.
  func query(
    _ sql: String, _ parameters: [Parameter], timeout: Duration
  ) throws(PostgresError) -> Rows {
    guard send(sql, parameters) == 1 else { throw lost(sql) }
    return try reply(to: sql, timeout: timeout)
  }

  /// Runs any number of statements without values, as a migration file holds them.
  func execute(_ script: String, timeout: Duration) throws(PostgresError) {
    guard PQsendQuery(pointer, script) == 1 else { throw lost(script) }
    _ = try reply(to: script, timeout: timeout)
  }

  /// Runs `copy … from stdin` with these bytes as its input. Returns the number of rows.
  func copy(_ sql: String, _ bytes: [UInt8], timeout: Duration) throws(PostgresError) -> Int {
    let deadline = ContinuousClock.now + timeout
    guard PQsendQuery(pointer, sql) == 1 else { throw lost(sql) }
    try flush(sql, deadline)
    while PQisBusy(pointer) == 1 {
      try wait(for: POLLIN, sql, deadline)
      guard PQconsumeInput(pointer) == 1 else { throw lost(sql) }
    }
    guard let begun = PQgetResult(pointer) else { throw lost(sql) }
    let isCopying = PQresultStatus(begun) == PGRES_COPY_IN
    let refusal = isCopying ? nil : error(begun, sql)
    PQclear(begun)
    if let refusal {
      while let rest = PQgetResult(pointer) { PQclear(rest) }
      throw refusal
    }
    try put(bytes, sql, deadline)
    return try reply(to: sql, timeout: deadline - .now).affected
  }

  /// Hands over the input of a COPY, in pieces, and its end.
  private func put(_ bytes: [UInt8], _ sql: String, _ deadline: ContinuousClock.Instant) throws(PostgresError) {
    let pieceMax = 1 << 16
    var start = 0
    while start < bytes.count {
      let count = min(pieceMax, bytes.count - start)
      let sent = bytes.withUnsafeBytes { all in
        PQputCopyData(pointer, all.baseAddress!.advanced(by: start).assumingMemoryBound(to: CChar.self), Int32(count))
      }
      switch sent {
      case 1: start += count
      case 0: try flush(sql, deadline)
      default: throw lost(sql)
      }
    }
    while true {
      let ended = PQputCopyEnd(pointer, nil)
      if ended == 1 { return }
      guard ended == 0 else { throw lost(sql) }
      try flush(sql, deadline)
    }
  }

  /// The notifications that have come, after waiting for something to read for at most `timeout`.
  ///
  /// Returns early, with none, when `interrupt` becomes readable.
  func notifications(timeout: Duration, interrupt: Int32) throws(PostgresError) -> [String] {
    var files = [
      pollfd(fd: socket, events: Int16(POLLIN), revents: 0), pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&files, 2, Int32(clamping: timeout.milliseconds))
    guard PQconsumeInput(pointer) == 1 else { throw lost("LISTEN") }
    var payloads: [String] = []
    while let notification = PQnotifies(pointer) {
      payloads.append(String(cString: notification.pointee.extra))
      PQfreemem(notification)
    }
    return payloads
  }

  // MARK: Sending and receiving

  private func send(_ sql: String, _ parameters: [Parameter]) -> Int32 {
    let types = parameters.map(\.type)
    let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: parameters.count)
    // All values in one buffer that stays put during the call; a byte at the end, so that no pointer is null.
    var buffer: [UInt8] = []
    buffer.reserveCapacity(lengths.reduce(1) { $0 + Int($1) })
    var offsets: [Int?] = []
    for parameter in parameters {
      offsets.append(parameter.bytes == nil ? nil : buffer.count)
      buffer += parameter.bytes ?? []
    }
    buffer.append(0)
    return buffer.withUnsafeBufferPointer { bytes in
      let values = offsets.map { offset in
        offset.map { UnsafeRawPointer(bytes.baseAddress! + $0).assumingMemoryBound(to: CChar.self) }
      }
      return PQsendQueryParams(pointer, sql, Int32(parameters.count), types, values, lengths, formats, 1)
    }
  }

  /// Waits for the whole reply. The first error wins; the last rows are the result.
  private func reply(to sql: String, timeout: Duration) throws(PostgresError) -> Rows {
    let deadline = ContinuousClock.now + timeout
    try flush(sql, deadline)
    var rows: Rows?
    var failure: PostgresError?
    while true {
      while PQisBusy(pointer) == 1 {
        try wait(for: POLLIN, sql, deadline)
        guard PQconsumeInput(pointer) == 1 else { throw lost(sql) }
      }
      guard let result = PQgetResult(pointer) else { break }
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: rows = Rows(result)
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        throw PostgresError(
          .connectionLost, message: "COPY by a plain query: Connection.copy sends rows", statement: sql)
      default: failure = failure ?? error(result, sql)
      }
    }
    if let failure { throw failure }
    guard let rows else { throw lost(sql) }
    return rows
  }

  private func flush(_ sql: String, _ deadline: ContinuousClock.Instant) throws(PostgresError) {
    while true {
      switch PQflush(pointer) {
      case 0: return
      case 1:
        // The server may stop reading until we read: take in what it says meanwhile.
        try wait(for: POLLIN | POLLOUT, sql, deadline)
        guard PQconsumeInput(pointer) == 1 else { throw lost(sql) }
      default: throw lost(sql)
      }
    }
  }

  private func wait(for events: Int32, _ sql: String, _ deadline: ContinuousClock.Instant) throws(PostgresError) {
    let remaining = deadline - .now
    guard remaining > .zero else {
      throw PostgresError(.replyTimedOut, message: "no reply in time", statement: sql)
    }
    var file = pollfd(fd: socket, events: Int16(events), revents: 0)
    _ = poll(&file, 1, Int32(clamping: remaining.milliseconds + 1))
  }

  // MARK: Errors

  private func error(_ result: OpaquePointer, _ sql: String) -> PostgresError {
    func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
    let state = field(code("C"))
    let kind: PostgresError.Kind = isOpen ? .server : .connectionLost
    return PostgresError(
      kind, message: field(code("M")) ?? errorMessage, sqlState: state, constraint: field(code("n")),
      detail: field(code("D")), statement: sql)
  }

  private func lost(_ sql: String) -> PostgresError {
    PostgresError(.connectionLost, message: errorMessage, statement: sql)
  }

  private var errorMessage: String {
    let message = String(cString: PQerrorMessage(pointer))
    return message.split(separator: "\n").joined(separator: "; ")
  }
}

/// libpq names error fields by a character (`PG_DIAG_SQLSTATE` is 'C').
private func code(_ letter: Unicode.Scalar) -> Int32 { Int32(letter.value) }

private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  let pointers = copies.map { UnsafePointer<CChar>($0) } + [nil]
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
