// The log speaks of experiments by the domain's id; whoever imports the log gets the domain's words with it.
@_exported import Domain
