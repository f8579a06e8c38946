import Foundation
import HTTPTypes

/// Where a person types a token, for browsers, which cannot send it in a header.
struct LoginEndpoints: Sendable {
  let gate: Gate

  var routes: [Route] {
    [
      Route(.get, "/login", .anybody) { _, _, _ in Self.page(200, nil) },
      Route(.get, "/login.css", .anybody) { _, _, _ in .text(200, Self.style, type: "text/css; charset=utf-8") },
      Route(.post, "/login", .anybody) { call, _, _ throws(WebError) in try self.login(call) },
      Route(.post, "/logout", .scope(.read)) { call, _, caller throws(WebError) in try self.logout(call, caller) },
    ]
  }

  private func login(_ call: Call) throws(WebError) -> Answer {
    try gate.checkOrigin(call)
    let text = try Self.fields(call).first { $0.name == "token" }?.value ?? ""
    guard let entry = try gate.entry(admitting: text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      try gate.noteFailure(call)
      return Self.page(401, "This is not one of the server's tokens.")
    }
    var answer = Answer.seeOther("/")
    let session = gate.sessions.begin(token: entry.id)
    answer.headers[.setCookie] =
      "\(Sessions.cookie)=\(session); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(Int(Sessions.life))"
    return answer
  }

  private func logout(_ call: Call, _ caller: Caller?) throws(WebError) -> Answer {
    try gate.checkOrigin(call)
    if let session = caller?.session { gate.sessions.end(session) }
    var answer = Answer.seeOther("/login")
    answer.headers[.setCookie] = "\(Sessions.cookie)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    return answer
  }

  private static func fields(_ call: Call) throws(WebError) -> [(name: String, value: String)] {
    guard call.mediaType == "application/x-www-form-urlencoded" else {
      throw WebError(.unsupportedMediaType, "a form is application/x-www-form-urlencoded")
    }
    guard let text = String(data: call.body, encoding: .utf8), let fields = Call.fields(text) else {
      throw WebError(.badBody, "the form is not UTF-8")
    }
    return fields
  }

  private static func page(_ status: Int, _ message: String?) -> Answer {
    .html(
      status,
      """
      <!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Log in – Autodidact</title>
      <link rel="stylesheet" href="/login.css">
      <main>
      <h1>Autodidact</h1>
      <form method="post" action="/login">
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
      <p class="hint">Made by <code>autodidact token create NAME</code> on the server's machine.</p>
      \(message.map { "<p role=\"alert\">\(ErrorPage.escaped($0))</p>" } ?? "")
      <button>Log in</button>
      </form>
      </main>
      </html>
      """)
  }

  private static let style = """
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
    body { margin: 0; } main { max-width: 24rem; margin: 15vh auto; padding: 0 1rem; }
    h1 { font-size: 1.25rem; } label { display: block; font-weight: 600; }
    input, button { font: inherit; padding: .5rem .75rem; width: 100%; box-sizing: border-box; margin-top: .25rem; }
    .hint { font-size: .875rem; } [role=alert] { font-weight: 600; }
    """
}

/// What went wrong, as a page.
enum ErrorPage {
  static func answer(_ error: WebError) -> Answer {
    var answer = Answer.html(
      error.code.status,
      """
      <!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(error.code.status) – Autodidact</title>
      <link rel="stylesheet" href="/login.css">
      <main>
      <h1>\(error.code.status)</h1>
      <p>\(escaped(error.description))</p>
      <p><a href="/">All experiments</a></p>
      </main>
      </html>
      """)
    for field in error.answer.headers where field.name != .contentType { answer.headers[field.name] = field.value }
    return answer
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }
}
