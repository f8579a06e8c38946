/// What the HTTP side asks of the pages: a GET, already checked (host, token, rate), with its path and query decoded.
/// `HTTPAPI` makes one for each request that is not its own; `Dashboard.respond` answers it.
package struct PageRequest: Sendable {
  /// Percent-decoded, begins with a slash, never empty: `/experiments/first/problems/3.deduction.5`, `/assets/page.css`.
  package var path: String
  /// Names and values in the order of the URL, percent-decoded, a plus a space. Names may repeat.
  package var query: [(name: String, value: String)]
  /// Whether the client may pause, resume, stop and fork: what the page shows buttons by. The server checks again.
  package var mayOperate: Bool
  /// The value of the hidden field `csrf` in every form of the page; nil where `mayOperate` is false.
  package var csrfToken: String?

  package init(
    path: String, query: [(name: String, value: String)] = [], mayOperate: Bool = false, csrfToken: String? = nil
  ) {
    self.path = path
    self.query = query
    self.mayOperate = mayOperate
    self.csrfToken = csrfToken
  }

  /// The first value of a name.
  package func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// A page, a fragment of one, an asset, or a redirection. The server adds the security headers.
package struct PageResponse: Sendable {
  /// 200, 303 with `location`, 304 is the server's to make of `etag`, 404, 503.
  package var status: Int
  /// Such as `text/html; charset=utf-8`.
  package var contentType: String
  package var body: [UInt8]
  /// Where a redirection goes: a path of this server.
  package var location: String?
  /// How long the browser may keep it without asking; 0: it asks each time (`no-cache`).
  package var cacheSeconds: Int
  /// Of the body, without quotes; a request that names it gets 304 and no body.
  package var etag: String?

  package init(
    status: Int = 200, contentType: String = "text/html; charset=utf-8", body: [UInt8] = [], location: String? = nil,
    cacheSeconds: Int = 0, etag: String? = nil
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.location = location
    self.cacheSeconds = cacheSeconds
    self.etag = etag
  }
}

/// Where the page's own scripts and styles lie on this machine: served under `/assets/`.
package struct AssetFolder: Sendable, Hashable {
  /// An absolute path.
  package var path: String

  package init(path: String) { self.path = path }
}
