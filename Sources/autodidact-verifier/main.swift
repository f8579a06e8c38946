// The verifier's worker: runs model-written Python in sandboxed children (docs/sandbox.md). Synchronous and with one
// thread throughout: a process with more could neither fork safely nor enter a user namespace.
import Glibc

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == Zygote.argument,
  let seed = UInt32(CommandLine.arguments[2])
{
  Zygote.main(hashSeed: seed)
}
if CommandLine.arguments.dropFirst().contains("--lease") { becomeLeaseWorker() }
exit(Worker.main())

/// Taking jobs from a database needs libpq, threads and much else that a process which forks for every program should not
/// carry: another executable does it, and starts this one as its worker.
func becomeLeaseWorker() -> Never {
  var path = [CChar](repeating: 0, count: Int(PATH_MAX))
  let length = readlink("/proc/self/exe", &path, path.count - 1)
  let own = String(decoding: path.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let other =
    own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    + "/autodidact-lease"
  var arguments: [UnsafeMutablePointer<CChar>?] = ([other] + CommandLine.arguments.dropFirst()).map { strdup($0) }
  arguments.append(nil)
  execv(other, arguments)
  let message = "error: \(other) cannot be run: \(String(cString: strerror(errno)))\n"
  _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
