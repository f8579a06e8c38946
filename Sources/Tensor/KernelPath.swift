import CKernels
import Glibc

/// The instructions the kernels are made of. One path serves a whole process; the numerics profile names it.
///
/// `avx2` and `avx512` give the same bits: every sum has sixteen lanes and fused multiply-adds on both. `portable` rounds
/// each product and differs in the last bits. Order of the cases: from any processor to the most demanding.
package enum KernelPath: String, Sendable, CaseIterable {
  case portable, avx2, avx512

  /// Names a path to be used in place of the best one.
  package static let variable = "AUTODIDACT_KERNELS"

  /// The path of this process: the best the processor has, or the one `AUTODIDACT_KERNELS` names. A name that cannot be
  /// obeyed stops the process with the reason; a program that wants to report it calls `choose` first.
  package static let chosen: KernelPath = {
    do {
      return try choose(named: getenv(variable).map { String(cString: $0) })
    } catch {
      let message = Array("autodidact: \(error)\n".utf8)
      _ = write(STDERR_FILENO, message, message.count)
      exit(2)
    }
  }()

  /// The paths this processor has.
  package static var supported: [KernelPath] { allCases.filter { $0.kernelTable != nil } }

  /// The path of that name; the best one for nil and for an empty name. Throws for unknown names and for paths that this
  /// processor lacks.
  package static func choose(named name: String?) throws(KernelPathError) -> KernelPath {
    let supported = supported
    guard let name, !name.isEmpty else { return supported[supported.count - 1] }
    guard let path = KernelPath(rawValue: name), supported.contains(path) else {
      throw KernelPathError(name: name, isKnown: KernelPath(rawValue: name) != nil, supported: supported)
    }
    return path
  }

  private var kernelTable: Kernels? {
    switch self {
    case .portable: kernel_table_portable()
    case .avx2: kernel_table_avx2()
    case .avx512: kernel_table_avx512()
    }
  }

  /// The functions of the path.
  var kernels: Kernels {
    guard let kernelTable else { preconditionFailure("this processor has no \(rawValue)") }
    return kernelTable
  }
}

/// `AUTODIDACT_KERNELS` asks for what cannot be had.
package struct KernelPathError: Error, Equatable, CustomStringConvertible {
  package var name: String
  /// Whether it is a path at all, one that this processor lacks.
  package var isKnown: Bool
  package var supported: [KernelPath]

  package var description: String {
    let found = isKnown ? "a path this processor does not have" : "not a kernel path"
    let allowed = supported.map(\.rawValue).joined(separator: ", ")
    return "\(KernelPath.variable) is \"\(name)\", \(found); allowed here: \(allowed), or unset for the best of them"
  }
}

/// The C functions of one path.
typealias Kernels = UnsafePointer<kernel_table>

/// The functions of the path of this process.
/// SAFETY: points at constant data that lives as long as the process.
nonisolated(unsafe) private let chosenKernels = KernelPath.chosen.kernels

/// The functions of `path`, for kernels that are called without a pool; nil is the path of this process.
@inline(__always) func kernels(_ path: KernelPath?) -> Kernels { path?.kernels ?? chosenKernels }
