import { assertKeepsHashTags, decodeKeyPart, encodeKeyPart } from './redis-keys.js';

/** The names of a stream manager's keys and channels. All keys of one session have its hash tag, and so one slot. */
export class StreamKeys {
  /** What the names of instances' channels begin with. */
  readonly channelPrefix: string;
  /** The channel that all instances listen to. */
  readonly broadcastChannel: string;
  /** Epoch, last offset and size of the log of broadcasts, and when the event there was appended. */
  readonly broadcastState: string;
  readonly broadcastLog: string;
  /** The log of signals. */
  readonly signals: string;

  /** @throws InvalidConfigurationError the prefix is one that a Cluster cannot have */
  constructor(
    private readonly prefix: string,
    isCluster: boolean,
  ) {
    if (isCluster) assertKeepsHashTags(prefix);
    this.channelPrefix = `${prefix}instance:`;
    this.broadcastChannel = `${prefix}broadcasts`;
    this.broadcastState = `${prefix}{broadcasts}:state`;
    this.broadcastLog = `${prefix}{broadcasts}:log`;
    this.signals = `${prefix}{signals}`;
  }

  /** A session id or a stream's key, as it stands in names and messages. */
  encode(part: string): string {
    return encodeKeyPart(part);
  }

  /** What `encode` made this of. */
  decode(part: string): string | undefined {
    return decodeKeyPart(part);
  }

  /** Exists while the instance lives. */
  instance(instanceId: string): string {
    return `${this.prefix}instance:${instanceId}`;
  }

  channel(instanceId: string): string {
    return `${this.channelPrefix}${instanceId}`;
  }

  /** The hash with a record of each of the session's streams. @param session the encoded session id */
  streams(session: string): string {
    return `${this.prefix}session:{${session}}:streams`;
  }

  /** What the names of the session's logs begin with; the encoded key of the stream follows. */
  logs(session: string): string {
    return `${this.prefix}session:{${session}}:log:`;
  }

  /** The hash with the requests that wait for the client's answer. */
  requests(session: string): string {
    return `${this.prefix}session:{${session}}:requests`;
  }

  /** What an instance was last answered when it appended in one of its lanes. */
  writer(instanceId: string, lane: string): string {
    return `${this.prefix}writer:${instanceId}:${lane}`;
  }

  /** The same in a Cluster, on the slot of the session that it appended to. */
  sessionWriter(instanceId: string, session: string): string {
    return `${this.prefix}session:{${session}}:writer:${instanceId}`;
  }

  /** The same for broadcasts. */
  broadcaster(instanceId: string): string {
    return `${this.prefix}{broadcasts}:writer:${instanceId}`;
  }

  /** The same for signals. */
  signaller(instanceId: string): string {
    return `${this.signals}:writer:${instanceId}`;
  }
}
