import NIOCore
import NIOHTTPTypes

/// Closes connections of clients that take too long: to send a request's head, to send its body, to send another.
///
/// The limits are absolute, so that a byte now and then does not help. While an answer is under way there is none: an
/// answer takes as long as it takes, and live streams have limits of their own.
final class SlowClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let headTimeout: TimeAmount
  private let bodyTimeout: TimeAmount
  private let idleTimeout: TimeAmount
  private var deadline: Scheduled<Void>?
  /// Requests whose answers have not ended; a client may send the next before it has read the last.
  private var unanswered = 0
  private var isReading = false

  init(_ limits: WebLimits) {
    headTimeout = TimeAmount(limits.headTimeout)
    bodyTimeout = TimeAmount(limits.bodyTimeout)
    idleTimeout = TimeAmount(limits.idleTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { allow(headTimeout, context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelActive(context: ChannelHandlerContext) {
    allow(headTimeout, context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      unanswered += 1
      isReading = true
      allow(bodyTimeout, context)
    case .body: break
    case .end:
      isReading = false
      if unanswered > 0 { deadline?.cancel() } else { allow(idleTimeout, context) }
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      unanswered -= 1
      // From here the client reads the answer and sends its next request.
      if unanswered <= 0, !isReading { allow(idleTimeout, context) }
    }
    context.write(data, promise: promise)
  }

  private func allow(_ time: TimeAmount, _ context: ChannelHandlerContext) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}
