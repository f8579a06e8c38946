// The verifier's worker: runs model-written Python in sandboxed children (docs/sandbox.md). Synchronous and with one
// thread throughout: a process with more could neither fork safely nor enter a user namespace.
import Glibc

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == Zygote.argument,
  let seed = UInt32(CommandLine.arguments[2])
{
  Zygote.main(hashSeed: seed)
}
exit(Worker.main())
