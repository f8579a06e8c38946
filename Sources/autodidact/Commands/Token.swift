import ArgumentParser
import Daemon
import Foundation
import HTTPAPI
import Terminal

struct Token: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make, list and revoke tokens of the HTTP API.",
    discussion: """
      A token is shown once, when it is made; $AUTODIDACT_HOME/tokens.json keeps a salted hash of it. Servers look at that file \
      for each request, so that a revoked token is refused at once. Needs no database.

      EXAMPLE
        autodidact token create grafana --scope read
        autodidact token list
        autodidact token revoke grafana
      """,
    subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self])
}

extension Scope: ExpressibleByArgument {}

/// Runs `body` with the installation's tokens; their errors are usage errors or failures.
private func withTokens(_ body: (TokenFile) throws -> Void) throws {
  let home = try Home.find(
    environment: ProcessInfo.processInfo.environment, executable: CommandLine.arguments[0],
    directory: FileManager.default.currentDirectoryPath)
  try FileManager.default.createDirectory(at: home.state, withIntermediateDirectories: true)
  do { try body(WebComposition.tokens(home)) } catch let error as TokenError {
    switch error {
    case .invalidName, .nameTaken, .unknown: throw Failure.usage("\(error)")
    case .unreadable, .exposed, .tooMany: throw Failure.failed("\(error)")
    }
  }
}

struct TokenCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a token and print it, once.",
    discussion: """
      read sees everything; operate may also pause, resume, stop and fork. The token alone goes to standard output.

      EXAMPLE
        autodidact token create laptop --scope operate
      """)
  @Argument(help: "What to call it; unique.") var name: String
  @Option(help: "read or operate.") var scope: Scope = .read
  @Flag(help: "As one JSON object, the secret in it.") var json = false

  func run() async throws {
    try withTokens { tokens in
      let token = try tokens.create(
        name, scope: scope, now: Int64(Date().timeIntervalSince1970), random: WebComposition.random)
      if json {
        return print(jsonText(["id": token.id, "name": name, "scope": scope.rawValue, "token": token.text]))
      }
      print(token.text)
      Console.error("token \(name) (\(scope.rawValue), id \(token.id)): keep it, it is not shown again")
    }
  }
}

struct TokenList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the tokens, without their secrets.",
    discussion: "EXAMPLE\n  autodidact token list", aliases: ["ls"])
  @Flag(help: "As JSON, one object per token.") var json = false

  func run() async throws {
    try withTokens { tokens in
      let entries = try tokens.entries()
      if json {
        for entry in entries { print(try Self.line(entry)) }
        return
      }
      guard !entries.isEmpty else { return print("no tokens; autodidact token create NAME") }
      var rows = [["id", "name", "scope", "created"]]
      for entry in entries { rows.append([entry.id, entry.name, entry.scope.rawValue, Self.date(entry)]) }
      print(TextTable(rows: rows).lines.joined(separator: "\n"))
    }
  }

  private static func date(_ entry: TokenEntry) -> String {
    Date(timeIntervalSince1970: Double(entry.createdAt)).formatted(.iso8601)
  }

  private static func line(_ entry: TokenEntry) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let row = ["createdAt": date(entry), "id": entry.id, "name": entry.name, "scope": entry.scope.rawValue]
    return String(decoding: try encoder.encode(row), as: UTF8.self)
  }
}

struct TokenRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Remove a token: it is refused from now on.",
    discussion: "EXAMPLE\n  autodidact token revoke grafana")
  @Argument(help: "Id or name.") var token: String
  @Flag(help: "As one JSON object.") var json = false

  func run() async throws {
    try withTokens { tokens in
      let entry = try tokens.revoke(token)
      if json { return print(jsonText(["revoked": entry.id, "name": entry.name])) }
      print("revoked \(entry.name) (id \(entry.id))")
    }
  }
}
