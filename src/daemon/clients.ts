import { decodeRequest, encodeEvent, encodeRefusal, encodeReply } from '../codec/control/index.ts';
import type { EventLog, StampedEvent } from '../report/index.ts';
import type { CommandResult, Turn } from './context.ts';

/** Clients that follow events at once; the port bounds the rest. */
const FOLLOWERS_MOST = 32;

/** The clients of the control socket: requests in, replies out, and events to those that follow. */
export class Clients {
  /** Client -> number of its `events` request. */
  readonly #followers = new Map<number, number>();

  received(client: number, line: string, run: (command: string, args: { readonly [name: string]: string }) => CommandResult, log: EventLog | undefined, turn: Turn): void {
    const send = (text: string): void => turn.emit({ type: 'control.send', client, line: text });
    const request = decodeRequest(line);
    if (!request.ok) return send(encodeRefusal(request.error.id, request.error.error));
    const { id, command, args, follow } = request.value;
    if (command === 'events' && follow) {
      if (this.#followers.size >= FOLLOWERS_MOST) return send(encodeRefusal(id, 'too many clients follow events'));
      for (const event of log?.after(0) ?? []) send(encodeEvent(id, event));
      this.#followers.set(client, id);
      return;
    }
    const result = run(command, args);
    send(result.ok ? encodeReply(id, result.data) : encodeRefusal(id, result.error));
  }

  closed(client: number): void {
    this.#followers.delete(client);
  }

  event(event: StampedEvent, turn: Turn): void {
    for (const [client, id] of this.#followers) turn.emit({ type: 'control.send', client, line: encodeEvent(id, event) });
  }
}
