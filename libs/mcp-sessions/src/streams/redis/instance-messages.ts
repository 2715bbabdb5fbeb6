import type { SignalBatch } from './signal-cursor.js';

/** An event for a stream that the instance holds. */
export interface EventMessage {
  session: string;
  field: string;
  epoch: string;
  offset: number;
  /** When it was appended, in milliseconds since the epoch. */
  at: number;
  /** The last broadcast before it, as `epoch:offset`. */
  broadcast: string;
  /** When the event before it was appended; 0 if that is not known. */
  previousAt: number;
  /** The bytes of SSE text, each as one character. */
  data: string;
  isLast: boolean;
}

/** What instances tell each other over their channels. The scripts in `redis/scripts` write most of it. */
export interface InstanceMessages {
  onEvent(event: EventMessage): void;
  /** The stream ends behind the event at `offset`. */
  onEnded(session: string, field: string, epoch: string, offset: number): void;
  /** Another instance's connection has taken the stream over. */
  onTaken(session: string, field: string, generation: number): void;
  /** Somebody wants the connection closed that holds the stream. */
  onDismissed(session: string, field: string, generation: number): void;
  /** The session has been deleted, and its stream with it. */
  onDeleted(session: string, field: string, epoch: string): void;
  /** A client's answer to a request of this instance. */
  onAnswer(session: string, request: string, answer: string): void;
  /** What an instance has to say about sessions. */
  onSignals(batch: SignalBatch): void;
  /** What this instance sent itself to see whether messages come through. */
  onProbe(probe: number): void;
  /** Broadcasts, the first of which has this offset. */
  onBroadcasts(
    epoch: string,
    first: number,
    times: { at: number; previousAt: number },
    texts: string[],
  ): void;
}

/**
 * Reads one message: lines of words, the first letter of which says what the line is. A text has a line of its own that
 * says how many bytes it has, and the lines behind it refer to it.
 */
export function readInstanceMessage(message: Buffer, handler: InstanceMessages): void {
  const reader = new MessageReader(message.toString('latin1'));
  let text = '';
  while (!reader.isAtEnd) {
    const [kind, ...words] = reader.line();
    switch (kind) {
      case 't':
        text = reader.text(Number(words[0]));
        break;
      case 'e':
      case 'l':
        handler.onEvent(eventOf(words, text, kind === 'l'));
        break;
      case 'n':
        handler.onEnded(words[0]!, words[1]!, words[2]!, Number(words[3]));
        break;
      case 'x':
        handler.onTaken(words[0]!, words[1]!, Number(words[2]));
        break;
      case 'r':
        handler.onDismissed(words[0]!, words[1]!, Number(words[2]));
        break;
      case 'd':
        handler.onDeleted(words[0]!, words[1]!, words[2]!);
        break;
      case 'a':
        handler.onAnswer(words[0]!, words[1]!, utf8(reader.text(Number(words[2]))));
        break;
      case 's':
        handler.onSignals({
          ...{ offset: Number(words[0]), id: words[1]!, previous: words[2]! },
          signals: utf8(reader.text(Number(words[3]))),
        });
        break;
      case 'p':
        handler.onProbe(Number(words[0]));
        break;
      case 'b':
        handler.onBroadcasts(
          words[0]!,
          Number(words[1]),
          { at: Number(words[2]), previousAt: Number(words[3]) },
          reader.texts(),
        );
        break;
      default:
        // A newer version of this library says something that this one need not know.
        return;
    }
  }
}

/** What `onProbe` reads. */
export function probeMessage(probe: number): string {
  return `p${probe}\n`;
}

function eventOf(words: string[], data: string, isLast: boolean): EventMessage {
  const [session, field, epoch, offset, at, broadcast, previousAt] = words as [
    ...[string, string, string, string],
    ...[string, string, string],
  ];
  const times = { at: Number(at), previousAt: Number(previousAt) };
  return { session, field, epoch, offset: Number(offset), ...times, broadcast, data, isLast };
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

class MessageReader {
  private position = 0;

  constructor(private readonly message: string) {}

  get isAtEnd(): boolean {
    return this.position >= this.message.length;
  }

  /** The next line: its first letter, and the words behind that. */
  line(): string[] {
    const end = this.message.indexOf('\n', this.position);
    const line = this.message.slice(this.position, end < 0 ? undefined : end);
    this.position = end < 0 ? this.message.length : end + 1;
    return [line.charAt(0), ...line.slice(1).split(' ')];
  }

  text(length: number): string {
    const text = this.message.slice(this.position, this.position + length);
    this.position += length;
    return text;
  }

  /** The texts up to the end of the message, each behind a line with its length. */
  texts(): string[] {
    const texts: string[] = [];
    while (!this.isAtEnd) {
      const end = this.message.indexOf('\n', this.position);
      const length = Number(this.message.slice(this.position, end));
      this.position = end + 1;
      texts.push(this.text(length));
    }
    return texts;
  }
}
