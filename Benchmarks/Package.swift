// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that neither the build nor the tests of Autodidact wait for it: `cd Benchmarks && swift run -c release`.

/// SwiftPM names a package after its folder; `package` declarations are visible under that name only.
let folder = Context.packageDirectory.split(separator: "/").dropLast().last.map(String.init) ?? "autodidact"
let packageName = String(folder.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })

// SAFETY: `-package-name` makes the `package` declarations of the parent visible here. Both are built from one checkout,
// so no other version can be meant.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
  .unsafeFlags(["-package-name", packageName]),
]

// SAFETY: `-Ounchecked` turns preconditions into assumptions. The target has three loops over memory it allocates itself.
let probes: SwiftSetting = .unsafeFlags(["-Ounchecked", "-Xcc", "-mavx2", "-Xcc", "-mfma"])

let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "autodidact", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(
      name: "MachineLimits", dependencies: [.product(name: "AutodidactEngine", package: "autodidact")],
      packageAccess: false,
      swiftSettings: strict + [probes]),
    .executableTarget(
      name: "benchmarks",
      dependencies: [
        "MachineLimits",
        .product(name: "AutodidactEngine", package: "autodidact"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      packageAccess: false,
      swiftSettings: strict),
    .executableTarget(
      name: "verifier-benchmarks",
      dependencies: [
        .product(name: "AutodidactVerification", package: "autodidact"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      packageAccess: false,
      swiftSettings: strict),
  ]
)
