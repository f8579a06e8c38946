import Foundation

/// A number with so many digits after the point.
func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

/// A share as whole percent.
func percent(_ share: Double) -> String { "\(fixed(100 * share, 0)) %" }
