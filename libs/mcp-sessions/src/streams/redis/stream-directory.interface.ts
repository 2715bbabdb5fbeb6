/** Where a connection goes on in a stream. */
export interface AttachRequest {
  session: string;
  field: string;
  isMain: boolean;
  /** `follow`: behind what was last delivered; `after`, `recover`: behind `offset` of the log `epoch`. */
  mode: 'follow' | 'after' | 'recover';
  epoch?: string;
  offset?: number;
  /** When the event at `offset` was appended, for `recover`. */
  at?: number;
  /** The epoch of a log that begins with this connection. */
  newEpoch: string;
  /** A word that only this connection uses. */
  claim: string;
  /** Whether a newcomer takes the stream however often it has changed hands. */
  force?: boolean;
}

/** An event as the log keeps it. */
export interface StoredEvent {
  offset: number;
  at: number;
  broadcast: string;
  data: string;
}

/** A stream that has been taken over, and what its connection has not had. */
export interface Attachment {
  epoch: string;
  generation: number;
  /** The offset to go on behind. */
  start: number;
  /** The broadcast to go on behind; `undefined`: from now on. */
  broadcast: string | undefined;
  last: number;
  hasEnded: boolean;
  isLost: boolean;
  /** When the event at `start` was appended; 0 if that is not known. */
  startAt: number;
  /** The instance that began the stream: a request's stream is written by this one only. */
  origin: string;
  events: StoredEvent[];
}

/** Why a stream cannot be taken over. */
export type AttachRefusal = 'gone' | 'contended' | 'taken';

/**
 * What Redis says of a stream that this instance holds: `gone`, it has none; `changed`, another log, or one that has
 * gone back in time; `taken`, another connection has it.
 */
export type StreamCheck = { last: number; hasEnded: boolean } | 'gone' | 'changed' | 'taken';

/** A stream that this instance holds, as far as {@link StreamDirectory.check} compares it. */
export interface CheckedStream {
  session: string;
  field: string;
  generation: number;
  claim: string;
  epoch: string;
  delivered: number;
  deliveredAt: number;
}

/** A stream that this instance lets go of. */
export interface Release {
  session: string;
  field: string;
  claim: string;
  /** What the connection was last handed; `undefined` if there has not been one. */
  position?: { delivered: number; broadcast: string };
}
