import Foundation
import HTTPTypes

/// Who is calling, as far as the server knows.
struct Caller: Hashable, Sendable {
  /// What limits are counted by, and nothing secret: the token's id, else the address.
  var key: String
  var scope: Scope
  /// Name of the token, for the reasons of requests; nil for somebody on this machine without one.
  var token: String?
  var tokenID: String?
  /// The cookie of the session, if that is how the caller is known.
  var session: String?
  /// Sent in a header, which no other site can make a browser send.
  var isBearer = false
}

/// Decides who may ask what: host, rate, token, scope, and where a change was asked from.
///
/// Everything is refused with a `WebError` before a request reaches its endpoint; docs/http.md has the rules in words.
struct Gate: Sendable {
  let address: ListenAddress
  /// Names by which clients may call the server; nil: any.
  let hosts: [String]?
  /// Whether somebody without a token is let in: only on a local address.
  let needsToken: Bool
  let tokens: TokenFile
  let sessions: Sessions
  private let requests: RateLimiter
  private let operations: RateLimiter
  private let failures: RateLimiter

  init(
    address: ListenAddress, hosts: [String]?, needsToken: Bool, tokens: TokenFile, sessions: Sessions,
    limits: WebLimits,
    now: @escaping @Sendable () -> Double
  ) {
    precondition(needsToken || address.isLocal, "no token needed at \(address)")
    self.address = address
    self.hosts = hosts
    self.needsToken = needsToken
    self.tokens = tokens
    self.sessions = sessions
    requests = RateLimiter(.init(burst: limits.requestBurst, rate: limits.requestRate), now: now)
    operations = RateLimiter(.init(burst: limits.operateBurst, rate: limits.operateRate), now: now)
    failures = RateLimiter(.init(burst: limits.failureBurst, rate: limits.failureRate), now: now)
  }

  // MARK: The host

  /// A browser that was told that our address is another site's (DNS rebinding) says that site's name here.
  func checkHost(_ call: Call) throws(WebError) {
    guard case .tcp = address else { return }
    guard let authority = call.authority, let host = Self.host(of: authority) else {
      throw WebError(.badRequest, "the request names no host")
    }
    let isKnown = hosts.map { $0.contains(host) } ?? false
    guard isKnown || (address.isLocal && ListenAddress.isLoopback(host)) || (hosts == nil && !address.isLocal) else {
      throw WebError(
        .wrongHost,
        "this server is not '\(host)'; allowed is \(address.isLocal ? "localhost or a loopback address" : "a name given with --host")"
      )
    }
  }

  /// The host of `host[:port]`, in lower case; nil if it is none.
  static func host(of authority: String) -> String? {
    var text = Substring(authority.lowercased())
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      return String(text[text.index(after: text.startIndex)..<end])
    }
    if let colon = text.lastIndex(of: ":") { text = text[..<colon] }
    return text.isEmpty || text.contains(":") ? nil : String(text)
  }

  // MARK: The caller

  /// Who calls. Somebody unknown is nobody: nil where a token is needed and none was sent.
  /// - Throws: `unauthorized` for a token or session that is not ours, `tooManyRequests`.
  func caller(_ call: Call) throws(WebError) -> Caller? {
    let peer = call.peer ?? "local"
    let caller = try identify(call, peer)
    if let seconds = requests.take(caller?.key ?? "address/\(peer)") {
      throw WebError(.tooManyRequests, "too many requests", retryAfter: seconds)
    }
    return caller
  }

  private func identify(_ call: Call, _ peer: String) throws(WebError) -> Caller? {
    if let header = call.headers[.authorization] {
      let parts = header.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "bearer",
        let entry = try entry(admitting: parts[1].trimmingCharacters(in: .whitespaces))
      else {
        try noteFailure(call)
        throw WebError(.unauthorized, "the token is not one of this server's")
      }
      return Caller(
        key: "token/\(entry.id)", scope: entry.scope, token: entry.name, tokenID: entry.id, isBearer: true)
    }
    if let cookie = call.cookie(Sessions.cookie), let id = sessions.token(of: cookie),
      let entry = try known().first(where: { $0.id == id })
    {
      return Caller(key: "token/\(id)", scope: entry.scope, token: entry.name, tokenID: id, session: cookie)
    }
    return needsToken ? nil : Caller(key: "address/\(peer)", scope: .operate)
  }

  /// The entry of a token as it was typed; nil if it is none of ours.
  func entry(admitting text: String) throws(WebError) -> TokenEntry? {
    guard let token = AccessToken(text) else { return nil }
    return try known().first { $0.admits(token) }
  }

  /// Counts a wrong token. Whoever has a right one is not locked out by others' guesses from the same address.
  /// - Throws: `tooManyRequests` where there were too many.
  func noteFailure(_ call: Call) throws(WebError) {
    let peer = call.peer ?? "local"
    guard let seconds = failures.take(peer) else { return }
    throw WebError(.tooManyRequests, "too many wrong tokens from \(peer)", retryAfter: seconds)
  }

  private func known() throws(WebError) -> [TokenEntry] {
    do throws(TokenError) { return try tokens.entries() } catch {
      throw WebError(.unavailable, "the list of tokens cannot be read; the server's log says why")
    }
  }

  /// Whether a caller's token still is what it was; asked while a live stream lasts.
  func isStillKnown(_ caller: Caller) -> Bool {
    guard let id = caller.tokenID else { return !needsToken }
    return ((try? known()) ?? []).contains { $0.id == id }
  }

  // MARK: Changes

  /// - Throws: `unauthorized`, `forbidden`.
  func require(_ scope: Scope, of caller: Caller?) throws(WebError) -> Caller {
    guard let caller else { throw WebError(.unauthorized, "a token is needed: Authorization: Bearer ad_…") }
    guard caller.scope >= scope else {
      throw WebError(.forbidden, "the token's scope is \(caller.scope.rawValue), needed is \(scope.rawValue)")
    }
    return caller
  }

  /// Refuses a change that another site makes a browser ask for.
  func checkOrigin(_ call: Call) throws(WebError) {
    if let site = call.headers[HTTPField.Name("Sec-Fetch-Site")!], site != "same-origin", site != "none" {
      throw WebError(.crossSite, "a change was asked for from another site (Sec-Fetch-Site)")
    }
    guard let origin = call.headers[HTTPField.Name("Origin")!] else { return }
    let parts = origin.split(separator: "/", omittingEmptySubsequences: true)
    guard parts.count == 2, ["http:", "https:"].contains(parts[0]), let authority = call.authority,
      parts[1].lowercased() == authority.lowercased()
    else { throw WebError(.crossSite, "a change was asked for from another site (Origin)") }
  }

  func takeOperation(_ caller: Caller) throws(WebError) {
    if let seconds = operations.take(caller.key) {
      throw WebError(.tooManyRequests, "too many changes", retryAfter: seconds)
    }
  }

  /// What the forms of a caller's pages carry; nil where they have none.
  func csrfToken(_ caller: Caller) -> String? {
    caller.scope >= .operate && !caller.isBearer ? sessions.csrfToken(of: caller.session) : nil
  }

  func checkCSRF(_ token: String?, _ caller: Caller) throws(WebError) {
    guard let token, AccessToken.isEqual(token, sessions.csrfToken(of: caller.session)) else {
      throw WebError(.badCSRFToken, "the form is not this server's, or older than its last start: load the page again")
    }
  }
}
